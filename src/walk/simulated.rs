//! A list that moves while it is read, and servers that keep or break the habits of real ones. For tests only.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
};

use super::{Answer, Key, Reached, Reader, Sink, Span};
use crate::source::{Clock, Order, Slice};

/// How the server behaves.
#[derive(Debug, Clone)]
pub struct Habits {
    /// The list's order where none is asked for.
    pub sorted: Sorted,
    pub filters: bool,
    pub exclusive: bool,
    pub cap: Option<u32>,
    /// Page size, whatever is asked.
    pub fixed: Option<u32>,
    pub totals: bool,
    pub says_more: bool,
    /// Added to every total.
    pub lie: i64,
    /// Every n-th answer is the first page again.
    pub repeats: Option<u32>,
    /// Seconds by which the times that are read are off.
    pub shifted: i64,
    /// Pages beyond this are refused.
    pub depth: Option<u32>,
    /// Chance of a change before an answer, for insertion, update and deletion.
    pub changes: [f64; 3],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sorted {
    IdAsc,
    IdDesc,
    CreatedDesc,
    UpdatedDesc,
    Scrambled,
}

impl Default for Habits {
    fn default() -> Self {
        Self {
            sorted: Sorted::IdAsc,
            filters: true,
            exclusive: false,
            cap: None,
            fixed: None,
            totals: true,
            says_more: true,
            lie: 0,
            repeats: None,
            shifted: 0,
            depth: None,
            changes: [0.0; 3],
        }
    }
}

pub struct Server {
    pub habits: Habits,
    rows: RefCell<Vec<Key>>,
    now: Cell<i64>,
    random: RefCell<fastrand::Rng>,
    pub answers: Cell<u64>,
    deleted: RefCell<BTreeSet<i64>>,
    /// The answer at which the reader is interrupted.
    pub interrupted_at: Cell<Option<u64>>,
    in_flight: Cell<usize>,
    pub most_in_flight: Cell<usize>,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    TooDeep,
    Interrupted,
}

impl Server {
    /// A server with `count` rows, created up to `per_second` in a second, each row updated some time later.
    pub fn new(habits: Habits, count: usize, per_second: u32, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let (mut now, mut id) = (1_700_000_000, 0);
        let mut rows = Vec::new();
        for _ in 0..count {
            id += random.i64(1..4);
            if random.u32(0..per_second) == 0 {
                now += random.i64(1..900);
            }
            rows.push(Key { id: Some(id), created: Some(now), updated: Some(now) });
        }
        for row in &mut rows {
            if random.bool() {
                row.updated = row.created.map(|created| random.i64(created..=now));
            }
        }
        Self {
            habits,
            rows: rows.into(),
            now: now.into(),
            random: random.into(),
            answers: 0.into(),
            deleted: RefCell::default(),
            interrupted_at: None.into(),
            in_flight: 0.into(),
            most_in_flight: 0.into(),
        }
    }

    /// A server whose last rows changed in crowds, so many in each of the last `seconds`.
    pub fn crowded(habits: Habits, seconds: usize, each: usize) -> Self {
        let server = Self::new(habits, seconds * each + 1_000, 1, 7);
        let now = server.now.get();
        let mut rows = server.rows.borrow_mut();
        let changed = rows.iter_mut().skip(500).take(seconds * each);
        // Which ticket changes when has nothing to do with its id.
        for (at, row) in changed.enumerate() {
            row.updated = Some(now + 1_000 + (at * 7_919 % (seconds * each) / each) as i64);
        }
        drop(rows);
        server.now.set(now + 1_000 + seconds as i64);
        server
    }

    /// The second of the newest row.
    pub fn newest(&self) -> i64 {
        self.rows.borrow().iter().filter_map(|row| row.updated).max().unwrap_or_default()
    }

    /// Rows whose creation time no filter finds and nobody can read.
    pub fn hide(&self, count: usize) {
        for row in self.rows.borrow_mut().iter_mut().rev().step_by(3).take(count) {
            row.created = None;
        }
    }

    /// The ids of the rows as they are.
    pub fn ids(&self) -> BTreeSet<i64> {
        self.rows.borrow().iter().filter_map(|row| row.id).collect()
    }

    /// The ids of those that were there all the time.
    pub fn survivors(&self, start: &BTreeSet<i64>) -> BTreeSet<i64> {
        start.difference(&self.deleted.borrow()).copied().collect()
    }

    /// So many changes of the kinds that the chances tell, while nobody reads.
    pub fn meanwhile(&self, count: usize, chances: [f64; 3]) {
        (0..count).for_each(|_| self.change(chances));
    }

    fn change(&self, [insert, update, delete]: [f64; 3]) {
        let (mut rows, mut random) = (self.rows.borrow_mut(), self.random.borrow_mut());
        let dice = random.f64();
        self.now.set(self.now.get() + random.i64(0..3));
        let now = Some(self.now.get());
        if dice < insert {
            let id = rows.iter().filter_map(|row| row.id).max().unwrap_or(0) + 1;
            rows.push(Key { id: Some(id), created: now, updated: now });
        } else if dice < insert + update && !rows.is_empty() {
            let at = random.usize(..rows.len());
            rows[at].updated = now;
        } else if dice < insert + update + delete && !rows.is_empty() {
            // Mostly old rows, where a deletion shifts the most.
            let at = if random.bool() {
                random.usize(..rows.len())
            } else {
                random.usize(..rows.len().div_ceil(10))
            };
            self.deleted.borrow_mut().extend(rows.remove(at).id);
        }
    }

    fn list(&self, slice: &Slice) -> Vec<Key> {
        let mut rows = self.rows.borrow().clone();
        match slice.by.filter(|_| self.habits.filters) {
            Some(by) => {
                let time = |row: &Key| match by {
                    Clock::Created => row.created,
                    Clock::Updated => row.updated,
                };
                let margin = i64::from(self.habits.exclusive);
                if slice.from.is_some() || slice.to.is_some() {
                    rows.retain(|row| {
                        time(row).is_some_and(|second| {
                            slice.from.is_none_or(|from| second >= from + margin)
                                && slice.to.is_none_or(|to| second <= to - margin)
                        })
                    });
                }
                rows.sort_by_key(|row| (time(row), row.id));
                if slice.order == Order::Desc {
                    rows.reverse();
                }
            }
            None => match self.habits.sorted {
                Sorted::IdAsc => rows.sort_by_key(|row| row.id),
                Sorted::IdDesc => rows.sort_by_key(|row| std::cmp::Reverse(row.id)),
                Sorted::CreatedDesc => {
                    rows.sort_by_key(|row| std::cmp::Reverse((row.created, row.id.map(|id| id % 7))))
                }
                Sorted::UpdatedDesc => {
                    rows.sort_by_key(|row| std::cmp::Reverse((row.updated, row.id.map(|id| id % 7))))
                }
                Sorted::Scrambled => {
                    rows.sort_by_key(|row| row.id.map(|id| id.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64 as i64)))
                }
            },
        }
        rows
    }
}

impl Reader for &Server {
    type Rows = Vec<Key>;
    type Error = Refused;

    fn refusal(&self, why: &Refused) -> Option<String> {
        (*why == Refused::TooDeep).then(|| "too deep".to_owned())
    }

    async fn read(&self, slice: &Slice, page: u32, per_page: u32) -> Result<Answer<Vec<Key>>, Refused> {
        self.in_flight.set(self.in_flight.get() + 1);
        self.most_in_flight.set(self.most_in_flight.get().max(self.in_flight.get()));
        // Answers come in any order.
        let steps = self.random.borrow_mut().u32(1..6);
        for _ in 0..steps {
            tokio::task::yield_now().await;
        }
        self.in_flight.set(self.in_flight.get() - 1);
        self.answers.set(self.answers.get() + 1);
        assert!(self.answers.get() < 6_000, "the walk does not end");
        if self.interrupted_at.get() == Some(self.answers.get()) {
            return Err(Refused::Interrupted);
        }
        self.change(self.habits.changes);
        if self.habits.depth.is_some_and(|depth| page > depth) {
            return Err(Refused::TooDeep);
        }
        let list = self.list(slice);
        let size = self.habits.fixed.unwrap_or(per_page.min(self.habits.cap.unwrap_or(u32::MAX))) as usize;
        let page = if self.habits.repeats.is_some_and(|n| self.answers.get().is_multiple_of(u64::from(n))) {
            1
        } else {
            page as usize
        };
        let mut keys: Vec<Key> = list.iter().skip((page - 1) * size).take(size).copied().collect();
        for key in &mut keys {
            key.created = key.created.map(|second| second + self.habits.shifted);
            key.updated = key.updated.map(|second| second + self.habits.shifted);
        }
        Ok(Answer {
            total: self.habits.totals.then(|| (list.len() as i64 + self.habits.lie).max(0) as u64),
            pages: None,
            more: self.habits.says_more.then_some(page * size < list.len()),
            rows: keys.clone(),
            keys,
        })
    }
}

/// Keeps ids, spans and how far a walk came.
#[derive(Default)]
pub struct Taken {
    pub ids: RefCell<BTreeSet<i64>>,
    pub reached: RefCell<Option<Reached>>,
    pub spans: RefCell<Vec<Span>>,
}

impl Sink<Vec<Key>, Refused> for Taken {
    async fn take(&self, rows: Vec<Key>, keep: &[bool]) -> Result<(), Refused> {
        assert_eq!(rows.len(), keep.len());
        self.ids
            .borrow_mut()
            .extend(rows.iter().zip(keep).filter(|(_, keep)| **keep).filter_map(|(row, _)| row.id));
        Ok(())
    }

    async fn done(&self, span: Span) -> Result<(), Refused> {
        self.spans.borrow_mut().push(span);
        Ok(())
    }

    async fn reached(&self, reached: &Reached) -> Result<(), Refused> {
        *self.reached.borrow_mut() = Some(reached.clone());
        Ok(())
    }
}

/// Runs a walk to its end on this thread.
pub fn run<T>(walk: impl Future<Output = Result<T, Refused>>) -> Result<T, Refused> {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap_or_else(|error| panic!("{error}"))
        .block_on(walk)
}
