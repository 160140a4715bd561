//! In how many rows of a file each column has a value: by the statistics where they say so, else counted.
//!
//! Statistics count the elements of lists, not the lists, and they know no deletion marks: deleted tickets do not count here.
//! Only these columns are read.

use std::collections::{HashMap, HashSet};

use arrow::{array::Array, record_batch::RecordBatch};
use parquet::file::metadata::RowGroupMetaData;

use super::{Lake, LakeError, PartitionKey, reader, ticket_file};
use crate::columns::DELETED_AT;

/// Rows with and without a deletion mark, and how many of the latter have a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilledCounts {
    pub live: u64,
    pub deleted: u64,
    /// By column, the rows of `live` in which it is not null. A column without any may be missing.
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
        let is_live = |row: &usize| deleted.is_none_or(|deleted| deleted.is_null(*row));
        let live: Vec<usize> = (0..batch.num_rows()).filter(is_live).collect();
        self.live += live.len() as u64;
        self.deleted += (batch.num_rows() - live.len()) as u64;
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            self.add(field.name(), live.iter().filter(|row| array.is_valid(**row)).count() as u64);
        }
    }
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
    let rows = file.rows();
    // A list's values are in a column below it, whose path is longer.
    let nulls = |name: &str| {
        let of_group = |group: &RowGroupMetaData| {
            let chunk = group.columns().iter().find(|chunk| chunk.column_path().parts() == [name])?;
            chunk.statistics()?.null_count_opt()
        };
        let nulls: Option<u64> = file.parquet().row_groups().iter().map(of_group).sum();
        nulls.filter(|nulls| *nulls <= rows)
    };
    let has_marks = file.schema().index_of(DELETED_AT).is_ok() && nulls(DELETED_AT) != Some(rows);
    let mut to_read = Vec::new();
    for field in file.schema().fields().iter().filter(|field| wanted.contains(field.name())) {
        match nulls(field.name()) {
            Some(nulls) if !has_marks => counts.add(field.name(), rows - nulls),
            _ => to_read.push(field.name().as_str()),
        }
    }
    if to_read.is_empty() && !has_marks {
        counts.live += rows;
        return Ok(());
    }
    to_read.push(DELETED_AT);
    file.columns(&to_read)?.try_for_each(|batch| {
        counts.count(&batch?);
        Ok(())
    })
}
