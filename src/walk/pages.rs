//! Lists that have only page numbers: a deletion pulls every later page left, and rows slip between two pages unseen.
//!
//! So the page size is chosen anew for each request, and neighbouring pages overlap by a row or more: see [`cover`](super::cover). Several
//! workers start at several places of the list. Where pages do not join, the list has shifted, and the place between is read again.

use futures::{StreamExt, stream::FuturesUnordered};

use super::{
    Answer, Journal, Key, Proof, Reader, Sink, Span,
    bookmark::{Bookmark, Reached},
    count,
    cover::{Cover, Disorder, Offset},
    hunt::Miss,
    limit::Limited,
    order::Sorting,
    slots::{Slot, reaching},
};
use crate::source::{Clock, Slice};

mod asking;

use asking::{End, ask, end};

/// Page sizes below this leave too little choice for pages that overlap.
const SMALLEST_CAP: u32 = 10;
/// Page sizes up to this are asked for even when fewer rows were wanted.
const SMALLEST_SIZE: u32 = 20;
/// Pages that a further worker should find before it starts.
const WORTHWHILE_PAGES: u64 = 8;
/// Answers in a row that may fail to carry a stretch on; with an offset of an earlier walk it must be looked for in the whole list.
const MOST_MISSES: u32 = 20;
const MOST_STALE_MISSES: u32 = 50;
/// Of these, those that may hold the stretch's end and nothing that follows: more rows than a page share one place.
const MOST_STUCK: u32 = 3;
/// Times that the front of a list is read again for rows that moved there.
const MOST_FRONT_PASSES: u32 = 30;

/// What to read by page numbers.
pub struct ByNumber<'a> {
    pub slice: Slice,
    pub per_page: u32,
    /// Requests at once.
    pub workers: usize,
    /// Rows outside, by the time that is named, are handed over unkept.
    pub wanted: (Clock, Span),
    /// How far an earlier walk came.
    pub bookmark: Option<&'a Bookmark>,
}

/// Reads the whole list by page numbers, or what is left of it.
pub async fn pages<R, E, S>(reader: &R, sink: &S, plan: &ByNumber<'_>) -> Result<Proof, E>
where
    R: Reader<Error = E>,
    S: Sink<R::Rows, E>,
{
    let limited = Limited::new(reader);
    let whole = async {
        let mut journal = Journal::default();
        let &ByNumber { slice, workers, wanted, .. } = plan;
        let asked = Asked { reader: &limited, sink, slice, workers: workers.max(1), wanted, tells: true };
        walk_on(&asked, &mut journal, plan.per_page, plan.bookmark).await?;
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
    /// Whether the sink is told how far the walk is: it is the whole reading, not a part of one.
    pub tells: bool,
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
    walk_on(asked, journal, size, None).await
}

async fn walk_on<R, E, S>(
    asked: &Asked<'_, R, S>,
    journal: &mut Journal,
    size: u32,
    bookmark: Option<&Bookmark>,
) -> Result<(), E>
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
    if let Some(Bookmark { reached, ids }) = bookmark {
        let known = Cover::restored(&reached.stretches);
        if run.read(reached.order, known).await?.is_none() {
            // Rows that are gone meanwhile are among those that were met: there may be more than the list has.
            let met = (&run.journal.ids | ids).len() + run.journal.nameless;
            if let Some(why) = run.totals.lacking(met) {
                run.journal.doubt(why);
            }
            return Ok(());
        }
        // The list is not what it was.
        run.totals = Totals::default();
    }
    while let Some(&sorting) = run.sortings.first() {
        match run.read(sorting, Cover::default()).await? {
            None => {
                let found = run.journal.ids.len() - before.0 + run.journal.nameless - before.1;
                let fresh = before == (0, 0) && bookmark.is_none();
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
    /// The smallest and the largest.
    seen: Option<(u64, u64)>,
    last: Option<u64>,
    answers: u64,
}

impl Totals {
    fn note(&mut self, total: Option<u64>) {
        self.answers += 1;
        if let Some(total) = total {
            let (least, most) = self.seen.unwrap_or((total, total));
            self.seen = Some((least.min(total), most.max(total)));
            self.last = Some(total);
        }
    }

    /// A reason for doubt, where `found` rows are not what the server says.
    fn contradict(&self, found: u64) -> Option<String> {
        let (least, most) = self.seen?;
        match least == most && found > least {
            true => Some(contradiction(least, found)),
            false => self.lacking(found),
        }
    }

    /// A reason for doubt, where `found` rows cannot be all.
    fn lacking(&self, found: u64) -> Option<String> {
        let (least, most) = self.seen?;
        // A list that changed may hold rows that came after their place was read: one for each answer.
        let unseen = if least == most { 0 } else { self.answers };
        (found + unseen < least).then(|| contradiction(least, found))
    }
}

fn contradiction(total: u64, found: u64) -> String {
    format!("the server says that the list has {total} rows, {found} were found")
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
    onward: Option<Onward>,
}

/// The stretch that a request carries on.
#[derive(Debug, Clone, Copy)]
struct Onward {
    /// Its end.
    edge: i64,
    /// The offset where its next row was expected.
    expected: Offset,
    /// Rows before that offset that are asked for too.
    lead: u64,
}

impl<R: Reader<Error = E>, S: Sink<R::Rows, E>, E> Run<'_, '_, R, S> {
    /// Reads what is not `known` of the list, by its order.
    async fn read(&mut self, sorting: Sorting, known: Cover) -> Result<Option<Stop>, E> {
        let stop = match self.cover(sorting, known, i64::MAX).await? {
            Ok(front) => self.front(sorting, front).await?,
            Err(stop) => Some(stop),
        };
        if stop.is_some() && self.asked.tells {
            self.asked.sink.reached(&Reached::nothing(sorting)).await?;
        }
        Ok(stop)
    }

    /// Reads until every place up to `until` is covered. Gives the keys of the first page.
    async fn cover(
        &mut self,
        sorting: Sorting,
        mut cover: Cover,
        until: i64,
    ) -> Result<Result<Vec<Key>, Stop>, E> {
        let (asked, mut front) = (self.asked, None);
        // Without what an earlier walk knew.
        let mut fresh = Cover::default();
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
            let first = slot.page == 1;
            let places = sorting.covered(&keys, first, last);
            let inner = sorting.covered(&keys, false, false);
            let whole = keys
                .iter()
                .filter(|key| sorting.place(key).is_none_or(|place| place <= *places.end()))
                .count();
            let slack = self.totals.answers + u64::from(self.size);
            for cover in [&mut cover, &mut fresh] {
                cover.note_ends(&inner, first, last);
                if cover.add(places.clone(), start, start + whole as u64, slack) == Err(Disorder) {
                    return Ok(Err(Stop::Disorder));
                }
            }
            if let Some(onward) = errand.onward
                && !self.went_on(sorting, &mut cover, onward, start, &keys, told.0)
            {
                return Ok(Err(Stop::Fixed));
            }
            if asked.tells && until == i64::MAX {
                let (stretches, fresh, length) = (cover.known(), fresh.known(), self.totals.last);
                asked.sink.reached(&Reached { order: sorting, stretches, fresh, length }).await?;
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
    fn went_on(
        &mut self,
        sorting: Sorting,
        cover: &mut Cover,
        onward: Onward,
        start: u64,
        keys: &[Key],
        total: Option<u64>,
    ) -> bool {
        let Onward { edge, expected, lead } = onward;
        let Some(stretch) = cover.around(edge) else { return true };
        let places: Vec<i64> = keys.iter().filter_map(|key| sorting.place(key)).collect();
        let behind = places.iter().filter(|place| **place <= edge).count() as u64;
        if stretch.to != edge {
            if behind > 0 && !expected.stale {
                self.drift = (self.drift * 0.9).max((start + behind).abs_diff(expected.at) as f64);
            }
            return true;
        }
        let miss = match (places.first(), places.last()) {
            (Some(_), Some(last)) if *last < edge => Miss::Before(start + keys.len() as u64),
            (Some(first), Some(_)) if *first > edge && start > 0 => Miss::After(start),
            (Some(_), Some(_)) => Miss::Stuck(start + behind),
            _ => Miss::After(total.map_or(start, |total| total.min(start))),
        };
        stretch.next.at = stretch.hunt.miss(miss, lead);
        self.journal.shift();
        let most = if stretch.next.stale { MOST_STALE_MISSES } else { MOST_MISSES };
        stretch.hunt.misses <= most && stretch.hunt.stuck < MOST_STUCK
    }

    /// The next thing to read: a stretch that nobody carries on, else a place far from all workers.
    fn next(&self, cover: &Cover, errands: &[Errand], length: Option<u64>) -> Option<Errand> {
        let stretches = cover.stretches();
        let free = stretches.iter().find(|stretch| {
            stretch.to != i64::MAX
                && !errands.iter().any(|errand| errand.onward.is_some_and(|onward| onward.edge == stretch.to))
        });
        if let Some(stretch) = free {
            let expected = stretch.next;
            // Nobody knows how far a stale offset is off, so the page reaches to both sides of it.
            let lead = if expected.stale { u64::from(self.size / 2) } else { self.overlap() };
            let slot = reaching(expected.at.saturating_sub(lead), self.size);
            let taken = errands.iter().any(|errand| errand.slot == slot);
            let onward = Onward { edge: stretch.to, expected, lead };
            return (!taken).then_some(Errand { slot, onward: Some(onward) });
        }
        if self.asked.reader.is_saturated() {
            return None;
        }
        // Where unread rows begin, and where the next reader began.
        let mut starts: Vec<u64> = stretches.iter().map(|stretch| stretch.start.at).collect();
        starts.extend(
            errands.iter().filter(|errand| errand.onward.is_none()).map(|errand| errand.slot.start()),
        );
        let mut begins: Vec<u64> = stretches
            .iter()
            .filter(|stretch| stretch.to != i64::MAX)
            .map(|stretch| stretch.next.at)
            .collect();
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
            match self.cover(walked, Cover::default(), until).await? {
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

#[cfg(test)]
mod tests;
