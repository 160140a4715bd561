//! When tickets come in: by day, and by weekday and hour, in the lake's zone.

use std::collections::BTreeMap;

use jiff::civil::Date;
use polars::prelude::{DataFrame, PolarsResult};
use serde::Serialize;

use super::{
    rows::kept::{DAY, HOUR, WEEKDAY},
    tally::tally,
};
use crate::when::civil_date;

/// When tickets were created.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Volume {
    /// Days with tickets; the others have none.
    pub days: Vec<DayCount>,
    /// Monday to Sunday, each with 24 hours from 0 on.
    pub weekday_hours: [[u64; 24]; 7],
    /// Tickets of which it is not known when they were created.
    pub undated: u64,
}

/// A day and its tickets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DayCount {
    pub date: Date,
    pub tickets: u64,
}

/// Tickets by day and by hour of the week.
#[derive(Debug, Default)]
pub struct Arrivals {
    days: BTreeMap<i64, u64>,
    hours: [[u64; 24]; 7],
    undated: u64,
}

impl Arrivals {
    pub fn add(&mut self, rows: &DataFrame) -> PolarsResult<()> {
        for ([day], tickets) in tally(rows, [DAY])? {
            match day.int() {
                Some(day) => *self.days.entry(day).or_default() += tickets,
                None => self.undated += tickets,
            }
        }
        for ([weekday, hour], tickets) in tally(rows, [WEEKDAY, HOUR])? {
            let place = |number: Option<i64>| usize::try_from(number?).ok();
            let (Some(weekday), Some(hour)) = (place(weekday.int().map(|day| day - 1)), place(hour.int()))
            else {
                continue;
            };
            if let Some(count) = self.hours.get_mut(weekday).and_then(|day| day.get_mut(hour)) {
                *count += tickets;
            }
        }
        Ok(())
    }

    pub fn volume(self) -> Volume {
        let days =
            self.days.into_iter().filter_map(|(day, tickets)| Some(DayCount { date: date(day)?, tickets }));
        Volume { days: days.collect(), weekday_hours: self.hours, undated: self.undated }
    }
}

/// The date of a number of days since 1970.
pub fn date(days: i64) -> Option<Date> {
    civil_date(i32::try_from(days).ok()?)
}
