//! In how many rows of a file each column has a value: by the statistics where they say so, else counted.
//!
//! Statistics count the elements of lists, not the lists, and they know no deletion marks: deleted tickets do not count here.
//! Only these columns of these row groups are read.

use std::collections::{HashMap, HashSet};

use arrow::{array::Array, record_batch::RecordBatch};
use parquet::{
    arrow::ProjectionMask,
    errors::ParquetError,
    file::metadata::RowGroupMetaData,
    schema::types::{SchemaDescriptor, TypePtr},
};

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
    let metadata = file.parquet();
    let roots = roots(metadata.file_metadata().schema_descr());
    for (number, group) in metadata.row_groups().iter().enumerate() {
        let to_read = from_statistics(group, &roots, wanted, counts);
        if to_read.is_empty() {
            continue;
        }
        let columns = to_read.into_iter().chain(roots.iter().position(|root| root.name == DELETED_AT));
        let mask = ProjectionMask::roots(metadata.file_metadata().schema_descr(), columns);
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

/// A column as a reader of tables sees it.
struct Root {
    name: String,
    /// Its place among the leaf columns, if it is one of these and no list.
    leaf: Option<usize>,
}

fn roots(schema: &SchemaDescriptor) -> Vec<Root> {
    let root = |(at, field): (usize, &TypePtr)| {
        let leaf = (0..schema.num_columns()).find(|leaf| schema.get_column_root_idx(*leaf) == at);
        Root { name: field.name().to_owned(), leaf: leaf.filter(|_| field.is_primitive()) }
    };
    schema.root_schema().get_fields().iter().enumerate().map(root).collect()
}

/// Adds what the statistics of a row group say; gives the columns that must be read, by their place among `roots`.
/// Where rows are marked as deleted all wanted columns must be, and the rows are counted with them.
fn from_statistics(
    group: &RowGroupMetaData,
    roots: &[Root],
    wanted: &HashSet<String>,
    counts: &mut FilledCounts,
) -> Vec<usize> {
    let rows = group.num_rows().max(0) as u64;
    let nulls = |root: &Root| {
        let nulls = group.columns().get(root.leaf?)?.statistics()?.null_count_opt()?;
        (nulls <= rows).then_some(nulls)
    };
    let places = || roots.iter().enumerate().filter(|(_, root)| wanted.contains(&root.name));
    let deleted = roots.iter().position(|root| root.name == DELETED_AT);
    let is_unmarked = deleted.and_then(|at| roots.get(at)).is_none_or(|root| nulls(root) == Some(rows));
    if !is_unmarked {
        return match places().next() {
            Some(_) => places().map(|(at, _)| at).collect(),
            // No column is asked for, but the rows are.
            None => deleted.into_iter().collect(),
        };
    }
    let mut to_read = Vec::new();
    for (at, root) in places() {
        match nulls(root) {
            Some(nulls) => counts.add(&root.name, rows - nulls),
            None => to_read.push(at),
        }
    }
    if to_read.is_empty() {
        counts.live += rows;
    }
    to_read
}
