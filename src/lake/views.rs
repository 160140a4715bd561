//! `views.sql`: the lake as DuckDB views, custom columns under the labels that people know.

mod names;
mod sql;

use arrow::datatypes::Schema;

use self::sql::{Custom, SourceView};
use super::{Lake, LakeError, held, holdings, read_table, store};
use crate::{
    columns::TICKET_FIELDS,
    config::Place,
    fields::{
        known_columns,
        rows::{Value, from_batch, number},
    },
};

const FILE: &str = "views.sql";

/// Writes the views of all sources of the lake, if they say anything new; gives whether they did.
/// `uniform` tells of a source whether all of its files are known to have the same columns.
pub fn write(lake: &Lake, uniform: impl Fn(&str) -> Result<bool, LakeError>) -> Result<bool, LakeError> {
    let mut views = Vec::new();
    for source in holdings::sources(lake)? {
        let uniform = uniform(&source)?;
        views.push(source_view(lake, source, uniform)?);
    }
    let text = sql::text(&views, root(lake).is_empty());
    if store::read(lake, FILE)?.is_some_and(|present| present == text.as_bytes()) {
        return Ok(false);
    }
    let path = store::path(lake, FILE);
    store::put(lake, FILE, |file| file.write_all(text.as_bytes()).map_err(LakeError::io(&path, "write")))?;
    Ok(true)
}

/// What stands before the paths of tables.
fn root(lake: &Lake) -> String {
    match lake.place() {
        Place::Folder(_) => String::new(),
        place @ Place::Bucket(_) => format!("{place}/"),
    }
}

fn source_view(lake: &Lake, source: String, uniform: bool) -> Result<SourceView, LakeError> {
    let fields = read_table(lake, "ticket_fields", &source)?;
    let definitions = fields.as_ref().map(|rows| definitions(&from_batch(TICKET_FIELDS, rows)));
    let schema = holdings::schema_of_source(lake, &source, uniform)?;
    let custom = schema.as_ref().map(|s| custom(s, definitions.as_deref().unwrap_or_default()));
    Ok(SourceView {
        has_fields: fields.is_some(),
        has_options: super::has_table(lake, "ticket_field_options", &source)?,
        cut: held(lake, &source)?.first().map(|key| key.cut()),
        columns: schema.map(|schema| schema.fields().iter().map(|f| f.name().clone()).collect()),
        custom: custom.unwrap_or_default(),
        uniform,
        root: root(lake),
        source,
    })
}

/// What the table of definitions says of a field today.
#[derive(Debug, Default, Clone)]
struct Defined {
    field: String,
    label: Option<String>,
    description: Option<String>,
}

fn definitions(rows: &[Vec<Value>]) -> Vec<Defined> {
    let text = |row: &Vec<Value>, name| {
        row.get(number(TICKET_FIELDS, name)).and_then(Value::text).map(str::to_owned)
    };
    let defined = |row| {
        Some(Defined {
            field: text(row, "field_name")?,
            label: text(row, "label"),
            description: text(row, "description"),
        })
    };
    rows.iter().filter_map(defined).collect()
}

/// The custom columns. Labels are those of today; a field without a definition has what its column says.
fn custom(schema: &Schema, definitions: &[Defined]) -> Vec<Custom> {
    let told = |column: &str, key: &str| {
        let field = schema.field_with_name(column).ok()?;
        field.metadata().get(key).filter(|text| !text.is_empty()).cloned()
    };
    let custom = |field: String, twin: bool| {
        let column = crate::fields::column_name(&field);
        let defined = definitions.iter().find(|defined| defined.field == field).cloned();
        let label = match &defined {
            Some(defined) => defined.label.clone(),
            None => told(&column, "label"),
        };
        Custom {
            vendor_type: told(&column, "vendor_type"),
            description: defined.and_then(|defined| defined.description),
            column,
            field,
            label,
            twin,
        }
    };
    known_columns(schema).into_iter().map(|known| custom(known.field, known.twin)).collect()
}
