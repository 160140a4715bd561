//! Existing rows whose place reads take, column by column: most columns of a changed ticket are as they were.

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch, UInt32Array},
    compute::interleave,
    datatypes::{Int64Type, TimestampMicrosecondType},
};

use super::{
    BatchError, ID, Merge, UPDATED_AT, differ,
    merge::{Placed, Read},
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

/// Existing rows that are replaced.
#[derive(Debug)]
pub struct Replaced {
    /// Ascending, and for each the number of its row in `reads`.
    places: Vec<(usize, usize)>,
    reads: RecordBatch,
}

impl<'a> Replacing<'a> {
    /// Lets the reads meet all rows of their partition, of which `ids` and `updated` are columns, sorted by id. A read of
    /// which `same` says that it has the digest of an existing row, by its place, is that row. `None`, and nothing is
    /// consumed, if there is a read without an existing row.
    pub fn new(
        merge: &'a mut Merge,
        (ids, updated): (&ArrayRef, &ArrayRef),
        same: impl Fn(usize, u64) -> bool,
    ) -> Result<Option<Self>, BatchError> {
        let ids = ids
            .as_primitive_opt::<Int64Type>()
            .filter(|ids| ids.null_count() == 0)
            .ok_or(BatchError::Column { column: ID, wanted: "an integer in every row" })?;
        let updated = updated
            .as_primitive_opt::<TimestampMicrosecondType>()
            .ok_or(BatchError::Column { column: UPDATED_AT, wanted: "an instant in microseconds" })?;
        let sorted = ids.values().windows(2).all(|pair| pair[0] < pair[1]);
        let Some(last) = ids.values().last().copied().filter(|_| sorted && merge.adds_none(ids.values()))
        else {
            return Ok(None);
        };
        let (pairs, _) = merge.meet(ids, last, updated);
        let pairs = merge.without_same(pairs, same);
        let reads = merge.rows_of(pairs.iter().map(|(_, read): &(usize, Read)| *read))?;
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

    /// Counts the pairs by what all comparisons found.
    pub fn settle(self) -> Replaced {
        self.merge.settle(&self.pairs, &self.differs);
        let places = self.pairs.iter().map(|(place, _)| *place).zip(0..);
        let places = places.zip(&self.differs).filter(|(_, differs)| **differs).map(|(pair, _)| pair);
        Replaced { places: places.collect(), reads: self.reads }
    }
}

impl Replaced {
    /// Whether no row is replaced.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// The column with the cells of the replaced rows.
    pub fn column(&self, column: usize, existing: &ArrayRef) -> Result<ArrayRef, BatchError> {
        let mut rows: Vec<(usize, usize)> = (0..existing.len()).map(|row| (0, row)).collect();
        for (place, read) in &self.places {
            if let Some(row) = rows.get_mut(*place) {
                *row = (1, *read);
            }
        }
        Ok(interleave(&[existing.as_ref(), self.reads.column(column).as_ref()], &rows)?)
    }

    /// The replaced rows, by their places, and the batch in which each has a number.
    pub fn rows(&self) -> (&[(usize, usize)], &RecordBatch) {
        (&self.places, &self.reads)
    }
}
