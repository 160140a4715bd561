//! The clock of the sandbox's world, and how its times are written and read.
//!
//! Both tenants live at +08:00 all year. The world's "now" may be fixed, so that a seed gives the same data on
//! every day; it then runs on from there.

use std::fmt::Write;
use std::time::Instant;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};

const HOME: Offset = Offset::constant(8);

/// A clock that starts at a given second and runs in real time.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: i64,
    since: Instant,
}

impl Clock {
    /// `now`: Unix seconds of the world's beginning; the real time when not given.
    pub fn starting(now: Option<i64>) -> Clock {
        Clock { start: now.unwrap_or_else(|| Timestamp::now().as_second()), since: Instant::now() }
    }

    /// The second at which the world began.
    pub fn start(&self) -> i64 {
        self.start
    }

    /// The world's present, in Unix seconds.
    pub fn now(&self) -> i64 {
        self.start + i64::try_from(self.since.elapsed().as_secs()).unwrap_or(0)
    }
}

/// Local date and time of a Unix second; the epoch for seconds out of range.
pub fn local(second: i64) -> DateTime {
    HOME.to_datetime(Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH))
}

/// Appends `YYYY-MM-DD HH:MM:SS`, local.
pub fn push_time(out: &mut String, second: i64) {
    let at = local(second);
    push_date(out, at.date());
    out.push(' ');
    two(out, at.hour());
    out.push(':');
    two(out, at.minute());
    out.push(':');
    two(out, at.second());
}

/// Appends `YYYY-MM-DD`.
pub fn push_date(out: &mut String, date: Date) {
    let _ = write!(out, "{}", date.year());
    out.push('-');
    two(out, date.month());
    out.push('-');
    two(out, date.day());
}

/// Appends two digits.
pub fn two(out: &mut String, number: i8) {
    out.push((b'0' + (number / 10) as u8) as char);
    out.push((b'0' + (number % 10) as u8) as char);
}

/// `YYYY-MM-DD HH:MM:SS`, local.
pub fn written(second: i64) -> String {
    let mut out = String::with_capacity(19);
    push_time(&mut out, second);
    out
}

/// Reads the bound of a time filter: Unix seconds, a local date, or a local date and time.
pub fn read_bound(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Ok(second) = text.parse::<i64>() {
        return Some(second);
    }
    let at =
        text.parse::<DateTime>().or_else(|_| text.parse::<Date>().map(|date| date.at(0, 0, 0, 0))).ok()?;
    TimeZone::fixed(HOME).to_timestamp(at).ok().map(|at| at.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read_eight_hours_ahead_of_utc() {
        assert_eq!(written(1_469_709_848), "2016-07-28 20:44:08");
        assert_eq!(read_bound("2016-07-28 20:44:08"), Some(1_469_709_848));
        assert_eq!(read_bound("1469709848"), Some(1_469_709_848));
        assert_eq!(read_bound("2016-07-28"), Some(1_469_635_200));
        assert_eq!(read_bound("gestern"), None);
    }
}
