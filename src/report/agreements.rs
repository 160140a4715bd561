//! Service agreements: kept and breached by policy, and why clocks were stopped.

use std::collections::BTreeMap;

use polars::prelude::{DataFrame, PolarsResult};
use serde::Serialize;

use super::{
    measures::{Agreements, Sla},
    rows::kept::{BREACHED, PAUSE_REASON, PAUSED, POLICY},
    tally::tally,
};

/// A policy and how it was kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Policy {
    /// Its title; null for tickets with an agreement that has none.
    pub policy: Option<String>,
    /// Tickets under it.
    pub tickets: u64,
    #[serde(flatten)]
    pub sla: Sla,
}

/// A reason to stop the clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pause {
    /// Null where none was given.
    pub reason: Option<String>,
    /// Tickets whose last action on the clock has this reason.
    pub tickets: u64,
    /// Of those, the ones whose clock stands now.
    pub paused: u64,
}

/// Policies and reasons, counted.
#[derive(Debug, Default)]
pub struct Clocks {
    policies: BTreeMap<Option<String>, (u64, Agreements)>,
    pauses: BTreeMap<Option<String>, (u64, u64)>,
}

impl Clocks {
    pub fn add(&mut self, rows: &DataFrame) -> PolarsResult<()> {
        for ([policy, breached], tickets) in tally(rows, [POLICY, BREACHED])? {
            let (policy, breached) = (policy.into_text(), breached.bool());
            if policy.is_none() && breached.is_none() {
                continue;
            }
            let (all, agreements) = self.policies.entry(policy).or_default();
            *all += tickets;
            if let Some(breached) = breached {
                agreements.add(breached, tickets);
            }
        }
        for ([reason, paused], tickets) in tally(rows, [PAUSE_REASON, PAUSED])? {
            let (reason, paused) = (reason.into_text(), paused.bool());
            if reason.is_none() && paused.is_none() {
                continue;
            }
            let (all, stopped) = self.pauses.entry(reason).or_default();
            *all += tickets;
            *stopped += if paused == Some(true) { tickets } else { 0 };
        }
        Ok(())
    }

    /// The largest policy and the most frequent reason first; `None` where no ticket tells.
    pub fn finish(self) -> (Option<Vec<Policy>>, Option<Vec<Pause>>) {
        let policy = |(policy, (tickets, agreements)): (_, (u64, Agreements))| Policy {
            policy,
            tickets,
            sla: agreements.sla().unwrap_or(Sla { kept: 0, breached: 0, attainment: None }),
        };
        let mut policies: Vec<Policy> = self.policies.into_iter().map(policy).collect();
        policies.sort_by_key(|policy| std::cmp::Reverse(policy.tickets));
        let pause = |(reason, (tickets, paused))| Pause { reason, tickets, paused };
        let mut pauses: Vec<Pause> = self.pauses.into_iter().map(pause).collect();
        pauses.sort_by_key(|pause| std::cmp::Reverse(pause.tickets));
        ((!policies.is_empty()).then_some(policies), (!pauses.is_empty()).then_some(pauses))
    }
}
