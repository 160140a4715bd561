//! `views.sql`: the lake as DuckDB views, custom columns under the labels that people know.

mod comments;
mod names;
mod sql;

use arrow::datatypes::Schema;

use self::sql::{Custom, SourceView, Where};
use super::{Lake, LakeError, footer, held, holdings, read_table, store, ticket_file};
use crate::{
    columns::TICKET_FIELDS,
    config::Place,
    fields::{
        known_columns,
        rows::{Value, from_batch, number},
    },
};

const FILE: &str = "views.sql";

/// Of a vendor's short name and a column: where the vendor's value comes from, in words; `None` where the vendor has
/// no such thing.
pub type Origin<'a> = &'a dyn Fn(&str, &str) -> Option<String>;

/// What the lake's folder does not say of its sources.
#[derive(Clone, Copy)]
pub struct Told<'a> {
    /// Of a source, whether all of its files are known to have the same columns.
    pub uniform: &'a dyn Fn(&str) -> Result<bool, LakeError>,
    pub origin: Origin<'a>,
}

/// Writes the views of all sources of the lake, if they say anything new; gives whether they did.
pub fn write(lake: &Lake, told: Told) -> Result<bool, LakeError> {
    let text = text(lake, &holdings::sources(lake)?, told, None)?;
    if store::read(lake, FILE)?.is_some_and(|present| present == text.as_bytes()) {
        return Ok(false);
    }
    let path = store::path(lake, FILE);
    store::put(lake, FILE, &store::Expected::Anything, |file| {
        file.write_all(text.as_bytes()).map_err(LakeError::io(&path, "write"))
    })?;
    Ok(true)
}

/// The views of these sources as SQL. With a `folder`, the lake's for DuckDB, they load from anywhere; without one, from
/// the lake's folder. Those of an object store load from anywhere: nothing there is relative to a file.
pub fn text(lake: &Lake, sources: &[String], told: Told, folder: Option<&str>) -> Result<String, LakeError> {
    let place = match (folder, lake.place()) {
        (Some(folder), _) => Where::At(format!("{}/", folder.trim_end_matches('/'))),
        (None, Place::Folder(_)) => Where::Here,
        (None, place @ Place::Bucket(_)) => Where::InBucket(format!("{place}/")),
    };
    Ok(sql::text(&source_views(lake, sources, told)?, &place, told.origin))
}

fn source_views(lake: &Lake, sources: &[String], told: Told) -> Result<Vec<SourceView>, LakeError> {
    sources.iter().map(|source| source_view(lake, source.clone(), (told.uniform)(source)?)).collect()
}

fn source_view(lake: &Lake, source: String, uniform: bool) -> Result<SourceView, LakeError> {
    let fields = read_table(lake, "ticket_fields", &source)?;
    let definitions = fields.as_ref().map(|rows| definitions(&from_batch(TICKET_FIELDS, rows)));
    let keys = held(lake, &source)?;
    let last = keys.last().map(|key| footer(&ticket_file(lake, &source, *key))).transpose()?.flatten();
    let schema = holdings::schema_of_source(lake, &source, uniform)?;
    let custom = schema.as_ref().map(|s| custom(s, definitions.as_deref().unwrap_or_default()));
    Ok(SourceView {
        has_fields: fields.is_some(),
        has_options: super::has_table(lake, "ticket_field_options", &source)?,
        kind: last.and_then(|footer| footer.source_kind()),
        cut: keys.first().map(|key| key.cut()),
        columns: schema.map(|schema| schema.fields().iter().map(|f| f.name().clone()).collect()),
        custom: custom.unwrap_or_default(),
        uniform,
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
