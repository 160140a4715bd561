//! Which rows are counted together: as many as memory bears, of partitions that the window does not leave out.

use jiff::{ToSpan, civil::Date};
use polars::prelude::DataFrame;

use super::{
    Window,
    rows::{Wanted, keep, needed},
    sums::counting,
};
use crate::{
    error::Error,
    lake::{self, Lake, PartitionKey},
};

/// Rows of one chunk. What is kept of a row is some hundred bytes, so that a chunk stays below some ten megabytes.
const ROWS: usize = 32_768;

/// Gives the kept rows of a source's tickets, chunk by chunk, in the order of partitions. Files whose partition cannot
/// hold a ticket of the window are not opened, and of the others only the columns that are wanted.
pub fn each(
    lake: &Lake,
    source: &str,
    window: &Window,
    wanted: &Wanted,
    mut count: impl FnMut(DataFrame) -> Result<(), Error>,
) -> Result<(), Error> {
    let names = needed(wanted);
    let mut chunk = DataFrame::empty();
    for key in lake::partitions(lake, source)?.into_iter().filter(|key| may_hold(*key, window)) {
        for batch in lake::columns(lake, source, key, &names)? {
            let rows = keep(&batch?, wanted).map_err(counting)?;
            if chunk.width() == 0 {
                chunk = rows;
            } else {
                chunk.vstack_mut_owned(rows).map_err(counting)?;
            }
            if chunk.height() >= ROWS {
                count(std::mem::take(&mut chunk))?;
            }
        }
    }
    if chunk.height() > 0 { count(chunk) } else { Ok(()) }
}

/// Whether a partition can hold a ticket of the window. The zone of the window may be another than the one that the lake
/// was cut by, which shifts a date by a day or two.
fn may_hold(key: PartitionKey, window: &Window) -> bool {
    let Some((first, next)) = key.dates() else { return !window.is_limited() };
    let shifted = |date: Date, days: i64| date.checked_add(days.days()).unwrap_or(date);
    let before_end = window.until.is_none_or(|until| shifted(first, -2) < until);
    before_end && window.since.is_none_or(|since| shifted(next, 2) > since)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn only_partitions_of_the_window_are_opened() {
        let window = Window { since: Some(date(2024, 3, 10)), until: Some(date(2024, 3, 20)) };
        let day = |d| may_hold(PartitionKey::Day(date(2024, 3, d)), &window);
        assert_eq!((1..=31).filter(|d| day(*d)).collect::<Vec<_>>(), (8..=21).collect::<Vec<_>>());
        let month = |month| may_hold(PartitionKey::Month(date(2024, month, 1)), &window);
        assert_eq!((1..=12).filter(|m| month(*m)).collect::<Vec<_>>(), [3]);
        let unknown = PartitionKey::parse("created_date=__HIVE_DEFAULT_PARTITION__").expect("a partition");
        assert!(!may_hold(unknown, &window) && may_hold(unknown, &Window::default()));
    }
}
