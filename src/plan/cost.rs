//! What a reading costs, in requests and in time. Estimates: a list that moves meanwhile costs a little more.

use std::time::Duration;

use crate::config::Rate;

/// Pages that a further worker should find before a window is cut for it.
const WORTHWHILE_PAGES: u64 = 8;
/// Rows that are read twice so that neighbouring pages join, and the pages of uneven size that this takes: 13 to 17 % in
/// lists of 3,000 and 10,000 rows.
const PAGES_OVERLAP: f64 = 1.15;

/// How a list is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paging {
    /// By position in windows of time. `stretches`: spans that are left to read.
    ByTime { stretches: u64, workers: u64 },
    /// By page numbers.
    ByNumber,
}

/// Pages of `size` rows that reading `rows` rows takes.
pub fn pages(rows: u64, size: u32, paging: Paging) -> u64 {
    let size = u64::from(size.max(2));
    match paging {
        Paging::ByTime { stretches, workers } => {
            // Each page begins with the last row of the one before; each window ends with a page that is not full.
            let full = rows.div_ceil(size - 1);
            let windows = (full / WORTHWHILE_PAGES).min(workers).max(1);
            (full + windows / 2).max(stretches)
        }
        Paging::ByNumber if rows < size => 1,
        // The front is read once more, for what came there meanwhile.
        Paging::ByNumber => (rows as f64 * PAGES_OVERLAP / size as f64).ceil() as u64 + 1,
    }
}

/// How long the rate makes so many requests last; `None` where it is unlimited.
pub fn time(requests: u64, rate: Option<Rate>) -> Option<Duration> {
    let rate = rate?;
    let spacing = rate.per.as_secs_f64() / f64::from(rate.requests.get());
    // The first one goes at once.
    Duration::try_from_secs_f64(spacing * requests.saturating_sub(1) as f64).ok()
}

/// A rate as it is written in the configuration.
pub fn written(rate: Option<Rate>) -> String {
    let Some(Rate { requests, per }) = rate else { return "unlimited".to_owned() };
    match per.as_secs() {
        1 => format!("{requests}/s"),
        60 => format!("{requests}/min"),
        3600 => format!("{requests}/h"),
        seconds => format!("{requests} in {seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::quantity::rate;
    use proptest::prelude::*;

    #[test]
    fn pages_are_about_those_that_were_counted() {
        let by_time = |rows| pages(rows, 100, Paging::ByTime { stretches: 1, workers: 4 });
        // Counted against a sandbox at rest, without what comes on top of the list itself.
        assert_eq!([0, 500, 3_000, 10_000].map(by_time), [1, 6, 32, 104]);
        let by_number = |rows| pages(rows, 100, Paging::ByNumber);
        assert_eq!([0, 99, 500, 3_000, 10_000].map(by_number), [1, 1, 7, 36, 116]);
        assert_eq!(pages(20, 100, Paging::ByTime { stretches: 4, workers: 4 }), 4);
    }

    #[test]
    fn the_rate_tells_the_time() {
        let per_minute = rate("60/min").unwrap();
        assert_eq!(time(121, per_minute), Some(Duration::from_secs(120)));
        assert_eq!(time(0, per_minute), Some(Duration::ZERO));
        assert_eq!(time(1_000, None), None);
        for text in ["60/min", "2/s", "3000/h", "unlimited"] {
            assert_eq!(written(rate(text).unwrap()), text);
        }
    }

    proptest! {
        #[test]
        fn more_rows_never_cost_less(rows in 0u64..1_000_000, size in 1u32..=100, workers in 1u64..64) {
            for paging in [Paging::ByTime { stretches: 1, workers }, Paging::ByNumber] {
                let cost = pages(rows, size, paging);
                prop_assert!(cost <= pages(rows + 1, size, paging));
                prop_assert!(cost * u64::from(size.max(2)) >= rows);
            }
        }
    }
}
