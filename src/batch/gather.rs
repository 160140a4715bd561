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

/// Rows `(source, row)` of some batches of one schema, in the given order.
pub struct Picked<'a> {
    sources: Vec<&'a RecordBatch>,
    picks: Picks,
}

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
                let runs: Vec<ArrayRef> = runs.iter().map(|run| run.of_column(sources[run.source])).collect();
                match runs.as_slice() {
                    [one] => Arc::clone(one),
                    // Columns without a value are many, and quicker made than copied.
                    [first, ..] if runs.iter().all(|run| run.null_count() == run.len()) => {
                        new_null_array(first.data_type(), self.rows.len())
                    }
                    several => concat(&several.iter().map(AsRef::as_ref).collect::<Vec<_>>())?,
                }
            }
            How::OneByOne => {
                let arrays: Vec<&dyn Array> = sources.iter().map(|column| column.as_ref()).collect();
                interleave(&arrays, &self.rows)?
            }
        })
    }
}

impl<'a> Picked<'a> {
    pub(super) fn new(sources: Vec<&'a RecordBatch>, rows: Vec<(usize, usize)>) -> Self {
        Self { sources, picks: Picks::new(rows) }
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.picks.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.picks.rows.is_empty()
    }

    /// A column of the rows, by its number.
    pub fn column(&self, column: usize) -> Result<ArrayRef, BatchError> {
        self.picks.of(&self.sources.iter().map(|batch| batch.column(column)).collect::<Vec<_>>())
    }

    /// All columns of the rows.
    pub(super) fn rows(&self, schema: &SchemaRef) -> Result<RecordBatch, BatchError> {
        if self.is_empty() {
            return Ok(RecordBatch::new_empty(schema.clone()));
        }
        if let How::Runs(runs) = &self.picks.how
            && let [Run { source, rows, .. }] = runs.as_slice()
            && *rows == self.sources[*source].num_rows()
        {
            return Ok(self.sources[*source].clone());
        }
        let columns =
            (0..schema.fields().len()).map(|column| self.column(column)).collect::<Result<_, _>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(self.len()));
        Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
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

fn follows(row: &(usize, usize), next: &(usize, usize)) -> bool {
    *next == (row.0, row.1 + 1)
}

/// Rows `(source, row)` of the sources, in the given order.
pub fn gather(
    schema: &SchemaRef,
    sources: &[&RecordBatch],
    rows: Vec<(usize, usize)>,
) -> Result<RecordBatch, BatchError> {
    Picked::new(sources.to_vec(), rows).rows(schema)
}
