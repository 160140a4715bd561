//! The definitions of today joined with what the lake remembers: which columns there are, and the rows of
//! `ticket_fields` and `ticket_field_options`.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use arrow::datatypes::Schema;

use super::{
    CustomField, Definition, FieldOption, Fields, LabelOfKey, PREFIX, Reading, TWIN, column_name,
    rows::{Row, Value, number},
    widen,
};
use crate::{
    columns::{TICKET_FIELDS, Type},
    json::Json,
};

/// What the lake remembers of a source's fields.
#[derive(Debug, Default)]
pub struct Known {
    /// Rows of `ticket_fields`.
    pub fields: Vec<Row>,
    /// Rows of `ticket_field_options`.
    pub options: Vec<Row>,
    /// The custom columns of the tickets' files.
    pub columns: Vec<KnownColumn>,
    /// When the definitions were last read, microseconds since 1970. The tables may be older: they are not written
    /// again for a time of last sight alone.
    pub read_at: Option<i64>,
}

/// A custom column that files of the lake have.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct KnownColumn {
    pub field: String,
    pub of: Type,
    pub twin: bool,
}

/// The custom columns of a schema, in order. `field_of` gives the field that `ticket_fields` names for a column; any other
/// column gets its field from its name.
///
/// A file does not say which columns are twins: of two fields without a definition, `a` and `a__raw`, the second is read
/// as the twin of the first. The state of a source keeps the exact list.
pub fn known_columns(schema: &Schema, field_of: &dyn Fn(&str) -> Option<String>) -> Vec<KnownColumn> {
    let mut known: Vec<KnownColumn> = Vec::new();
    // The column before, if it is a custom one.
    let mut before = None;
    for column in schema.fields() {
        let name = column.name().as_str();
        let last = before.take();
        let (Some(own), Some(of)) = (name.strip_prefix(PREFIX), Type::of_arrow(column.data_type())) else {
            continue;
        };
        let named = field_of(name);
        let is_twin = of == Type::Text && last.is_some() && name.strip_suffix(TWIN) == last;
        if let (None, true, Some(field)) = (&named, is_twin, known.last_mut()) {
            field.twin = true;
            continue;
        }
        let field = named.unwrap_or_else(|| {
            let plain = without_number(own);
            let is_taken = known.iter().any(|column| column.field == plain);
            if is_taken { own } else { plain }.to_owned()
        });
        known.push(KnownColumn { field, of, twin: false });
        before = Some(name);
    }
    known
}

/// A name without the `~2` that tells it from one that differs only in case.
fn without_number(name: &str) -> &str {
    match name.rsplit_once('~') {
        Some((plain, number)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => plain,
        _ => name,
    }
}

/// The field that each column is of, as rows of `ticket_fields` say.
pub fn field_names(rows: &[Row]) -> HashMap<String, String> {
    let text =
        |row: &Row, name| row.get(number(TICKET_FIELDS, name)).and_then(Value::text).map(str::to_owned);
    rows.iter().filter_map(|row| Some((text(row, "column_name")?, text(row, "field_name")?))).collect()
}

/// The fields of a source as this run knows them.
#[derive(Debug)]
pub struct Catalog {
    pub fields: Arc<Fields>,
    pub field_rows: Vec<Row>,
    pub option_rows: Vec<Row>,
    /// Definitions read, those that were unknown, those that say something else than before.
    pub defined: u64,
    pub new: u64,
    pub changed: u64,
    /// Whether a table says anything new but the time of the last sight.
    pub fields_differ: bool,
    pub options_differ: bool,
}

/// Joins the definitions of today with what is known. `read` reads a definition that was kept as sent; `now` is the
/// time of reading in microseconds since 1970.
pub fn join(
    definitions: Vec<Definition>,
    known: &Known,
    read: &dyn Fn(&Json) -> Option<Definition>,
    now: i64,
) -> Catalog {
    let memory = Memory::new(known);
    let mut seen = HashSet::new();
    let mut entries: Vec<Entry> = definitions
        .into_iter()
        .filter(|definition| seen.insert(definition.name.clone()))
        .map(|definition| Entry { definition, present: true })
        .collect();
    let defined = entries.len() as u64;
    insert_absent(&mut entries, known, read);

    let (mut fields, mut field_rows, mut option_rows) = (Vec::new(), Vec::new(), Vec::new());
    let (mut new, mut changed) = (0, 0);
    for entry in &entries {
        let field = memory.custom_field(&entry.definition);
        let options = memory.option_rows(entry, now);
        let row = memory.field_row(entry, field.column, now);
        if entry.present {
            match memory.fields.get(entry.definition.name.as_str()) {
                None => new += 1,
                Some(old) => {
                    let same_options = unseen(&options, OPTION_SEEN).eq(unseen(
                        &memory.options_of(&entry.definition.name).cloned().collect::<Vec<_>>(),
                        OPTION_SEEN,
                    ));
                    changed +=
                        u64::from(without(old, FIELD_SEEN) != without(&row, FIELD_SEEN) || !same_options);
                }
            }
        }
        fields.push(field);
        field_rows.push(row);
        option_rows.extend(options);
    }
    let undefined = known.columns.iter().filter(|c| entries.iter().all(|e| e.definition.name != c.field));
    fields.extend(undefined.map(|c| CustomField {
        column: c.of,
        twin: c.twin,
        ..CustomField::undefined(&c.field)
    }));
    Catalog {
        fields_differ: !unseen(&field_rows, FIELD_SEEN).eq(unseen(&known.fields, FIELD_SEEN)),
        options_differ: !unseen(&option_rows, OPTION_SEEN).eq(unseen(&known.options, OPTION_SEEN)),
        fields: Arc::new(Fields::new(fields)),
        field_rows,
        option_rows,
        defined,
        new,
        changed,
    }
}

const FIELD_SEEN: usize = 15;
const OPTION_SEEN: usize = 7;

/// A row without its time of last sight, which moves in every run.
fn without(row: &Row, seen: usize) -> Vec<&Value> {
    row.iter().enumerate().filter(|(at, _)| *at != seen).map(|(_, value)| value).collect()
}

fn unseen(rows: &[Row], seen: usize) -> impl Iterator<Item = Vec<&Value>> {
    rows.iter().map(move |row| without(row, seen))
}

struct Entry {
    definition: Definition,
    /// Whether the source still has it.
    present: bool,
}

/// Puts definitions that are gone from the source behind the ones they stood behind.
fn insert_absent(entries: &mut Vec<Entry>, known: &Known, read: &dyn Fn(&Json) -> Option<Definition>) {
    let raw = number(TICKET_FIELDS, "_raw");
    let mut before: Option<String> = None;
    for row in &known.fields {
        let Some(name) = row[0].text() else { continue };
        if entries.iter().all(|e| e.definition.name != name) {
            let sent = row[raw].text().and_then(|raw| Json::parse(raw).ok()).and_then(|json| read(&json));
            if let Some(definition) = sent {
                let at = before.as_ref().and_then(|b| entries.iter().position(|e| e.definition.name == *b));
                let entry =
                    Entry { definition: Definition { name: name.to_owned(), ..definition }, present: false };
                entries.insert(at.map_or(0, |at| at + 1), entry);
            }
        }
        before = Some(name.to_owned());
    }
}

/// What is known, found by name.
struct Memory<'a> {
    fields: HashMap<&'a str, &'a Row>,
    columns: HashMap<&'a str, &'a KnownColumn>,
    options: &'a [Row],
    read_at: Option<i64>,
    /// The latest sight in each table: what was there in the last run carries it.
    fields_seen: Option<i64>,
    options_seen: Option<i64>,
}

impl<'a> Memory<'a> {
    fn new(known: &'a Known) -> Self {
        Self {
            fields: known.fields.iter().filter_map(|row| Some((row[0].text()?, row))).collect(),
            columns: known.columns.iter().map(|c| (c.field.as_str(), c)).collect(),
            options: &known.options,
            read_at: known.read_at,
            fields_seen: known.fields.iter().filter_map(|row| row[FIELD_SEEN].int()).max(),
            options_seen: known.options.iter().filter_map(|row| row[OPTION_SEEN].int()).max(),
        }
    }

    /// When something absent today was last there.
    fn last_sight(&self, written: &Value, latest: Option<i64>) -> Value {
        match written.int() {
            Some(sight) if Some(sight) == latest => {
                Value::Int(self.read_at.map_or(sight, |read| read.max(sight)))
            }
            _ => written.clone(),
        }
    }

    fn options_of(&self, field: &str) -> impl Iterator<Item = &'a Row> {
        self.options.iter().filter(move |row| row[0].text() == Some(field))
    }

    fn custom_field(&self, definition: &Definition) -> CustomField {
        let wanted = definition.reading.column();
        let known = self.columns.get(definition.name.as_str());
        let mut labels = LabelOfKey::default();
        // What has disappeared keeps its last label, what stands twice its first.
        for row in self.options_of(&definition.name) {
            if let (Some(raw), Some(label)) = (row[2].text(), row[3].text()) {
                labels.insert(raw.to_owned(), label.to_owned());
            }
        }
        for option in definition.options.iter().rev() {
            labels.insert(option.raw.clone(), option.label.clone());
        }
        if definition.reading == Reading::Choice {
            // A value that is some option's label is that label, even where another option has it as its key.
            for option in &definition.options {
                labels.insert(option.label.clone(), option.label.clone());
            }
        }
        CustomField {
            label: definition.label.clone().unwrap_or_else(|| definition.name.clone()),
            vendor_type: definition.vendor_type.clone(),
            reading: definition.reading,
            column: known.map_or(wanted, |known| widen(known.of, wanted)),
            twin: definition.reading.is_select() || known.is_some_and(|known| known.twin),
            defined: true,
            labels: Arc::new(labels),
            name: definition.name.clone(),
        }
    }

    fn field_row(&self, entry: &Entry, column: Type, now: i64) -> Row {
        let old = self.fields.get(entry.definition.name.as_str());
        let definition = &entry.definition;
        let first = old.and_then(|row| row[FIELD_SEEN - 1].int()).unwrap_or(now);
        let last = match old {
            Some(row) if !entry.present => self.last_sight(&row[FIELD_SEEN], self.fields_seen),
            _ => Value::Int(now),
        };
        vec![
            Value::Text(definition.name.clone()),
            Value::Text(column_name(&definition.name)),
            definition.label.clone().into(),
            Value::Text(definition.vendor_type.clone()),
            Value::Text(column.name().to_owned()),
            if entry.present { definition.active.into() } else { Value::Bool(false) },
            definition.required_for_agent.into(),
            definition.visible_to_customer.into(),
            definition.editable_by_customer.into(),
            definition.required_for_customer.into(),
            definition.description.clone().into(),
            definition.validation_regexp.clone().into(),
            definition.parent.clone().into(),
            definition.parent_path.clone().map_or(Value::Null, Value::Texts),
            Value::Int(first),
            last,
            Value::Text(definition.raw.clone()),
        ]
    }

    /// The field's options of today, then those that are gone.
    fn option_rows(&self, entry: &Entry, now: i64) -> Vec<Row> {
        let definition = &entry.definition;
        let old: HashMap<_, _> = self
            .options_of(&definition.name)
            .map(|row| (identity(definition.reading, path_of(row), row[2].text().unwrap_or_default()), row))
            .collect();
        let mut rows: Vec<Row> = Vec::new();
        let mut seen = HashSet::new();
        if entry.present && definition.reading.is_select() {
            for option in &definition.options {
                let identity = option_identity(definition.reading, option);
                let first = old.get(&identity).and_then(|row| row[OPTION_SEEN - 1].int()).unwrap_or(now);
                if seen.insert(identity) {
                    rows.push(vec![
                        Value::Text(definition.name.clone()),
                        Value::Texts(option.path.iter().cloned().map(Some).collect()),
                        Value::Text(option.raw.clone()),
                        Value::Text(option.label.clone()),
                        Value::Int(rows.len() as i64),
                        Value::Bool(true),
                        Value::Int(first),
                        Value::Int(now),
                    ]);
                }
            }
        }
        for row in self.options_of(&definition.name) {
            let identity = identity(definition.reading, path_of(row), row[2].text().unwrap_or_default());
            if seen.insert(identity) {
                let mut gone = row.clone();
                gone[4] = Value::Int(rows.len() as i64);
                gone[5] = Value::Bool(false);
                gone[OPTION_SEEN] = self.last_sight(&row[OPTION_SEEN], self.options_seen);
                rows.push(gone);
            }
        }
        rows
    }
}

/// What makes an option the same one when its label changes: its key below the same parent; a keyed path says both.
type Identity = (Vec<Option<String>>, String);

fn identity(reading: Reading, path: Vec<Option<String>>, raw: &str) -> Identity {
    let parents = match reading {
        Reading::KeyedPath => Vec::new(),
        _ => path[..path.len().saturating_sub(1)].to_vec(),
    };
    (parents, raw.to_owned())
}

fn option_identity(reading: Reading, option: &FieldOption) -> Identity {
    identity(reading, option.path.iter().cloned().map(Some).collect(), &option.raw)
}

fn path_of(row: &Row) -> Vec<Option<String>> {
    if let Value::Texts(path) = &row[1] { path.clone() } else { Vec::new() }
}

#[cfg(test)]
mod tests;
