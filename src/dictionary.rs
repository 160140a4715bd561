//! The columns of a lake as its tables tell them: what each is called, what can be chosen, how often it is filled.

mod markdown;
mod render;

use std::collections::HashSet;

use serde::{Serialize, Serializer};
use serde_json::Value as Json;

pub use self::{markdown::markdown, render::render};
use crate::{
    columns::{Column, LAST, TICKET_FIELD_OPTIONS, TICKET_FIELDS, TICKETS, Type},
    fields::{
        KnownColumn, column_name, field_names, known_columns,
        rows::{Row, Value, from_batch, number},
        twin_name,
    },
    lake::{self, FilledCounts, Lake, LakeError},
    source,
};

/// All fields of some sources.
#[derive(Debug, Serialize)]
pub struct Dictionary {
    /// The lake's folder.
    pub lake: String,
    pub sources: Vec<SourceFields>,
}

/// The fields of one source, in column order.
#[derive(Debug, Serialize)]
pub struct SourceFields {
    pub name: String,
    /// Its tickets: those that are still there, of which the fill rates tell, and those that are gone.
    pub tickets: u64,
    pub deleted: u64,
    pub fields: Vec<Field>,
    /// The columns that every source has, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub columns: Option<Vec<Canonical>>,
}

/// A column that every source has.
#[derive(Debug, Serialize)]
pub struct Canonical {
    pub column_name: &'static str,
    pub column_type: &'static str,
    pub meaning: &'static str,
    /// Where the vendor's value comes from, in words; `None` where it has no such thing.
    pub vendor_key: Option<String>,
    #[serde(flatten)]
    pub filled: Filled,
}

/// In how many tickets a column has a value: neither null nor an empty text or list. Deleted tickets do not count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Filled {
    pub filled_tickets: u64,
    /// From 0 to 1; `None` without tickets.
    pub fill_rate: Option<f64>,
}

impl Filled {
    fn of(fill: &FilledCounts, column: &str) -> Self {
        let filled_tickets = fill.of(column);
        let fill_rate = (fill.live > 0).then(|| filled_tickets as f64 / fill.live as f64);
        Self { filled_tickets, fill_rate }
    }
}

/// One field.
#[derive(Debug, Serialize)]
pub struct Field {
    /// False for a field that tickets carry and no definition names.
    pub defined: bool,
    /// The cells of its row in `ticket_fields`, by column; without the definition as sent.
    #[serde(flatten)]
    pub cells: Cells,
    #[serde(flatten)]
    pub filled: Filled,
    /// The column with the value as sent, where there is one.
    pub raw_column_name: Option<String>,
    /// In how many tickets that one is not null.
    pub raw_filled_tickets: Option<u64>,
    pub options: Vec<Cells>,
}

/// Cells of a row by column name, in the table's order.
#[derive(Debug, Clone, PartialEq)]
pub struct Cells(Vec<(&'static str, Json)>);

impl Serialize for Cells {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_map(self.0.iter().map(|(name, cell)| (name, cell)))
    }
}

impl Cells {
    fn of(columns: &[Column], row: &Row, without: &[&str]) -> Self {
        let cells = columns.iter().zip(row).filter(|(column, _)| !without.contains(&column.name));
        Self(cells.map(|(column, value)| (column.name, json(column.of, value))).collect())
    }

    fn get(&self, name: &str) -> &Json {
        self.0.iter().find(|(present, _)| *present == name).map_or(&Json::Null, |(_, cell)| cell)
    }

    /// The text of a cell; empty where it is none.
    pub fn text(&self, name: &str) -> &str {
        self.get(name).as_str().unwrap_or_default()
    }

    /// The texts of a list; a null among them is `None`.
    pub fn texts(&self, name: &str) -> Vec<Option<&str>> {
        self.get(name).as_array().into_iter().flatten().map(Json::as_str).collect()
    }

    /// Whether a yes or no is certainly no.
    pub fn is_false(&self, name: &str) -> bool {
        self.get(name) == &Json::Bool(false)
    }
}

fn json(of: Type, value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Text(text) => text.as_str().into(),
        Value::Bool(yes) => (*yes).into(),
        Value::Int(micros) if of == Type::Instant => {
            jiff::Timestamp::from_microsecond(*micros).map_or(Json::Null, |at| at.to_string().into())
        }
        Value::Int(int) => (*int).into(),
        Value::Texts(texts) => texts.iter().map(|text| Json::from(text.as_deref())).collect(),
    }
}

/// Reads the dictionary of the sources of these names, with the columns that every source has if `all` are wanted.
pub fn read(lake: &Lake, names: &[String], all: bool) -> Result<Dictionary, LakeError> {
    let sources = names.iter().map(|name| source(lake, name, all)).collect::<Result<_, _>>()?;
    Ok(Dictionary { lake: lake.place().to_string(), sources })
}

fn source(lake: &Lake, name: &str, all: bool) -> Result<SourceFields, LakeError> {
    let schema = lake::schema_of_source(lake, name, false)?;
    let definitions = rows(lake, "ticket_fields", name, TICKET_FIELDS)?;
    let names = field_names(&definitions);
    let columns = schema.map(|schema| known_columns(&schema, &|column| names.get(column).cloned()));
    let columns = columns.unwrap_or_default();
    let canonical = || TICKETS.iter().chain(LAST).filter(|_| all);
    let mut wanted: HashSet<String> = canonical().map(|column| column.name.to_owned()).collect();
    for column in &columns {
        wanted.insert(column_name(&column.field));
        wanted.extend(column.twin.then(|| twin_name(&column.field)));
    }
    let keys = lake::partitions(lake, name)?;
    let mut fill = FilledCounts::default();
    for key in &keys {
        lake::add_filled(lake, name, *key, &wanted, &mut fill)?;
    }
    let last = keys.last().map(|key| lake::open(&lake::ticket_file(lake, name, *key))).transpose()?.flatten();
    let kind = last.and_then(|file| file.source_kind().map(str::to_owned));
    let canonical = canonical().map(|column| Canonical {
        column_name: column.name,
        column_type: column.of.name(),
        meaning: column.meaning,
        vendor_key: kind.as_deref().and_then(|kind| source::origin(kind, column.name)),
        filled: Filled::of(&fill, column.name),
    });
    Ok(SourceFields {
        name: name.to_owned(),
        tickets: fill.live,
        deleted: fill.deleted,
        columns: all.then(|| canonical.collect()),
        fields: fields(
            &definitions,
            &rows(lake, "ticket_field_options", name, TICKET_FIELD_OPTIONS)?,
            &columns,
            &fill,
        ),
    })
}

fn rows(lake: &Lake, table: &str, source: &str, columns: &[Column]) -> Result<Vec<Row>, LakeError> {
    let table = lake::read_table(lake, table, source)?;
    Ok(table.map(|rows| from_batch(columns, &rows)).unwrap_or_default())
}

fn fields(definitions: &[Row], options: &[Row], columns: &[KnownColumn], fill: &FilledCounts) -> Vec<Field> {
    let named = |row: &Row, columns: &[Column]| {
        row.get(number(columns, "field_name")).and_then(Value::text).unwrap_or_default().to_owned()
    };
    let field = |name: &str, defined, cells, options| {
        let twin = columns.iter().any(|column| column.field == name && column.twin).then(|| twin_name(name));
        Field {
            defined,
            cells,
            filled: Filled::of(fill, &column_name(name)),
            raw_filled_tickets: twin.as_ref().map(|twin| fill.of(twin)),
            raw_column_name: twin,
            options,
        }
    };
    let defined = definitions.iter().map(|row| {
        let name = named(row, TICKET_FIELDS);
        let own = options.iter().filter(|option| named(option, TICKET_FIELD_OPTIONS) == name);
        let own = own.map(|row| Cells::of(TICKET_FIELD_OPTIONS, row, &["field_name"])).collect();
        field(&name, true, Cells::of(TICKET_FIELDS, row, &["_raw"]), own)
    });
    let names: Vec<String> = definitions.iter().map(|row| named(row, TICKET_FIELDS)).collect();
    let others = columns.iter().filter(|column| !names.contains(&column.field)).map(|column| {
        let cells = vec![
            ("field_name", column.field.as_str().into()),
            ("column_name", column_name(&column.field).into()),
            ("label", column.field.as_str().into()),
            ("vendor_type", "".into()),
            ("column_type", column.of.name().into()),
        ];
        field(&column.field, false, Cells(cells), Vec::new())
    });
    defined.chain(others).collect()
}
