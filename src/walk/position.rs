//! Lists that can be bounded by time are read by position: oldest first, and each request begins at the second of the last row seen,
//! or asks for the next page where such a second fills much of one.
//!
//! What is inserted, deleted or moved elsewhere then shifts nothing. That a request joins the one before it shows in a row that both hold;
//! where none is, the server leaves out the bound itself, or the row is gone, or the bounds mean other times than the rows: asking from earlier
//! tells which. Windows of time are read side by side; idle workers cut the widest.

use std::collections::HashSet;

use futures::{StreamExt, stream::FuturesUnordered};
use roaring::RoaringTreemap;

use super::{
    Answer, Journal, Key, Proof, Reader, Sink, Span, hidden,
    limit::Limited,
    pages::{self, Asked, SMALLEST_CAP},
    slots::Slot,
    windows::{Window, cut, left},
};
use crate::source::{Clock, Order, Slice};

mod bounds;
mod crowd;
mod joined;
mod onward;
mod reading;

use bounds::NEAR;
use joined::{Joined, join};
use onward::onward;
use reading::Reading;

/// Pages that an idle worker should find before a window is cut for it.
const WORTHWHILE_PAGES: f64 = 8.0;
/// The same once so many pages were read for each worker: a cut costs about a request, which is little then, and the last
/// window is what all others wait for. Without it sixteen workers took 1.15 times the ideal time, with it 1.11.
const WORTHWHILE_LATE: f64 = 3.0;
const LATE_PAGES: u64 = 25;
/// Pages that may fail to join the one before, until page numbers are no longer relied on.
const MOST_STRAYS: u32 = 2;
/// Unix seconds after which no ticket is from.
const FAR_FUTURE: i64 = 9_999_999_999;

/// What to read by time.
pub struct ByTime<'a> {
    pub by: Clock,
    /// With [`Clock::Updated`] leave the end open: a row that changes meanwhile moves there.
    pub range: Span,
    /// Spans read by an earlier walk; an open end must have been closed at that walk's start.
    pub done: &'a [Span],
    /// The newest time in the list, where that was asked for before.
    pub newest: Option<i64>,
    pub per_page: u32,
    pub workers: usize,
    /// Unix seconds; stands for an open end when windows are cut.
    pub now: i64,
    /// The start of the partition that holds a second.
    pub boundary: &'a dyn Fn(i64) -> i64,
}

/// Reads all rows whose time lies in `plan.range`, in windows of time.
pub async fn by_time<R, E, S>(reader: &R, sink: &S, plan: &ByTime<'_>) -> Result<Proof, E>
where
    R: Reader<Error = E>,
    S: Sink<R::Rows, E>,
{
    let limited = Limited::new(reader);
    limited.hold(windows_and_rest(&limited, sink, plan)).await
}

async fn windows_and_rest<R, E, S>(reader: &R, sink: &S, plan: &ByTime<'_>) -> Result<Proof, E>
where
    R: Reader<Error = E>,
    S: Sink<R::Rows, E>,
{
    let mut walk = Walk {
        reader,
        sink,
        plan,
        journal: Journal::default(),
        inclusive: None,
        largest: 1,
        silent: false,
        newest: plan.newest,
        is_near: false,
        crowd: RoaringTreemap::new(),
        strays: 0,
        behind: RoaringTreemap::new(),
    };
    let is_all = plan.by == Clock::Created && plan.range == Span::default();
    let read = walk.windows();
    // A server that refuses to count keeps nothing from being read.
    let count = async {
        match is_all {
            true => Ok(Some(hidden::count(reader).await)),
            false => Ok(None),
        }
    };
    let (outcome, hidden) = futures::try_join!(read, count)?;
    let mut journal = walk.journal;
    match outcome {
        Some(Stop::Useless) => {
            let slice = Slice::default();
            let asked = Asked {
                reader,
                sink,
                slice,
                workers: plan.workers.max(1),
                wanted: (plan.by, plan.range),
                tells: false,
            };
            let mut whole = Journal::default();
            pages::walk(&asked, &mut whole, plan.per_page).await?;
            journal.absorb(whole);
        }
        Some(Stop::Shifted(seconds)) => journal.doubt(format!(
            "the source's time bounds and its rows disagree by about {} h; check `timezone` of this source",
            (seconds as f64 / 3_600.0).round()
        )),
        None => {
            if let Some(hidden) = hidden {
                hidden::find(reader, sink, &mut journal, hidden?, (plan.per_page, plan.workers)).await?;
            }
        }
    }
    Ok(journal.proof())
}

/// Why reading by position cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The server does not filter or sort as asked.
    Useless,
    /// Bounds and rows are apart by so many seconds.
    Shifted(i64),
}

struct Walk<'a, R, S> {
    reader: &'a R,
    sink: &'a S,
    plan: &'a ByTime<'a>,
    journal: Journal,
    /// Whether rows at the bound itself are in the answer, once that was seen.
    inclusive: Option<bool>,
    /// Rows of the largest answer: the server may give less than asked.
    largest: usize,
    /// Spans are not told: they were told before.
    silent: bool,
    /// The time of the newest row before any other was read.
    newest: Option<i64>,
    /// A row stood so near to the range's start that bounds mean the times of rows.
    is_near: bool,
    /// The rows of the newest second.
    crowd: RoaringTreemap,
    /// Pages of a list that did not join the one before.
    strays: u32,
    /// Rows that were read behind the windows.
    behind: RoaringTreemap,
}

enum Next {
    Read,
    Done,
}

impl<R: Reader<Error = E>, S: Sink<R::Rows, E>, E> Walk<'_, R, S> {
    fn slice(&self, from: Option<i64>, to: Option<i64>) -> Slice {
        Slice { by: Some(self.plan.by), from, to, order: Order::Asc, filter: None }
    }

    fn time(&self, key: &Key) -> Option<i64> {
        match self.plan.by {
            Clock::Created => key.created,
            Clock::Updated => key.updated,
        }
    }

    async fn windows(&mut self) -> Result<Option<Stop>, E> {
        // What is read by creation is remembered as read, so that bounds are looked at first.
        if self.plan.by == Clock::Created
            && let Some(stop) = self.calibrate().await?
        {
            return Ok(Some(stop));
        }
        let mut readings: Vec<Reading> =
            left(self.plan.range, self.plan.done).into_iter().map(Reading::new).collect();
        if self.plan.by == Clock::Updated && self.newest.is_none() {
            self.journal.tally.pages += 1;
            self.newest = self.ask_newest().await?;
        }
        let mut side_by_side = readings.len() > 1;
        let mut flights = FuturesUnordered::new();
        loop {
            loop {
                let idle = self.plan.workers.max(1).saturating_sub(flights.len());
                for reading in readings.iter_mut().filter(|reading| !reading.window.busy).take(idle) {
                    reading.window.busy = true;
                    let Span { from, to } = reading.window.rest;
                    let (bound, slot) = reading.next(self.inclusive, self.plan.per_page);
                    flights.push(ask(self.reader, self.slice(bound, to), slot, from));
                }
                if flights.len() >= self.plan.workers
                    || self.reader.is_saturated()
                    || !self.cut(&mut readings)
                {
                    break;
                }
                side_by_side = true;
            }
            let Some(landed) = flights.next().await else { break };
            let (slice, slot, key, answer) = landed?;
            let Some(at) =
                readings.iter().position(|reading| reading.window.busy && reading.window.rest.from == key)
            else {
                continue;
            };
            let mut reading = readings.swap_remove(at);
            reading.window.busy = false;
            match self.land(&mut reading, (slice, slot), answer).await? {
                Err(stop) => return Ok(Some(stop)),
                Ok(Next::Read) => readings.push(reading),
                Ok(Next::Done) => {
                    self.sink.done(reading.window.rest).await?;
                }
            }
        }
        if self.plan.by == Clock::Created {
            return Ok(None);
        }
        if !self.is_near
            && let Some(stop) = self.calibrate().await?
        {
            return Ok(Some(stop));
        }
        // One window meets at its end what changed while it was read. Of several, a row may have moved into one that was read before.
        match self.newest {
            Some(newest) if side_by_side => self.behind(newest).await,
            _ => Ok(None),
        }
    }

    /// Cuts the widest window in two, if that pays.
    fn cut(&self, readings: &mut Vec<Reading>) -> bool {
        let mut windows: Vec<Window> = readings.iter().map(|reading| reading.window).collect();
        let rows = f64::from(self.plan.per_page).min(self.largest.max(20) as f64);
        let is_late = self.journal.tally.pages >= LATE_PAGES * self.plan.workers as u64;
        let worthwhile = if is_late { WORTHWHILE_LATE } else { WORTHWHILE_PAGES };
        let later = cut(&mut windows, worthwhile * rows, self.plan.now, self.plan.boundary);
        readings.iter_mut().zip(windows).for_each(|(reading, window)| reading.window = window);
        readings.extend(later.map(|later| Reading { window: later, ..Reading::new(later.rest) }));
        later.is_some()
    }

    /// The same as [`Walk::step`], for a page that the server may have refused: it is not asked for pages again.
    async fn land(
        &mut self,
        reading: &mut Reading,
        asked: (Slice, Slot),
        answer: Option<Answer<R::Rows>>,
    ) -> Result<Result<Next, Stop>, E> {
        let Some(answer) = answer else {
            self.strays = MOST_STRAYS;
            reading.onward = None;
            return Ok(self.stray(reading));
        };
        self.step(reading, asked, answer).await
    }

    /// Takes an answer and decides what it says of its window.
    async fn step(
        &mut self,
        reading: &mut Reading,
        (slice, slot): (Slice, Slot),
        answer: Answer<R::Rows>,
    ) -> Result<Result<Next, Stop>, E> {
        let before = reading.onward.take().filter(|_| slot.page > 1);
        let Answer { keys, total, more, .. } = &answer;
        let (keys, total, more) = (keys.clone(), *total, *more);
        let rest = reading.window.rest;
        let keep: Vec<bool> =
            keys.iter().map(|key| self.time(key).is_none_or(|second| rest.holds(second))).collect();
        self.journal.note(&answer);
        self.note_newest(&keys);
        self.sink.take(answer.rows, &keep).await?;
        self.largest = self.largest.max(keys.len());

        let times: Vec<i64> = keys.iter().filter_map(|key| self.time(key)).collect();
        let (Some(&earliest), Some(&latest)) = (times.first(), times.last()) else {
            return Ok(if before.is_some() {
                self.stray(reading)
            } else if keys.is_empty() {
                self.nothing(reading, slice, total).await
            } else if slice.from.is_none() && reading.edge.is_none() {
                reading.behind = true;
                Ok(Next::Read)
            } else {
                Err(Stop::Useless)
            });
        };
        if !times.is_sorted() {
            return Ok(Err(Stop::Useless));
        }
        if let Some(from) = slice.from
            && earliest < from
        {
            // A server that filters has nothing to show from the far future.
            let future = self.slice(Some(FAR_FUTURE), None);
            let ignored = !self.reader.read(&future, 1, 1).await?.keys.is_empty();
            return Ok(Err(if ignored { Stop::Useless } else { Stop::Shifted(from - earliest) }));
        }
        self.is_near |= self.plan.range.from.is_some_and(|from| (from - 1..from + NEAR).contains(&earliest));
        if slice.from == Some(earliest) {
            self.inclusive = Some(true);
        }
        let known: HashSet<i64> = reading.last.iter().filter_map(|key| key.id).collect();
        if before.is_some_and(|before| !before.carries(slot, &known, &keys)) {
            return Ok(self.stray(reading));
        }
        let fresh = match reading.edge {
            None => true,
            Some(edge) => match join(reading, edge, slice.from, &keys, |key| self.time(key)) {
                Joined::Yes { exclusive } => {
                    if exclusive {
                        self.inclusive = Some(false);
                    }
                    reading.back = 0;
                    keys.iter().any(|key| key.id.is_some_and(|id| !known.contains(&id)))
                }
                Joined::No if before.is_some() => return Ok(self.stray(reading)),
                Joined::No => {
                    self.journal.shift();
                    if reading.step_back(slice.from) {
                        return Ok(Ok(Next::Read));
                    }
                    // Even the very request that gave those rows does not give them now: they are gone.
                    reading.back = 0;
                    true
                }
                Joined::Shifted(seconds) => return Ok(Err(Stop::Shifted(seconds))),
            },
        };
        let full = keys.len() >= self.largest || keys.len() >= slot.per_page as usize;
        // A total that lags behind its list may end at a full page.
        let may_hide = full && keys.len() >= SMALLEST_CAP as usize;
        let all_here = total == Some(slot.start() + keys.len() as u64) && more != Some(true) && !may_hide;
        let said = more == Some(false) && total.is_none() && keys.len() < slot.per_page as usize;
        if rest.to.is_some_and(|to| latest >= to) || all_here || said {
            return Ok(Ok(Next::Done));
        }
        let stuck =
            reading.edge.is_some_and(|edge| latest <= edge) || rest.from.is_some_and(|from| latest < from);
        if stuck && !fresh && !full {
            return Ok(Ok(Next::Done));
        }
        // Where rows come as fast as we read, the open end is never quiet: two short pages that join have seen all that was there before.
        reading.short = if full || reading.edge.is_none() { 0 } else { reading.short + 1 };
        if rest.to.is_none() && reading.short == 2 {
            return Ok(Ok(Next::Done));
        }
        if stuck && latest < rest.from.unwrap_or(i64::MIN) && reading.edge.is_none() {
            // A crowd just before the window: the bound is inclusive, so the window itself can be asked for.
            return Ok(if self.inclusive == Some(true) { Ok(Next::Read) } else { Err(Stop::Useless) });
        }
        reading.crowded = if earliest == latest { reading.crowded + 1 } else { 0 };
        let total = total.map(|total| total.saturating_sub(slot.start()));
        reading.long |= self.is_long(reading, latest, total).await?;
        if self.strays < MOST_STRAYS && fresh && !reading.long {
            reading.onward =
                onward(before, (slice.from, slot), self.plan.per_page, &keys, |key| self.time(key));
        }
        if stuck && full && reading.onward.is_none() {
            // That bounds mean the times of rows shows only in answers that begin at one.
            return match before {
                Some(_) => Ok(self.stray(reading)),
                None => self.crowd(reading, latest).await,
            };
        }
        self.advance(reading, slice, keys, total, (earliest, latest)).await?;
        Ok(Ok(Next::Read))
    }

    /// Moves the window's start to the last row read.
    async fn advance(
        &mut self,
        reading: &mut Reading,
        slice: Slice,
        keys: Vec<Key>,
        total: Option<u64>,
        (earliest, latest): (i64, i64),
    ) -> Result<(), E> {
        let rest = &mut reading.window.rest;
        let unchanged = slice.to == rest.to;
        let end = rest.to.unwrap_or(self.plan.now);
        let by_density = keys.len() as f64 / (latest - earliest + 1) as f64 * (end - latest).max(0) as f64;
        let by_total =
            total.filter(|_| unchanged).map(|total| total.saturating_sub(keys.len() as u64) as f64);
        // Of a second that fills pages nobody knows what stands behind it: a half that is cut off is mostly empty.
        reading.window.expected = (reading.crowded == 0).then(|| by_total.unwrap_or(by_density));
        let read = Span { from: rest.from, to: Some(latest) };
        if rest.from.is_none_or(|from| from < latest) {
            rest.from = Some(latest);
            if !self.silent {
                self.sink.done(read).await?;
            }
        }
        if reading.edge.is_none_or(|edge| edge < latest) {
            reading.head = keys.clone();
            reading.long = false;
        }
        reading.edge = Some(latest);
        reading.asked_from = slice.from;
        reading.last = keys;
        Ok(())
    }

    /// An answer without rows.
    async fn nothing(
        &mut self,
        reading: &mut Reading,
        slice: Slice,
        total: Option<u64>,
    ) -> Result<Next, Stop> {
        if total.is_some_and(|total| total > 0) {
            if reading.doubted {
                self.journal.doubt("an answer without rows names a total above zero");
                return Ok(Next::Done);
            }
            reading.doubted = true;
            self.journal.shift();
            return Ok(Next::Read);
        }
        if reading.edge.is_none() {
            return Ok(Next::Done);
        }
        self.journal.shift();
        if reading.step_back(slice.from) {
            return Ok(Next::Read);
        }
        Ok(Next::Done)
    }

    /// A list is not read on: it is asked for from the last second again.
    fn stray(&mut self, reading: &mut Reading) -> Result<Next, Stop> {
        if !reading.long {
            self.journal.shift();
            self.strays += 1;
        }
        reading.last = reading.head.clone();
        Ok(Next::Read)
    }
}

type Landed<T> = (Slice, Slot, Option<i64>, Option<Answer<T>>);

/// Asks for a page; there is no answer where the server refuses one behind the first.
async fn ask<R: Reader<Error = E>, E>(
    reader: &R,
    slice: Slice,
    slot: Slot,
    key: Option<i64>,
) -> Result<Landed<R::Rows>, E> {
    match reader.read(&slice, slot.page, slot.per_page).await {
        Ok(answer) => Ok((slice, slot, key, Some(answer))),
        Err(why) if slot.page > 1 && reader.refusal(&why).is_some() => Ok((slice, slot, key, None)),
        Err(why) => Err(why),
    }
}

#[cfg(test)]
mod tests;
