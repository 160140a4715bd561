//! Which rows of a large file make a row group together, and which groups of the old file stay as they are.

use std::ops::Range;

/// Groups of fewer rows than half a full one that a file may have while it grows. Each costs a hundred columns to be told
/// of; putting them together costs writing their rows again.
const SMALL_GROUPS: usize = 12;

/// A row group of a new file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    /// Of the new file.
    pub(super) rows: Range<usize>,
    /// The group of the old file that has the places of these rows and no other.
    pub(super) kept: Option<usize>,
}

/// Plans the groups of a file. `old` are the sizes of the old file's groups; `inserts` says before which of its rows each
/// new one stands, in order; a group has at most `most` rows. While a file is `growing`, small groups are left apart.
pub(super) fn plan(
    old: &[usize],
    inserts: impl Iterator<Item = usize>,
    most: usize,
    growing: bool,
) -> Vec<Group> {
    let mut units = units(old, inserts);
    let small = units.iter().filter(|(rows, _)| rows * 2 < most).count();
    if !growing || small > SMALL_GROUPS {
        units = joined(units, most);
    }
    let mut groups = Vec::with_capacity(units.len());
    let mut start = 0;
    for (rows, kept) in units {
        let parts = rows.div_ceil(most).max(1);
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

/// The old groups with the new rows among them, and those after the last row apart.
fn units(old: &[usize], inserts: impl Iterator<Item = usize>) -> Vec<Unit> {
    let mut inserts = inserts.peekable();
    let mut units = Vec::with_capacity(old.len() + 1);
    let mut end = 0;
    for (number, rows) in old.iter().enumerate() {
        end += rows;
        let is_last = number + 1 == old.len();
        let mut new = 0;
        while inserts.next_if(|place| *place < end || (*place == end && !is_last)).is_some() {
            new += 1;
        }
        units.push((rows + new, (new == 0).then_some(number)));
    }
    let rest = inserts.count();
    units.push((rest, None));
    units.retain(|(rows, _)| *rows > 0);
    units
}

/// Neighbours that fit into one group, put together.
fn joined(units: Vec<Unit>, most: usize) -> Vec<Unit> {
    let mut joined: Vec<Unit> = Vec::with_capacity(units.len());
    for (rows, kept) in units {
        match joined.last_mut() {
            Some((before, its_kept)) if *before + rows <= most => {
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

    #[test]
    fn new_rows_at_the_end_of_a_growing_file_are_a_group_of_their_own() {
        let end = std::iter::repeat_n(8, 3);
        assert_eq!(
            plan(&[5, 3], end.clone(), 10, true),
            [group(0..5, Some(0)), group(5..8, Some(1)), group(8..11, None)]
        );
        assert_eq!(plan(&[5, 3], end, 10, false), [group(0..8, None), group(8..11, None)]);
    }

    #[test]
    fn groups_without_new_rows_stay() {
        let among = [2, 7].into_iter();
        assert_eq!(plan(&[6, 6], among.clone(), 8, false), [group(0..7, None), group(7..14, None)]);
        assert_eq!(
            plan(&[6, 6, 6], among, 7, false),
            [group(0..7, None), group(7..14, None), group(14..20, Some(2))]
        );
        assert_eq!(
            plan(&[8, 8], [3].into_iter(), 8, false),
            [group(0..4, None), group(4..9, None), group(9..17, Some(1))]
        );
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
            let groups = plan(&old, inserts.iter().copied(), most, growing);
            let mut next = 0;
            for group in &groups {
                prop_assert_eq!(group.rows.start, next);
                prop_assert!((1..=most).contains(&group.rows.len()));
                next = group.rows.end;
                if let Some(number) = group.kept {
                    let first: usize = old[..number].iter().sum();
                    let last = first + old[number];
                    prop_assert_eq!(group.rows.len(), old[number]);
                    prop_assert_eq!(group.rows.start, first + inserts.iter().filter(|place| **place <= first).count());
                    prop_assert!(!inserts.iter().any(|place| first < *place && *place < last));
                }
            }
            prop_assert_eq!(next, rows + inserts.len());
        }
    }
}
