//! What a line of progress says.

use std::time::Duration;

use unicode_width::UnicodeWidthStr;

use super::meter::Reading;
use crate::figures;

/// Columns of the drawn bar.
const BAR: u64 = 20;
/// A shorter wait is the ordinary pace, and would only flicker.
const WORTH_SAYING: Duration = Duration::from_secs(1);
/// Before this much is read, a guess at the time left is noise.
const WORTH_GUESSING: Duration = Duration::from_secs(2);

/// The columns that a name takes on a terminal.
pub(super) fn width(name: &str) -> usize {
    name.width()
}

/// A line that is drawn again and again; `name_width` lines the sources up.
pub(super) fn live(reading: &Reading<'_>, name_width: usize) -> String {
    let gap = " ".repeat(name_width.saturating_sub(width(reading.name)));
    match reading.total {
        Some(total) => format!("{}{gap}  {}  {}", reading.name, bar(reading.tickets, total), facts(reading)),
        None => format!("{}{gap}  {}", reading.name, facts(reading)),
    }
}

/// A line for a log.
pub(super) fn plain(reading: &Reading<'_>) -> String {
    format!("{}: {}", reading.name, facts(reading))
}

fn facts(reading: &Reading<'_>) -> String {
    let tickets = figures::count(reading.tickets);
    let mut facts = match reading.total {
        Some(total) if !reading.done => format!("{tickets} of {} tickets", figures::count(total)),
        _ => format!("{tickets} tickets"),
    };
    facts += &format!(", {} pages", figures::count(reading.pages));
    let seconds = reading.elapsed.as_secs_f64();
    let per_second = reading.tickets as f64 / seconds.max(0.001);
    if reading.done {
        return format!("{facts}, read in {}", figures::span(reading.elapsed));
    }
    if reading.tickets > 0 && reading.elapsed >= WORTH_GUESSING {
        facts += &format!(", {}/s", figures::count(per_second.round() as u64));
        let left = reading.total.unwrap_or(0).saturating_sub(reading.tickets);
        if left > 0 {
            let left = Duration::try_from_secs_f64(left as f64 / per_second).unwrap_or(Duration::MAX);
            facts += &format!(", {} left", figures::span(left));
        }
    }
    match reading.waiting {
        Some(wait) if wait >= WORTH_SAYING => format!("{facts}, waiting {} s for the limit", wait.as_secs()),
        _ => facts,
    }
}

fn bar(done: u64, total: u64) -> String {
    let share = if total == 0 { 1.0 } else { (done as f64 / total as f64).min(1.0) };
    let full = (share * BAR as f64) as usize;
    format!("[{}{}]", "#".repeat(full), "-".repeat(BAR as usize - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(total: Option<u64>, waiting: Option<u64>, done: bool) -> Reading<'static> {
        Reading {
            name: "shop",
            elapsed: Duration::from_secs(60),
            pages: 60,
            tickets: 6000,
            total,
            waiting: waiting.map(Duration::from_secs),
            done,
        }
    }

    #[test]
    fn lines_say_what_is_known() {
        assert_eq!(plain(&reading(None, None, false)), "shop: 6,000 tickets, 60 pages, 100/s");
        assert_eq!(
            live(&reading(Some(12_000), Some(31), false), 7),
            "shop     [##########----------]  6,000 of 12,000 tickets, 60 pages, 100/s, 1 min 0 s left, waiting 31 s for the limit"
        );
        assert_eq!(
            plain(&reading(Some(6000), None, true)),
            "shop: 6,000 tickets, 60 pages, read in 1 min 0 s"
        );
    }

    #[test]
    fn odd_totals_do_not_break_the_bar() {
        for (done, total) in [(0, 0), (5, 3), (u64::MAX, 1), (1, u64::MAX)] {
            assert_eq!(bar(done, total).len(), 22);
        }
    }
}
