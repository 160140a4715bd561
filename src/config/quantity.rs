//! How rates, spans of time and shares are written: `60/min`, `1h30m`, `5%`.

use std::{num::NonZeroU32, time::Duration};

use super::Rate;

/// A longer span is a slip of the pen, and would overflow dates.
const LONGEST: Duration = Duration::from_secs(3650 * 86_400);

/// `N/s`, `N/min`, `N/h`, or `unlimited` (which is `None`). The error says what would be right.
pub fn rate(text: &str) -> Result<Option<Rate>, String> {
    if text == "unlimited" {
        return Ok(None);
    }
    let parsed = text.split_once('/').and_then(|(count, unit)| {
        let seconds = match unit {
            "s" => 1,
            "min" => 60,
            "h" => 3600,
            _ => return None,
        };
        let requests = digits(count)?.parse::<NonZeroU32>().ok()?;
        Some(Rate { requests, per: Duration::from_secs(seconds) })
    });
    let wanted =
        "write requests per second, minute or hour as \"2/s\", \"60/min\", \"3000/h\", or \"unlimited\"";
    parsed.map(Some).ok_or_else(|| format!("is \"{text}\"; {wanted}"))
}

/// Whole numbers with units, the largest first: `500ms`, `30s`, `10m`, `1h30m`, `7d`. The error says what would be right.
pub fn duration(text: &str) -> Result<Duration, String> {
    span(text).filter(|span| *span <= LONGEST).ok_or_else(|| {
        format!("is \"{text}\"; write a span of time as \"500ms\", \"30s\", \"10m\", \"1h30m\" or \"7d\", at most 3650d")
    })
}

/// As [`duration`], but more than nothing.
pub fn positive_duration(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err(format!("is \"{text}\"; it must be more than nothing")),
        span => Ok(span),
    }
}

/// `5%` or `0.5%`, 0 to 100, as a number from 0 to 1. The error says what would be right.
pub fn share(text: &str) -> Result<f64, String> {
    text.strip_suffix('%')
        .filter(|number| number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
        .and_then(|number| number.parse::<f64>().ok())
        .filter(|percent| (0.0..=100.0).contains(percent))
        .map(|percent| percent / 100.0)
        .ok_or_else(|| format!("is \"{text}\"; write a share as \"5%\", from \"0%\" to \"100%\""))
}

fn span(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    let mut last_unit = u64::MAX;
    while !rest.is_empty() {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit())?;
        let (count, tail) = rest.split_at(unit_at);
        let unit_end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_end);
        let millis = match unit {
            "ms" => 1,
            "s" => 1000,
            "m" | "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        if millis >= last_unit {
            return None;
        }
        last_unit = millis;
        let part = digits(count)?.parse::<u64>().ok()?.checked_mul(millis)?;
        total = total.checked_add(Duration::from_millis(part))?;
        rest = tail;
    }
    (last_unit != u64::MAX).then_some(total)
}

/// The text when it is digits only: `parse` alone would take a sign.
fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn per(requests: u32, seconds: u64) -> Option<Rate> {
        let requests = NonZeroU32::new(requests).expect("not zero");
        Some(Rate { requests, per: Duration::from_secs(seconds) })
    }

    #[test]
    fn rates() {
        assert_eq!(rate("60/min"), Ok(per(60, 60)));
        assert_eq!(rate("2/s"), Ok(per(2, 1)));
        assert_eq!(rate("3000/h"), Ok(per(3000, 3600)));
        assert_eq!(rate("unlimited"), Ok(None));
        for wrong in
            ["", "60", "/min", "0/min", "-1/s", "+1/s", "1/m", "1 /s", "1/s ", "1.5/s", "5000000000/s"]
        {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
        let message = rate("60/day").expect_err("no such unit");
        assert!(message.starts_with("is \"60/day\"; write requests per second"), "{message}");
    }

    #[test]
    fn durations() {
        let seconds = |text| duration(text).map(|span| span.as_secs_f64());
        assert_eq!(seconds("30s"), Ok(30.0));
        assert_eq!(seconds("10m"), Ok(600.0));
        assert_eq!(seconds("10min"), Ok(600.0));
        assert_eq!(seconds("7d"), Ok(604_800.0));
        assert_eq!(seconds("1h30m"), Ok(5400.0));
        assert_eq!(seconds("20ms"), Ok(0.02));
        assert_eq!(seconds("0s"), Ok(0.0));
        for wrong in
            ["", "5", "s", "-5s", "1.5h", "5 s", "30m1h", "1h1h", "4000d", "99999999999999999999s", "五s"]
        {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert!(positive_duration("0s").is_err());
    }

    #[test]
    fn shares() {
        assert_eq!(share("5%"), Ok(0.05));
        assert_eq!(share("0.5%"), Ok(0.005));
        assert_eq!(share("100%"), Ok(1.0));
        for wrong in ["", "5", "%", "-1%", "101%", "NaN%", "inf%", "1e1%", "5 %"] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,12}") {
            let _ = (rate(&text), duration(&text), share(&text));
        }

        #[test]
        fn parts_add_up(days in 0u64..3000, hours in 0u64..24, seconds in 0u64..60) {
            let whole = duration(&format!("{days}d{hours}h{seconds}s"));
            prop_assert_eq!(whole, Ok(Duration::from_secs(days * 86_400 + hours * 3600 + seconds)));
        }
    }
}
