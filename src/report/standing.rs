//! Where tickets stand: by status, in each source's own words, and by priority.

use std::collections::BTreeMap;

use polars::prelude::{DataFrame, PolarsResult};
use serde::Serialize;

use super::{
    rows::kept::{PRIORITY, STATUS},
    tally::tally,
};

/// Tickets of a source with a status, and with a priority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Standing {
    pub source: String,
    /// Null for tickets that have none.
    pub status: Option<String>,
    pub priority: Option<String>,
    pub tickets: u64,
}

/// Tickets by source, status and priority.
#[derive(Debug, Default)]
pub struct StatusCounts {
    counts: BTreeMap<(String, Option<String>, Option<String>), u64>,
}

impl StatusCounts {
    pub fn add(&mut self, source: &str, rows: &DataFrame) -> PolarsResult<()> {
        for ([status, priority], tickets) in tally(rows, [STATUS, PRIORITY])? {
            let place = (source.to_owned(), status.into_text(), priority.into_text());
            *self.counts.entry(place).or_default() += tickets;
        }
        Ok(())
    }

    /// Of each source the most frequent first.
    pub fn standings(self) -> Vec<Standing> {
        let standing = |((source, status, priority), tickets)| Standing { source, status, priority, tickets };
        let mut standings: Vec<Standing> = self.counts.into_iter().map(standing).collect();
        standings.sort_by(|a, b| (&a.source, b.tickets).cmp(&(&b.source, a.tickets)));
        standings
    }
}
