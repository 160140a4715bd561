//! The rows of a new file, told by their places among the existing rows and the reads. So each column is woven alone:
//! most columns of a changed ticket are as they were, and a large file need never be in memory with all its columns.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, RecordBatch};

use super::{
    BatchError, Counts, Ids, Merge, differ,
    gather::Picks,
    merge::{Placed, Read, Sources, ids},
};

/// Reads that meet the existing rows of their partition, batch by batch.
pub struct Weaving {
    merge: Merge,
    rows: usize,
    pairs: Vec<Placed>,
    inserts: Vec<Placed>,
}

/// Existing rows and the reads of the same ids, and what is known of their differences.
pub struct Pairs {
    weaving: Weaving,
    /// The reads of the pairs, in their order.
    reads: Picks,
    sources: Sources,
    differs: Vec<bool>,
}

/// The rows of a new file in their order: existing ones, some of them replaced, and new ones between them.
pub struct Weave {
    merge: Merge,
    /// Of the existing ones.
    rows: usize,
    replaced: Vec<Placed>,
    inserts: Vec<Placed>,
}

/// Some rows of a weave that follow each other.
pub struct Block {
    /// The existing rows among which they lie.
    pub existing: Range<usize>,
    /// Where each is to be found; `None` if they are the existing ones.
    picks: Option<(Picks, Sources)>,
}

impl Weaving {
    /// Nothing has been met yet.
    pub fn new(merge: Merge) -> Self {
        Self { merge, rows: 0, pairs: Vec::new(), inserts: Vec::new() }
    }

    /// Whether every read has an existing row, where `existing` has the ids of all that exist, ascending.
    pub fn adds_none(&self, existing: &RecordBatch) -> Result<bool, BatchError> {
        Ok(self.merge.adds_none(ids(existing)?.values()))
    }

    /// Lets the reads meet the next existing rows, sorted by id, of which `existing` has the ids, the times of update and
    /// the digests.
    pub fn meet(&mut self, existing: &RecordBatch) -> Result<(), BatchError> {
        let Some(last) = self.merge.check_sorted(ids(existing)?)? else { return Ok(()) };
        let (pairs, inserts) = self.merge.meet(existing, last)?;
        let placed = |(place, read)| (self.rows + place, read);
        self.merge.count_new(&inserts);
        self.pairs.extend(pairs.into_iter().map(placed));
        self.inserts.extend(inserts.into_iter().map(placed));
        self.rows += existing.num_rows();
        Ok(())
    }

    /// After the last existing row: the pairs that are to be compared.
    pub fn pairs(mut self) -> Pairs {
        let rest = self.merge.next_new(usize::MAX);
        self.inserts.extend(rest.into_iter().map(|read| (self.rows, read)));
        let mut sources = Sources::after(0, self.merge.reads().len());
        let reads = Picks::new(self.pairs.iter().map(|(_, read)| sources.place(*read)).collect());
        let differs = vec![false; self.pairs.len()];
        Pairs { weaving: self, reads, sources, differs }
    }
}

impl Pairs {
    /// Whether there is nothing to compare.
    pub fn is_empty(&self) -> bool {
        self.differs.is_empty()
    }

    /// The places of the existing rows, ascending.
    pub fn places(&self) -> impl Iterator<Item = usize> {
        self.weaving.pairs.iter().map(|(place, _)| *place)
    }

    /// Whether it is certain that no read has a value in a column.
    pub fn is_null(&self, column: usize) -> bool {
        self.columns(column).iter().all(|cells| cells.null_count() == cells.len())
    }

    /// Whether any read says something else than the existing row in a column, given by its number and the cells at the
    /// places.
    pub fn compare(&mut self, column: usize, existing: &ArrayRef) -> Result<bool, BatchError> {
        if self.is_empty() || !differ::counts(self.weaving.merge.schema().field(column)) {
            return Ok(false);
        }
        let reads = self.reads.of(&self.columns(column))?;
        differ::mark_column(existing, &reads, &mut self.differs)
    }

    /// Counts the pairs by what all comparisons found.
    pub fn settle(self) -> Weave {
        let Weaving { mut merge, rows, pairs, inserts } = self.weaving;
        let replaced = merge.settle(&pairs, &self.differs);
        Weave { merge, rows, replaced, inserts }
    }

    fn columns(&self, column: usize) -> Vec<&ArrayRef> {
        self.sources.of(self.weaving.merge.reads()).map(|batch| batch.column(column)).collect()
    }
}

impl Weave {
    /// What became of the ids that were read.
    pub fn counts(&self) -> Counts {
        self.merge.counts()
    }

    /// The ids behind the counts of new and changed ones; none are left here.
    pub fn take_ids(&mut self) -> Ids {
        self.merge.take_ids()
    }

    /// Whether the new rows are the existing ones.
    pub fn is_empty(&self) -> bool {
        self.replaced.is_empty() && self.inserts.is_empty()
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows + self.inserts.len()
    }

    /// Before which existing row each new one stands, and its id, in order.
    pub fn inserts(&self) -> Vec<(usize, i64)> {
        self.inserts.iter().map(|(place, read)| (*place, read.id)).collect()
    }

    /// Whether one of these existing rows is replaced.
    pub fn replaces(&self, existing: &Range<usize>) -> bool {
        !self.replaced_in(existing).is_empty()
    }

    fn replaced_in(&self, existing: &Range<usize>) -> &[Placed] {
        let before = |row: usize| self.replaced.partition_point(|(place, _)| *place < row);
        &self.replaced[before(existing.start)..before(existing.end)]
    }

    /// Some of the rows, told by their numbers.
    pub fn block(&self, rows: Range<usize>) -> Block {
        let (start, end) = (self.cut(rows.start), self.cut(rows.end));
        let (existing, inserts) = (start.0..end.0, &self.inserts[start.1..end.1]);
        let replaced = self.replaced_in(&existing);
        if inserts.is_empty() && replaced.is_empty() {
            return Block { existing, picks: None };
        }
        let mut sources = Sources::after(1, self.merge.reads().len());
        let rows = weave(existing.clone(), replaced, inserts, |read| sources.place(read));
        Block { existing, picks: Some((Picks::new(rows), sources)) }
    }

    /// A column of a block, by its number; `existing` are the cells of the existing rows.
    pub fn column(&self, block: &Block, column: usize, existing: &ArrayRef) -> Result<ArrayRef, BatchError> {
        let Some((picks, sources)) = &block.picks else { return Ok(ArrayRef::clone(existing)) };
        let reads = sources.of(self.merge.reads()).map(|batch| batch.column(column));
        picks.of(&std::iter::once(existing).chain(reads).collect::<Vec<_>>())
    }

    /// How many existing and how many new rows stand before a row.
    fn cut(&self, row: usize) -> (usize, usize) {
        let (mut low, mut high) = (0, self.inserts.len());
        while low < high {
            let middle = low.midpoint(high);
            if self.inserts[middle].0 + middle < row { low = middle + 1 } else { high = middle }
        }
        (row - low, low)
    }
}

/// Existing rows in order, with some of them replaced, and some put in before the row of the given number or after the last.
/// Each is told by its source, which is the first for existing rows, and its place there; `place` tells those of a read.
fn weave(
    existing: Range<usize>,
    replaced: &[Placed],
    inserts: &[Placed],
    mut place: impl FnMut(Read) -> (usize, usize),
) -> Vec<(usize, usize)> {
    let mut rows = Vec::with_capacity(existing.len() + inserts.len());
    let mut replaced = replaced.iter().peekable();
    let mut inserts = inserts.iter().peekable();
    for row in existing.clone() {
        while let Some((_, read)) = inserts.next_if(|(at, _)| *at <= row) {
            rows.push(place(*read));
        }
        rows.push(match replaced.next_if(|(at, _)| *at == row) {
            Some((_, read)) => place(*read),
            None => (0, row - existing.start),
        });
    }
    rows.extend(inserts.map(|(_, read)| place(*read)));
    rows
}

#[cfg(test)]
pub mod tests {
    use arrow::{
        array::UInt64Array,
        compute::{concat_batches, take},
    };

    use super::*;

    /// Reads brought among existing rows that are all at hand, under the schema of the merge.
    pub fn woven(existing: &[RecordBatch], merge: Merge) -> (RecordBatch, Weave) {
        let schema = merge.schema().clone();
        let mut weaving = Weaving::new(merge);
        existing.iter().try_for_each(|batch| weaving.meet(batch)).unwrap();
        let existing = concat_batches(&schema, existing).unwrap();
        let mut pairs = weaving.pairs();
        let places: UInt64Array = pairs.places().map(|place| Some(place as u64)).collect();
        for (at, column) in existing.columns().iter().enumerate() {
            pairs.compare(at, &take(column, &places, None).unwrap()).unwrap();
        }
        let weave = pairs.settle();
        let block = weave.block(0..weave.len());
        let columns = existing.columns().iter().enumerate();
        let columns = columns.map(|(at, column)| weave.column(&block, at, column).unwrap());
        (RecordBatch::try_new(schema, columns.collect()).unwrap(), weave)
    }
}
