//! What is remembered of a window while it is read, and what it asks for next.

use super::onward::Onward;
use crate::walk::{Key, Span, slots::Slot, windows::Window};

/// How much earlier a request begins when no row joins it to the one before: a second, a minute, an hour, more than any zone.
const STEPS_BACK: [i64; 4] = [1, 60, 3_600, 100_000];

/// A window with its reader's memory.
pub struct Reading {
    pub window: Window,
    /// The second of the last row read.
    pub edge: Option<i64>,
    /// The rows of the last answer, and the bound it was asked with.
    pub last: Vec<Key>,
    pub asked_from: Option<i64>,
    /// The rows of the answer that first held that second: an answer that begins there shares one with it.
    pub head: Vec<Key>,
    /// The list that the last answer belongs to, where the next page of that is asked for.
    pub onward: Option<Onward>,
    /// Answers in a row that began and ended in one second.
    pub crowded: u32,
    /// There are so many of them that workers share them.
    pub long: bool,
    /// Requests since then that no row joined to it.
    pub back: usize,
    /// The bound of the last of these.
    pub missed: Option<i64>,
    /// Answers in a row that joined and were smaller than this server's pages can be.
    pub short: u32,
    /// A page of rows without a time stood first: those with one are asked for, and [`hidden`] finds the others.
    pub behind: bool,
    /// An empty answer was contradicted by its total.
    pub doubted: bool,
}

impl Reading {
    pub fn new(rest: Span) -> Self {
        let window = Window { rest, expected: None, busy: false };
        Self {
            window,
            edge: None,
            last: Vec::new(),
            asked_from: None,
            head: Vec::new(),
            onward: None,
            crowded: 0,
            long: false,
            back: 0,
            missed: None,
            short: 0,
            behind: false,
            doubted: false,
        }
    }

    /// The bound and the page to ask for.
    pub fn next(&self, inclusive: Option<bool>, per_page: u32) -> (Option<i64>, Slot) {
        match self.onward.and_then(|onward| Some((onward.from, onward.slot(per_page)?))) {
            Some(next) => next,
            None => (self.lower(inclusive), Slot { page: 1, per_page }),
        }
    }

    /// The bound to ask with: the second of the last row, or one earlier where the server leaves out the bound itself.
    pub fn lower(&self, inclusive: Option<bool>) -> Option<i64> {
        let Some(edge) = self.edge else {
            let from = self.window.rest.from.map(|from| from - i64::from(inclusive != Some(true)));
            return from.or(self.behind.then_some(0));
        };
        let lead = i64::from(inclusive == Some(false));
        let from = match self.back.checked_sub(1) {
            None => edge - lead,
            Some(step) => match STEPS_BACK.get(step) {
                Some(back) => edge - lead - back,
                None => return self.asked_from,
            },
        };
        Some(self.asked_from.map_or(from, |asked| from.max(asked)))
    }

    /// Goes one step back, if there is a bound earlier than `from` to ask with.
    pub fn step_back(&mut self, from: Option<i64>) -> bool {
        (self.back, self.missed) = (self.back + 1, from);
        self.back <= STEPS_BACK.len() && from > self.asked_from
    }
}
