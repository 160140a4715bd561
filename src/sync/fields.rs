//! The field definitions of a run: read whole, joined with what is known, written to their tables.

use std::collections::HashSet;

use arrow::error::ArrowError;
use jiff::Timestamp;

use super::{
    reading::ReadError,
    source_state::{Checkpoint, CommitError},
    table_schema::file_meta,
};
use crate::{
    columns::{Column, TICKET_FIELD_OPTIONS, TICKET_FIELDS},
    config::SourceConfig,
    fetch::{Client, fetch},
    fields::{
        Catalog, Definition, Known, join,
        rows::{Row, schema, to_batch},
    },
    json::Json,
    lake::{self, FileSchema, LakeError, TableVersion, WrittenFile},
    source::{self, Ask},
};

/// Definitions asked for per page; the vendors' default.
const PER_PAGE: u32 = 100;
/// Definitions that may be counted and never shown.
const MOST_MISCOUNTED: u64 = 5;
/// Readings of a list of definitions that moves meanwhile.
const READINGS: usize = 3;

/// Reads every page of definitions. An error or a doubt about their number is a reason to stop: without the
/// definitions tickets would be read wrongly.
pub async fn read(client: &Client) -> Result<Vec<Definition>, ReadError> {
    let (mut shortfall, mut before) = (String::new(), None);
    for _ in 0..READINGS {
        let (definitions, total) = read_once(client).await?;
        match total {
            Some(total) if total > definitions.len() as u64 => {
                let found: Vec<String> = definitions.iter().map(|field| field.name.clone()).collect();
                if before.as_ref() == Some(&found) && total - found.len() as u64 <= MOST_MISCOUNTED {
                    tracing::warn!(
                        source = client.config.name,
                        "the server says that there are {total} field definitions; its list was read to the end twice and has {}",
                        found.len()
                    );
                    return Ok(definitions);
                }
                shortfall = format!("the server says that there are {total}, {} were found", found.len());
                before = Some(found);
            }
            _ => return Ok(definitions),
        }
    }
    Err(ReadError::Fields { source_name: client.config.name.clone(), why: shortfall })
}

async fn read_once(client: &Client) -> Result<(Vec<Definition>, Option<u64>), ReadError> {
    let (mut definitions, mut names, mut total) = (Vec::new(), HashSet::new(), None);
    for number in 1.. {
        let page = fetch(client, &Ask::Fields { page: number, per_page: PER_PAGE }).await?;
        total = page.total.or(total);
        let before = names.len();
        for row in &page.rows {
            let text =
                std::str::from_utf8(page.body.get(row.clone()).unwrap_or_default()).unwrap_or_default();
            let definition =
                Json::parse(text).ok().and_then(|json| source::definition(&client.config, &json));
            match definition {
                Some(definition) if names.insert(definition.name.clone()) => definitions.push(definition),
                Some(_) => {}
                None => tracing::warn!(
                    source = client.config.name,
                    "a field definition without a name is left out: {}",
                    source::excerpt(&client.config, text.as_bytes())
                ),
            }
        }
        // A page that brings nothing new is the end, or a server that knows no pages here.
        if page.more == Some(false) || names.len() == before {
            break;
        }
    }
    Ok((definitions, total))
}

/// Joins the definitions with what the lake knows.
pub fn catalog(
    config: &SourceConfig,
    definitions: Vec<Definition>,
    known: &Known,
    now: Timestamp,
) -> Catalog {
    join(definitions, known, &|json| source::definition(config, json), now.as_microsecond())
}

/// Writes the two small tables where they say something new, or are not there.
pub fn write(
    checkpoint: &Checkpoint,
    config: &SourceConfig,
    catalog: &Catalog,
) -> Result<Vec<WrittenFile>, CommitError> {
    let (lake, name) = (&checkpoint.table.lake, &config.name);
    let tables: [(&str, &[Column], &[Row], bool); 2] = [
        ("ticket_fields", TICKET_FIELDS, &catalog.field_rows, catalog.fields_differ),
        ("ticket_field_options", TICKET_FIELD_OPTIONS, &catalog.option_rows, catalog.options_differ),
    ];
    let mut files = Vec::new();
    for (table, columns, rows, differs) in tables {
        if !differs && lake::has_table(lake, table, name)? {
            continue;
        }
        checkpoint.begin_writing()?;
        let schema = FileSchema::new(&schema(columns), &file_meta(config.kind))?;
        let batch =
            to_batch(columns, rows).map_err(|why: ArrowError| LakeError::Schema { cause: why.into() })?;
        let Some(written) = lake::write_table(lake, table, name, &batch, &schema)? else { continue };
        let version = TableVersion { version: written.put.version.clone(), checksum: written.put.checksum };
        checkpoint.table.manifest(|manifest| manifest.tables.insert(table.to_owned(), version));
        files.push(written);
    }
    Ok(files)
}
