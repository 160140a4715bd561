//! Dates, times of day and instants, from the text that a vendor sends.
//!
//! An instant is microseconds since 1970 in UTC, a date days since 1970, a time of day microseconds since midnight:
//! the units of the lake's columns.

use std::ops::Range;

use jiff::{
    SignedDuration,
    civil::{Date, DateTime, Time},
    tz::{AmbiguousOffset, TimeZone},
};

const MICROS: i64 = 1_000_000;
const DAY_SECONDS: i64 = 86_400;
/// From 1000-01-01 on and before 10000-01-01, UTC. Readers differ on the years outside; Python has no year 10000.
const INSTANTS: Range<i64> = -354_285 * DAY_SECONDS * MICROS..2_932_897 * DAY_SECONDS * MICROS;
/// From the first of March of the year 0 to the first of January of 1970.
const DAYS_TO_1970: i32 = 719_468;

/// What stood in place of a date or an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read<T> {
    Value(T),
    /// `0000-00-00`: the vendor's way to say that there is none.
    Zero,
    Unreadable,
}

/// Reads instants; those without an offset are local times of its zone.
#[derive(Debug, Clone)]
pub struct Clock {
    zone: TimeZone,
}

impl Clock {
    /// A reader for texts that mean local time in `zone` where they carry no offset.
    pub fn new(zone: TimeZone) -> Self {
        Self { zone }
    }

    /// Reads an instant: a date, a date and a time with or without an offset, or ten digits of Unix seconds. One that
    /// leaves the years 1000 to 9999 in UTC does not fit.
    pub fn instant(&self, text: &str) -> Read<i64> {
        let bytes = text.as_bytes();
        if let Some(local) = usual(bytes) {
            return fitting(self.to_utc(local));
        }
        if bytes.len() == 10 && bytes.iter().all(u8::is_ascii_digit) {
            return fitting(text.parse::<i64>().ok().map(|seconds| seconds * MICROS));
        }
        let Some((date, rest)) = text.split_at_checked(10) else { return Read::Unreadable };
        let Some((time, offset)) = split_time(rest) else { return Read::Unreadable };
        if date == "0000-00-00" {
            return Read::Zero;
        }
        let Some(days) = parse_date(date.as_bytes()) else { return Read::Unreadable };
        let local = i64::from(days) * DAY_SECONDS * MICROS + time;
        fitting(match offset {
            Some(seconds) => Some(local - seconds * MICROS),
            None => self.to_utc(local),
        })
    }

    /// Local microseconds to UTC; at a change of clocks the earlier offset holds.
    fn to_utc(&self, local: i64) -> Option<i64> {
        let seconds = local.div_euclid(MICROS);
        let date = civil_date(i32::try_from(seconds.div_euclid(DAY_SECONDS)).ok()?)?;
        let of_day = SignedDuration::from_secs(seconds.rem_euclid(DAY_SECONDS));
        let at = DateTime::from_parts(date, Time::midnight()).checked_add(of_day).ok()?;
        // The offset alone: jiff has no timestamp for the last 26 hours of the year 9999.
        let (AmbiguousOffset::Unambiguous { offset: before }
        | AmbiguousOffset::Gap { before, .. }
        | AmbiguousOffset::Fold { before, .. }) = self.zone.to_ambiguous_timestamp(at).offset();
        Some(local - i64::from(before.seconds()) * MICROS)
    }
}

/// An instant, if it is within the years that columns hold.
fn fitting(utc: Option<i64>) -> Read<i64> {
    utc.filter(|utc| INSTANTS.contains(utc)).map_or(Read::Unreadable, Read::Value)
}

/// The local microseconds of `YYYY-MM-DD HH:MM:SS`, by far the most frequent form; `None` for any other.
fn usual(text: &[u8]) -> Option<i64> {
    let (date, [b' ' | b'T', time @ ..]) = text.split_first_chunk::<10>()? else { return None };
    let &[h1, h2, b':', m1, m2, b':', s1, s2] = time else { return None };
    let digits = [h1, h2, m1, m2, s1, s2].map(|digit| digit.wrapping_sub(b'0'));
    // Looked at together, since they mostly are what they should be.
    let are_digits = digits.iter().all(|digit| *digit < 10);
    let [hours, minutes, seconds] =
        [0, 2, 4].map(|at| i64::from(digits[at]) * 10 + i64::from(digits[at + 1]));
    (are_digits && hours < 24 && minutes < 60 && seconds < 60).then_some(())?;
    let seconds = hours * 3600 + minutes * 60 + seconds;
    Some((i64::from(parse_date(date)?) * DAY_SECONDS + seconds) * MICROS)
}

/// Reads a date column's value: a date, or a date with a midnight behind it, as days since 1970.
pub fn date(text: &str) -> Read<i32> {
    let Some((date, rest)) = text.split_at_checked(10) else { return Read::Unreadable };
    match split_time(rest) {
        Some(_) if date == "0000-00-00" => Read::Zero,
        Some((0, None)) => parse_date(date.as_bytes()).map_or(Read::Unreadable, Read::Value),
        _ => Read::Unreadable,
    }
}

/// Reads a time of day, `HH:MM[:SS[.ffffff]]`, as microseconds since midnight.
pub fn time_of_day(text: &str) -> Option<i64> {
    let (time, rest) = parse_time(text)?;
    rest.is_empty().then_some(time)
}

/// What stands behind a date: nothing, or a time and perhaps an offset, as (microseconds, offset seconds).
fn split_time(rest: &str) -> Option<(i64, Option<i64>)> {
    if rest.is_empty() {
        return Some((0, None));
    }
    let (time, rest) = parse_time(rest.strip_prefix([' ', 'T'])?)?;
    if rest.is_empty() { Some((time, None)) } else { Some((time, Some(parse_offset(rest)?))) }
}

fn parse_offset(text: &str) -> Option<i64> {
    let text = text.strip_prefix(' ').unwrap_or(text);
    if text == "Z" {
        return Some(0);
    }
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let (hours, minutes) = digits.split_at_checked(2)?;
    let minutes = minutes.strip_prefix(':').unwrap_or(minutes);
    Some(sign * (two_digits(hours.as_bytes(), 23)? * 3600 + two_digits(minutes.as_bytes(), 59)? * 60))
}

fn parse_time(text: &str) -> Option<(i64, &str)> {
    let hours = two_digits(text.as_bytes().get(..2)?, 23)?;
    let minutes = two_digits(text.get(2..)?.strip_prefix(':')?.as_bytes().get(..2)?, 59)?;
    let rest = &text[5..];
    let whole = hours * 3600 + minutes * 60;
    let Some(rest) = rest.strip_prefix(':') else { return Some((whole * MICROS, rest)) };
    let whole = whole + two_digits(rest.as_bytes().get(..2)?, 59)?;
    let rest = &rest[2..];
    let Some(rest) = rest.strip_prefix('.') else { return Some((whole * MICROS, rest)) };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    if !(1..=6).contains(&digits) {
        return None;
    }
    let fraction: i64 = rest[..digits].parse().ok()?;
    let scale = 10_i64.pow(6 - u32::try_from(digits).ok()?);
    Some((whole * MICROS + fraction * scale, &rest[digits..]))
}

fn two_digits(text: &[u8], max: i64) -> Option<i64> {
    let [tens @ b'0'..=b'9', ones @ b'0'..=b'9'] = text else { return None };
    let value = i64::from(tens - b'0') * 10 + i64::from(ones - b'0');
    (value <= max).then_some(value)
}

/// `YYYY-MM-DD` of the years 1000 to 9999 as days since 1970.
fn parse_date(text: &[u8]) -> Option<i32> {
    let &[y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = text else { return None };
    let digits = [y1, y2, y3, y4, m1, m2, d1, d2].map(|digit| digit.wrapping_sub(b'0'));
    digits.iter().all(|digit| *digit < 10).then_some(())?;
    let [century, year, month, day] =
        [0, 2, 4, 6].map(|at| i32::from(digits[at]) * 10 + i32::from(digits[at + 1]));
    let year = century * 100 + year;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let last = match month {
        2 => 28 + i32::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if year < 1000 || !(1..=last).contains(&day) {
        return None;
    }
    // Years begin in March here, so that the leap day is the last day of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year / 4 - year / 100 + year / 400;
    Some(year * 365 + leap_days + (153 * month + 2) / 5 + day - 1 - DAYS_TO_1970)
}

/// The civil date of a number of days since 1970.
pub fn civil_date(days: i32) -> Option<Date> {
    epoch().checked_add(jiff::Span::new().try_days(days).ok()?).ok()
}

fn epoch() -> Date {
    Date::constant(1970, 1, 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shanghai() -> Clock {
        Clock::new(TimeZone::get("Asia/Shanghai").unwrap())
    }

    fn utc(text: &str) -> Read<i64> {
        Read::Value(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
    }

    #[test]
    fn instants_in_every_legal_form() {
        let clock = shanghai();
        let expected = utc("2016-07-28T12:44:08Z");
        for text in [
            "2016-07-28 20:44:08 +0800",
            "2016-07-28 20:44:08+08:00",
            "2016-07-28T12:44:08Z",
            "2016-07-28T12:44:08 Z",
            "2016-07-28 20:44:08",
            "2016-07-28 20:44:08.000",
            "1469709848",
        ] {
            assert_eq!(clock.instant(text), expected, "{text}");
        }
        assert_eq!(clock.instant("2016-07-28"), utc("2016-07-27T16:00:00Z"));
        assert_eq!(clock.instant("2016-07-28 20:44"), utc("2016-07-28T12:44:00Z"));
        assert_eq!(clock.instant("2016-07-28 20:44:08.25"), utc("2016-07-28T12:44:08.25Z"));
    }

    #[test]
    fn zero_dates_are_nothing_and_rubbish_is_unreadable() {
        let clock = shanghai();
        for text in ["0000-00-00", "0000-00-00 00:00:00", "0000-00-00T00:00:00 +0800"] {
            assert_eq!(clock.instant(text), Read::Zero, "{text}");
            assert_eq!(date(text), Read::Zero, "{text}");
        }
        for text in [
            "",
            "yesterday",
            "2016-7-28",
            "2016-02-30",
            "0999-01-01",
            "2016-07-28 24:00",
            "2016-07-28 20:60",
            " 2016-07-28",
            "2016-07-28 ",
            "2016-07-28 20:44:08 PM",
            "146970984",
            "14697098480",
            "2016-07-28 +0800",
            "2016-07-28 20:44:08 +8",
            "２０１６-07-28",
            "2016-07-28 20:44:08.1234567",
        ] {
            assert_eq!(clock.instant(text), Read::Unreadable, "{text}");
        }
    }

    fn micros(date: Date) -> i64 {
        i64::from((date - epoch()).get_days()) * DAY_SECONDS * MICROS
    }

    #[test]
    fn instants_end_with_the_years_of_four_digits_in_utc() {
        let (first, last) = (micros(Date::constant(1000, 1, 1)), micros(Date::constant(9999, 12, 31)));
        assert_eq!(INSTANTS, first..last + DAY_SECONDS * MICROS);
        let (first, last) = (Read::Value(first), Read::Value(INSTANTS.end - 1));
        let hours = |hours: i64| Read::Value(INSTANTS.end - MICROS - hours * 3600 * MICROS);
        let new_york = || Clock::new(TimeZone::get("America/New_York").unwrap());
        for (clock, text, wanted) in [
            (shanghai(), "9999-12-31 23:59:59", hours(8)),
            (shanghai(), "9999-12-31 23:59:59 +0800", hours(8)),
            // Local mean time, eight hours and 343 seconds before UTC.
            (shanghai(), "1000-01-01 00:00:00", Read::Unreadable),
            (shanghai(), "1000-01-01", Read::Unreadable),
            (shanghai(), "1000-01-01 08:05:42", Read::Unreadable),
            (shanghai(), "1000-01-01 08:05:43", first),
            (shanghai(), "1000-01-01 08:00:00+08:00", first),
            (shanghai(), "1000-01-01 07:59:59.999999 +0800", Read::Unreadable),
            (new_york(), "9999-12-31 23:59:59", Read::Unreadable),
            (new_york(), "9999-12-31 19:00:00", Read::Unreadable),
            (new_york(), "9999-12-31 18:59:59.999999", last),
            (new_york(), "9999-12-31T23:59:59.999999Z", last),
            (new_york(), "9999-12-31 23:59:59 -0001", Read::Unreadable),
            (new_york(), "1000-01-01", Read::Value(INSTANTS.start + (4 * 3600 + 56 * 60 + 2) * MICROS)),
            (new_york(), "0999-12-31 23:59:59", Read::Unreadable),
        ] {
            assert_eq!(clock.instant(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_change_of_clocks_takes_the_earlier_offset() {
        let clock = Clock::new(TimeZone::get("America/New_York").unwrap());
        for (text, instant) in [
            ("2024-03-09 12:00:00", "2024-03-09T17:00:00Z"),
            ("2024-03-10 02:30:00", "2024-03-10T07:30:00Z"),
            ("2024-03-10 03:30:00", "2024-03-10T07:30:00Z"),
            ("2024-11-03 01:30:00", "2024-11-03T05:30:00Z"),
            ("2024-11-03 02:30:00", "2024-11-03T07:30:00Z"),
            ("2024-07-01 12:00:00", "2024-07-01T16:00:00Z"),
            ("2024-07-01 13:00:00", "2024-07-01T17:00:00Z"),
        ] {
            assert_eq!(clock.instant(text), utc(instant), "{text}");
        }
    }

    proptest! {
        /// Dates are counted as the calendar counts them, and only its own are dates.
        #[test]
        fn dates_agree_with_the_calendar(year in 0i16..=9999, month in 0i8..=13, day in 0i8..=32) {
            let expected = Date::new(year, month, day).ok().filter(|_| year >= 1000);
            let text = format!("{year:04}-{month:02}-{day:02}");
            let days = expected.map(|date| (date - epoch()).get_days());
            prop_assert_eq!(parse_date(text.as_bytes()), days);
        }

        /// Around each change of clocks too.
        #[test]
        fn instants_agree_with_the_zone(
            name in prop_oneof![Just("Asia/Shanghai"), Just("America/New_York"), Just("Australia/Lord_Howe")],
            seconds in prop::collection::vec(-1_000_000_000..4_000_000_000_i64, 1..10),
            shift in -200_000..200_000_i64,
        ) {
            let zone = TimeZone::get(name).unwrap();
            let clock = Clock::new(zone.clone());
            for second in seconds {
                let instant = jiff::Timestamp::from_second(second).unwrap();
                let change = zone.following(instant).next().map(|change| change.timestamp());
                for instant in [Some(instant), change].into_iter().flatten() {
                    let shifted = jiff::Timestamp::from_second(instant.as_second() + shift).unwrap();
                    let local = shifted.to_zoned(zone.clone()).datetime();
                    let expected = zone.to_ambiguous_timestamp(local).compatible().unwrap();
                    let text = local.strftime("%Y-%m-%d %H:%M:%S").to_string();
                    prop_assert_eq!(clock.instant(&text), Read::Value(expected.as_microsecond()), "{}", text);
                }
            }
        }
    }

    /// Texts of every form, most of them near an end of what fits or near a change of clocks.
    fn moment() -> impl Strategy<Value = String> {
        let day = prop_oneof![
            "(1000-01-0[1-3]|9999-12-(29|30|31)|2024-03-(09|10|11)|2024-11-0[2-4]|1986-05-0[3-5])",
            "[0-9]{4}-[01][0-9]-[0-3][0-9]",
        ];
        let time = "( ([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{6})?( ?[+-](0[0-9]|1[0-4])(:?)00)?)?";
        prop_oneof![9 => (day, time).prop_map(|(day, time)| day + &time), 1 => "[0-9]{10}"]
    }

    proptest! {
        /// Whatever was read before, a text is read in the same way.
        #[test]
        fn what_was_read_before_changes_nothing(
            name in prop_oneof![Just("Asia/Shanghai"), Just("America/New_York"), Just("Pacific/Kiritimati")],
            before in prop::collection::vec(moment(), 0..6),
            text in moment(),
        ) {
            let clock = || Clock::new(TimeZone::get(name).unwrap());
            let used = clock();
            for text in before {
                used.instant(&text);
            }
            let read = clock().instant(&text);
            prop_assert_eq!(used.instant(&text), read, "{}", text);
            if let Read::Value(micros) = read {
                prop_assert!(INSTANTS.contains(&micros), "{}", text);
            }
        }
    }

    #[test]
    fn dates_and_times_of_day() {
        assert_eq!(date("1970-01-02"), Read::Value(1));
        assert_eq!(date("1970-01-02 00:00:00"), Read::Value(1));
        assert_eq!(date("1970-01-02T00:00"), Read::Value(1));
        assert_eq!(date("1970-01-02 00:00:01"), Read::Unreadable);
        assert_eq!(date("1469709848"), Read::Unreadable);
        assert_eq!(time_of_day("14:44:36"), Some(53_076_000_000));
        assert_eq!(time_of_day("14:44"), Some(53_040_000_000));
        assert_eq!(time_of_day("24:00:00"), None);
        assert_eq!(time_of_day("14:44:36 "), None);
    }
}
