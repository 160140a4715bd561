//! Lists that have only page numbers: a deletion pulls every later page left, and rows slip between two pages unseen.
//!
//! So the page size is chosen anew for each request, and neighbouring pages overlap by a row or more: see [`cover`](super::cover). Several
//! workers start at several places of the list. Where pages do not join, the list has shifted, and the place between is read again.

use futures::{StreamExt, stream::FuturesUnordered};

use super::{
    Answer, Journal, Key, Proof, Reader, Sink, Span, count,
    cover::{Cover, Disorder},
    limit::Limited,
    order::Sorting,
    slots::{Slot, reaching},
};
use crate::source::{Clock, Slice};

/// Page sizes below this leave too little choice for pages that overlap.
const SMALLEST_CAP: u32 = 10;
/// Page sizes up to this are asked for even when fewer rows were wanted.
const SMALLEST_SIZE: u32 = 20;
/// Pages that a further worker should find before it starts.
const WORTHWHILE_PAGES: u64 = 8;
/// Answers in a row that may fail to carry a stretch on.
const MOST_MISSES: u32 = 20;
/// Times that the front of a list is read again for rows that moved there.
const MOST_FRONT_PASSES: u32 = 30;

/// Reads the whole list of `slice` by page numbers with up to `workers` requests at once. Rows outside `wanted`, by the time that `by` names, are
/// handed over unkept.
pub async fn pages<R, E, S>(
    reader: &R,
    sink: &S,
    slice: &Slice,
    size: u32,
    workers: usize,
    wanted: (Clock, Span),
) -> Result<Proof, E>
where
    R: Reader<Error = E>,
    S: Sink<R::Rows, E>,
{
    let limited = Limited::new(reader);
    let whole = async {
        let mut journal = Journal::default();
        let asked = Asked { reader: &limited, sink, slice: *slice, workers: workers.max(1), wanted };
        walk(&asked, &mut journal, size).await?;
        Ok(journal.proof())
    };
    limited.hold(whole).await
}

/// What stays the same through a walk.
pub struct Asked<'a, R, S> {
    pub reader: &'a R,
    pub sink: &'a S,
    pub slice: Slice,
    pub workers: usize,
    pub wanted: (Clock, Span),
}

impl<R: Reader<Error = E>, S: Sink<R::Rows, E>, E> Asked<'_, R, S> {
    /// Counts an answer and hands its rows over.
    pub async fn take(&self, journal: &mut Journal, answer: Answer<R::Rows>) -> Result<(), E> {
        journal.note(&answer);
        let (clock, span) = self.wanted;
        let time = |key: &Key| match clock {
            Clock::Created => key.created,
            Clock::Updated => key.updated,
        };
        let keep: Vec<bool> =
            answer.keys.iter().map(|key| time(key).is_none_or(|second| span.holds(second))).collect();
        self.sink.take(answer.rows, &keep).await
    }
}

/// Why the list cannot be walked in the order that was assumed.
enum Stop {
    /// Another order may fit.
    Disorder,
    /// Page sizes are not ours to choose, or nothing helps: count.
    Fixed,
}

/// As [`pages`], into a journal that goes on.
pub async fn walk<R, E, S>(asked: &Asked<'_, R, S>, journal: &mut Journal, size: u32) -> Result<(), E>
where
    R: Reader<Error = E>,
    S: Sink<R::Rows, E>,
{
    let before = (journal.ids.len(), journal.nameless);
    let mut run = Run {
        asked,
        journal,
        sortings: Sorting::ALL.to_vec(),
        size: size.clamp(SMALLEST_SIZE, 100),
        drift: 0.0,
        totals: Totals::default(),
    };
    while let Some(&sorting) = run.sortings.first() {
        let stop = match run.cover(sorting, i64::MAX).await? {
            Ok(front) => run.front(sorting, front).await?,
            Err(stop) => Some(stop),
        };
        match stop {
            None => {
                let found = run.journal.ids.len() - before.0 + run.journal.nameless - before.1;
                let fresh = before == (0, 0);
                if let Some(why) = run.totals.contradict(found).filter(|_| fresh) {
                    run.journal.doubt(why);
                }
                return Ok(());
            }
            Some(Stop::Disorder) => run.sortings.retain(|other| *other != sorting),
            Some(Stop::Fixed) => break,
        }
    }
    count::count(asked, journal, size).await
}

/// What the server said of the list's length, answer by answer.
#[derive(Debug, Default)]
struct Totals {
    seen: Option<(u64, u64)>,
    answers: u64,
}

impl Totals {
    fn note(&mut self, total: Option<u64>) {
        self.answers += 1;
        if let Some(total) = total {
            let (least, most) = self.seen.unwrap_or((total, total));
            self.seen = Some((least.min(total), most.max(total)));
        }
    }

    /// A reason for doubt, where `found` rows cannot be all.
    fn contradict(&self, found: u64) -> Option<String> {
        let (least, most) = self.seen?;
        // A list that changed may hold rows that came after their place was read: one for each answer.
        let lost = if least == most { found != least } else { found + self.answers < least };
        lost.then(|| format!("the server says that the list has {least} rows, {found} were found"))
    }
}

struct Run<'a, 'b, R, S> {
    asked: &'a Asked<'b, R, S>,
    journal: &'a mut Journal,
    /// The orders that every answer so far allows.
    sortings: Vec<Sorting>,
    size: u32,
    /// Rows by which the list was lately seen to shift between two answers.
    drift: f64,
    totals: Totals,
}

/// One request and what it is for.
#[derive(Debug, Clone, Copy)]
struct Errand {
    slot: Slot,
    /// The end of the stretch that it carries on, and the offset where that stretch's next row was expected.
    onward: Option<(i64, u64)>,
}

impl<R: Reader<Error = E>, S: Sink<R::Rows, E>, E> Run<'_, '_, R, S> {
    /// Reads until every place up to `until` is covered. Gives the keys of the first page.
    async fn cover(&mut self, sorting: Sorting, until: i64) -> Result<Result<Vec<Key>, Stop>, E> {
        let (asked, mut cover, mut front) = (self.asked, Cover::default(), None);
        let mut flights = FuturesUnordered::new();
        let mut errands: Vec<Errand> =
            vec![Errand { slot: Slot { page: 1, per_page: self.size }, onward: None }];
        let mut begun = 0;
        loop {
            while begun < errands.len() {
                flights.push(ask(asked, errands[begun]));
                begun += 1;
            }
            let Some(landed) = flights.next().await else { break };
            let (errand, answer, beyond) = landed?;
            errands.retain(|other| other.slot != errand.slot);
            begun = errands.len();
            let keys = answer.keys.clone();
            let told = (answer.total, answer.pages, answer.more);
            self.totals.note(answer.total);
            asked.take(self.journal, answer).await?;
            let followed = beyond.as_ref().map(|beyond| !beyond.keys.is_empty());
            if let Some(beyond) = beyond {
                asked.take(self.journal, beyond).await?;
            }
            let slot = errand.slot;
            if slot.page == 1 && front.is_none() {
                front = Some(keys.clone());
            }
            if keys.len() > slot.per_page as usize {
                return Ok(Err(Stop::Fixed));
            }
            let last = match end(slot, keys.len() as u64, told, followed) {
                End::Here => true,
                End::Further => false,
                End::Capped => {
                    self.size = u32::try_from(keys.len()).unwrap_or(u32::MAX).min(self.size);
                    if self.size < SMALLEST_CAP {
                        return Ok(Err(Stop::Fixed));
                    }
                    false
                }
            };
            self.sortings.retain(|sorting| sorting.admits(&keys));
            if !self.sortings.contains(&sorting) {
                return Ok(Err(Stop::Disorder));
            }
            // A page cut short by the server starts where pages of that size start.
            let start = if last || keys.len() as u64 >= u64::from(slot.per_page) {
                slot.start()
            } else {
                u64::from(slot.page - 1) * u64::from(self.size.min(slot.per_page))
            };
            let places = sorting.covered(&keys, slot.page == 1, last);
            let whole = keys
                .iter()
                .filter(|key| sorting.place(key).is_none_or(|place| place <= *places.end()))
                .count();
            let slack = self.totals.answers + u64::from(self.size);
            let lowest = *places.start();
            if cover.add(places, start, start + whole as u64, slack) == Err(Disorder) {
                return Ok(Err(Stop::Disorder));
            }
            if let Some((edge, expected)) = errand.onward
                && !self.went_on(sorting, &mut cover, (edge, expected), start, &keys, lowest, told.0)
            {
                return Ok(Err(Stop::Fixed));
            }
            if cover.reaches(until) {
                break;
            }
            let length = told.0.filter(|_| until == i64::MAX);
            while errands.len() < asked.workers {
                let Some(errand) = self.next(&cover, &errands, length) else { break };
                errands.push(errand);
            }
            if errands.is_empty() {
                return Ok(Err(Stop::Fixed));
            }
        }
        Ok(Ok(front.unwrap_or_default()))
    }

    /// Looks whether an answer carried its stretch on, and aims anew where it did not. `false` gives up.
    #[allow(clippy::too_many_arguments)]
    fn went_on(
        &mut self,
        sorting: Sorting,
        cover: &mut Cover,
        onward: (i64, u64),
        start: u64,
        keys: &[Key],
        lowest: i64,
        total: Option<u64>,
    ) -> bool {
        let (edge, expected) = onward;
        let overlap = self.overlap();
        let Some(stretch) = cover.around(edge) else { return true };
        let behind =
            keys.iter().filter(|key| sorting.place(key).is_some_and(|place| place <= edge)).count() as u64;
        if stretch.to != edge {
            if behind > 0 {
                self.drift = (self.drift * 0.9).max((start + behind).abs_diff(expected) as f64);
            }
            stretch.missed = 0;
            return true;
        }
        stretch.missed += 1;
        let step = overlap << stretch.missed.min(16);
        stretch.next = if keys.is_empty() {
            total.unwrap_or(u64::MAX).min(stretch.next.saturating_sub(step))
        } else if lowest > edge {
            stretch.next.saturating_sub(step)
        } else {
            start + keys.len() as u64 + overlap
        };
        self.journal.shift();
        stretch.missed <= MOST_MISSES
    }

    /// The next thing to read: a stretch that nobody carries on, else a place far from all workers.
    fn next(&self, cover: &Cover, errands: &[Errand], length: Option<u64>) -> Option<Errand> {
        let stretches = cover.stretches();
        let free = stretches.iter().find(|stretch| {
            stretch.to != i64::MAX
                && !errands.iter().any(|errand| errand.onward.is_some_and(|(edge, _)| edge == stretch.to))
        });
        if let Some(stretch) = free {
            let slot = reaching(stretch.next.saturating_sub(self.overlap()), self.size);
            let taken = errands.iter().any(|errand| errand.slot == slot);
            return (!taken).then_some(Errand { slot, onward: Some((stretch.to, stretch.next)) });
        }
        if self.asked.reader.is_saturated() {
            return None;
        }
        // Where unread rows begin, and where the next reader began.
        let mut starts: Vec<u64> = stretches.iter().map(|stretch| stretch.start).collect();
        starts.extend(
            errands.iter().filter(|errand| errand.onward.is_none()).map(|errand| errand.slot.start()),
        );
        let mut begins: Vec<u64> =
            stretches.iter().filter(|stretch| stretch.to != i64::MAX).map(|stretch| stretch.next).collect();
        begins
            .extend(errands.iter().filter(|errand| errand.onward.is_none()).map(|errand| errand.slot.end()));
        let (begin, rest) = begins
            .into_iter()
            .filter_map(|begin| {
                let end = starts.iter().copied().filter(|start| *start >= begin).min().or(length)?;
                Some((begin, end.checked_sub(begin)?))
            })
            .max_by_key(|(_, rest)| *rest)?;
        (rest >= WORTHWHILE_PAGES * u64::from(self.size))
            .then(|| Errand { slot: reaching(begin + rest / 2, self.size), onward: None })
    }

    /// Rows by which neighbouring pages are made to overlap.
    fn overlap(&self) -> u64 {
        (1 + (self.drift * 1.5).ceil() as u64).min(u64::from(self.size) / 2)
    }

    /// Reads the front again for what came there meanwhile: `before` are the keys that stood there first.
    async fn front(&mut self, sorting: Sorting, mut before: Vec<Key>) -> Result<Option<Stop>, E> {
        if before.len() < self.size as usize {
            // The whole list was one answer.
            return Ok(None);
        }
        let mut passes = 0;
        loop {
            let moving = self.sortings.iter().copied().find(Sorting::moves);
            let until = moving.and_then(|moving| {
                let first = moving.place(before.first()?)?;
                // A crowd of one second longer than a page cannot be covered whole; what moves from now on stands before it.
                let crowd = before.last().and_then(|key| moving.place(key)) == Some(first);
                Some(first.saturating_sub(i64::from(crowd)))
            });
            let (walked, until) = match (moving, until) {
                (Some(moving), Some(until)) => (moving, until),
                // Nothing moves: one look tells whether the order still holds.
                _ => (sorting, i64::MIN),
            };
            let answers = self.totals.answers;
            match self.cover(walked, until).await? {
                Ok(_) if self.totals.answers - answers == 1 => return Ok(None),
                Ok(front) => before = front,
                Err(Stop::Disorder) if walked != sorting && self.sortings.contains(&sorting) => {}
                Err(stop) => return Ok(Some(stop)),
            }
            passes += 1;
            if passes == MOST_FRONT_PASSES {
                self.journal.doubt("the front of the list never came to rest; run again when less changes");
                return Ok(None);
            }
        }
    }
}

/// Where a list ends, as far as one answer tells.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Here,
    Further,
    Capped,
}

/// Reads `told` = (total, pages, more). A short page alone is no end; `followed` tells whether the page after it held rows.
fn end(
    slot: Slot,
    rows: u64,
    (total, pages, more): (Option<u64>, Option<u64>, Option<bool>),
    followed: Option<bool>,
) -> End {
    let full = rows >= u64::from(slot.per_page);
    if rows == 0 {
        return if slot.page == 1 && total.unwrap_or(0) == 0 { End::Here } else { End::Further };
    }
    let reached = slot.start() + rows;
    match (followed, total) {
        (Some(true), _) => End::Capped,
        _ if full => End::Further,
        // A total that is too small is no reason to go on; one that is too large may be right the next time.
        (Some(false), Some(total)) if total > reached => End::Further,
        (Some(false), _) => End::Here,
        (None, Some(total)) if total == reached => End::Here,
        (None, None) if more == Some(false) || pages.is_some_and(|pages| u64::from(slot.page) >= pages) => {
            End::Here
        }
        (None, _) => End::Capped,
    }
}

/// Sends one request, and a second where a short page is told to be the end by nothing else.
async fn ask<R: Reader<Error = E>, S, E>(
    asked: &Asked<'_, R, S>,
    errand: Errand,
) -> Result<(Errand, Answer<R::Rows>, Option<Answer<R::Rows>>), E> {
    let Slot { page, per_page } = errand.slot;
    let answer = asked.reader.read(&asked.slice, page, per_page).await?;
    let short = !answer.keys.is_empty() && answer.keys.len() < per_page as usize;
    let reached = errand.slot.start() + answer.keys.len() as u64;
    let told = match answer.total {
        Some(total) => total == reached,
        None => answer.more == Some(false) || answer.pages.is_some(),
    };
    let beyond = match short && !told {
        true => Some(asked.reader.read(&asked.slice, page.saturating_add(1), per_page).await?),
        false => None,
    };
    Ok((errand, answer, beyond))
}

#[cfg(test)]
mod tests;
