//! Reading a whole list in pages, and proving that no row was lost although the list moves meanwhile.
//!
//! Nothing here knows HTTP or JSON: a [`Reader`] gives keys and rows of one page, a [`Sink`] takes the rows. Lists that can be bounded by
//! time are read by [`position`], the others by [`pages`]. Rows may be handed over more than once; the sink keeps the newest.

use std::future::Future;

use roaring::RoaringTreemap;

use crate::source::Slice;

mod bookmark;
mod count;
mod cover;
mod hidden;
mod hunt;
mod limit;
mod order;
mod pages;
mod position;
mod slots;
mod totals;
mod windows;

#[cfg(test)]
mod simulated;

pub use bookmark::{Bookmark, Reached};
pub use pages::{ByNumber, pages};
pub use position::{ByTime, by_time};
pub use slots::{Slot, reaching};
pub use windows::left;

/// What a walk needs to know of one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Key {
    pub id: Option<i64>,
    /// Unix seconds.
    pub created: Option<i64>,
    /// Unix seconds.
    pub updated: Option<i64>,
}

/// One page: a key for each element, in the order sent, what the server says of the list, and the rows themselves.
#[derive(Debug, Clone, Default)]
pub struct Answer<R> {
    pub keys: Vec<Key>,
    pub total: Option<u64>,
    pub pages: Option<u64>,
    pub more: Option<bool>,
    pub rows: R,
}

/// Where pages come from.
pub trait Reader {
    type Rows;
    type Error;

    /// Page `page` (from 1) of `slice`, cut into pages of `per_page` rows.
    fn read(
        &self,
        slice: &Slice,
        page: u32,
        per_page: u32,
    ) -> impl Future<Output = Result<Answer<Self::Rows>, Self::Error>>;

    /// What a source says that refuses this one page of a list. `None`: something else went wrong.
    fn refusal(&self, _: &Self::Error) -> Option<String> {
        None
    }

    /// Whether more requests at once would only wait: the rate is what limits, so that cutting windows for more workers does not pay.
    fn is_saturated(&self) -> bool {
        false
    }
}

/// Where rows go.
pub trait Sink<R, E> {
    /// Takes the rows of one page; only those with `keep` were meant.
    fn take(&self, rows: R, keep: &[bool]) -> impl Future<Output = Result<(), E>>;

    /// All rows whose time lies in `span` have been taken now. Spans come in pieces that do not overlap. Not called for lists without time.
    fn done(&self, span: Span) -> impl Future<Output = Result<(), E>>;

    /// So far came the reading of a list by page numbers; the rows of what it names have been taken. Told after each
    /// answer, where the list's order lets a later walk go on.
    fn reached(&self, _: &Reached) -> impl Future<Output = Result<(), E>> {
        std::future::ready(Ok(()))
    }
}

/// A half-open stretch of time in Unix seconds; `None` is unbounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Span {
    pub from: Option<i64>,
    pub to: Option<i64>,
}

impl Span {
    /// Whether `second` lies in the span.
    pub fn holds(&self, second: i64) -> bool {
        self.from.is_none_or(|from| from <= second) && self.to.is_none_or(|to| second < to)
    }

    /// Whether no second lies in the span.
    pub fn is_empty(&self) -> bool {
        matches!((self.from, self.to), (Some(from), Some(to)) if from >= to)
    }
}

/// How a walk ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Why completeness could not be proven; `None` is the proof.
    pub unproven: Option<String>,
    pub tally: Tally,
}

impl Proof {
    /// Whether every row that existed from the start of the walk to its end was handed over.
    pub fn is_complete(&self) -> bool {
        self.unproven.is_none()
    }

    /// Both walks as one.
    pub fn and(self, other: Proof) -> Proof {
        let mut tally = self.tally;
        tally.add(other.tally);
        Proof { unproven: self.unproven.or(other.unproven), tally }
    }
}

/// What happened on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Answers read.
    pub pages: u64,
    /// Rows that were handed over before.
    pub duplicates: u64,
    /// Times that a neighbouring page no longer joined what was read.
    pub shifts_detected: u64,
    /// Pages read again because of that.
    pub pages_reread: u64,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.pages += other.pages;
        self.duplicates += other.duplicates;
        self.shifts_detected += other.shifts_detected;
        self.pages_reread += other.pages_reread;
    }
}

/// What is known of the walk as a whole: the counts, and the ids that were seen.
#[derive(Debug, Default)]
struct Journal {
    tally: Tally,
    ids: RoaringTreemap,
    /// Rows whose id cannot be read.
    nameless: u64,
    unproven: Option<String>,
}

impl Journal {
    fn note<R>(&mut self, answer: &Answer<R>) {
        self.tally.pages += 1;
        for key in &answer.keys {
            match key.id {
                Some(id) => self.tally.duplicates += u64::from(!self.ids.insert(id.cast_unsigned())),
                None => self.nameless += 1,
            }
        }
    }

    fn shift(&mut self) {
        self.tally.shifts_detected += 1;
        self.tally.pages_reread += 1;
    }

    /// The first reason is the one that is told.
    fn doubt(&mut self, why: impl Into<String>) {
        self.unproven.get_or_insert_with(|| why.into());
    }

    /// Takes up what a part of the walk has seen and doubted.
    fn absorb(&mut self, part: Journal) {
        self.tally.add(part.tally);
        let known = self.ids.len() + part.ids.len();
        self.ids |= part.ids;
        self.tally.duplicates += known - self.ids.len();
        self.nameless += part.nameless;
        if let Some(why) = part.unproven {
            self.doubt(why);
        }
    }

    fn proof(self) -> Proof {
        Proof { unproven: self.unproven, tally: self.tally }
    }
}
