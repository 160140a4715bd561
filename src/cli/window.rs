//! Which tickets `--since` and `--until` mean: a half-open span of creation times.

use jiff::tz::TimeZone;

use crate::{
    error::Error,
    walk::Span,
    when::{Clock, Read},
};

const FORMS: &str = "write a date as 2024-01-31, or an instant in whole seconds as 2024-01-31T08:00:00+08:00";

/// Takes a date or an instant by its form; what it means is decided in the lake's zone, by [`window`].
pub fn moment(text: &str) -> Result<String, String> {
    // No form depends on the zone.
    second(text, &TimeZone::UTC).map(|_| text.to_owned()).ok_or_else(|| FORMS.to_owned())
}

/// The window from `since` on and before `until`, an end of now where there is none. Dates begin at midnight in `zone`.
pub fn window(since: &str, until: Option<&str>, zone: &TimeZone) -> Result<Span, Error> {
    between(("--since", "--until"), Some(since), until, zone)
}

/// As [`window`], open on each side that is not given; with the names of the two options.
pub fn between(
    (from_flag, to_flag): (&str, &str),
    since: Option<&str>,
    until: Option<&str>,
    zone: &TimeZone,
) -> Result<Span, Error> {
    let read = |flag: &str, text: &str| {
        second(text, zone).ok_or_else(|| Error::Usage(format!("{flag}: \"{text}\" is no moment; {FORMS}")))
    };
    let from = since.map(|text| read(from_flag, text)).transpose()?;
    let to = until.map(|text| read(to_flag, text)).transpose()?;
    let span = Span { from, to };
    if span.is_empty() {
        let (since, until) = (since.unwrap_or_default(), until.unwrap_or_default());
        return Err(Error::Usage(format!(
            "{from_flag} {since} does not lie before {to_flag} {until}, so that no ticket is meant; the day of {to_flag} is \
             left out: for one day, give the next one"
        )));
    }
    Ok(span)
}

/// Unix seconds; `None` for anything but a date or an instant in whole seconds.
fn second(text: &str, zone: &TimeZone) -> Option<i64> {
    // Ten digits would be read as Unix seconds, which nobody types on purpose.
    let dated = text.contains('-');
    match Clock::new(zone.clone()).instant(text) {
        Read::Value(micros) if dated && micros.rem_euclid(1_000_000) == 0 => {
            Some(micros.div_euclid(1_000_000))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(instant: &str) -> Option<i64> {
        Some(instant.parse::<jiff::Timestamp>().unwrap().as_second())
    }

    #[test]
    fn a_date_begins_in_the_lakes_zone() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let span = window("2024-01-01", Some("2024-07-01"), &zone).unwrap();
        assert_eq!(span, Span { from: at("2023-12-31T16:00:00Z"), to: at("2024-06-30T16:00:00Z") });
        let span = window("2024-01-01T00:00:00Z", None, &zone).unwrap();
        assert_eq!(span, Span { from: at("2024-01-01T00:00:00Z"), to: None });
        let local = window("2024-01-01 08:00", None, &zone).unwrap();
        assert_eq!(local, span);
    }

    #[test]
    fn nothing_is_meant_by_an_empty_window() {
        for until in ["2024-01-01", "2023-12-31"] {
            let error = window("2024-01-01", Some(until), &TimeZone::UTC).unwrap_err().to_string();
            assert!(error.contains("--since 2024-01-01 does not lie before --until"), "{error}");
        }
    }

    #[test]
    fn only_dates_and_whole_seconds_are_moments() {
        for wrong in [
            "",
            "yesterday",
            "2024-13-01",
            "2024-02-30",
            "2024-1-1",
            "20240101",
            "1704067200",
            "2024-01-01T00:00:00.5Z",
        ] {
            assert!(moment(wrong).unwrap_err().contains("2024-01-31"), "{wrong}");
        }
        assert_eq!(moment("2024-02-29").unwrap(), "2024-02-29");
    }
}
