//! How a list is sorted, found out from its rows, since no vendor document tells.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::Key;

/// A list order; keys of rows rise along the list once [`Sorting::place`] has mapped them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sorting {
    by: By,
    falling: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum By {
    Id,
    Created,
    Updated,
}

impl Sorting {
    /// The orders that can be walked, the surest first. (Oldest update first would move rows to the end; nobody lists so.)
    pub const ALL: [Sorting; 5] = [
        Sorting { by: By::Id, falling: false },
        Sorting { by: By::Id, falling: true },
        Sorting { by: By::Created, falling: false },
        Sorting { by: By::Created, falling: true },
        Sorting { by: By::Updated, falling: true },
    ];

    /// Whether a change of a row moves it, to the front.
    pub fn moves(&self) -> bool {
        self.by == By::Updated
    }

    /// Whether new rows come at the front.
    pub fn newest_first(&self) -> bool {
        self.falling
    }

    /// Where the row stands in this order.
    pub fn place(&self, key: &Key) -> Option<i64> {
        let value = match self.by {
            By::Id => key.id,
            By::Created => key.created,
            By::Updated => key.updated,
        }?;
        Some(if self.falling { value.saturating_neg() } else { value })
    }

    /// Whether rows with these keys can follow one another in this order.
    pub fn admits(&self, keys: &[Key]) -> bool {
        let mut last = None;
        keys.iter().all(|key| {
            let place = self.place(key);
            // A row without an id cannot be placed, nor can it be written; without a time it may stand anywhere.
            let fits = match (place, last) {
                (None, _) => self.by == By::Id,
                (Some(_), None) => true,
                (Some(place), Some(last)) if self.by == By::Id => place > last,
                (Some(place), Some(last)) => place >= last,
            };
            last = place.or(last);
            fits
        })
    }

    /// The places of which these rows, neighbours in the list, are all there are; `first` and `last` say that the list begins or ends here.
    /// Times are shared by many rows, so the outermost times are not known whole.
    pub fn covered(&self, keys: &[Key], first: bool, last: bool) -> RangeInclusive<i64> {
        let margin = i64::from(self.by != By::Id);
        let mut places = keys.iter().filter_map(|key| self.place(key));
        let (low, high) = match places.next() {
            Some(low) => (low, places.next_back().unwrap_or(low)),
            None if first && last => (0, 0),
            #[allow(clippy::reversed_empty_ranges)]
            None => return 1..=0,
        };
        let from = if first { i64::MIN } else { low.saturating_add(margin) };
        let to = if last { i64::MAX } else { high.saturating_sub(margin) };
        from..=to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(ids: &[i64]) -> Vec<Key> {
        ids.iter().map(|&id| Key { id: Some(id), created: Some(id / 10), updated: None }).collect()
    }

    #[test]
    fn orders_are_told_apart() {
        let [id, falling, created, ..] = Sorting::ALL;
        assert!(id.admits(&keys(&[1, 2, 9])) && !id.admits(&keys(&[1, 1])) && !id.admits(&keys(&[2, 1])));
        assert!(falling.admits(&keys(&[9, 2, 1])) && !falling.admits(&keys(&[1, 2])));
        assert!(created.admits(&keys(&[3, 1, 11])) && !created.admits(&[Key::default()]));
    }

    #[test]
    fn outermost_times_are_not_known_whole() {
        let [id, falling, created, ..] = Sorting::ALL;
        assert_eq!(id.covered(&keys(&[5, 25]), false, false), 5..=25);
        assert_eq!(falling.covered(&keys(&[25, 5]), true, false), i64::MIN..=-5);
        assert_eq!(created.covered(&keys(&[5, 55]), false, false), 1..=4);
        assert_eq!(created.covered(&keys(&[5, 55]), false, true), 1..=i64::MAX);
        assert!(id.covered(&[], false, false).is_empty());
        assert_eq!(id.covered(&[], true, true), i64::MIN..=i64::MAX);
    }
}
