//! What an answer says of its window: that it ends here, that it goes on, or that the list cannot be read so.

use super::{
    Next, Reading, Stop, Walk,
    bounds::NEAR,
    joined::{Joined, join},
    onward::{Onward, onward},
};
use crate::{
    source::Slice,
    walk::{Answer, Key, Reader, Sink, Span, pages::SMALLEST_CAP, slots::Slot},
};

/// Pages that may fail to join the one before, until page numbers are no longer relied on.
const MOST_STRAYS: u32 = 2;
/// Unix seconds after which no ticket is from.
const FAR_FUTURE: i64 = 9_999_999_999;

/// What was asked for, and the rows that came with what the server says of their list.
struct Shown {
    slice: Slice,
    slot: Slot,
    keys: Vec<Key>,
    /// Rows of the list.
    total: Option<u64>,
    more: Option<bool>,
    /// The list that it goes on in, where it is one of its later pages.
    before: Option<Onward>,
}

impl<R: Reader<Error = E>, S: Sink<R::Rows, E>, E> Walk<'_, R, S> {
    /// Takes an answer and decides what it says of its window. A page that the server refused is not asked for again.
    pub(super) async fn land(
        &mut self,
        reading: &mut Reading,
        (slice, slot): (Slice, Slot),
        answer: Option<Answer<R::Rows>>,
    ) -> Result<Result<Next, Stop>, E> {
        let Some(answer) = answer else {
            self.strays = MOST_STRAYS;
            reading.onward = None;
            return Ok(self.stray(reading));
        };
        let before = reading.onward.take().filter(|_| slot.page > 1);
        let rest = reading.window.rest;
        let keep: Vec<bool> =
            answer.keys.iter().map(|key| self.time(key).is_none_or(|second| rest.holds(second))).collect();
        self.journal.note(&answer);
        self.note_newest(&answer.keys);
        let Answer { keys, total, more, rows, .. } = answer;
        self.sink.take(rows, &keep).await?;
        self.largest = self.largest.max(keys.len());
        self.step(reading, Shown { slice, slot, keys, total, more, before }).await
    }

    async fn step(&mut self, reading: &mut Reading, shown: Shown) -> Result<Result<Next, Stop>, E> {
        let Shown { slice, slot, ref keys, total, before, .. } = shown;
        let times: Vec<i64> = keys.iter().filter_map(|key| self.time(key)).collect();
        let (Some(&earliest), Some(&latest)) = (times.first(), times.last()) else {
            return Ok(self.timeless(reading, &shown));
        };
        if let Some(stop) = self.misfit(slice, &times).await? {
            return Ok(Err(stop));
        }
        self.is_near |= self.plan.range.from.is_some_and(|from| (from - 1..from + NEAR).contains(&earliest));
        if slice.from == Some(earliest) {
            self.inclusive = Some(true);
        }
        let fresh = match self.joins(reading, &shown) {
            Ok(fresh) => fresh,
            Err(decided) => return Ok(decided),
        };
        let rest = reading.window.rest;
        let full = keys.len() >= self.largest || keys.len() >= slot.per_page as usize;
        let stuck =
            reading.edge.is_some_and(|edge| latest <= edge) || rest.from.is_some_and(|from| latest < from);
        if rest.to.is_some_and(|to| latest >= to) || shown.is_last(full) || stuck && !fresh && !full {
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
                onward(before, (slice.from, slot), self.plan.per_page, keys, |key| self.time(key));
        }
        // A page from further back that ends before the last row is no crowd: reading goes on from there.
        let is_back = reading.edge.is_some_and(|edge| latest < edge);
        if stuck && full && !is_back && reading.onward.is_none() {
            // That bounds mean the times of rows shows only in answers that begin at one.
            return match before {
                Some(_) => Ok(self.stray(reading)),
                None => self.crowd(reading, latest).await,
            };
        }
        self.advance(reading, slice, shown.keys, total, (earliest, latest)).await?;
        Ok(Ok(Next::Read))
    }

    /// Why rows at these times cannot be what was asked for.
    async fn misfit(&self, slice: Slice, times: &[i64]) -> Result<Option<Stop>, E> {
        if !times.is_sorted() {
            return Ok(Some(Stop::Useless));
        }
        let Some((from, earliest)) =
            slice.from.zip(times.first()).filter(|(from, earliest)| *earliest < from)
        else {
            return Ok(None);
        };
        // A server that filters has nothing to show from the far future.
        let future = self.slice(Some(FAR_FUTURE), None);
        let ignored = !self.reader.read(&future, 1, 1).await?.keys.is_empty();
        Ok(Some(if ignored { Stop::Useless } else { Stop::Shifted(from - earliest) }))
    }

    /// Whether an answer shows rows that the one before it did not; an error is what it says of its window where the two do
    /// not join.
    fn joins(&mut self, reading: &mut Reading, shown: &Shown) -> Result<bool, Result<Next, Stop>> {
        let Shown { slice, slot, keys, before, .. } = shown;
        let mut known: Vec<i64> = reading.last.iter().filter_map(|key| key.id).collect();
        known.sort_unstable();
        if before.is_some_and(|before| !before.carries(*slot, &known, keys)) {
            return Err(self.stray(reading));
        }
        let Some(edge) = reading.edge else { return Ok(true) };
        match join(reading, edge, slice.from, keys, |key| self.time(key)) {
            Joined::Yes { exclusive } => {
                if exclusive {
                    self.inclusive = Some(false);
                }
                reading.back = 0;
                Ok(keys.iter().any(|key| key.id.is_some_and(|id| known.binary_search(&id).is_err())))
            }
            Joined::No if before.is_some() => Err(self.stray(reading)),
            Joined::No => {
                self.journal.shift();
                if reading.step_back(slice.from) {
                    return Err(Ok(Next::Read));
                }
                // Even the very request that gave those rows does not give them now: they are gone.
                reading.back = 0;
                Ok(true)
            }
            Joined::Shifted(seconds) => Err(Err(Stop::Shifted(seconds))),
        }
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
        if reading.edge != Some(latest) {
            reading.head = keys.clone();
            reading.long = false;
        }
        reading.edge = Some(latest);
        reading.asked_from = slice.from;
        reading.last = keys;
        Ok(())
    }

    /// An answer without a row that has a time.
    fn timeless(&mut self, reading: &mut Reading, shown: &Shown) -> Result<Next, Stop> {
        if shown.before.is_some() {
            self.stray(reading)
        } else if shown.keys.is_empty() {
            Ok(self.nothing(reading, shown))
        } else if shown.slice.from.is_none() && reading.edge.is_none() {
            reading.behind = true;
            Ok(Next::Read)
        } else {
            Err(Stop::Useless)
        }
    }

    /// An answer without rows.
    fn nothing(&mut self, reading: &mut Reading, shown: &Shown) -> Next {
        if shown.total.is_some_and(|total| total > 0) {
            if reading.doubted {
                self.journal.doubt("an answer without rows names a total above zero");
                return Next::Done;
            }
            reading.doubted = true;
            self.journal.shift();
            return Next::Read;
        }
        if reading.edge.is_none() {
            return Next::Done;
        }
        self.journal.shift();
        if reading.step_back(shown.slice.from) { Next::Read } else { Next::Done }
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

impl Shown {
    /// Whether the server says that nothing follows. `full`: the page holds as many rows as one can.
    fn is_last(&self, full: bool) -> bool {
        let rows = self.keys.len();
        // A total that lags behind its list may end at a full page.
        let may_hide = full && rows >= SMALLEST_CAP as usize;
        let all_here =
            self.total == Some(self.slot.start() + rows as u64) && self.more != Some(true) && !may_hide;
        all_here || self.more == Some(false) && self.total.is_none() && rows < self.slot.per_page as usize
    }
}
