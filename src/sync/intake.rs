//! Rows on their way from pages to partitions: gathered by partition, written when enough wait.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Mutex, PoisonError},
};

use arrow::{
    array::{AsArray, BooleanArray, RecordBatch},
    compute::filter_record_batch,
    datatypes::Int64Type,
};
use roaring::RoaringTreemap;

use super::{
    loose::Loose,
    memory::add_span,
    pile::Pile,
    reading::{ReadError, Rows},
    writer::{Job, Writer, Wrote},
};
use crate::{
    lake::{Calendar, PartitionKey, split},
    progress::Meter,
    summary::Rescued,
    ticket::Decoded,
    walk::{Sink, Span},
};

/// Bytes of tickets, as sent, that may wait to be written: partitions are written seldom, memory stays small.
const WAITING_BYTES: usize = 24 << 20;

/// The same for one partition: it is a large one, whose rows cannot wait until it is whole.
const PARTITION_BYTES: usize = 8 << 20;

/// Of all for a list of changes, whose rows belong to partitions all over the lake: every early writing rewrites most of them.
const SCATTERED_BYTES: usize = 32 << 20;

/// What came in.
#[derive(Debug, Default)]
pub struct Received {
    pub ids: RoaringTreemap,
    /// Of these, those without a time of creation.
    pub undated: RoaringTreemap,
    /// Tickets left out because their id cannot be read.
    pub unreadable: u64,
    pub rescued: Rescued,
}

#[derive(Default)]
struct Waiting {
    pile: Pile,
    bytes: usize,
    /// The number of the last page that brought rows.
    touched: u64,
}

struct State {
    calendar: Calendar,
    waiting: HashMap<PartitionKey, Waiting>,
    /// Where rows wait that come in no order of their partitions.
    loose: Option<Loose>,
    /// What the writer is to have: until it takes them, rows are here, also when whoever hands them over is dropped.
    leaving: VecDeque<Job>,
    bytes: usize,
    pages: u64,
    /// Pages after which a partition that got no rows is taken to be complete.
    patience: u64,
    /// Bytes that may wait.
    most: usize,
    /// Partitions that were taken to be complete, and how many of them got rows after all.
    complete: HashSet<PartitionKey>,
    returned: usize,
    /// Partitions that were written before all their rows had come.
    growing: HashSet<PartitionKey>,
    /// The times of creation of which all rows have come.
    passed: Vec<Span>,
    received: Received,
    meter: Meter,
}

/// Where the rows of a source go.
pub struct Intake {
    pub writer: Writer,
    state: Mutex<State>,
}

impl Intake {
    /// An empty intake before a writer; `workers` pages may come from as many places of the list in turn.
    pub fn new(writer: Writer, calendar: Calendar, meter: Meter, workers: usize) -> Self {
        let state = State {
            calendar,
            waiting: HashMap::new(),
            loose: None,
            leaving: VecDeque::new(),
            bytes: 0,
            pages: 0,
            patience: 2 * workers as u64 + 2,
            most: WAITING_BYTES,
            complete: HashSet::new(),
            returned: 0,
            growing: HashSet::new(),
            passed: Vec::new(),
            received: Received::default(),
            meter,
        };
        Self { writer, state: Mutex::new(state) }
    }

    /// The same for rows in no order of their partitions: none of these is taken to be complete before the end.
    pub fn scattered(self) -> Self {
        self.with(|state| (state.loose, state.most) = (Some(Loose::default()), SCATTERED_BYTES));
        self
    }

    /// Hands over everything that waits; `growing`: more is to come.
    async fn flush(&self, growing: bool) -> Result<(), ReadError> {
        self.with(|state| state.release_all(growing))?;
        self.hand_over().await
    }

    /// Hands over what is to leave, waiting while the writer is busy; a run that is stopped drops this wherever it waits.
    /// A writer that failed is told at the end; there is no use in reading on.
    async fn hand_over(&self) -> Result<(), ReadError> {
        while let Some(bytes) = self.with(|state| state.leaving.front().map(|job| job.bytes)) {
            let room = self.writer.room(bytes).await.ok_or(ReadError::Stopped)?;
            let Some(job) = self.with(|state| state.leaving.pop_front()) else { break };
            room.take(job);
        }
        Ok(())
    }

    /// Writes everything that waits; gives the account of what is in the lake, and why that is not all.
    pub async fn finish(self) -> (Wrote, Received, Result<(), ReadError>) {
        let flushed = self.flush(false).await;
        let (wrote, written) = self.writer.finish().await;
        let received = self.state.into_inner().unwrap_or_else(PoisonError::into_inner).received;
        (wrote, received, written.map_err(ReadError::from).and(flushed))
    }

    /// All rows created within a span have come in: partitions of which that is now true everywhere are complete.
    pub async fn passed(&self, span: Span) -> Result<(), ReadError> {
        self.with(|state| {
            add_span(&mut state.passed, span);
            let passed = state.passed.clone();
            state.release_where(false, |calendar, key| is_within(calendar, key, &passed));
        });
        self.hand_over().await
    }

    /// Waits until everything that came in is in the lake.
    pub async fn settle(&self) -> Result<(), ReadError> {
        self.flush(true).await?;
        if self.writer.settle().await { Ok(()) } else { Err(ReadError::Stopped) }
    }

    /// Waits until the partitions that were handed over are in the lake; gives the times of creation of those that still wait.
    pub async fn settle_complete(&self) -> Result<Vec<Span>, ReadError> {
        let waiting = self.with(|state| state.waiting_spans());
        if self.writer.settle().await { Ok(waiting) } else { Err(ReadError::Stopped) }
    }

    /// How many tickets came in.
    pub fn count(&self) -> u64 {
        self.with(|state| state.received.ids.len())
    }

    /// The ids that came in.
    pub fn met(&self) -> RoaringTreemap {
        self.with(|state| state.received.ids.clone())
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Sink<Rows, ReadError> for Intake {
    async fn take(&self, rows: Rows, keep: &[bool]) -> Result<(), ReadError> {
        self.with(|state| state.receive(rows, keep))?;
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
fn is_within(calendar: &Calendar, key: PartitionKey, spans: &[Span]) -> bool {
    calendar.span(key).is_some_and(|days| {
        let (start, end) = (days.start.div_euclid(1_000_000), days.end.div_euclid(1_000_000));
        let holds =
            |span: &Span| span.from.is_none_or(|from| from <= start) && span.to.is_none_or(|to| end <= to);
        spans.iter().any(holds)
    })
}

impl State {
    /// Takes a page in, and releases what must be written now to keep memory small.
    fn receive(&mut self, rows: Rows, keep: &[bool]) -> Result<(), ReadError> {
        let Rows { decoded, same, rescued_before, bytes } = rows;
        let share = bytes / same.len().max(1);
        self.pages += 1;
        let known = same.iter().zip(keep).filter(|(_, keep)| **keep).filter_map(|(key, _)| key.as_ref()?.id);
        let first: HashSet<i64> = known.filter(|id| self.received.ids.insert(id.cast_unsigned())).collect();
        for (_, key) in rescued_before.into_iter().filter(|(id, _)| first.contains(id)) {
            self.rescued(key);
        }
        let first = first.len();
        let Some(decoded) = decoded else {
            self.meter.page(first);
            return self.relieve();
        };
        let keep: Vec<bool> =
            same.iter().zip(keep).filter(|(key, _)| key.is_none()).map(|(_, keep)| *keep).collect();
        self.received.unreadable +=
            decoded.ids.iter().zip(&keep).filter(|(id, keep)| id.is_none() && **keep).count() as u64;
        let kept: BooleanArray = decoded
            .ids
            .iter()
            .zip(&keep)
            .filter(|(id, _)| id.is_some())
            .map(|(_, keep)| Some(*keep))
            .collect();
        let first = first + self.count(&decoded, &kept);
        self.meter.page(first);
        let all = kept.true_count() == decoded.batch.num_rows();
        let batch = if all {
            decoded.batch
        } else {
            filter_record_batch(&decoded.batch, &kept).map_err(ReadError::arrow)?
        };
        let Some(loose) = &mut self.loose else {
            self.bytes += share * batch.num_rows();
            self.sort(&[batch], share)?;
            return self.relieve();
        };
        self.bytes += share * loose.add(batch).map_err(ReadError::arrow)?;
        if self.bytes > self.most { self.release_all(true) } else { Ok(()) }
    }

    /// Brings pages, of one schema and `share` bytes a row, to their partitions.
    fn sort(&mut self, pages: &[RecordBatch], share: usize) -> Result<(), ReadError> {
        for (key, part) in split(&mut self.calendar, pages).map_err(ReadError::arrow)? {
            self.returned += usize::from(self.complete.remove(&key));
            if matches!(key, PartitionKey::Default(_)) {
                let ids = part.column(0).as_primitive::<Int64Type>().values();
                self.received.undated.extend(ids.iter().map(|id| id.cast_unsigned()));
            }
            let waiting = self.waiting.entry(key).or_default();
            waiting.touched = self.pages;
            waiting.bytes += share * part.num_rows();
            waiting.pile.push(part).map_err(ReadError::arrow)?;
        }
        Ok(())
    }

    /// Brings the pages that lie loose to their partitions.
    fn sort_loose(&mut self) -> Result<(), ReadError> {
        let Some(pages) = self.loose.as_mut().map(Loose::take) else { return Ok(()) };
        let rows: usize = pages.iter().map(RecordBatch::num_rows).sum();
        let share = self.bytes / rows.max(1);
        // A field that was new on a later page is a column that the earlier ones lack.
        pages
            .chunk_by(|one, next| one.schema() == next.schema())
            .try_for_each(|pages| self.sort(pages, share))
    }

    /// Counts what is decoded for the first time; gives the number of tickets.
    fn count(&mut self, decoded: &Decoded, kept: &BooleanArray) -> usize {
        let ids = decoded.batch.column(0).as_primitive::<Int64Type>();
        let mut first = vec![false; ids.len()];
        for row in (0..ids.len()).filter(|row| kept.value(*row)) {
            first[row] = self.received.ids.insert(ids.value(row).cast_unsigned());
        }
        for (_, key) in decoded.rescued.iter().filter(|(row, _)| first[*row]) {
            self.rescued(key.clone());
        }
        first.iter().filter(|first| **first).count()
    }

    fn rescued(&mut self, key: String) {
        self.received.rescued.cells += 1;
        *self.received.rescued.by_key.entry(key).or_default() += 1;
    }

    /// The times of creation of which rows wait, in seconds; rows without one are of no time.
    fn waiting_spans(&self) -> Vec<Span> {
        let keys = self.waiting.keys().chain(self.leaving.iter().map(|job| &job.key));
        let days = keys.filter_map(|key| self.calendar.span(*key));
        let second = |micros: i64| Some(micros.div_euclid(1_000_000));
        days.map(|days| Span { from: second(days.start), to: second(days.end + 999_999) }).collect()
    }

    /// Releases partitions that seem complete, and, while too much waits, the fullest: whatever a file holds is written
    /// again with what comes to it.
    ///
    /// Lists mostly come by time, so that a partition is complete soon after its last page; where they do not, writing
    /// early would write everything many times, so it ends when partitions come back.
    fn relieve(&mut self) -> Result<(), ReadError> {
        let in_order = self.returned * 8 <= self.complete.len() + 8;
        let is_complete = |waiting: &Waiting| in_order && waiting.touched + self.patience < self.pages;
        let complete: Vec<_> =
            self.waiting.iter().filter(|(_, waiting)| is_complete(waiting)).map(|(key, _)| *key).collect();
        for key in complete {
            self.complete.insert(key);
            self.release(key, false);
        }
        let enough = if self.bytes > self.most { self.most / 4 * 3 } else { self.most };
        while let Some((key, bytes)) = self.fullest()
            && (self.bytes > enough || bytes > PARTITION_BYTES)
        {
            self.release_dense(key)?;
        }
        Ok(())
    }

    /// The partition for which most waits, and how many bytes.
    fn fullest(&self) -> Option<(PartitionKey, usize)> {
        let (key, waiting) = self.waiting.iter().max_by_key(|(key, waiting)| (waiting.bytes, **key))?;
        Some((*key, waiting.bytes))
    }

    fn release_all(&mut self, growing: bool) -> Result<(), ReadError> {
        self.sort_loose()?;
        self.release_where(growing, |_, _| true);
        Ok(())
    }

    fn release_where(&mut self, growing: bool, wanted: impl Fn(&Calendar, PartitionKey) -> bool) {
        // What was written as it grew is put in order even if nothing waits for it.
        let written = self.growing.iter().filter(|key| !growing && !self.waiting.contains_key(key));
        let keys = self.waiting.keys().chain(written).copied().filter(|key| wanted(&self.calendar, *key));
        keys.collect::<Vec<_>>().into_iter().for_each(|key| self.release(key, growing));
    }

    /// Releases rows of a partition that grows; those around which others are still to come go on waiting.
    fn release_dense(&mut self, key: PartitionKey) -> Result<(), ReadError> {
        let Some(mut waiting) = self.waiting.remove(&key) else { return Ok(()) };
        let share = waiting.bytes / waiting.pile.rows().max(1);
        let reads = waiting.pile.take_dense().map_err(ReadError::arrow)?;
        let left = share * waiting.pile.rows();
        let bytes = waiting.bytes.saturating_sub(left);
        self.bytes = self.bytes.saturating_sub(bytes);
        if left > 0 {
            waiting.bytes = left;
            self.waiting.insert(key, waiting);
        }
        self.growing.insert(key);
        self.leaving.push_back(Job { key, reads, bytes, growing: true });
        Ok(())
    }

    fn release(&mut self, key: PartitionKey, growing: bool) {
        let waiting = self.waiting.remove(&key).unwrap_or_default();
        self.bytes = self.bytes.saturating_sub(waiting.bytes);
        let grew = self.growing.remove(&key);
        if growing {
            self.growing.insert(key);
        }
        let reads = waiting.pile.into_batches();
        if !reads.is_empty() || (grew && !growing) {
            self.leaving.push_back(Job { key, reads, bytes: waiting.bytes, growing });
        }
    }
}

#[cfg(test)]
mod tests;
