//! What is counted while a source is read; cheap enough for every task and every page.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// No total is known.
const UNKNOWN: u64 = u64::MAX;

/// The handle with which any task counts; clones count together.
#[derive(Clone)]
pub struct Meter(Arc<Counts>);

/// Tells when the next request may go, if one waits.
type Gate = Box<dyn Fn() -> Option<Instant> + Send + Sync>;

pub(super) struct Counts {
    pub(super) name: String,
    started: Instant,
    pages: AtomicU64,
    tickets: AtomicU64,
    total: AtomicU64,
    /// Milliseconds after `started` at which the limit allows the next request.
    waiting_until: AtomicU64,
    gate: OnceLock<Gate>,
    /// Milliseconds after `started`; 0 while the source is read.
    ended: AtomicU64,
    done: AtomicBool,
}

/// What the counts were at one moment.
#[derive(Debug, Clone)]
pub(super) struct Reading<'a> {
    pub(super) name: &'a str,
    pub(super) elapsed: Duration,
    pub(super) pages: u64,
    pub(super) tickets: u64,
    pub(super) total: Option<u64>,
    /// The time left until the limit allows the next request.
    pub(super) waiting: Option<Duration>,
    pub(super) done: bool,
}

impl Meter {
    pub(super) fn new(counts: Arc<Counts>) -> Self {
        Self(counts)
    }

    /// How many tickets there will be in all, as soon as that is known; the last word counts.
    pub fn expect(&self, total_tickets: u64) {
        self.0.total.store(total_tickets.min(UNKNOWN - 1), Relaxed);
    }

    /// One more page with so many tickets.
    pub fn page(&self, tickets: usize) {
        self.0.pages.fetch_add(1, Relaxed);
        self.0.tickets.fetch_add(tickets as u64, Relaxed);
    }

    /// Nothing can be sent before `until`: the source's limit says so. The latest moment counts.
    pub fn waiting(&self, until: Instant) {
        self.0.waiting_until.fetch_max(self.0.millis(until), Relaxed);
    }

    /// Asks `gate`, whenever the line is drawn, until when a request waits; the first gate stays.
    pub fn watch(&self, gate: impl Fn() -> Option<Instant> + Send + Sync + 'static) {
        // A second gate would say the same: one account has one limit.
        let _ = self.0.gate.set(Box::new(gate));
    }

    /// The source was read, or given up; nothing is counted any more.
    pub fn done(&self) {
        self.0.ended.store(self.0.millis(Instant::now()), Relaxed);
        self.0.done.store(true, Relaxed);
    }
}

impl Counts {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            started: Instant::now(),
            pages: AtomicU64::new(0),
            tickets: AtomicU64::new(0),
            total: AtomicU64::new(UNKNOWN),
            waiting_until: AtomicU64::new(0),
            gate: OnceLock::new(),
            ended: AtomicU64::new(0),
            done: AtomicBool::new(false),
        }
    }

    fn millis(&self, moment: Instant) -> u64 {
        u64::try_from(moment.saturating_duration_since(self.started).as_millis()).unwrap_or(u64::MAX)
    }

    pub(super) fn read(&self, now: Instant) -> Reading<'_> {
        let done = self.done.load(Relaxed);
        let elapsed = if done { self.ended.load(Relaxed) } else { self.millis(now) };
        let seen = self.gate.get().and_then(|gate| gate()).map_or(0, |until| self.millis(until));
        let waiting = self.waiting_until.load(Relaxed).max(seen).saturating_sub(elapsed);
        Reading {
            name: &self.name,
            elapsed: Duration::from_millis(elapsed),
            pages: self.pages.load(Relaxed),
            tickets: self.tickets.load(Relaxed),
            total: Some(self.total.load(Relaxed)).filter(|total| *total != UNKNOWN),
            waiting: Some(Duration::from_millis(waiting)).filter(|wait| !done && !wait.is_zero()),
            done,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_at_a_moment() {
        let counts = Arc::new(Counts::new("support"));
        let meter = Meter::new(counts.clone());
        let start = counts.started;
        assert_eq!(counts.read(start).total, None);
        meter.expect(250);
        meter.page(100);
        meter.clone().page(50);
        meter.waiting(start + Duration::from_secs(30));
        meter.waiting(start + Duration::from_secs(20));
        let reading = counts.read(start + Duration::from_secs(10));
        assert_eq!((reading.pages, reading.tickets, reading.total), (2, 150, Some(250)));
        assert_eq!(reading.waiting, Some(Duration::from_secs(20)));
        assert_eq!(counts.read(start + Duration::from_secs(31)).waiting, None);
        meter.watch(move || Some(start + Duration::from_secs(40)));
        assert_eq!(counts.read(start + Duration::from_secs(31)).waiting, Some(Duration::from_secs(9)));
        meter.done();
        assert!(counts.read(start).done);
        assert_eq!(counts.read(start).waiting, None);
    }
}
