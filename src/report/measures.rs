//! The main figures of a set of tickets: how many, how many open, how fast, how well.

use std::collections::BTreeMap;

use polars::prelude::{DataFrame, PolarsResult};
use serde::Serialize;

use super::{
    rows::kept,
    tally::{Cell, tally},
    times::{Spans, Times},
};

/// The main figures. What no ticket tells is null, not 0.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    pub tickets: u64,
    /// Tickets whose status says that something is left to do.
    pub open: Option<u64>,
    /// From creation until an agent first took it.
    pub first_assignment: Option<Times>,
    /// From creation until it was resolved.
    pub resolution: Option<Times>,
    pub sla: Option<Sla>,
    pub satisfaction: Option<Ratings>,
}

/// Agreements kept and breached.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sla {
    pub kept: u64,
    pub breached: u64,
    /// The share that was kept, 0 to 1; null where neither is told.
    pub attainment: Option<f64>,
}

/// What customers said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ratings {
    /// Tickets that were rated, in a word or a number.
    pub rated: u64,
    /// Of those, the ones whose word has a known rank.
    pub scored: u64,
    /// Of the ranks, 1 (worst) to 5 (best).
    pub mean: Option<f64>,
}

/// The sums that figures are made of.
#[derive(Debug, Clone, Default)]
pub struct Measures {
    tickets: u64,
    /// By whether nothing is left to do; none where there is no status.
    done: [u64; 2],
    to_assignment: Spans,
    to_resolution: Spans,
    pub agreements: Agreements,
    pub opinions: Opinions,
}

/// Agreements, counted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Agreements {
    pub kept: u64,
    pub breached: u64,
}

/// Ratings, counted and summed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Opinions {
    rated: u64,
    scored: u64,
    sum: i64,
}

impl Agreements {
    pub fn add(&mut self, breached: bool, tickets: u64) {
        *(if breached { &mut self.breached } else { &mut self.kept }) += tickets;
    }

    /// `None` where nothing is told.
    pub fn sla(self) -> Option<Sla> {
        let Self { kept, breached } = self;
        (kept + breached > 0).then(|| Sla { kept, breached, attainment: share(kept, kept + breached) })
    }
}

impl Opinions {
    pub fn add(&mut self, rating: &Cell, score: &Cell, tickets: u64) {
        if *rating != Cell::Null || *score != Cell::Null {
            self.rated += tickets;
        }
        if let Some(score) = score.int() {
            self.scored += tickets;
            self.sum += score * i64::try_from(tickets).unwrap_or(i64::MAX);
        }
    }

    pub fn join(&mut self, other: Self) {
        self.rated += other.rated;
        self.scored += other.scored;
        self.sum += other.sum;
    }

    /// `None` where nothing is told.
    pub fn ratings(self) -> Option<Ratings> {
        let mean = (self.scored > 0).then(|| self.sum as f64 / self.scored as f64);
        (self.rated > 0).then_some(Ratings { rated: self.rated, scored: self.scored, mean })
    }
}

impl Measures {
    pub fn join(&mut self, other: &Self) {
        self.tickets += other.tickets;
        self.done[0] += other.done[0];
        self.done[1] += other.done[1];
        self.to_assignment.join(&other.to_assignment);
        self.to_resolution.join(&other.to_resolution);
        self.agreements.kept += other.agreements.kept;
        self.agreements.breached += other.agreements.breached;
        self.opinions.join(other.opinions);
    }

    pub fn tickets(&self) -> u64 {
        self.tickets
    }

    pub fn figures(&self) -> Figures {
        let [open, done] = self.done;
        Figures {
            tickets: self.tickets,
            open: (open + done > 0).then_some(open),
            first_assignment: self.to_assignment.times(),
            resolution: self.to_resolution.times(),
            sla: self.agreements.sla(),
            satisfaction: self.opinions.ratings(),
        }
    }
}

/// The sums of some rows, by their group; `None` is the group of those that have none.
pub fn measure(rows: &DataFrame) -> PolarsResult<BTreeMap<Option<String>, Measures>> {
    use kept::*;
    let mut groups: BTreeMap<Option<String>, Measures> = BTreeMap::new();
    for ([group, done], tickets) in tally(rows, [GROUP, DONE])? {
        let sums = groups.entry(group.into_text()).or_default();
        sums.tickets += tickets;
        if let Some(done) = done.bool() {
            sums.done[usize::from(done)] += tickets;
        }
    }
    for ([group, breached], tickets) in tally(rows, [GROUP, BREACHED])? {
        if let Some(breached) = breached.bool() {
            groups.entry(group.into_text()).or_default().agreements.add(breached, tickets);
        }
    }
    for ([group, rating, score], tickets) in tally(rows, [GROUP, RATING, SCORE])? {
        groups.entry(group.into_text()).or_default().opinions.add(&rating, &score, tickets);
    }
    for ([group, span], tickets) in tally(rows, [GROUP, TO_ASSIGNMENT])? {
        if let Some(micros) = span.int() {
            groups.entry(group.into_text()).or_default().to_assignment.add(micros, tickets);
        }
    }
    for ([group, span], tickets) in tally(rows, [GROUP, TO_RESOLUTION])? {
        if let Some(micros) = span.int() {
            groups.entry(group.into_text()).or_default().to_resolution.add(micros, tickets);
        }
    }
    Ok(groups)
}

/// A part of a whole, 0 to 1; `None` of nothing.
pub fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
