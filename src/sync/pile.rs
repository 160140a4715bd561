//! Rows that wait, page upon page: some pages at a time are copied into one, since the buffers of a page are nearly twice
//! as large as what is in them.

use std::collections::HashSet;

use arrow::{
    array::{BooleanArray, RecordBatch},
    compute::{concat_batches, filter_record_batch, not},
    error::ArrowError,
};

use crate::{batch::id_values, lake::stragglers};

/// Pages that are copied into one.
const PAGES: usize = 16;

/// Rows in the order of reading.
#[derive(Default)]
pub struct Pile {
    stacks: Vec<RecordBatch>,
    /// The last ones, of one schema.
    pages: Vec<RecordBatch>,
}

impl Pile {
    pub fn push(&mut self, page: RecordBatch) -> Result<(), ArrowError> {
        // A field that was new on this page is a column that the earlier ones lack.
        if self.pages.first().is_some_and(|first| first.schema() != page.schema()) {
            self.stack()?;
        }
        self.pages.push(page);
        if self.pages.len() == PAGES { self.stack() } else { Ok(()) }
    }

    fn stack(&mut self) -> Result<(), ArrowError> {
        if let Some(first) = self.pages.first() {
            self.stacks.push(concat_batches(&first.schema(), &self.pages)?);
            self.pages.clear();
        }
        Ok(())
    }

    /// Takes the rows that lie close by their ids; those that lie alone stay.
    pub fn take_dense(&mut self) -> Result<Vec<RecordBatch>, ArrowError> {
        let rows = std::mem::take(self).into_batches();
        let mut ids: Vec<i64> = rows.iter().flat_map(id_values).copied().collect();
        ids.sort_unstable();
        ids.dedup();
        let alone: HashSet<i64> = stragglers(&ids).collect();
        // Where many lie alone, the order of ids is not that of reading.
        if alone.is_empty() || alone.len() * 4 > ids.len() {
            return Ok(rows);
        }
        let mut dense = Vec::with_capacity(rows.len());
        for batch in &rows {
            let stays: BooleanArray = id_values(batch).iter().map(|id| Some(alone.contains(id))).collect();
            if stays.true_count() > 0 {
                self.push(filter_record_batch(batch, &stays)?)?;
            }
            dense.push(filter_record_batch(batch, &not(&stays)?)?);
        }
        Ok(dense)
    }

    /// How many rows wait.
    pub fn rows(&self) -> usize {
        self.stacks.iter().chain(&self.pages).map(RecordBatch::num_rows).sum()
    }

    /// Everything that waits.
    pub fn into_batches(self) -> Vec<RecordBatch> {
        let Self { mut stacks, pages } = self;
        stacks.extend(pages);
        stacks
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{ArrayRef, Int64Array},
        error::Result,
    };

    use super::*;
    use crate::batch::ID;

    fn page(ids: impl Iterator<Item = i64>) -> RecordBatch {
        RecordBatch::try_from_iter([(ID, Arc::new(Int64Array::from_iter_values(ids)) as ArrayRef)]).unwrap()
    }

    fn ids(batches: &[RecordBatch]) -> Vec<i64> {
        batches.iter().flat_map(id_values).copied().collect()
    }

    #[test]
    fn rows_that_lie_alone_stay_in_the_order_of_reading() -> Result<()> {
        let mut pile = Pile::default();
        for page in
            [page(0..200), page([5000, 7, 9000].into_iter()), page(200..400), page([5000].into_iter())]
        {
            pile.push(page)?;
        }
        let dense = ids(&pile.take_dense()?);
        assert_eq!(dense, (0..200).chain([7]).chain(200..400).collect::<Vec<_>>());
        assert_eq!(pile.rows(), 3);
        assert_eq!(ids(&pile.into_batches()), [5000, 9000, 5000]);
        Ok(())
    }

    #[test]
    fn all_rows_leave_where_most_lie_alone() -> Result<()> {
        let mut pile = Pile::default();
        pile.push(page((0..200).flat_map(|pair| [pair * 1000, pair * 1000 + 1])))?;
        assert_eq!(ids(&pile.take_dense()?).len(), 400);
        assert_eq!(pile.rows(), 0);
        Ok(())
    }
}
