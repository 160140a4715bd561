//! Existing rows whose place reads take, column by column: most columns of a changed ticket are as they were.

use arrow::{
    array::{Array, ArrayRef, RecordBatch, UInt32Array},
    compute::interleave,
};

use super::{
    BatchError, Merge, differ,
    merge::{Placed, ids},
};

/// Reads that each meet an existing row of the same id, and what is known of their differences.
pub struct Replacing<'a> {
    merge: &'a mut Merge,
    pairs: Vec<Placed>,
    places: UInt32Array,
    /// The reads of the pairs, in their order.
    reads: RecordBatch,
    differs: Vec<bool>,
}

/// The rows of a partition, some of them replaced.
#[derive(Debug)]
pub struct Replaced {
    /// Of each row, whether it is an existing one (0) or one of `reads` (1), and its number there.
    rows: Vec<(usize, usize)>,
    reads: RecordBatch,
}

impl<'a> Replacing<'a> {
    /// Lets the reads meet all rows of their partition, sorted by id, of which `existing` has the ids, the times of update
    /// and the digests. `None` if there is a read without an existing row.
    pub fn new(merge: &'a mut Merge, existing: &RecordBatch) -> Result<Option<Self>, BatchError> {
        let ids = ids(existing)?;
        let Some(last) = merge.check_sorted(ids)?.filter(|_| merge.adds_none(ids.values())) else {
            return Ok(None);
        };
        let (pairs, _) = merge.meet(existing, last)?;
        let reads = merge.rows_of(pairs.iter().map(|(_, read)| *read))?;
        let places = pairs.iter().map(|(place, _)| *place as u32).collect();
        let differs = vec![false; pairs.len()];
        Ok(Some(Self { merge, pairs, places, reads, differs }))
    }

    /// Whether there is nothing to compare.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// Whether no read has a value in a column.
    pub fn is_null(&self, column: usize) -> bool {
        self.reads.column(column).null_count() == self.reads.num_rows()
    }

    /// The places of the existing rows, ascending.
    pub fn places(&self) -> &UInt32Array {
        &self.places
    }

    /// Whether any read says something else than the existing row in a column, given by its number and the cells at the
    /// places.
    pub fn compare(&mut self, column: usize, existing: &ArrayRef) -> Result<bool, BatchError> {
        if !differ::counts(self.reads.schema_ref().field(column)) {
            return Ok(false);
        }
        differ::mark_column(existing, self.reads.column(column), &mut self.differs)
    }

    /// Counts the pairs by what all comparisons found; `rows` is how many existing rows there are.
    pub fn settle(self, rows: usize) -> Replaced {
        self.merge.settle(&self.pairs, &self.differs);
        let mut rows: Vec<(usize, usize)> = (0..rows).map(|row| (0, row)).collect();
        let differing = self.pairs.iter().enumerate().zip(&self.differs).filter(|(_, differs)| **differs);
        for ((read, (place, _)), _) in differing {
            rows[*place] = (1, read);
        }
        Replaced { rows, reads: self.reads }
    }
}

impl Replaced {
    /// Whether no row is replaced.
    pub fn is_empty(&self) -> bool {
        self.rows.iter().all(|(source, _)| *source == 0)
    }

    /// The column with the cells of the replaced rows.
    pub fn column(&self, column: usize, existing: &ArrayRef) -> Result<ArrayRef, BatchError> {
        Ok(interleave(&[existing.as_ref(), self.reads.column(column).as_ref()], &self.rows)?)
    }
}
