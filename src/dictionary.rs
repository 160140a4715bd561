//! The custom fields of a lake as its tables tell them: what each is called, which column it has, what can be chosen.

mod render;

use serde::{Serialize, Serializer};
use serde_json::Value as Json;

pub use self::render::render;
use crate::{
    columns::{Column, TICKET_FIELD_OPTIONS, TICKET_FIELDS, Type},
    fields::{
        column_name, known_columns,
        rows::{Row, Value, from_batch, number},
        twin_name,
    },
    lake::{self, Lake, LakeError},
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
    pub fields: Vec<Field>,
}

/// One field.
#[derive(Debug, Serialize)]
pub struct Field {
    /// False for a field that tickets carry and no definition names.
    pub defined: bool,
    /// The cells of its row in `ticket_fields`, by column; without the definition as sent.
    #[serde(flatten)]
    pub cells: Cells,
    /// The column with the value as sent, where there is one.
    pub raw_column_name: Option<String>,
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

/// Reads the dictionary of the sources of these names.
pub fn read(lake: &Lake, names: &[String]) -> Result<Dictionary, LakeError> {
    let source = |name: &String| Ok(SourceFields { name: name.clone(), fields: fields(lake, name)? });
    let sources = names.iter().map(source).collect::<Result<_, LakeError>>()?;
    Ok(Dictionary { lake: lake.place().to_string(), sources })
}

fn fields(lake: &Lake, source: &str) -> Result<Vec<Field>, LakeError> {
    let rows = |table: &str, columns: &[Column]| -> Result<Vec<Row>, LakeError> {
        let table = lake::read_table(lake, table, source)?;
        Ok(table.map(|rows| from_batch(columns, &rows)).unwrap_or_default())
    };
    let definitions = rows("ticket_fields", TICKET_FIELDS)?;
    let options = rows("ticket_field_options", TICKET_FIELD_OPTIONS)?;
    let schema = lake::schema_of_source(lake, source, false)?;
    let columns = schema.map(|schema| known_columns(&schema)).unwrap_or_default();

    let named = |row: &Row, columns: &[Column]| {
        row.get(number(columns, "field_name")).and_then(Value::text).unwrap_or_default().to_owned()
    };
    let twin = |field: &str| columns.iter().any(|c| c.field == field && c.twin).then(|| twin_name(field));
    let defined = definitions.iter().map(|row| {
        let name = named(row, TICKET_FIELDS);
        let own = options.iter().filter(|option| named(option, TICKET_FIELD_OPTIONS) == name);
        Field {
            defined: true,
            cells: Cells::of(TICKET_FIELDS, row, &["_raw"]),
            raw_column_name: twin(&name),
            options: own.map(|row| Cells::of(TICKET_FIELD_OPTIONS, row, &["field_name"])).collect(),
        }
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
        Field {
            defined: false,
            cells: Cells(cells),
            raw_column_name: twin(&column.field),
            options: Vec::new(),
        }
    });
    Ok(defined.chain(others).collect())
}
