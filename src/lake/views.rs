//! `views.sql`: the lake as DuckDB views, custom columns under the labels that people know.

mod comments;
mod names;
mod sql;

use arrow::datatypes::Schema;

use self::sql::{Custom, SourceView, Where};
use super::{Lake, LakeError, partitions, read_table, reader, statistics, store, ticket_file};
use crate::{
    columns::TICKET_FIELDS,
    config::Place,
    fields::{
        column_name, field_names, known_columns,
        rows::{Row, Value, from_batch, number},
    },
};

const FILE: &str = "views.sql";

/// Of a vendor's short name and a column: where the vendor's value comes from, in words; `None` where the vendor has
/// no such thing.
pub type Origin<'a> = &'a dyn Fn(&str, &str) -> Option<String>;

/// What the lake's folder does not say of its sources.
#[derive(Clone, Copy)]
pub struct ViewContext<'a> {
    /// Of a source, whether all of its files are known to have the same columns.
    pub uniform: &'a dyn Fn(&str) -> Result<bool, LakeError>,
    pub origin: Origin<'a>,
}

/// Writes the views of all sources of the lake, if they say anything new; gives whether they did.
pub fn write(lake: &Lake, told: ViewContext) -> Result<bool, LakeError> {
    let text = text(lake, &statistics::sources(lake)?, told, None)?;
    if lake.store.read(FILE)?.is_some_and(|present| present == text.as_bytes()) {
        return Ok(false);
    }
    store::overwrite(lake, FILE, text.as_bytes())?;
    Ok(true)
}

/// The views of these sources as SQL. With a `folder`, the lake's for DuckDB, they load from anywhere; without one, from
/// the lake's folder. Those of an object store load from anywhere: nothing there is relative to a file.
pub fn text(
    lake: &Lake,
    sources: &[String],
    told: ViewContext,
    folder: Option<&str>,
) -> Result<String, LakeError> {
    let place = match (folder, lake.place()) {
        (Some(folder), _) => Where::At(format!("{}/", folder.trim_end_matches('/'))),
        (None, Place::Folder(_)) => Where::Here,
        (None, place @ Place::Bucket(_)) => Where::InBucket(format!("{place}/")),
    };
    Ok(sql::text(&source_views(lake, sources, told)?, &place, told.origin))
}

fn source_views(lake: &Lake, sources: &[String], told: ViewContext) -> Result<Vec<SourceView>, LakeError> {
    sources.iter().map(|source| source_view(lake, source.clone(), (told.uniform)(source)?)).collect()
}

fn source_view(lake: &Lake, source: String, uniform: bool) -> Result<SourceView, LakeError> {
    let fields = read_table(lake, "ticket_fields", &source)?.map(|rows| from_batch(TICKET_FIELDS, &rows));
    let keys = partitions(lake, &source)?;
    let last = keys.last().map(|key| reader::open(&ticket_file(lake, &source, *key))).transpose()?.flatten();
    let schema = statistics::schema_of_source(lake, &source, uniform)?;
    let custom = schema.as_ref().map(|schema| custom(schema, fields.as_deref().unwrap_or_default()));
    Ok(SourceView {
        has_fields: fields.is_some(),
        has_options: super::has_table(lake, "ticket_field_options", &source)?,
        kind: last.and_then(|file| file.source_kind().map(str::to_owned)),
        cut: keys.first().map(|key| key.cut()),
        columns: schema.map(|schema| schema.fields().iter().map(|f| f.name().clone()).collect()),
        custom: custom.unwrap_or_default(),
        uniform,
        source,
    })
}

/// The custom columns, with what their rows of `ticket_fields` say of them.
fn custom(schema: &Schema, rows: &[Row]) -> Vec<Custom> {
    let names = field_names(rows);
    let custom = |field: String, twin: bool| {
        let is_of = |row: &&Row| row.first().and_then(Value::text) == Some(field.as_str());
        let row = rows.iter().find(is_of);
        let text = |name| {
            let text = row?.get(number(TICKET_FIELDS, name)).and_then(Value::text)?;
            (!text.trim().is_empty()).then(|| text.to_owned())
        };
        Custom {
            column: column_name(&field),
            label: text("label"),
            vendor_type: text("vendor_type"),
            description: text("description"),
            field,
            twin,
        }
    };
    let known = known_columns(schema, &|column| names.get(column).cloned());
    known.into_iter().map(|known| custom(known.field, known.twin)).collect()
}
