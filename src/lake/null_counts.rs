//! In how many rows of a file each column has a value: by the statistics where they say so, else counted.
//!
//! Statistics count the elements of lists, not the lists, and they know no deletion marks: deleted tickets do not count here.
//! Only these columns of these row groups are read.

use std::collections::{HashMap, HashSet};

use arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::DataType,
    record_batch::RecordBatch,
};
use parquet::{arrow::ProjectionMask, basic::Type as PhysicalType, errors::ParquetError};

use super::{Lake, LakeError, PartitionKey, reader, ticket_file};
use crate::columns::DELETED_AT;

/// Rows with and without a deletion mark, and how many of the latter have a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilledCounts {
    pub live: u64,
    pub deleted: u64,
    /// By column, the rows of `live` in which it has a value. A column without any may be missing.
    pub filled: HashMap<String, u64>,
}

impl FilledCounts {
    /// The rows in which a column has a value.
    pub fn of(&self, column: &str) -> u64 {
        self.filled.get(column).copied().unwrap_or_default()
    }

    fn add(&mut self, column: &str, rows: u64) {
        *self.filled.entry(column.to_owned()).or_default() += rows;
    }

    /// Adds what the rows of a batch say.
    fn count(&mut self, batch: &RecordBatch) {
        let deleted = batch.column_by_name(DELETED_AT);
        let is_live = |row: usize| deleted.is_none_or(|deleted| deleted.is_null(row));
        let live: Vec<bool> = (0..batch.num_rows()).map(is_live).collect();
        let count = live.iter().filter(|live| **live).count() as u64;
        self.live += count;
        self.deleted += batch.num_rows() as u64 - count;
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            let rows = filled(array).zip(&live).filter(|(filled, live)| *filled && **live);
            self.add(field.name(), rows.count() as u64);
        }
    }
}

/// In which rows a column has a value. An empty text or list is as good as none.
pub fn filled(column: &ArrayRef) -> impl Iterator<Item = bool> {
    let is_empty = |row: usize| match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row).is_empty(),
        DataType::List(_) => column.as_list::<i32>().value_length(row) == 0,
        _ => false,
    };
    (0..column.len()).map(move |row| column.is_valid(row) && !is_empty(row))
}

/// Adds what the file of a partition holds; nothing if there is no file. Only columns of `wanted` are looked at.
pub fn add_filled(
    lake: &Lake,
    source: &str,
    key: PartitionKey,
    wanted: &HashSet<String>,
    counts: &mut FilledCounts,
) -> Result<(), LakeError> {
    let Some(file) = reader::open(&ticket_file(lake, source, key))? else { return Ok(()) };
    let deleted = file.schema().index_of(DELETED_AT).ok();
    for (number, group) in file.parquet().row_groups().iter().enumerate() {
        let rows = group.num_rows().max(0) as u64;
        // A list's values are in a column below it, whose path is longer.
        let nulls = |name: &str| {
            let chunk = group.columns().iter().find(|chunk| chunk.column_path().parts() == [name])?;
            let statistics = chunk.statistics()?;
            let nulls = statistics.null_count_opt().filter(|nulls| *nulls <= rows)?;
            // The least text is the empty one.
            let is_text = chunk.column_type() == PhysicalType::BYTE_ARRAY;
            let least = statistics.min_bytes_opt();
            let may_be_empty = is_text && nulls < rows && least.is_none_or(<[u8]>::is_empty);
            (!may_be_empty).then_some(nulls)
        };
        let has_marks = deleted.is_some() && nulls(DELETED_AT) != Some(rows);
        let mut to_read = Vec::new();
        for (at, field) in file.schema().fields().iter().enumerate() {
            match nulls(field.name()) {
                _ if !wanted.contains(field.name()) => {}
                Some(nulls) if !has_marks => counts.add(field.name(), rows - nulls),
                _ => to_read.push(at),
            }
        }
        if to_read.is_empty() && !has_marks {
            counts.live += rows;
            continue;
        }
        let columns = to_read.into_iter().chain(deleted);
        let mask = ProjectionMask::roots(file.parquet().file_metadata().schema_descr(), columns);
        file.read(|builder| {
            let batches = builder.with_row_groups(vec![number]).with_projection(mask).build()?;
            for batch in batches {
                counts.count(&batch.map_err(ParquetError::from)?);
            }
            Ok(())
        })?;
    }
    Ok(())
}
