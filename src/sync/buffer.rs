//! Rows on their way from pages to partitions. They wait as the pages that they came on and are sorted by partition when they
//! leave: cut into rows, a hundred columns would take some 14 KB for each.
//!
//! One rule: all rows leave at [`FLUSH_BYTES`] and at a commit; those of a partition also when a window has passed it.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use arrow::{
    array::{AsArray, BooleanArray, RecordBatch},
    compute::{filter_record_batch, not},
    datatypes::Int64Type,
};
use roaring::RoaringTreemap;

use super::{
    reading::{ReadError, Rows},
    source_state::add_span,
    writer::{Job, Writer, Wrote},
};
use crate::{
    batch::{instant, instants_of},
    lake::{Calendar, PartitionKey, split},
    progress::Meter,
    summary::Rescued,
    ticket::Decoded,
    walk::{Sink, Span},
};

/// Bytes of tickets, as sent, that wait for their partitions: these are written seldom, and memory stays small.
const FLUSH_BYTES: usize = 32 << 20;

/// What came in.
#[derive(Debug, Default)]
pub struct Received {
    pub ids: RoaringTreemap,
    /// Tickets left out because their id cannot be read.
    pub unreadable: u64,
    pub rescued: Rescued,
}

struct State {
    calendar: Calendar,
    /// In the order of reading.
    pages: Vec<RecordBatch>,
    bytes: usize,
    /// What the writer is to have: until it takes them, rows are here, also when whoever hands them over is dropped.
    leaving: VecDeque<Job>,
    /// The times of creation of which all rows have come.
    passed: Vec<Span>,
    received: Received,
    meter: Meter,
}

/// Where the rows of a source wait.
pub struct RowBuffer {
    pub writer: Writer,
    state: Mutex<State>,
}

impl RowBuffer {
    /// An empty buffer before a writer.
    pub fn new(writer: Writer, calendar: Calendar, meter: Meter) -> Self {
        let state = State {
            calendar,
            pages: Vec::new(),
            bytes: 0,
            leaving: VecDeque::new(),
            passed: Vec::new(),
            received: Received::default(),
            meter,
        };
        Self { writer, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands over what is to leave, waiting while the writer is busy; a run that is stopped drops this wherever it waits.
    /// A writer that failed says why at the end; there is no use in reading on.
    async fn hand_over(&self) -> Result<(), ReadError> {
        loop {
            let Some(bytes) = self.state().leaving.front().map(|job| job.bytes) else { return Ok(()) };
            let room = self.writer.room(bytes).await.ok_or(ReadError::Stopped)?;
            let Some(job) = self.state().leaving.pop_front() else { return Ok(()) };
            room.take(job);
        }
    }

    /// Writes everything that waits; gives the account of what is in the lake, and why that is not all.
    pub async fn finish(self) -> (Wrote, Received, Result<(), ReadError>) {
        let released = self.state().release_all();
        let flushed = match released {
            Ok(()) => self.hand_over().await,
            Err(cause) => Err(cause),
        };
        let (wrote, written) = self.writer.finish().await;
        let received = self.state.into_inner().unwrap_or_else(PoisonError::into_inner).received;
        (wrote, received, written.map_err(ReadError::from).and(flushed))
    }

    /// All rows created within a span have come in: partitions of which that is now true everywhere are complete.
    pub async fn passed(&self, span: Span) -> Result<(), ReadError> {
        self.state().release_passed(span)?;
        self.hand_over().await
    }

    /// Waits until everything that came in is in the lake.
    pub async fn settle(&self) -> Result<(), ReadError> {
        self.state().release_all()?;
        self.hand_over().await?;
        if self.writer.settle().await { Ok(()) } else { Err(ReadError::Stopped) }
    }

    /// How many tickets came in.
    pub fn count(&self) -> u64 {
        self.state().received.ids.len()
    }

    /// The ids that came in.
    pub fn met(&self) -> RoaringTreemap {
        self.state().received.ids.clone()
    }
}

impl Sink<Rows, ReadError> for RowBuffer {
    async fn take(&self, rows: Rows, keep: &[bool]) -> Result<(), ReadError> {
        self.state().receive(rows, keep)?;
        self.hand_over().await
    }

    async fn done(&self, _: Span) -> Result<(), ReadError> {
        Ok(())
    }
}

/// Whether a partition may hold tickets created within a span.
pub fn meets(calendar: &Calendar, key: PartitionKey, span: Span) -> bool {
    calendar.span(key).is_none_or(|days| {
        let (first, last) = (days.start.div_euclid(1_000_000), (days.end - 1).div_euclid(1_000_000));
        span.to.is_none_or(|to| first < to) && span.from.is_none_or(|from| last >= from)
    })
}

/// Whether one of the spans holds all of a partition.
pub fn is_within(calendar: &Calendar, key: PartitionKey, spans: &[Span]) -> bool {
    calendar.span(key).is_some_and(|days| {
        let (start, end) = (days.start.div_euclid(1_000_000), days.end.div_euclid(1_000_000));
        let holds =
            |span: &Span| span.from.is_none_or(|from| from <= start) && span.to.is_none_or(|to| end <= to);
        spans.iter().any(holds)
    })
}

impl State {
    /// Takes a page in.
    fn receive(&mut self, rows: Rows, keep: &[bool]) -> Result<(), ReadError> {
        let Rows { decoded, bytes, parts } = rows;
        let mut kept = keep;
        for part in parts {
            let (mine, rest) = kept.split_at(part.keys.min(kept.len()));
            kept = rest;
            let rows = part.rows.decoded.as_ref().map_or(0, |decoded| decoded.ids.len());
            let behind = rows.saturating_sub(part.skip + mine.len());
            if rows > 0 {
                let keep: Vec<bool> = [vec![false; part.skip], mine.to_vec(), vec![false; behind]].concat();
                self.receive(part.rows, &keep)?;
            }
        }
        let Some(decoded) = decoded else {
            self.meter.page(0);
            return Ok(());
        };
        let row_bytes = bytes / decoded.ids.len().max(1);
        self.received.unreadable +=
            decoded.ids.iter().zip(keep).filter(|(id, keep)| id.is_none() && **keep).count() as u64;
        let readable = decoded.ids.iter().zip(keep).filter(|(id, _)| id.is_some());
        let kept: BooleanArray = readable.map(|(_, keep)| Some(*keep)).collect();
        let first = self.count(&decoded, &kept);
        self.meter.page(first);
        let batch = match kept.true_count() == decoded.batch.num_rows() {
            true => decoded.batch,
            false => filter_record_batch(&decoded.batch, &kept).map_err(ReadError::arrow)?,
        };
        self.bytes += row_bytes * batch.num_rows();
        if batch.num_rows() > 0 {
            self.pages.push(batch);
        }
        if self.bytes > FLUSH_BYTES { self.release_all() } else { Ok(()) }
    }

    /// Counts what came for the first time; gives the number of tickets.
    fn count(&mut self, decoded: &Decoded, kept: &BooleanArray) -> usize {
        let ids = decoded.batch.column(0).as_primitive::<Int64Type>();
        let mut first = vec![false; ids.len()];
        for row in (0..ids.len()).filter(|row| kept.value(*row)) {
            first[row] = self.received.ids.insert(ids.value(row).cast_unsigned());
        }
        for (_, key) in decoded.rescued.iter().filter(|(row, _)| first[*row]) {
            self.received.rescued.cells += 1;
            *self.received.rescued.by_key.entry(key.clone()).or_default() += 1;
        }
        first.iter().filter(|first| **first).count()
    }

    fn release_all(&mut self) -> Result<(), ReadError> {
        let pages = std::mem::take(&mut self.pages);
        self.bytes = 0;
        self.release(&pages)
    }

    /// Releases the rows of partitions that a window has passed.
    fn release_passed(&mut self, span: Span) -> Result<(), ReadError> {
        add_span(&mut self.passed, span);
        let rows: usize = self.pages.iter().map(RecordBatch::num_rows).sum();
        let (mut leaving, mut staying) = (Vec::new(), Vec::new());
        for page in std::mem::take(&mut self.pages) {
            let created = instants_of(&page, "created_at");
            let leaves = (0..page.num_rows()).map(|row| {
                let key = self.calendar.key(instant(created, row));
                Some(is_within(&self.calendar, key, &self.passed))
            });
            let leaves: BooleanArray = leaves.collect();
            match leaves.true_count() {
                0 => staying.push(page),
                all if all == page.num_rows() => leaving.push(page),
                _ => {
                    let stays = not(&leaves).map_err(ReadError::arrow)?;
                    staying.push(filter_record_batch(&page, &stays).map_err(ReadError::arrow)?);
                    leaving.push(filter_record_batch(&page, &leaves).map_err(ReadError::arrow)?);
                }
            }
        }
        self.pages = staying;
        let left: usize = self.pages.iter().map(RecordBatch::num_rows).sum();
        self.bytes = self.bytes / rows.max(1) * left;
        self.release(&leaving)
    }

    /// Sorts pages by partition and makes a job of each.
    fn release(&mut self, pages: &[RecordBatch]) -> Result<(), ReadError> {
        // A field that was new on a later page is a column that the earlier ones lack.
        for pages in pages.chunk_by(|one, next| one.schema() == next.schema()) {
            for (key, rows) in split(&mut self.calendar, pages).map_err(ReadError::arrow)? {
                let bytes = rows.get_array_memory_size().min(FLUSH_BYTES);
                match self.leaving.iter_mut().find(|job| job.key == key) {
                    Some(job) => {
                        job.bytes += bytes;
                        job.reads.push(rows);
                    }
                    None => self.leaving.push_back(Job { key, reads: vec![rows], bytes }),
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
