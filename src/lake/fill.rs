//! In how many rows of a file each column has a value: told by the file's statistics where they can tell, else counted.
//!
//! Statistics cannot tell of a list, since they count its elements, nor where tickets lie that are gone from their
//! source: those rows do not count. Only these columns of these row groups are read.

use std::collections::{HashMap, HashSet};

use arrow::{array::Array, record_batch::RecordBatch};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{
            ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
            ParquetRecordBatchReaderBuilder,
        },
    },
    errors::ParquetError,
    file::metadata::{PageIndexPolicy, RowGroupMetaData},
    schema::types::SchemaDescriptor,
};

use super::{Lake, LakeError, Location, PartitionKey, read, ticket_file};
use crate::columns::DELETED_AT;

/// Rows of tickets that are still at their source, and those that are gone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fill {
    pub present: u64,
    pub gone: u64,
    /// By column, the rows of `present` in which it is not null. A column without any may be missing.
    pub filled: HashMap<String, u64>,
}

impl Fill {
    /// The rows in which a column has a value.
    pub fn of(&self, column: &str) -> u64 {
        self.filled.get(column).copied().unwrap_or_default()
    }

    fn add(&mut self, column: &str, rows: u64) {
        match self.filled.get_mut(column) {
            Some(filled) => *filled += rows,
            None => _ = self.filled.insert(column.to_owned(), rows),
        }
    }
}

/// Adds what the file of a partition holds; nothing if there is no file. Only columns of `wanted` are looked at.
pub fn add_fill(
    lake: &Lake,
    source: &str,
    key: PartitionKey,
    wanted: &HashSet<String>,
    fill: &mut Fill,
) -> Result<(), LakeError> {
    let path = ticket_file(lake, source, key);
    let Some(content) = path.open()? else {
        return Ok(());
    };
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Skip);
    let metadata =
        read::guarded(&path, &content.io_error(), || ArrowReaderMetadata::load(&content, options))?;
    let roots = roots(metadata.parquet_schema());
    for (number, group) in metadata.metadata().row_groups().iter().enumerate() {
        let to_read = from_statistics(group, &roots, wanted, fill);
        if to_read.is_empty() {
            continue;
        }
        let columns = to_read.iter().copied().chain(roots.iter().position(|root| root.name == DELETED_AT));
        for batch in group_rows(&path, &metadata, number, columns)? {
            count(&batch?, fill);
        }
    }
    Ok(())
}

/// A column as a reader of tables sees it.
struct Root {
    name: String,
    /// Its place among the columns as they are stored, if it is one of these and no list.
    leaf: Option<usize>,
}

fn roots(schema: &SchemaDescriptor) -> Vec<Root> {
    let root = |(at, field): (usize, &parquet::schema::types::TypePtr)| {
        let leaf = (0..schema.num_columns()).find(|leaf| schema.get_column_root_idx(*leaf) == at);
        Root { name: field.name().to_owned(), leaf: leaf.filter(|_| field.is_primitive()) }
    };
    schema.root_schema().get_fields().iter().enumerate().map(root).collect()
}

/// Adds what the statistics of a row group tell; gives the columns that must be read, by their place among `roots`.
/// When any must be because of rows that do not count, all must, and the rows are counted with them.
fn from_statistics(
    group: &RowGroupMetaData,
    roots: &[Root],
    wanted: &HashSet<String>,
    fill: &mut Fill,
) -> Vec<usize> {
    let rows = group.num_rows().max(0) as u64;
    let nulls = |root: &Root| {
        let nulls = group.columns().get(root.leaf?)?.statistics()?.null_count_opt()?;
        (nulls <= rows).then_some(nulls)
    };
    let places =
        || (0..roots.len()).filter(|at| roots.get(*at).is_some_and(|root| wanted.contains(&root.name)));
    let deleted = roots.iter().find(|root| root.name == DELETED_AT);
    let all_present = deleted.is_none_or(|deleted| nulls(deleted) == Some(rows));
    if !all_present {
        return match places().next() {
            Some(_) => places().collect(),
            // No column is asked for, but the rows are.
            None => roots.iter().position(|root| root.name == DELETED_AT).into_iter().collect(),
        };
    }
    let mut to_read = Vec::new();
    for (at, root) in places().filter_map(|at| Some((at, roots.get(at)?))) {
        match nulls(root) {
            Some(nulls) => fill.add(&root.name, rows - nulls),
            None => to_read.push(at),
        }
    }
    if to_read.is_empty() {
        fill.present += rows;
    }
    to_read
}

/// Some columns of one row group.
fn group_rows(
    path: &Location,
    metadata: &ArrowReaderMetadata,
    group: usize,
    columns: impl Iterator<Item = usize>,
) -> Result<impl Iterator<Item = Result<RecordBatch, LakeError>>, LakeError> {
    let Some(content) = path.open()? else {
        return Err(LakeError::reading(path, ParquetError::General("it went away".to_owned())));
    };
    let mask = ProjectionMask::roots(metadata.parquet_schema(), columns);
    let trouble = content.io_error();
    let mut reader: ParquetRecordBatchReader = read::guarded(path, &trouble, || {
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(content, metadata.clone());
        builder.with_row_groups(vec![group]).with_projection(mask).build()
    })?;
    let mut next = move |path: &Location| {
        read::guarded(path, &trouble, || reader.next().transpose().map_err(ParquetError::from)).transpose()
    };
    Ok(std::iter::from_fn(move || next(path)))
}

/// Adds what the rows of a batch tell.
fn count(batch: &RecordBatch, fill: &mut Fill) {
    let deleted = batch.column_by_name(DELETED_AT);
    let is_present = |row: &usize| deleted.is_none_or(|deleted| deleted.is_null(*row));
    let present: Vec<usize> = (0..batch.num_rows()).filter(is_present).collect();
    fill.present += present.len() as u64;
    fill.gone += (batch.num_rows() - present.len()) as u64;
    let schema = batch.schema();
    for (field, array) in schema.fields().iter().zip(batch.columns()) {
        let filled = present.iter().filter(|row| array.is_valid(**row)).count();
        fill.add(field.name(), filled as u64);
    }
}
