//! What of a sorted list is known whole.
//!
//! Rows that stand next to each other in one answer stood so in the list: of the places between the first and the last of them the answer holds
//! all rows. Stretches of places that overlap join; when one stretch spans all places, every row that was there all the time was seen, in
//! whatever order the answers came and however the list shifted between them.

use std::ops::RangeInclusive;

use super::{bookmark::Known, hunt::Hunt};

/// A stretch of places that is known whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    pub from: i64,
    pub to: i64,
    pub start: Offset,
    pub next: Offset,
    pub hunt: Hunt,
}

/// The list offset of a stretch's first row, or of the first row after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offset {
    pub at: u64,
    /// An earlier walk saw it: the list may have shifted by any number of rows since.
    pub stale: bool,
}

/// The stretches, lowest first, none touching another.
#[derive(Debug, Default)]
pub struct Cover {
    stretches: Vec<Stretch>,
    /// The places of the outermost rows: what an open end stands for when the list may have grown there.
    first: Option<i64>,
    last: Option<i64>,
}

/// An answer whose place in the list contradicts the order that was assumed.
#[derive(Debug, PartialEq, Eq)]
pub struct Disorder;

impl Cover {
    /// What an earlier walk knew.
    pub fn restored(known: &[Known]) -> Self {
        let stale = |at| Offset { at, stale: true };
        let stretch = |known: &Known| Stretch {
            from: known.from,
            to: known.to,
            start: stale(known.start),
            next: stale(known.next),
            hunt: Hunt::default(),
        };
        let stretches = known.iter().filter(|known| known.from <= known.to).map(stretch).collect();
        Self { stretches, first: None, last: None }
    }

    /// What a later walk may rely on: an open end is closed at the outermost row that was seen.
    pub fn known(&self) -> Vec<Known> {
        let closed = |stretch: &Stretch| {
            let from = if stretch.from == i64::MIN { self.first? } else { stretch.from };
            let to = if stretch.to == i64::MAX { self.last? } else { stretch.to };
            let (start, next) = (stretch.start.at, stretch.next.at);
            (from <= to).then_some(Known { from, to, start, next })
        };
        self.stretches.iter().filter_map(closed).collect()
    }

    /// Notes the places that are known whole of an answer if none of its ends is the list's.
    pub fn note_ends(&mut self, inner: &RangeInclusive<i64>, first: bool, last: bool) {
        if first {
            self.first = self.first.max(Some(*inner.start()));
        }
        if last {
            self.last = Some(self.last.map_or(*inner.end(), |known| known.min(*inner.end())));
        }
    }

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
        let seen = |at| Offset { at, stale: false };
        let (from, to) = (*places.start(), *places.end());
        let mut new = Stretch { from, to, start: seen(start), next: seen(next), hunt: Hunt::default() };
        let mut kept = Vec::with_capacity(self.stretches.len() + 1);
        for old in self.stretches.drain(..) {
            let apart = old.to.saturating_add(1) < new.from || new.to.saturating_add(1) < old.from;
            if apart {
                kept.push(old);
                continue;
            }
            // Two answers that join must lie where their offsets say, else the places do not sort the list.
            if behind(new.start, old.next, slack) || behind(old.start, new.next, slack) {
                return Err(Disorder);
            }
            if old.from < new.from {
                (new.from, new.start) = (old.from, old.start);
            }
            if old.to >= new.to {
                (new.to, new.next, new.hunt) = (old.to, old.next, old.hunt);
            }
        }
        kept.push(new);
        kept.sort_by_key(|stretch| stretch.from);
        self.stretches = kept;
        let seen = self.stretches.iter().map(|stretch| stretch.start).filter(|start| !start.stale);
        match seen.is_sorted_by(|a, b| !behind(*a, *b, slack)) {
            true => Ok(()),
            false => Err(Disorder),
        }
    }
}

/// Whether an offset lies behind another by more than `slack`, if both were seen in this walk.
fn behind(offset: Offset, other: Offset, slack: u64) -> bool {
    !offset.stale && !other.stale && offset.at > other.at + slack
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
        let [whole] = cover.stretches() else { panic!("{cover:?}") };
        assert_eq!((whole.from, whole.to, whole.start.at, whole.next.at), (i64::MIN, 30, 0, 20));
        cover.add(25..=i64::MAX, 18, 22, 0).unwrap();
        assert!(cover.reaches(i64::MAX));
    }

    #[test]
    fn offsets_that_contradict_the_order_are_found() {
        let mut cover = Cover::default();
        cover.add(i64::MIN..=200, 0, 100, 10).unwrap();
        assert_eq!(cover.add(150..=300, 1_000, 1_100, 10), Err(Disorder));
    }

    #[test]
    fn what_is_known_has_no_open_ends_and_stale_offsets_contradict_nothing() {
        let mut cover = Cover::default();
        assert_eq!(cover.known(), []);
        cover.add(i64::MIN..=200, 0, 100, 10).unwrap();
        cover.note_ends(&(5..=200), true, false);
        cover.add(400..=i64::MAX, 300, 350, 10).unwrap();
        cover.note_ends(&(400..=450), false, true);
        let known = cover.known();
        assert_eq!(
            known.iter().map(|known| (known.from, known.to)).collect::<Vec<_>>(),
            [(5, 200), (400, 450)]
        );

        let mut later = Cover::restored(&known);
        later.add(i64::MIN..=10, 5_000, 5_100, 0).unwrap();
        assert!(later.reaches(200) && !later.reaches(201));
        later.add(150..=420, 9_000, 9_200, 0).unwrap();
        assert!(later.reaches(450) && later.stretches()[0].next.stale);
        later.add(450..=i64::MAX, 9_250, 9_260, 0).unwrap();
        assert!(later.reaches(i64::MAX));
    }
}
