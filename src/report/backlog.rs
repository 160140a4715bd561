//! How many tickets were open at the end of each day, told by when they were created, resolved and closed.

use std::collections::BTreeMap;

use jiff::civil::Date;
use polars::prelude::{DataFrame, PolarsResult};
use serde::Serialize;

use super::{
    rows::kept::{DAY, DONE, END_DAY},
    tally::tally,
    volume::date,
};

/// Work that piled up.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Backlog {
    /// Days on which something changed; a day between is as the one before it. Null where no source tells.
    pub days: Option<Vec<DayOpen>>,
    /// Sources that do not tell when work on a ticket ended; the days are without their tickets.
    pub unknown_sources: Vec<String>,
    /// Tickets of the other sources that are done, but not told since when; the days are without them.
    pub end_unknown: u64,
}

/// A day of the backlog.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DayOpen {
    pub date: Date,
    pub created: u64,
    /// Tickets that were resolved or closed, whichever came first.
    pub ended: u64,
    /// Open at the end of the day.
    pub open: u64,
}

/// By source, what came and went.
#[derive(Debug, Default)]
pub struct Flow {
    sources: BTreeMap<String, SourceFlow>,
}

#[derive(Debug, Default)]
struct SourceFlow {
    /// By day, tickets created and tickets ended.
    days: BTreeMap<i64, (u64, u64)>,
    ended: u64,
    end_unknown: u64,
}

impl SourceFlow {
    /// Whether the source tells when work ended.
    fn tells(&self) -> bool {
        self.ended > 0 || self.end_unknown == 0
    }
}

impl Flow {
    pub fn add(&mut self, source: &str, rows: &DataFrame) -> PolarsResult<()> {
        let flow = self.sources.entry(source.to_owned()).or_default();
        for ([day, end, done], tickets) in tally(rows, [DAY, END_DAY, DONE])? {
            // Without a day of creation a ticket has no place in time.
            let Some(day) = day.int() else { continue };
            match end.int() {
                None if done.bool() == Some(true) => {
                    flow.end_unknown += tickets;
                    continue;
                }
                None => {}
                Some(end) => {
                    flow.ended += tickets;
                    flow.days.entry(end).or_default().1 += tickets;
                }
            }
            flow.days.entry(day).or_default().0 += tickets;
        }
        Ok(())
    }

    /// Days from `until` on are left out.
    pub fn backlog(self, until: Option<Date>) -> Backlog {
        let known: Vec<_> = self.sources.values().filter(|flow| flow.tells()).collect();
        let mut sums: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
        for (day, (created, ended)) in known.iter().flat_map(|flow| &flow.days) {
            let sum = sums.entry(*day).or_default();
            *sum = (sum.0 + created, sum.1 + ended);
        }
        let mut open = 0_u64;
        let days = sums.into_iter().filter_map(|(day, (created, ended))| {
            // No ticket ends before its creation, so this never falls below 0.
            open = (open + created).saturating_sub(ended);
            Some(DayOpen { date: date(day)?, created, ended, open })
        });
        let days: Vec<_> = days.take_while(|day| until.is_none_or(|until| day.date < until)).collect();
        Backlog {
            days: (!days.is_empty()).then_some(days),
            end_unknown: known.iter().map(|flow| flow.end_unknown).sum(),
            unknown_sources: self
                .sources
                .iter()
                .filter(|(_, flow)| !flow.tells())
                .map(|(source, _)| source.clone())
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use polars::df;

    use super::*;

    #[test]
    fn a_day_has_what_came_less_what_went() {
        let mut flow = Flow::default();
        let rows = df!(
            DAY => [Some(0_i64), Some(0), Some(2), Some(2), None],
            END_DAY => [Some(2_i64), None, None, Some(2), None],
            DONE => [Some(true), Some(false), Some(true), Some(true), Some(false)],
        );
        flow.add("told", &rows.expect("rows")).expect("counted");
        let silent = df!(DAY => [1_i64, 1], END_DAY => [None::<i64>, None], DONE => [true, false]);
        flow.add("silent", &silent.expect("rows")).expect("counted");
        let backlog = flow.backlog(None);
        let days = backlog.days.expect("known");
        let shown: Vec<_> =
            days.iter().map(|day| (day.date.day(), day.created, day.ended, day.open)).collect();
        assert_eq!(shown, [(1, 2, 0, 2), (3, 1, 2, 1)]);
        assert_eq!((backlog.unknown_sources, backlog.end_unknown), (vec!["silent".to_owned()], 1));
    }
}
