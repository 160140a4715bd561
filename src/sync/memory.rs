//! What a source remembers from run to run.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    columns::{TICKET_FIELD_OPTIONS, TICKET_FIELDS},
    fields::{Known, KnownColumn, known_columns, rows::from_batch, widen},
    lake::{self, Lake, LakeError},
};

/// The state of a source, kept as JSON beside the lake's tables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The custom columns that every file has; `None` while files may differ, as after a run that died.
    pub columns: Option<Vec<KnownColumn>>,
    /// When the field definitions were last read.
    pub fields_read_at: Option<Timestamp>,
    /// Everything that changed before this moment at the source is in the lake.
    pub cursor: Option<Timestamp>,
    /// When the last complete reading of everything began.
    pub full_at: Option<Timestamp>,
}

/// What the lake knows of a source's custom fields.
pub fn known(lake: &Lake, source: &str, memory: &Memory) -> Result<Known, LakeError> {
    let rows = |table: &str, columns| -> Result<_, LakeError> {
        Ok(lake::read_table(lake, table, source)?
            .map(|batch| from_batch(columns, &batch))
            .unwrap_or_default())
    };
    let columns = match &memory.columns {
        Some(columns) => columns.clone(),
        None => columns_of_files(lake, source)?,
    };
    Ok(Known {
        fields: rows("ticket_fields", TICKET_FIELDS)?,
        options: rows("ticket_field_options", TICKET_FIELD_OPTIONS)?,
        columns,
        read_at: memory.fields_read_at.map(Timestamp::as_microsecond),
    })
}

/// The custom columns of all files, each of a type that holds what every file has.
fn columns_of_files(lake: &Lake, source: &str) -> Result<Vec<KnownColumn>, LakeError> {
    let mut columns: Vec<KnownColumn> = Vec::new();
    for key in lake::partitions(lake, source)? {
        let Some(schema) = lake::schema_of(&lake::ticket_file(lake, source, key))? else { continue };
        for found in known_columns(&schema) {
            match columns.iter_mut().find(|column| column.field == found.field) {
                Some(column) => {
                    column.of = widen(column.of, found.of);
                    column.twin |= found.twin;
                }
                None => columns.push(found),
            }
        }
    }
    Ok(columns)
}
