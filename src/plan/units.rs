//! Windows that can be read anywhere, each by a worker of its own: where a reading is cut, and what the parts are called.
//! A name says all there is to know, so that whoever gives out the work need keep nothing else.

use jiff::{Span as Length, Timestamp, civil::Date, tz::TimeZone};

use crate::walk::Span;

/// A shorter reading is one window.
const WORTH_CUTTING_SECONDS: i64 = 62 * 86_400;

/// Cuts a span of creation times at the beginnings of months, where no partition is cut. An open beginning goes into the
/// window of the oldest ticket.
pub fn cut(span: Span, oldest: Option<i64>, now: i64, zone: &TimeZone) -> Vec<Span> {
    let (Some(first), last) = (span.from.or(oldest), span.to.unwrap_or(now).min(now)) else {
        return vec![span];
    };
    if last - first < WORTH_CUTTING_SECONDS {
        return vec![span];
    }
    let mut windows = Vec::new();
    let mut from = span.from;
    let mut month = date_of(first, zone).map(Date::first_of_month);
    while let Some(next) = month.and_then(|month| month.checked_add(Length::new().months(1)).ok()) {
        let Some(end) = start_of(next, zone).filter(|end| *end < last) else { break };
        windows.push(Span { from, to: Some(end) });
        (from, month) = (Some(end), Some(next));
    }
    windows.push(Span { from, to: span.to });
    windows
}

/// The name of a window: `SOURCE:FROM..TO`, dates in the lake's zone; an open end is left out. `None` where an end is not
/// the beginning of a day.
pub fn name(source: &str, span: Span, zone: &TimeZone) -> Option<String> {
    let end = |second: Option<i64>| match second {
        None => Some(String::new()),
        Some(second) => {
            let date = date_of(second, zone)?;
            (start_of(date, zone) == Some(second)).then(|| date.to_string())
        }
    };
    Some(format!("{source}:{}..{}", end(span.from)?, end(span.to)?))
}

/// The source and the span that a name means.
pub fn parse(name: &str, zone: &TimeZone) -> Option<(String, Span)> {
    let (source, ends) = name.split_once(':')?;
    let (from, to) = ends.split_once("..")?;
    let end = |text: &str| match text {
        "" => Some(None),
        date => Some(Some(start_of(date.parse().ok()?, zone)?)),
    };
    let span = Span { from: end(from)?, to: end(to)? };
    (!span.is_empty() && self::name(source, span, zone).as_deref() == Some(name))
        .then(|| (source.to_owned(), span))
}

/// Whether a span is a window that workers may be given: each end is open or the first of a month, and two ends are one
/// month apart.
pub fn is_month(span: Span, zone: &TimeZone) -> bool {
    let first = |second: i64| {
        let date = date_of(second, zone)?;
        (date.day() == 1 && start_of(date, zone) == Some(second)).then_some(date)
    };
    let ends = (span.from.map(first), span.to.map(first));
    match ends {
        (Some(None), _) | (_, Some(None)) => false,
        (Some(Some(from)), Some(Some(to))) => {
            from.checked_add(Length::new().months(1)).is_ok_and(|next| next == to)
        }
        _ => true,
    }
}

fn date_of(second: i64, zone: &TimeZone) -> Option<Date> {
    Some(Timestamp::from_second(second).ok()?.to_zoned(zone.clone()).date())
}

fn start_of(date: Date, zone: &TimeZone) -> Option<i64> {
    Some(date.to_zoned(zone.clone()).ok()?.timestamp().as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_second()
    }

    #[test]
    fn windows_follow_each_other_and_are_known_by_their_names() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let now = at("2024-05-10T00:00:00Z");
        let windows = cut(Span::default(), Some(at("2024-01-31T17:00:00Z")), now, &zone);
        let names: Vec<_> = windows.iter().map(|window| name("s", *window, &zone).unwrap()).collect();
        assert_eq!(
            names,
            ["s:..2024-03-01", "s:2024-03-01..2024-04-01", "s:2024-04-01..2024-05-01", "s:2024-05-01.."]
        );
        for (name, window) in names.iter().zip(&windows) {
            assert_eq!(parse(name, &zone), Some(("s".to_owned(), *window)));
        }
        assert!(windows.windows(2).all(|pair| pair[0].to == pair[1].from));
        assert_eq!(cut(Span::default(), None, now, &zone), [Span::default()]);
        assert_eq!(name("s", Span { from: Some(now), to: None }, &zone), None);
    }

    #[test]
    fn a_window_is_one_month_or_open() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let window = |name: &str| parse(name, &zone).is_some_and(|(_, span)| is_month(span, &zone));
        for right in ["s:..", "s:..2024-03-01", "s:2024-12-01..2025-01-01", "s:2024-05-01.."] {
            assert!(window(right), "{right}");
        }
        for wrong in [
            "s:2024-01-02..2024-02-01",
            "s:2024-01-01..2024-03-01",
            "s:..2024-03-15",
            "s:2024-01-01..2024-01-31",
        ] {
            assert!(!window(wrong), "{wrong}");
        }
    }

    #[test]
    fn what_is_no_window_has_no_meaning() {
        for wrong in ["s", "s:2024-01-01", "s:2024-02-01..2024-01-01", "s:x..y", "s:2024-1-1..", ":.."] {
            assert!(parse(wrong, &TimeZone::UTC).is_none_or(|(source, _)| source.is_empty()), "{wrong}");
        }
    }
}
