//! What to ask for next: the page that carries a stretch on, or a place far from all workers.

use super::{Miss, Sorting};
use crate::walk::{
    Key,
    cover::{Cover, Stretch},
    slots::{Slot, reaching},
};

/// Pages that a further worker should find before it starts.
const WORTHWHILE_PAGES: u64 = 8;
/// Answers in a row that may fail to carry a stretch on; with an offset of an earlier walk it must be looked for in the whole list.
const MOST_MISSES: u32 = 20;
const MOST_STALE_MISSES: u32 = 50;
/// Of these, those that may hold the stretch's end and nothing that follows: more rows than a page share one place.
const MOST_STUCK: u32 = 3;

/// One request and what it is for.
#[derive(Debug, Clone, Copy)]
pub struct Errand {
    pub slot: Slot,
    pub onward: Option<Onward>,
}

/// The stretch that a request carries on.
#[derive(Debug, Clone, Copy)]
pub struct Onward {
    /// Its end.
    edge: i64,
    /// The offset where its next row was expected; `None` where it is looked for.
    expected: Option<u64>,
    /// Rows beyond the offset that it aims at which the page should hold.
    reach: u64,
}

/// What pages are asked for.
#[derive(Debug)]
pub struct Aim {
    /// The largest page size that the server grants.
    pub size: u32,
    /// The last page that it gives, where it was seen to refuse those behind.
    pub deepest: Option<u32>,
    /// Rows that came to the front since offsets that are stale were seen, most likely.
    pub grown: u64,
    /// Rows by which the list was lately seen to shift between two answers.
    drift: f64,
}

/// How an answer went with the stretch that it should carry on.
#[derive(Debug, PartialEq, Eq)]
pub enum Carried {
    On,
    /// It is to be looked for elsewhere.
    Missed,
    /// It was looked for long enough.
    Lost,
}

impl Aim {
    pub fn new(size: u32) -> Self {
        Self { size, deepest: None, grown: 0, drift: 0.0 }
    }

    /// Looks whether rows with these keys, from offset `start` on, carried their stretch on, and aims anew where they did not.
    pub fn carried(
        &mut self,
        sorting: Sorting,
        cover: &mut Cover,
        onward: Onward,
        start: u64,
        keys: &[Key],
        total: Option<u64>,
    ) -> Carried {
        let Onward { edge, expected, reach } = onward;
        let Some(stretch) = cover.around(edge) else { return Carried::On };
        let places: Vec<i64> = keys.iter().filter_map(|key| sorting.place(key)).collect();
        let behind = places.iter().filter(|place| **place <= edge).count() as u64;
        if stretch.to != edge {
            if let Some(expected) = expected.filter(|_| behind > 0) {
                self.drift = (self.drift * 0.9).max((start + behind).abs_diff(expected) as f64);
            }
            return Carried::On;
        }
        let miss = match (places.first(), places.last()) {
            (Some(_), Some(last)) if *last < edge => Miss::Before(start + keys.len() as u64),
            (Some(first), Some(_)) if *first > edge && start > 0 => Miss::After(start),
            (Some(_), Some(_)) => Miss::Stuck(start + behind),
            _ => Miss::After(total.map_or(start, |total| total.min(start))),
        };
        stretch.hunt.miss(miss, reach);
        let most = if stretch.next.stale { MOST_STALE_MISSES } else { MOST_MISSES };
        match stretch.hunt.misses <= most && stretch.hunt.stuck < MOST_STUCK {
            true => Carried::Missed,
            false => Carried::Lost,
        }
    }

    /// The server gave no page for this errand, and gives none behind it.
    pub fn refused(&mut self, errand: Errand, cover: &mut Cover) {
        let before = errand.slot.page.saturating_sub(1);
        self.deepest = Some(self.deepest.map_or(before, |deepest| deepest.min(before)));
        let Some(Onward { edge, expected: None, reach }) = errand.onward else { return };
        if let Some(stretch) = cover.around(edge).filter(|stretch| stretch.to == edge) {
            stretch.hunt.miss(Miss::After(errand.slot.start()), reach);
        }
    }

    /// The next thing to read: a stretch that nobody carries on, else, where there are workers to `spare`, a place far from all of them.
    pub fn next(
        &self,
        cover: &Cover,
        errands: &[Errand],
        length: Option<u64>,
        spare: bool,
    ) -> Option<Errand> {
        let stretches = cover.stretches();
        let free = stretches.iter().filter(|stretch| {
            stretch.to != i64::MAX
                && !errands.iter().any(|errand| errand.onward.is_some_and(|onward| onward.edge == stretch.to))
        });
        let mut onward = free.filter_map(|stretch| self.onward(stretch));
        if let Some(errand) = onward.next() {
            let taken = errands.iter().any(|other| other.slot == errand.slot);
            return (!taken).then_some(errand);
        }
        if !spare {
            return None;
        }
        // Where unread rows begin, and where the next reader began.
        let apart = |errand: &&Errand| errand.onward.is_none();
        let mut starts: Vec<u64> = stretches.iter().map(|stretch| stretch.start.at).collect();
        starts.extend(errands.iter().filter(apart).map(|errand| errand.slot.start()));
        let unfinished = stretches.iter().filter(|stretch| stretch.to != i64::MAX);
        let mut begins: Vec<u64> = unfinished.map(|stretch| stretch.next.at).collect();
        begins.extend(errands.iter().filter(apart).map(|errand| errand.slot.end()));
        let reach = self.deepest.map(|deepest| u64::from(deepest) * u64::from(self.size));
        let length = length.map(|length| reach.map_or(length, |reach| length.min(reach)));
        let (begin, rest) = begins
            .into_iter()
            .filter_map(|begin| {
                let end = starts.iter().copied().filter(|start| *start >= begin).min().or(length)?;
                Some((begin, end.checked_sub(begin)?))
            })
            .max_by_key(|(_, rest)| *rest)?;
        let slot = reaching(begin + rest / 2, self.size, self.deepest)?;
        (rest >= WORTHWHILE_PAGES * u64::from(self.size)).then_some(Errand { slot, onward: None })
    }

    /// The request that carries a stretch on, unless its page would be refused.
    fn onward(&self, stretch: &Stretch) -> Option<Errand> {
        let Stretch { to: edge, next, hunt, .. } = *stretch;
        // Nobody knows how far a stale offset is off, so the page reaches to both sides of it.
        let reach = if next.stale { u64::from(self.size / 2) } else { self.overlap() };
        let expected = (!next.stale && hunt.aim.is_none()).then_some(next.at);
        let guess = if next.stale { next.at + self.grown } else { next.at };
        let slot = reaching(hunt.aim.unwrap_or(guess.saturating_sub(reach)), self.size, self.deepest)?;
        let reaches = self.deepest.is_none() || expected.is_none_or(|expected| slot.end() > expected);
        reaches.then_some(Errand { slot, onward: Some(Onward { edge, expected, reach }) })
    }

    /// Rows by which neighbouring pages are made to overlap.
    fn overlap(&self) -> u64 {
        (1 + (self.drift * 1.5).ceil() as u64).min(u64::from(self.size) / 2)
    }
}
