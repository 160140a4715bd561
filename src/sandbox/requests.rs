//! The requests that came in, for whoever wants to know what a client asked.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde::Serialize;

/// The oldest are forgotten beyond so many.
const KEPT: usize = 200_000;

/// One request to a vendor.
#[derive(Debug, Clone, Serialize)]
pub struct Logged {
    /// Seconds since the sandbox began.
    pub at: f64,
    pub method: String,
    /// Path and query as sent.
    pub path: String,
    /// Null while it is not answered.
    pub status: Option<u16>,
    /// The limit refused it.
    pub limited: bool,
}

/// All requests in order of arrival.
#[derive(Debug)]
pub struct Requests {
    began: Instant,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    forgotten: u64,
    kept: VecDeque<Logged>,
    in_flight: u64,
    most_in_flight: u64,
}

impl Requests {
    pub fn new() -> Requests {
        Requests { began: Instant::now(), log: Mutex::default() }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request as it arrives; it is in flight until the returned guard is dropped.
    pub fn arrived(&self, method: &str, path: &str) -> InFlight<'_> {
        let at = self.began.elapsed().as_micros() as f64 / 1e6;
        let mut log = self.log();
        if log.kept.len() == KEPT {
            log.kept.pop_front();
            log.forgotten += 1;
        }
        let (method, path) = (method.to_owned(), path.to_owned());
        log.kept.push_back(Logged { at, method, path, status: None, limited: false });
        log.in_flight += 1;
        log.most_in_flight = log.most_in_flight.max(log.in_flight);
        InFlight { requests: self, number: log.forgotten + log.kept.len() as u64 - 1 }
    }

    /// The requests from a number on, one JSON object a line.
    pub fn lines(&self, from: u64) -> String {
        let log = self.log();
        let skip = usize::try_from(from.saturating_sub(log.forgotten)).unwrap_or(usize::MAX);
        let lines = log.kept.iter().skip(skip).filter_map(|one| serde_json::to_string(one).ok());
        lines.map(|line| line + "\n").collect()
    }

    /// How many there were, and how many at most at the same time.
    pub fn counted(&self) -> (u64, u64) {
        let log = self.log();
        (log.forgotten + log.kept.len() as u64, log.most_in_flight)
    }
}

/// A request that is being answered.
pub struct InFlight<'a> {
    requests: &'a Requests,
    number: u64,
}

impl InFlight<'_> {
    fn change(&self, change: impl FnOnce(&mut Logged)) {
        let mut log = self.requests.log();
        let place = self.number.checked_sub(log.forgotten).and_then(|place| usize::try_from(place).ok());
        if let Some(logged) = place.and_then(|place| log.kept.get_mut(place)) {
            change(logged);
        }
    }

    pub fn limited(&self) {
        self.change(|logged| logged.limited = true);
    }

    pub fn answered(&self, status: u16) {
        self.change(|logged| logged.status = Some(status));
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.requests.log().in_flight -= 1;
    }
}
