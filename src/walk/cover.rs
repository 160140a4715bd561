//! What of a sorted list is known whole.
//!
//! Rows that stand next to each other in one answer stood so in the list: of the places between the first and the last of them the answer holds
//! all rows. Stretches of places that overlap join; when one stretch spans all places, every row that was there all the time was seen, in
//! whatever order the answers came and however the list shifted between them.

use std::ops::RangeInclusive;

/// A stretch of places that is known whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    pub from: i64,
    pub to: i64,
    /// The list offset of its first row when it was read.
    pub start: u64,
    /// The list offset of the first row after it, when that was read last.
    pub next: u64,
    /// Answers in a row that did not carry it on.
    pub missed: u32,
}

/// The stretches, lowest first, none touching another.
#[derive(Debug, Default)]
pub struct Cover {
    stretches: Vec<Stretch>,
}

/// An answer whose place in the list contradicts the order that was assumed.
#[derive(Debug, PartialEq, Eq)]
pub struct Disorder;

impl Cover {
    pub fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// Whether every place up to `until` is known, from the list's front on.
    pub fn reaches(&self, until: i64) -> bool {
        self.stretches.first().is_some_and(|first| first.from == i64::MIN && first.to >= until)
    }

    /// The stretch that holds `place`.
    pub fn around(&mut self, place: i64) -> Option<&mut Stretch> {
        self.stretches.iter_mut().find(|stretch| stretch.from <= place && place <= stretch.to)
    }

    /// Adds what an answer showed. Offsets must rise with places, give or take `slack` rows by which the list may have shifted.
    pub fn add(
        &mut self,
        places: RangeInclusive<i64>,
        start: u64,
        next: u64,
        slack: u64,
    ) -> Result<(), Disorder> {
        if places.is_empty() {
            return Ok(());
        }
        let mut new = Stretch { from: *places.start(), to: *places.end(), start, next, missed: 0 };
        let mut kept = Vec::with_capacity(self.stretches.len() + 1);
        for old in self.stretches.drain(..) {
            let apart = old.to.saturating_add(1) < new.from || new.to.saturating_add(1) < old.from;
            if apart {
                kept.push(old);
                continue;
            }
            // Two answers that join must lie where their offsets say, else the places do not sort the list.
            if new.start > old.next + slack || old.start > new.next + slack {
                return Err(Disorder);
            }
            if old.from < new.from {
                (new.from, new.start) = (old.from, old.start);
            }
            if old.to >= new.to {
                (new.to, new.next, new.missed) = (old.to, old.next, old.missed);
            }
        }
        kept.push(new);
        kept.sort_by_key(|stretch| stretch.from);
        self.stretches = kept;
        match self.stretches.is_sorted_by(|a, b| a.start <= b.start + slack) {
            true => Ok(()),
            false => Err(Disorder),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_join_when_they_touch() {
        let mut cover = Cover::default();
        cover.add(i64::MIN..=10, 0, 10, 0).unwrap();
        cover.add(20..=30, 15, 20, 0).unwrap();
        assert_eq!(cover.stretches().len(), 2);
        assert!(cover.reaches(10) && !cover.reaches(11));
        cover.add(11..=19, 10, 15, 0).unwrap();
        assert_eq!(cover.stretches(), [Stretch { from: i64::MIN, to: 30, start: 0, next: 20, missed: 0 }]);
        cover.add(25..=i64::MAX, 18, 22, 0).unwrap();
        assert!(cover.reaches(i64::MAX));
    }

    #[test]
    fn offsets_that_contradict_the_order_are_found() {
        let mut cover = Cover::default();
        cover.add(i64::MIN..=200, 0, 100, 10).unwrap();
        assert_eq!(cover.add(150..=300, 1_000, 1_100, 10), Err(Disorder));
    }
}
