//! Lists that have only page numbers: a deletion pulls every later page left, and rows slip between two pages unseen.
//!
//! So the page size is chosen anew for each request, and neighbouring pages overlap by a row or more: see [`cover`](super::cover). Several
//! workers start at several places of the list. Where pages do not join, the list has shifted, and the place between is read again.

use futures::{StreamExt, stream::FuturesUnordered};

use super::{
    Answer, Journal, Key, Proof, Reader, Sink, Span,
    bookmark::{Bookmark, Reached},
    count,
    cover::{Cover, Disorder},
    hunt::Miss,
    limit::Limited,
    order::Sorting,
    slots::Slot,
    totals::Totals,
};
use crate::source::{Clock, Slice};

mod aim;
mod asking;

use aim::{Aim, Carried, Errand};
use asking::{Answers, End, Landed, ask, end};

/// Page sizes below this leave too little choice for pages that overlap.
pub const SMALLEST_CAP: u32 = 10;
/// Page sizes up to this are asked for even when fewer rows were wanted.
const SMALLEST_SIZE: u32 = 20;
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

    /// What the server said to refuse this page of the list, if that is what went wrong: the first page can still be read.
    pub async fn refusal(&self, page: u32, why: E) -> Result<String, E> {
        match self.reader.refusal(&why).filter(|_| page > 1) {
            Some(said) => self.reader.read(&self.slice, 1, 1).await.map(|_| said),
            None => Err(why),
        }
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
        aim: Aim::new(size.clamp(SMALLEST_SIZE, 100)),
        totals: Totals::default(),
        refusal: None,
    };
    if let Some(Bookmark { reached, ids }) = bookmark {
        let known = Known::restored(reached);
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
        match run.read(sorting, Known::default()).await? {
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

struct Run<'a, 'b, R, S> {
    asked: &'a Asked<'b, R, S>,
    journal: &'a mut Journal,
    /// The orders that every answer so far allows.
    sortings: Vec<Sorting>,
    aim: Aim,
    totals: Totals,
    /// What the server said when it refused a page.
    refusal: Option<String>,
}

/// What a walk in one order knows of the list.
#[derive(Default)]
struct Known {
    cover: Cover,
    /// The same without what an earlier walk knew.
    fresh: Cover,
    /// The list's length when that walk was told it last.
    length: Option<u64>,
    /// The keys of the first page, when it was first read.
    front: Option<Vec<Key>>,
}

impl Known {
    fn restored(reached: &Reached) -> Self {
        Self { cover: Cover::restored(&reached.stretches), length: reached.length, ..Self::default() }
    }
}

/// Why a list could not be read whole by page numbers.
pub fn too_deep(deepest: u32, size: u32, why: &str) -> String {
    format!(
        "the server gives no page behind page {deepest} of {size} rows ({why}), so what stands there was not read; \
         raise `page_size` if it is below 100, or ask the vendor"
    )
}

impl<R: Reader<Error = E>, S: Sink<R::Rows, E>, E> Run<'_, '_, R, S> {
    /// Reads what is not `known` of the list, by its order.
    async fn read(&mut self, sorting: Sorting, known: Known) -> Result<Option<Stop>, E> {
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
        mut known: Known,
        until: i64,
    ) -> Result<Result<Vec<Key>, Stop>, E> {
        let asked = self.asked;
        let mut flights = FuturesUnordered::new();
        let mut errands: Vec<Errand> =
            vec![Errand { slot: Slot { page: 1, per_page: self.aim.size }, onward: None }];
        let mut begun = 0;
        loop {
            while begun < errands.len() {
                flights.push(ask(asked, errands[begun]));
                begun += 1;
            }
            let Some((errand, landed)) = flights.next().await else { break };
            errands.retain(|other| other.slot != errand.slot);
            begun = errands.len();
            match landed? {
                Landed::Answers(answers) => {
                    if let Some(stop) = self.learn(sorting, &mut known, errand, answers).await? {
                        return Ok(Err(stop));
                    }
                }
                Landed::Refused(said) => {
                    self.refusal = Some(said);
                    self.aim.refused(errand, &mut known.cover);
                }
            }
            if asked.tells && until == i64::MAX {
                let (stretches, fresh, length) = (known.cover.known(), known.fresh.known(), self.totals.last);
                asked.sink.reached(&Reached { order: sorting, stretches, fresh, length }).await?;
            }
            if known.cover.reaches(until) {
                break;
            }
            let length = self.totals.last.filter(|_| until == i64::MAX);
            while errands.len() < asked.workers {
                let spare = !asked.reader.is_saturated();
                let Some(errand) = self.aim.next(&known.cover, &errands, length, spare) else { break };
                errands.push(errand);
            }
            if errands.is_empty() {
                let Some(why) = self.refusal() else { return Ok(Err(Stop::Fixed)) };
                self.journal.doubt(why);
                break;
            }
        }
        Ok(Ok(known.front.unwrap_or_default()))
    }

    /// Takes answers in, and adds to what is known what they show.
    async fn learn(
        &mut self,
        sorting: Sorting,
        known: &mut Known,
        errand: Errand,
        (answer, beyond): Answers<R::Rows>,
    ) -> Result<Option<Stop>, E> {
        let (slot, keys) = (errand.slot, answer.keys.clone());
        let told = (answer.total, answer.pages, answer.more);
        self.totals.note(answer.total);
        self.asked.take(self.journal, answer).await?;
        let followed = beyond.as_ref().map(|beyond| !beyond.keys.is_empty());
        if let Some(beyond) = beyond {
            self.asked.take(self.journal, beyond).await?;
        }
        let first = slot.page == 1;
        if first && known.front.is_none() {
            known.front = Some(keys.clone());
            let grown = known.length.and_then(|before| told.0?.checked_sub(before));
            self.aim.grown = grown.filter(|_| sorting.newest_first()).unwrap_or(0);
        }
        if keys.len() > slot.per_page as usize {
            return Ok(Some(Stop::Fixed));
        }
        let end = end(slot, keys.len() as u64, told, followed);
        if end == End::Capped {
            self.aim.size = u32::try_from(keys.len()).unwrap_or(u32::MAX).min(self.aim.size);
            if self.aim.size < SMALLEST_CAP {
                return Ok(Some(Stop::Fixed));
            }
        }
        let last = end == End::Here;
        self.sortings.retain(|sorting| sorting.admits(&keys));
        if !self.sortings.contains(&sorting) {
            return Ok(Some(Stop::Disorder));
        }
        // A page cut short by the server starts where pages of that size start.
        let start = if last || keys.len() as u64 >= u64::from(slot.per_page) {
            slot.start()
        } else {
            u64::from(slot.page - 1) * u64::from(self.aim.size.min(slot.per_page))
        };
        let places = sorting.covered(&keys, first, last);
        let inner = sorting.covered(&keys, false, false);
        let whole =
            keys.iter().filter(|key| sorting.place(key).is_none_or(|place| place <= *places.end())).count();
        let slack = self.totals.answers + u64::from(self.aim.size);
        for cover in [&mut known.cover, &mut known.fresh] {
            cover.note_ends(&inner, first, last);
            if cover.add(places.clone(), start, start + whole as u64, slack) == Err(Disorder) {
                return Ok(Some(Stop::Disorder));
            }
        }
        let Some(onward) = errand.onward else { return Ok(None) };
        let carried = self.aim.carried(sorting, &mut known.cover, onward, start, &keys, told.0);
        if carried != Carried::On {
            self.journal.shift();
        }
        Ok((carried == Carried::Lost).then_some(Stop::Fixed))
    }

    /// That the server gives only a part of the list, if it does.
    fn refusal(&self) -> Option<String> {
        let (deepest, why) = (self.aim.deepest?, self.refusal.as_ref()?);
        Some(too_deep(deepest, self.aim.size, why))
    }

    /// Reads the front again for what came there meanwhile: `before` are the keys that stood there first.
    async fn front(&mut self, sorting: Sorting, mut before: Vec<Key>) -> Result<Option<Stop>, E> {
        if before.len() < self.aim.size as usize {
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
            match self.cover(walked, Known::default(), until).await? {
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
