//! How long things took: exact medians and percentiles of spans, whatever their number.

use std::collections::BTreeMap;

use serde::Serialize;

const MICROS: f64 = 1e6;

/// How many tickets took how long, in microseconds. Vendors tell whole seconds, so many tickets share one span.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spans {
    counts: BTreeMap<i64, u64>,
    /// Tickets whose end lies before their beginning.
    before: u64,
}

/// What is told of spans.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Times {
    /// Tickets that took some time; the other figures are of these.
    pub tickets: u64,
    pub median_seconds: Option<f64>,
    /// Nine of ten tickets took at most this long.
    pub p90_seconds: Option<f64>,
    /// Tickets that are left out, since they ended before they were created.
    pub before_creation: u64,
}

impl Spans {
    pub fn add(&mut self, micros: i64, tickets: u64) {
        match micros {
            ..0 => self.before += tickets,
            _ => *self.counts.entry(micros).or_default() += tickets,
        }
    }

    pub fn join(&mut self, other: &Self) {
        self.before += other.before;
        for (micros, tickets) in &other.counts {
            self.add(*micros, *tickets);
        }
    }

    /// `None` where nothing is known.
    pub fn times(&self) -> Option<Times> {
        let tickets = self.counts.values().sum();
        (tickets + self.before > 0).then(|| Times {
            tickets,
            median_seconds: self.quantile(tickets, 0.5),
            p90_seconds: self.quantile(tickets, 0.9),
            before_creation: self.before,
        })
    }

    /// Between two spans the share of the way from one to the other, as SQL's `quantile_cont`; in seconds.
    fn quantile(&self, tickets: u64, share: f64) -> Option<f64> {
        let place = tickets.checked_sub(1)? as f64 * share;
        let lower = self.at(place.floor() as u64)?;
        let upper = self.at(place.ceil() as u64)?;
        Some((lower + (upper - lower) * place.fract()) / MICROS)
    }

    /// The span at a place in the order of spans, counted from 0.
    fn at(&self, place: u64) -> Option<f64> {
        let mut passed = 0;
        let reached = self.counts.iter().find(|(_, tickets)| {
            passed += **tickets;
            passed > place
        });
        reached.map(|(micros, _)| *micros as f64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spans(seconds: &[i64]) -> Spans {
        let mut spans = Spans::default();
        seconds.iter().for_each(|second| spans.add(second * 1_000_000, 1));
        spans
    }

    #[test]
    fn few_and_none() {
        assert_eq!(spans(&[]).times(), None);
        let of = |seconds: &[i64]| {
            let times = spans(seconds).times().expect("known");
            (times.median_seconds, times.p90_seconds)
        };
        assert_eq!(of(&[7]), (Some(7.0), Some(7.0)));
        assert_eq!(of(&[4, 1]), (Some(2.5), Some(3.7)));
        assert_eq!(of(&[0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]), (Some(50.0), Some(90.0)));
        let impossible = spans(&[-1]).times().expect("known");
        assert_eq!((impossible.tickets, impossible.before_creation, impossible.median_seconds), (0, 1, None));
    }

    proptest! {
        #[test]
        fn as_from_the_sorted_list(mut seconds in prop::collection::vec(0_i64..50, 1..40), cut in 0_usize..40) {
            let cut = cut.min(seconds.len());
            let mut joined = spans(&seconds[..cut]);
            joined.join(&spans(&seconds[cut..]));
            seconds.sort_unstable();
            let middle = (seconds[(seconds.len() - 1) / 2] + seconds[seconds.len() / 2]) as f64 / 2.0;
            let times = joined.times().expect("known");
            prop_assert_eq!(times.median_seconds, Some(middle));
            let p90 = times.p90_seconds.expect("known");
            let below = seconds.iter().filter(|second| **second as f64 <= p90 + 1e-9).count();
            prop_assert!(below as f64 >= 0.9 * (seconds.len() as f64 - 1.0), "{} of {:?}", p90, seconds);
        }
    }
}
