//! Rows of several batches as the rows of one.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array},
    compute::{concat, interleave},
    datatypes::SchemaRef,
};

use super::BatchError;

/// Rows that follow each other in their source, at the mean, from which copying them as one is cheaper than one by one.
const WORTHWHILE_RUN: usize = 8;

/// Rows `(source, row)` in the given order, whatever the sources are.
#[derive(Debug)]
pub(super) struct Picks {
    rows: Vec<(usize, usize)>,
    how: How,
}

/// How the rows are brought together.
#[derive(Debug)]
enum How {
    /// A single one is shared, not copied.
    Runs(Vec<Run>),
    OneByOne,
}

/// Rows that follow each other in one source.
#[derive(Debug)]
struct Run {
    source: usize,
    first: usize,
    rows: usize,
}

impl Picks {
    pub(super) fn new(rows: Vec<(usize, usize)>) -> Self {
        let runs: Vec<Run> = rows.chunk_by(follows).filter_map(Run::of).collect();
        let how = match runs.len() {
            1 => How::Runs(runs),
            2.. if runs.len() * WORTHWHILE_RUN <= rows.len() => How::Runs(runs),
            _ => How::OneByOne,
        };
        Self { rows, how }
    }

    /// The rows of one column of each source, all of one type.
    pub(super) fn of(&self, sources: &[&ArrayRef]) -> Result<ArrayRef, BatchError> {
        Ok(match &self.how {
            How::Runs(runs) => {
                joined(&runs.iter().map(|run| run.of_column(sources[run.source])).collect::<Vec<_>>())?
            }
            How::OneByOne => {
                let arrays: Vec<&dyn Array> = sources.iter().map(|column| column.as_ref()).collect();
                interleave(&arrays, &self.rows)?
            }
        })
    }
}

impl Run {
    fn of(rows: &[(usize, usize)]) -> Option<Self> {
        let &(source, first) = rows.first()?;
        Some(Self { source, first, rows: rows.len() })
    }

    fn of_column(&self, column: &ArrayRef) -> ArrayRef {
        if self.rows == column.len() { Arc::clone(column) } else { column.slice(self.first, self.rows) }
    }
}

/// Parts of a column as one.
pub fn joined(parts: &[ArrayRef]) -> Result<ArrayRef, BatchError> {
    Ok(match parts {
        [one] => Arc::clone(one),
        // Columns without a value are many, and quicker made than copied.
        [first, ..] if parts.iter().all(|part| part.null_count() == part.len()) => {
            new_null_array(first.data_type(), parts.iter().map(|part| part.len()).sum())
        }
        several => concat(&several.iter().map(AsRef::as_ref).collect::<Vec<_>>())?,
    })
}

fn follows(row: &(usize, usize), next: &(usize, usize)) -> bool {
    *next == (row.0, row.1 + 1)
}

/// Rows `(source, row)` of the sources, all of this schema, in the given order.
pub fn gather(
    schema: &SchemaRef,
    sources: &[&RecordBatch],
    rows: Vec<(usize, usize)>,
) -> Result<RecordBatch, BatchError> {
    if rows.is_empty() {
        return Ok(RecordBatch::new_empty(schema.clone()));
    }
    let picks = Picks::new(rows);
    if let How::Runs(runs) = &picks.how
        && let [Run { source, rows, .. }] = runs.as_slice()
        && *rows == sources[*source].num_rows()
    {
        return Ok(sources[*source].clone());
    }
    let column = |at| picks.of(&sources.iter().map(|batch| batch.column(at)).collect::<Vec<_>>());
    let columns = (0..schema.fields().len()).map(column).collect::<Result<_, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(picks.rows.len()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}
