//! Which copy of a row stays: per id the newest `updated_at`, and of equal or unknown times the later read.

use arrow::{
    array::{Array, Int64Array, RecordBatch, TimestampMicrosecondArray, UInt64Array},
    datatypes::SchemaRef,
};

use super::{
    BatchError, ID, UPDATED_AT, conform, digest, digests, gather::gather, ids_of, instant, instants_of,
};

/// What became of the ids that were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub new: u64,
    pub changed: u64,
    /// Ids whose existing row stayed, the stale ones among them.
    pub unchanged: u64,
    /// Ids of which only older copies than the existing row were read.
    pub stale: u64,
}

/// One row among the reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) id: i64,
    pub(super) batch: usize,
    pub(super) row: usize,
}

/// A read at the place of an existing row.
pub(super) type Placed = (usize, Read);

/// Rows that were read, waiting to meet the existing rows of their partition.
#[derive(Debug)]
pub struct Merge {
    schema: SchemaRef,
    reads: Vec<RecordBatch>,
    updated: Vec<TimestampMicrosecondArray>,
    digests: Vec<Option<UInt64Array>>,
    /// Every read row, by id, and for one id in the order of reading.
    order: Vec<Read>,
    next: usize,
    last_existing: Option<i64>,
    counts: Counts,
    ids: Ids,
}

/// Which ids were new, and which ones changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ids {
    pub new: Vec<i64>,
    pub changed: Vec<i64>,
}

impl Merge {
    /// Takes the reads, in the order of reading; an id may occur more than once. They are conformed to `schema`.
    pub fn new(schema: &SchemaRef, reads: &[RecordBatch]) -> Result<Self, BatchError> {
        let reads: Vec<RecordBatch> = reads
            .iter()
            .filter(|batch| batch.num_rows() > 0)
            .map(|batch| conform(batch, schema))
            .collect::<Result<_, _>>()?;
        let mut order = Vec::with_capacity(reads.iter().map(RecordBatch::num_rows).sum());
        let mut updated = Vec::with_capacity(reads.len());
        for (batch, rows) in reads.iter().enumerate() {
            let ids = ids(rows)?.values().iter().enumerate();
            order.extend(ids.map(|(row, &id)| Read { id, batch, row }));
            updated.push(updates(rows)?.clone());
        }
        if !order.is_sorted_by_key(|read| read.id) {
            // Stable: among equal ids the order of reading stays.
            order.sort_by_key(|read| read.id);
        }
        Ok(Self {
            schema: schema.clone(),
            digests: reads.iter().map(|rows| digests(rows).cloned()).collect(),
            reads,
            updated,
            order,
            next: 0,
            last_existing: None,
            counts: Counts::default(),
            ids: Ids::default(),
        })
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The number of read rows, copies of one id counted each.
    pub fn rows(&self) -> u64 {
        self.order.len() as u64
    }

    /// The ids behind the counts of new and changed ones; none are left here.
    pub fn take_ids(&mut self) -> Ids {
        std::mem::take(&mut self.ids)
    }

    /// Where there are no existing rows: the next rows, at most `max_rows`, sorted by id.
    pub fn rest(&mut self, max_rows: usize) -> Result<Option<RecordBatch>, BatchError> {
        let reads = self.next_new(max_rows);
        if reads.is_empty() {
            return Ok(None);
        }
        let mut sources = Sources::after(0, self.reads.len());
        let rows = reads.into_iter().map(|read| sources.place(read)).collect();
        gather(&self.schema, &sources.of(&self.reads).collect::<Vec<_>>(), rows).map(Some)
    }

    /// Consumes the next reads as new rows, at most so many.
    pub(super) fn next_new(&mut self, most: usize) -> Vec<Read> {
        let mut reads = Vec::new();
        while reads.len() < most && self.next < self.order.len() {
            reads.extend(self.newest(None));
        }
        self.note_new(reads.iter());
        reads
    }

    /// Counts reads of ids that do not exist.
    pub(super) fn count_new(&mut self, inserts: &[Placed]) {
        self.note_new(inserts.iter().map(|(_, read)| read));
    }

    fn note_new<'a>(&mut self, reads: impl ExactSizeIterator<Item = &'a Read>) {
        self.counts.new += reads.len() as u64;
        self.ids.new.extend(reads.map(|read| read.id));
    }

    pub(super) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(super) fn reads(&self) -> &[RecordBatch] {
        &self.reads
    }

    /// Consumes the reads up to the last of the existing ids: the newest of each id, by the place of the existing row that
    /// has the same id, or else before which it belongs. A read with the digest of its existing row is that row.
    pub(super) fn meet(
        &mut self,
        existing: &RecordBatch,
        last: i64,
    ) -> Result<(Vec<Placed>, Vec<Placed>), BatchError> {
        let (ids, updated, held) = (ids(existing)?.values(), updates(existing)?, digests(existing));
        let (mut same_id, mut inserts) = (Vec::new(), Vec::new());
        let mut at = 0;
        while let Some(&Read { id, .. }) = self.order.get(self.next).filter(|read| read.id <= last) {
            at += ids[at..].partition_point(|present| *present < id);
            let found = ids.get(at) == Some(&id);
            match self.newest(found.then(|| instant(Some(updated), at))) {
                Some(read) if found => {
                    let came_from = digest(self.digests[read.batch].as_ref(), read.row);
                    if came_from.is_some() && came_from == digest(held, at) {
                        self.counts.unchanged += 1;
                    } else {
                        same_id.push((at, read));
                    }
                }
                Some(read) => inserts.push((at, read)),
                None => {
                    self.counts.stale += 1;
                    self.counts.unchanged += 1;
                }
            }
        }
        Ok((same_id, inserts))
    }

    /// Counts pairs of one id by whether they differ; gives those that do.
    pub(super) fn settle(&mut self, pairs: &[Placed], differing: &[bool]) -> Vec<Placed> {
        let differs = pairs.iter().zip(differing).filter(|(_, differs)| **differs);
        let replaced: Vec<Placed> = differs.map(|(pair, _)| *pair).collect();
        self.ids.changed.extend(replaced.iter().map(|(_, read)| read.id));
        self.counts.changed += replaced.len() as u64;
        self.counts.unchanged += (pairs.len() - replaced.len()) as u64;
        replaced
    }

    /// Whether every read has an existing row, where `ids` are all that exist, ascending.
    pub(super) fn adds_none(&self, ids: &[i64]) -> bool {
        self.order
            .chunk_by(|one, next| one.id == next.id)
            .all(|reads| reads.first().is_none_or(|read| ids.binary_search(&read.id).is_ok()))
    }

    /// Consumes the reads of the next id. `existing` is the `updated_at` of the row that is there, if one is.
    /// Returns the read that stays, or `None` for the existing row.
    fn newest(&mut self, existing: Option<Option<i64>>) -> Option<Read> {
        let mut time = existing;
        let mut best = None;
        let id = self.order.get(self.next)?.id;
        while let Some(&read) = self.order.get(self.next).filter(|read| read.id == id) {
            self.next += 1;
            let read_time = instant(self.updated.get(read.batch), read.row);
            let older = match (time, read_time) {
                (Some(Some(held)), Some(offered)) => offered < held,
                _ => false,
            };
            if !older {
                (time, best) = (Some(read_time), Some(read));
            }
        }
        best
    }

    /// Gives the last id.
    pub(super) fn check_sorted(&mut self, ids: &Int64Array) -> Result<Option<i64>, BatchError> {
        let mut before = self.last_existing;
        // One pass without branches first; the pair at fault is looked for only if there is one.
        let sorted = ids.values().windows(2).all(|pair| pair[0] < pair[1])
            && before.is_none_or(|before| ids.values().first().is_none_or(|id| before < *id));
        if !sorted {
            for &after in ids.values() {
                if let Some(before) = before.filter(|before| *before >= after) {
                    return Err(BatchError::Unsorted { before, after });
                }
                before = Some(after);
            }
        }
        let last = ids.values().last().copied();
        self.last_existing = last.or(self.last_existing);
        Ok(last)
    }
}

/// The batches of reads that give rows, as sources: a partition may be met by thousands of small ones.
pub(super) struct Sources {
    /// How many other sources come before them.
    before: usize,
    slots: Vec<usize>,
    batches: Vec<usize>,
}

impl Sources {
    pub(super) fn after(before: usize, batches: usize) -> Self {
        Self { before, slots: vec![usize::MAX; batches], batches: Vec::new() }
    }

    /// The source and the row in which a read is found.
    pub(super) fn place(&mut self, read: Read) -> (usize, usize) {
        let slot = &mut self.slots[read.batch];
        if *slot == usize::MAX {
            *slot = self.before + self.batches.len();
            self.batches.push(read.batch);
        }
        (*slot, read.row)
    }

    pub(super) fn of<'a>(&self, reads: &'a [RecordBatch]) -> impl Iterator<Item = &'a RecordBatch> {
        self.batches.iter().map(|batch| &reads[*batch])
    }
}

pub(super) fn ids(batch: &RecordBatch) -> Result<&Int64Array, BatchError> {
    ids_of(batch)
        .filter(|ids| ids.null_count() == 0)
        .ok_or(BatchError::Column { column: ID, wanted: "an integer in every row" })
}

fn updates(batch: &RecordBatch) -> Result<&TimestampMicrosecondArray, BatchError> {
    instants_of(batch, UPDATED_AT)
        .ok_or(BatchError::Column { column: UPDATED_AT, wanted: "an instant in microseconds" })
}

#[cfg(test)]
mod tests;
