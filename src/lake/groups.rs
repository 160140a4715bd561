//! Which rows of a large file make a row group together, and which groups of the old file stay as they are.

use std::ops::Range;

/// Groups of fewer rows than half a full one that a file may have while it grows. Each costs a hundred columns to be told
/// of; putting them together costs writing their rows again.
const SMALL_GROUPS: usize = 32;
/// A group of fewer rows than a full one divided by this is not left alone.
const TINY: usize = 4;
/// Workers that read one partition side by side begin at as many places: between their rows the ids jump, by more than the
/// usual distance of two times this.
const JUMP: u64 = 64;
/// Of fewer rows none of this is seen; a stretch between two jumps that has fewer is none.
const STRETCH_ROWS: usize = 64;

/// A row group of a new file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// Of the new file.
    pub(super) rows: Range<usize>,
    /// The group of the old file that has the places of these rows and no other.
    pub(super) kept: Option<usize>,
}

/// Plans the groups of a file. `old` are the sizes of the old file's groups; `inserts` says of each new row before which of
/// the old ones it stands, in order, and its id; a group has at most `most` rows. While a file is `growing`, small groups
/// are left apart.
pub(super) fn plan(old: &[usize], inserts: &[(usize, i64)], most: usize, growing: bool) -> Vec<Group> {
    let units = units(old, inserts, growing);
    let units = if growing { thinned(units, most) } else { joined(units, most) };
    let mut groups = Vec::with_capacity(units.len());
    let mut start = 0;
    for (rows, kept) in units {
        let parts = rows.div_ceil(most);
        for part in 0..parts {
            let end = start + rows * (part + 1) / parts - rows * part / parts;
            groups.push(Group { rows: start..end, kept: kept.filter(|_| parts == 1) });
            start = end;
        }
    }
    groups
}

/// How many rows, and the old group if they are exactly its rows.
type Unit = (usize, Option<usize>);

/// The old groups with the new rows among their own, and the new rows between them apart.
fn units(old: &[usize], inserts: &[(usize, i64)], growing: bool) -> Vec<Unit> {
    let between = |new: &[(usize, i64)]| {
        let parts = if growing { by_jumps(new) } else { vec![new.len()] };
        parts.into_iter().map(|rows| (rows, None)).collect::<Vec<Unit>>()
    };
    let before = |place: usize| inserts.partition_point(|(at, _)| *at < place);
    let mut units = between(&inserts[..before(1)]);
    let mut start = 0;
    for (number, rows) in old.iter().enumerate().filter(|(_, rows)| **rows > 0) {
        let end = start + rows;
        let among = before(end).saturating_sub(before(start + 1));
        units.push((rows + among, (among == 0).then_some(number)));
        units.extend(between(&inserts[before(end)..before(end + 1)]));
        start = end;
    }
    units.retain(|(rows, _)| *rows > 0);
    units
}

/// The sizes of the parts of new rows between which the ids jump.
fn by_jumps(new: &[(usize, i64)]) -> Vec<usize> {
    let ids: Vec<i64> = new.iter().map(|(_, id)| *id).collect();
    let mut parts: Vec<usize> = Vec::new();
    for stretch in stretches(&ids) {
        match parts.last_mut() {
            Some(before) if stretch.len() < STRETCH_ROWS => *before += stretch.len(),
            _ => parts.push(stretch.len()),
        }
    }
    parts
}

/// Ids, ascending, cut where they jump.
fn stretches(ids: &[i64]) -> impl Iterator<Item = &[i64]> {
    let mut gaps: Vec<u64> = ids.windows(2).map(|pair| pair[1].abs_diff(pair[0])).collect();
    let middle = gaps.len() / 2;
    let jump = match gaps.len() {
        0..STRETCH_ROWS => u64::MAX,
        _ => gaps.select_nth_unstable(middle).1.saturating_mul(JUMP),
    };
    ids.chunk_by(move |id, next| next.abs_diff(*id) < jump)
}

/// Of ids, ascending, those that lie alone: the rows around them are still to come while a partition is read.
pub fn stragglers(ids: &[i64]) -> impl Iterator<Item = i64> {
    stretches(ids).filter(|stretch| stretch.len() < STRETCH_ROWS.min(ids.len())).flatten().copied()
}

/// Not too many small units: where there are, the smallest neighbours are put together.
fn thinned(mut units: Vec<Unit>, most: usize) -> Vec<Unit> {
    let small = units.iter().filter(|(rows, _)| rows * 2 < most).count();
    if small <= SMALL_GROUPS {
        return units;
    }
    // Half of them, so that not every run that writes the file does so.
    for _ in SMALL_GROUPS / 2..small {
        let pairs = units.windows(2).map(|pair| pair[0].0 + pair[1].0).enumerate();
        let Some((at, rows)) = pairs.min_by_key(|(_, rows)| *rows).filter(|(_, rows)| *rows <= most) else {
            break;
        };
        units[at] = (rows, None);
        units.remove(at + 1);
    }
    units
}

/// Neighbours that fit into one group, or of which one is tiny, put together.
fn joined(units: Vec<Unit>, most: usize) -> Vec<Unit> {
    let is_tiny = |rows: usize| rows * TINY < most;
    let mut joined: Vec<Unit> = Vec::with_capacity(units.len());
    for (rows, kept) in units {
        match joined.last_mut() {
            Some((before, its_kept))
                if *before + rows <= most || is_tiny(rows) || (is_tiny(*before) && rows <= most) =>
            {
                *before += rows;
                *its_kept = None;
            }
            _ => joined.push((rows, kept)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn group(rows: Range<usize>, kept: Option<usize>) -> Group {
        Group { rows, kept }
    }

    fn new(places: &[usize]) -> Vec<(usize, i64)> {
        places.iter().map(|place| (*place, *place as i64)).collect()
    }

    #[test]
    fn new_rows_between_the_groups_of_a_growing_file_are_groups_of_their_own() {
        let inserts = new(&[5, 8, 8, 8]);
        assert_eq!(
            plan(&[5, 3], &inserts, 10, true),
            [group(0..5, Some(0)), group(5..6, None), group(6..9, Some(1)), group(9..12, None)]
        );
        assert_eq!(plan(&[5, 3], &inserts, 12, false), [group(0..12, None)]);
    }

    #[test]
    fn workers_side_by_side_make_groups_side_by_side() {
        let ids = (0..600).chain(10_000..10_600);
        let inserts: Vec<(usize, i64)> = ids.map(|id| (0, id)).collect();
        assert_eq!(plan(&[], &inserts, 9000, true), [group(0..600, None), group(600..1200, None)]);
        assert_eq!(plan(&[], &inserts, 9000, false), [group(0..1200, None)]);
    }

    #[test]
    fn a_growing_file_has_not_too_many_small_groups() {
        let old: Vec<usize> = (0..40).map(|number| 10 + number % 2).collect();
        let groups = plan(&old, &new(&[420]), 1000, true);
        assert_eq!(groups.len(), SMALL_GROUPS / 2);
        let sizes: Vec<usize> = groups.iter().map(|group| group.rows.len()).collect();
        assert!(sizes.iter().all(|rows| *rows < 60), "{sizes:?}");
        let again = plan(&sizes, &[], 1000, true);
        assert!(again.iter().enumerate().all(|(at, group)| group.kept == Some(at)));
    }

    #[test]
    fn ids_that_lie_alone_are_stragglers() {
        let ids: Vec<i64> = (0..300).chain([900, 901]).chain(5000..5300).collect();
        assert_eq!(stragglers(&ids).collect::<Vec<_>>(), [900, 901]);
        assert_eq!(stragglers(&[1, 50, 1000]).count(), 0);
        assert_eq!(stragglers(&(0..100).map(|id| id * id).collect::<Vec<_>>()).count(), 0);
    }

    #[test]
    fn groups_without_new_rows_stay_unless_they_are_tiny() {
        let among = new(&[2, 7]);
        assert_eq!(plan(&[6, 6], &among, 8, false), [group(0..7, None), group(7..14, None)]);
        assert_eq!(
            plan(&[6, 6, 6], &among, 7, false),
            [group(0..7, None), group(7..14, None), group(14..20, Some(2))]
        );
        assert_eq!(
            plan(&[8, 8], &new(&[3]), 8, false),
            [group(0..4, None), group(4..9, None), group(9..17, Some(1))]
        );
        assert_eq!(
            plan(&[8, 8], &new(&[16]), 8, false),
            [group(0..8, Some(0)), group(8..12, None), group(12..17, None)]
        );
        assert_eq!(plan(&[1, 8], &[], 8, false), [group(0..4, None), group(4..9, None)]);
    }

    proptest! {
        #[test]
        fn every_row_is_in_one_group(
            old in prop::collection::vec(0usize..9, 0..6),
            mut inserts in prop::collection::vec(0usize..50, 0..20),
            most in 1usize..12,
            growing in any::<bool>(),
        ) {
            let rows: usize = old.iter().sum();
            inserts.iter_mut().for_each(|place| *place %= rows + 1);
            inserts.sort_unstable();
            let groups = plan(&old, &new(&inserts), most, growing);
            let mut next = 0;
            for group in &groups {
                prop_assert_eq!(group.rows.start, next);
                prop_assert!((1..=most).contains(&group.rows.len()));
                next = group.rows.end;
                if let Some(number) = group.kept {
                    let first: usize = old[..number].iter().sum();
                    let last = first + old[number];
                    prop_assert_eq!(group.rows.len(), old[number]);
                    let before = inserts.iter().filter(|place| **place <= first).count();
                    prop_assert_eq!(group.rows.start, first + before);
                    prop_assert!(!inserts.iter().any(|place| first < *place && *place < last));
                }
            }
            prop_assert_eq!(next, rows + inserts.len());
        }
    }
}
