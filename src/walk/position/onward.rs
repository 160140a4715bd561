//! Seconds that fill much of a page: the next page of the same list shows more than a list that begins at such a second again.
//!
//! Page numbers hold here as long as the rows of a second stand by their ids, and each page shares a row with the one before it: pages
//! of several sizes overlap. Where one shows none, rows have left the list, and it is asked for from the last second again.

use crate::walk::{
    Key,
    slots::{Slot, reaching},
};

/// Rows that would be shown again, as a part of a page, from which on pages are counted.
const AGAIN: u64 = 10;
/// Beginning anew costs the rows that are shown again once; going on costs its overlap, which grows, with each page.
const ANEW: u64 = 2;

/// A list of which the first rows are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Onward {
    /// The bound that it was asked with.
    pub from: Option<i64>,
    known: u64,
    /// Of these, those of the last second.
    crowd: u64,
    /// Whether ids rise within a second, or fall.
    rise: bool,
}

impl Onward {
    /// The page that shows the last known row and most of those behind it.
    pub fn slot(&self, per_page: u32) -> Option<Slot> {
        reaching(self.known.saturating_sub(1), per_page, None)
    }

    /// Whether the rows `keys` of the page `slot` go on where the answer with the ids `last`, sorted, ended: they share as many as the
    /// pages overlap, or fewer if some left the list meanwhile. More are a page that was given before.
    pub fn carries(&self, slot: Slot, last: &[i64], keys: &[Key]) -> bool {
        let shared =
            keys.iter().filter_map(|key| key.id).filter(|id| last.binary_search(id).is_ok()).count() as u64;
        shared > 0 && shared <= self.known.saturating_sub(slot.start())
    }
}

/// How a list asked for from `from` goes on behind its page `slot`, the rows `keys`, where it was read on to this page `before`;
/// `None` where the list is better begun anew, or pages cannot be trusted.
pub fn onward(
    before: Option<Onward>,
    (from, slot): (Option<i64>, Slot),
    per_page: u32,
    keys: &[Key],
    time: impl Fn(&Key) -> Option<i64>,
) -> Option<Onward> {
    // A server that gives other sizes than it is asked for counts its pages in its own way; an end is an end.
    if keys.len() > slot.per_page as usize || before.is_none() && keys.len() < slot.per_page as usize {
        return None;
    }
    let latest = keys.last().map(&time);
    let here = keys.iter().rev().take_while(|key| Some(time(key)) == latest).count();
    let crowd = here as u64 + before.filter(|_| here == keys.len()).map_or(0, |before| before.crowd);
    let again = crowd.min(u64::from(per_page));
    if again * AGAIN < u64::from(per_page) {
        return None;
    }
    let mut rise = before.map(|before| before.rise);
    for pair in keys.windows(2).filter(|pair| time(&pair[0]) == time(&pair[1])) {
        let rises = pair[0].id? < pair[1].id?;
        if *rise.get_or_insert(rises) != rises {
            return None;
        }
    }
    let next = Onward { from, known: slot.start() + keys.len() as u64, crowd, rise: rise? };
    let more = next.slot(per_page)?.end().saturating_sub(next.known);
    let lost = u64::from(per_page).saturating_sub(more);
    (more > 0 && (again == u64::from(per_page) || again > ANEW * lost)).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(rows: &[(i64, i64)]) -> Vec<Key> {
        rows.iter().map(|&(second, id)| Key { id: Some(id), created: Some(second), updated: None }).collect()
    }

    /// After a page of at most eight rows.
    fn after(before: Option<Onward>, page: u32, rows: &[(i64, i64)]) -> Option<Onward> {
        let slot = Slot { page, per_page: 8 };
        onward(before, (Some(1), slot), 8, &keys(rows), |key| key.created)
    }

    /// Rows of one second with these ids.
    fn second(second: i64, ids: impl IntoIterator<Item = i64>) -> Vec<(i64, i64)> {
        ids.into_iter().map(|id| (second, id)).collect()
    }

    #[test]
    fn pages_are_counted_where_much_would_be_shown_again() {
        let next = after(None, 1, &[second(1, [1]), second(2, 1..8)].concat()).unwrap();
        assert_eq!((next.from, next.slot(8)), (Some(1), Some(Slot { page: 2, per_page: 7 })));
        assert_eq!(after(None, 1, &[second(1, 1..6), second(2, 1..4)].concat()), None);
        assert_eq!(after(None, 1, &second(2, 1..5)), None, "a server with other sizes");
    }

    #[test]
    fn a_page_that_was_given_before_carries_nothing_on() {
        let next = after(None, 1, &[second(1, [1]), second(2, 2..9)].concat()).unwrap();
        let (slot, last) = (Slot { page: 2, per_page: 7 }, Vec::from_iter(1..9));
        let carries = |ids: std::ops::Range<i64>| next.carries(slot, &last, &keys(&second(2, ids)));
        assert!(carries(8..15));
        assert!(!carries(7..14) && !carries(9..15));
    }

    #[test]
    fn pages_are_not_counted_where_rows_of_a_second_stand_anyhow() {
        assert_eq!(after(None, 1, &second(2, [1, 3, 2, 4, 5, 6, 7, 8])), None);
        let same = after(None, 1, &second(2, [1; 8]));
        assert!(same.is_some_and(|next| after(Some(next), 2, &second(2, 1..9)).is_none()));
        let falls = after(None, 1, &second(2, (1..9).rev()));
        assert!(falls.is_some());
        assert_eq!(after(falls, 2, &second(2, 1..9)), None);
    }
}
