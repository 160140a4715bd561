//! How counts, sizes and spans of time are written for people.

use std::time::Duration;

/// `1,234,567`
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Bytes in binary units: `512 B`, `1.5 KiB`, `48 MiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut amount = bytes as f64;
    let mut unit = 0;
    while amount >= 1023.95 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    let name = UNITS[unit];
    if unit == 0 || amount >= 9.95 { format!("{amount:.0} {name}") } else { format!("{amount:.1} {name}") }
}

/// The two largest units that matter: `0.4 s`, `12 s`, `3 min 20 s`, `2 h 48 min`, `3 d 4 h`.
pub fn span(span: Duration) -> String {
    let tenths = span.as_secs_f64();
    if tenths < 9.95 {
        return format!("{tenths:.1} s");
    }
    let seconds = tenths.round() as u64;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min {} s", seconds % 60),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

/// `87 %`; what is not quite nothing or not quite all never looks like it. `–` where there is no whole.
pub fn share(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "–".to_owned();
    }
    let percent = (part as f64 / whole as f64 * 100.0).round() as u64;
    match (part, percent) {
        (1.., 0) => "<1 %".to_owned(),
        (_, 100) if part < whole => ">99 %".to_owned(),
        _ => format!("{percent} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        let written = [0, 7, 999, 1000, 12_345, 1_234_567].map(count);
        assert_eq!(written, ["0", "7", "999", "1,000", "12,345", "1,234,567"]);
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn shares() {
        let written = [(0, 0), (0, 9), (1, 1000), (1, 3), (999, 1000), (9, 9)].map(|(a, b)| share(a, b));
        assert_eq!(written, ["–", "0 %", "<1 %", "33 %", ">99 %", "100 %"]);
    }

    #[test]
    fn sizes() {
        let written = [0, 1023, 1024, 1536, 10_000, 50_331_648, u64::MAX].map(size);
        assert_eq!(written, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "9.8 KiB", "48 MiB", "16777216 TiB"]);
    }

    #[test]
    fn spans() {
        let written =
            [0.04, 9.94, 12.0, 59.6, 200.0, 10_080.0, 273_600.0].map(|s| span(Duration::from_secs_f64(s)));
        assert_eq!(written, ["0.0 s", "9.9 s", "12 s", "1 min 0 s", "3 min 20 s", "2 h 48 min", "3 d 4 h"]);
    }
}
