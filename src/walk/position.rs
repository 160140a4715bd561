//! Lists that can be bounded by time are read by position: oldest first, and each request begins at the second of the last row seen,
//! or asks for the next page where such a second fills much of one.
//!
//! What is inserted, deleted or moved elsewhere then shifts nothing. That a request joins the one before it shows in a row that both hold;
//! where none is, the server leaves out the bound itself, or the row is gone, or the bounds mean other times than the rows: asking from earlier
//! tells which. Windows of time are read side by side; idle workers cut the widest.

use std::ops::Range;

use futures::{StreamExt, stream::FuturesUnordered};
use roaring::RoaringTreemap;

use super::{
    Answer, Journal, Key, Proof, Reader, Sink, Span, hidden,
    limit::Limited,
    pages::{self, Asked},
    slots::Slot,
    windows::{Cutting, Window, cut, left},
};
use crate::source::{Clock, Order, Slice};

mod bounds;
mod crowd;
mod joined;
mod onward;
mod reading;
mod step;

use reading::Reading;

/// Pages that an idle worker should find before a window is cut for it.
const WORTHWHILE_PAGES: f64 = 8.0;
/// The same once so many pages were read for each worker: a cut costs about a request, which is little then, and the last
/// window is what all others wait for. Without it sixteen workers took 1.15 times the ideal time, with it 1.11.
const WORTHWHILE_LATE: f64 = 3.0;
const LATE_PAGES: u64 = 25;

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
    /// The seconds of the partition that holds a second.
    pub partition: &'a dyn Fn(i64) -> Range<i64>,
    /// Partitions of so many rows, by creation, are read one after another.
    pub large: f64,
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
        let later = cut(
            &mut windows,
            &Cutting {
                worthwhile: worthwhile * rows,
                now: self.plan.now,
                partition: self.plan.partition,
                // What changed lies in partitions of any time.
                large: if self.plan.by == Clock::Created { self.plan.large } else { f64::INFINITY },
                workers: self.plan.workers.max(1),
                page_rows: rows,
            },
        );
        readings.iter_mut().zip(windows).for_each(|(reading, window)| reading.window = window);
        readings.extend(later.map(|later| Reading { window: later, ..Reading::new(later.rest) }));
        later.is_some()
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
