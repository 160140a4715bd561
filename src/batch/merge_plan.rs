//! The merge plan of an upsert: for each output row, which input and which row it comes from.
//!
//! Existing rows are sorted by id. A row that was read replaces the existing row of its id unless that one has a later
//! `updated_at`; of equal or unknown times the read counts, since it is the later one. A replacement that changes no cell but
//! `_synced_at` is dropped, so that an upsert of the same rows writes nothing.

use std::{cmp::Ordering, ops::Range};

use arrow::{
    array::{ArrayRef, RecordBatch, UInt64Array, make_comparator},
    compute::{SortOptions, take},
    datatypes::SchemaRef,
};
use roaring::RoaringTreemap;

use super::{
    BatchError, SYNCED_AT, UPDATED_AT, conform, instant, instants_of,
    interleave::{interleave, interleave_column},
    key_columns::required_ids,
};

/// Rows that were read, under one schema, each id once.
#[derive(Debug)]
pub struct Incoming {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    /// Sorted by id.
    rows: Vec<IncomingRow>,
    replaces_newer: bool,
}

/// Where the newest version of an id is found among the batches. Instants are microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IncomingRow {
    pub id: i64,
    pub updated_at: Option<i64>,
    batch: usize,
    row: usize,
}

impl Incoming {
    /// Takes batches in the order of reading; an id may occur more than once. They are conformed to `schema`.
    pub fn new(schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Self, BatchError> {
        let batches: Vec<RecordBatch> = batches
            .iter()
            .filter(|batch| batch.num_rows() > 0)
            .map(|batch| conform(batch, schema))
            .collect::<Result<_, _>>()?;
        let mut all = Vec::with_capacity(batches.iter().map(RecordBatch::num_rows).sum());
        for (batch, rows) in batches.iter().enumerate() {
            let updated = instants_of(rows, UPDATED_AT);
            for (row, &id) in required_ids(rows)?.values().iter().enumerate() {
                all.push(IncomingRow { id, updated_at: instant(updated, row), batch, row });
            }
        }
        // Stable, and a no-op where they are sorted already: versions of one id stay in the order of reading.
        all.sort_by_key(|row| row.id);
        let mut rows: Vec<IncomingRow> = Vec::with_capacity(all.len());
        for row in all {
            match rows.last_mut() {
                Some(known) if known.id == row.id => {
                    if !is_older(row.updated_at, known.updated_at) {
                        *known = row;
                    }
                }
                _ => rows.push(row),
            }
        }
        Ok(Self { schema: schema.clone(), batches, rows, replaces_newer: false })
    }

    /// The same rows, to replace existing ones even of a later `updated_at`.
    pub fn replacing_newer(self) -> Self {
        Self { replaces_newer: true, ..self }
    }

    /// Whether a row is an older version than the one that is held.
    pub fn is_stale(&self, row: &IncomingRow, held: Option<i64>) -> bool {
        !self.replaces_newer && is_older(row.updated_at, held)
    }

    /// The rows, sorted by id.
    pub fn rows(&self) -> &[IncomingRow] {
        &self.rows
    }

    /// Drops the rows of some ids: newer versions of them are in the lake.
    pub fn drop_ids(&mut self, ids: &RoaringTreemap) {
        self.rows.retain(|row| !ids.contains(row.id.cast_unsigned()));
    }

    /// Some of the rows as a batch, given by their places in [`Incoming::rows`].
    pub fn batch(&self, rows: Range<usize>) -> Result<RecordBatch, BatchError> {
        let rows =
            self.rows.get(rows.start..rows.end.min(self.rows.len())).unwrap_or_default().iter().copied();
        let (sources, places) = sources(self, rows, 0);
        interleave(&self.schema, &sources, &places)
    }
}

/// The mean size of a row in memory.
pub fn row_bytes(batch: &RecordBatch) -> usize {
    batch.get_array_memory_size() / batch.num_rows().max(1)
}

/// Whether a row that comes later is an older version all the same.
fn is_older(offered: Option<i64>, held: Option<i64>) -> bool {
    matches!((offered, held), (Some(offered), Some(held)) if offered < held)
}

/// One deviation of the output from the existing rows.
#[derive(Debug, Clone, Copy)]
struct Change {
    /// The number of the existing row that is replaced, or before which the new one is inserted.
    at: usize,
    replaces: bool,
    incoming: IncomingRow,
}

/// Builds a plan while the existing rows pass by.
#[derive(Debug)]
pub struct PlanBuilder<'a> {
    plan: MergePlan<'a>,
    /// The number of the first incoming row that has no place yet.
    next: usize,
    last_id: Option<i64>,
}

impl<'a> PlanBuilder<'a> {
    /// No existing row has passed yet.
    pub fn new(incoming: &'a Incoming) -> Self {
        let plan = MergePlan { incoming, existing: 0, changes: Vec::new(), unchanged: 0 };
        Self { plan, next: 0, last_id: None }
    }

    /// The next existing rows; of their columns only `id` and `updated_at` are looked at.
    pub fn existing(&mut self, batch: &RecordBatch) -> Result<(), BatchError> {
        let (ids, updated) = (required_ids(batch)?, instants_of(batch, UPDATED_AT));
        for (row, &id) in ids.values().iter().enumerate() {
            if let Some(before) = self.last_id.replace(id).filter(|before| *before >= id) {
                return Err(BatchError::Unsorted { before, after: id });
            }
            let at = self.plan.existing + row;
            while let Some(incoming) = self.peek().filter(|incoming| incoming.id < id) {
                self.push(Change { at, replaces: false, incoming });
            }
            if let Some(incoming) = self.peek().filter(|incoming| incoming.id == id) {
                if self.plan.incoming.is_stale(&incoming, instant(updated, row)) {
                    self.plan.unchanged += 1;
                    self.next += 1;
                } else {
                    self.push(Change { at, replaces: true, incoming });
                }
            }
        }
        self.plan.existing += batch.num_rows();
        Ok(())
    }

    fn peek(&self) -> Option<IncomingRow> {
        self.plan.incoming.rows.get(self.next).copied()
    }

    fn push(&mut self, change: Change) {
        self.next += 1;
        self.plan.changes.push(change);
    }

    /// All existing rows have passed.
    pub fn finish(mut self) -> MergePlan<'a> {
        let at = self.plan.existing;
        while let Some(incoming) = self.peek() {
            self.push(Change { at, replaces: false, incoming });
        }
        self.plan
    }
}

/// For each output row, which input and which row it comes from.
#[derive(Debug)]
pub struct MergePlan<'a> {
    incoming: &'a Incoming,
    /// How many existing rows there are.
    existing: usize,
    /// By the place of the existing row.
    changes: Vec<Change>,
    unchanged: u64,
}

impl MergePlan<'_> {
    /// Whether the output is the existing rows.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// How many existing rows there are.
    pub fn existing(&self) -> usize {
        self.existing
    }

    /// How many rows there will be.
    pub fn rows(&self) -> usize {
        self.existing + self.changes.iter().filter(|change| !change.replaces).count()
    }

    /// Whether any existing row may be replaced.
    pub fn replaces_any(&self) -> bool {
        self.changes.iter().any(|change| change.replaces)
    }

    /// How many ids were read whose existing row stays, be it newer or equal.
    pub fn unchanged(&self) -> u64 {
        self.unchanged
    }

    /// The ids that are new, and those that change.
    pub fn ids(&self) -> (RoaringTreemap, RoaringTreemap) {
        let of = |replaces: bool| {
            let changes = self.changes.iter().filter(move |change| change.replaces == replaces);
            changes.map(|change| change.incoming.id.cast_unsigned()).collect()
        };
        (of(false), of(true))
    }

    fn range(&self, rows: &Range<usize>) -> Range<usize> {
        let before = |row: usize| self.changes.partition_point(|change| change.at < row);
        before(rows.start)..before(rows.end)
    }

    /// Compares existing rows with the ones that would replace them; gives the ids of those that are equal.
    /// `existing` begins at row `start` and has the columns of the incoming rows.
    pub fn equal_ids(&self, existing: &RecordBatch, start: usize) -> Result<RoaringTreemap, BatchError> {
        let changes = &self.changes[self.range(&(start..start + existing.num_rows()))];
        let pairs: Vec<&Change> = changes.iter().filter(|change| change.replaces).collect();
        if pairs.is_empty() {
            return Ok(RoaringTreemap::new());
        }
        let places: UInt64Array = pairs.iter().map(|change| Some((change.at - start) as u64)).collect();
        let (sources, rows) = sources(self.incoming, pairs.iter().map(|change| change.incoming), 0);
        let mut differs = vec![false; pairs.len()];
        for (at, field) in self.incoming.schema.fields().iter().enumerate() {
            let columns: Vec<&ArrayRef> = sources.iter().map(|batch| batch.column(at)).collect();
            let present = existing.column(at);
            let is_null = |column: &ArrayRef| column.null_count() == column.len();
            if field.name() == SYNCED_AT || is_null(present) && columns.iter().all(|column| is_null(column)) {
                continue;
            }
            let present = match pairs.len() == existing.num_rows() {
                true => present.clone(),
                false => take(present, &places, None)?,
            };
            mark_unequal(&present, &interleave_column(&columns, &rows)?, &mut differs)?;
        }
        let equal = pairs.iter().zip(differs).filter(|(_, differs)| !differs);
        Ok(equal.map(|(change, _)| change.incoming.id.cast_unsigned()).collect())
    }

    /// Leaves existing rows where they are: what would replace them is equal.
    pub fn keep(&mut self, equal: &RoaringTreemap) {
        let before = self.changes.len();
        self.changes.retain(|change| !change.replaces || !equal.contains(change.incoming.id.cast_unsigned()));
        self.unchanged += (before - self.changes.len()) as u64;
    }

    /// The output among existing rows that follow each other, given by their places; those behind the last one too.
    /// Each output row is a source and a row of it: source 0 is the existing batch, the others are returned.
    pub fn output(&self, existing: Range<usize>) -> (Vec<&RecordBatch>, Vec<(usize, usize)>) {
        let is_last = existing.end == self.existing;
        let end = if is_last { self.changes.len() } else { self.range(&existing).end };
        let changes = &self.changes[self.range(&existing).start..end];
        let (sources, places) = sources(self.incoming, changes.iter().map(|change| change.incoming), 1);
        let mut rows = Vec::with_capacity(existing.len() + changes.len());
        let mut changes = changes.iter().zip(places).peekable();
        for row in existing.clone() {
            while let Some((_, place)) = changes.next_if(|(change, _)| change.at == row && !change.replaces) {
                rows.push(place);
            }
            let replaced = changes.next_if(|(change, _)| change.at == row);
            rows.push(replaced.map_or((0, row - existing.start), |(_, place)| place));
        }
        rows.extend(changes.map(|(_, place)| place));
        (sources, rows)
    }
}

/// The batches in which some incoming rows are found, and where: sources are numbered from `first` on.
fn sources(
    incoming: &Incoming,
    rows: impl Iterator<Item = IncomingRow>,
    first: usize,
) -> (Vec<&RecordBatch>, Vec<(usize, usize)>) {
    let mut numbers = vec![usize::MAX; incoming.batches.len()];
    let mut used = Vec::new();
    let places = rows.map(|row| {
        if numbers[row.batch] == usize::MAX {
            numbers[row.batch] = first + used.len();
            used.push(&incoming.batches[row.batch]);
        }
        (numbers[row.batch], row.row)
    });
    let places: Vec<_> = places.collect();
    (used, places)
}

/// Notes the rows in which two columns differ.
fn mark_unequal(left: &ArrayRef, right: &ArrayRef, differs: &mut [bool]) -> Result<(), BatchError> {
    // Most columns are equal as a whole, and that is one pass over their buffers.
    if left == right {
        return Ok(());
    }
    let compare = make_comparator(left, right, SortOptions::default())?;
    for (row, differs) in differs.iter_mut().enumerate() {
        *differs |= compare(row, row) != Ordering::Equal;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
