//! When a reading that came to its end is not believed: it gave far fewer tickets than the lake's history suggests.
//!
//! A source that took away an account's rights, or lost its index, answers well and shows little. Quiet days do the same,
//! so numbers alone never raise an alarm over a list of changes: the tickets that the lake knows to have changed within
//! the time that was read must be in the list, however quiet it was since. Small tenants raise none at all.

use roaring::RoaringTreemap;

use super::source_state::Checkpoint;
use crate::{
    batch::{ID, UPDATED_AT, id_values, instant, instants_of},
    columns::DELETED_AT,
    lake::{self, Lake, LakeError},
    summary::{Mode, Outcome, Summary},
};

/// Fewer than this are too few to tell anything from.
const MANY: u64 = 20;
/// Far fewer: less than one in so many.
const PART: u64 = 10;
/// So many of the tickets that changed last may be deleted on a quiet day.
const DELETED_AT_ONCE: u64 = 3;
/// Runs that make up the history of a source.
const RUNS: usize = 14;
/// Nights without which a filter's list may only have met its first weekend.
const WEEK: usize = 7;
/// Records that are looked through for them.
const RECORDS: usize = 50;

/// How many tickets the last complete runs read of what had changed, the newest run first.
pub fn history(lake: &Lake, source: &str) -> Result<Vec<u64>, LakeError> {
    let records: Vec<Summary> = lake::runs::last(lake, RECORDS)?;
    let of_run = |run: &Summary| {
        let told = run.sources.iter().find(|told| told.name == source)?;
        let counts = told.mode != Mode::Full && told.outcome == Outcome::Complete;
        counts.then_some(told.tickets.read)
    };
    Ok(records.iter().filter(|run| run.command == "sync").filter_map(of_run).take(RUNS).collect())
}

/// The lake's tickets, not marked as deleted, that changed after `second`: how many there are, and how many of them are
/// not in `met`.
pub fn known_since(
    checkpoint: &Checkpoint,
    second: i64,
    met: &RoaringTreemap,
) -> Result<(u64, u64), LakeError> {
    let (mut known, mut unmet) = (0, 0);
    for key in checkpoint.table.partitions() {
        let Some(file) = checkpoint.table.open(key)? else { continue };
        for batch in file.columns(&[ID, UPDATED_AT, DELETED_AT])? {
            let batch = batch?;
            let (updated, gone) = (instants_of(&batch, UPDATED_AT), instants_of(&batch, DELETED_AT));
            for (row, id) in id_values(&batch).iter().enumerate() {
                let changed = instant(updated, row).is_some_and(|time| time.div_euclid(1_000_000) > second);
                if changed && instant(gone, row).is_none() {
                    known += 1;
                    unmet += u64::from(!met.contains(id.cast_unsigned()));
                }
            }
        }
    }
    Ok((known, unmet))
}

/// Whether the number alone says that it is worth a look at the lake.
pub fn is_few(read: u64, history: &[u64]) -> bool {
    read == 0 || read * PART < usual(history)
}

/// Whether a list of changes lacks what the lake knows to be in it, where many came before or many are known. `ends_before`:
/// the newest change that the source tells lies before all of it, as when the last tickets that changed were deleted.
pub fn changes(history: &[u64], known: u64, unmet: u64, ends_before: bool) -> bool {
    let lacks = unmet * 2 > known && !(ends_before && unmet <= DELETED_AT_ONCE);
    lacks && (usual(history) >= MANY || known >= MANY)
}

/// Whether a filter's list is far shorter than it ever was in a week of runs; it says itself how far back it goes, so
/// nothing else can be known of it.
pub fn filter(read: u64, history: &[u64]) -> bool {
    let least = history.iter().min().copied().unwrap_or_default();
    history.len() >= WEEK && least >= MANY && read * PART < least
}

/// Whether a reading of everything, or of a window, misses more than half of what the lake has there.
pub fn whole(missing: u64, live: u64) -> bool {
    live >= MANY && missing * 2 > live
}

/// What half of the runs reach.
pub fn usual(history: &[u64]) -> u64 {
    let mut sorted = history.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_days_and_small_tenants_raise_no_alarm() {
        let nights = [200, 180, 0, 3, 220, 190, 210];
        assert!(is_few(0, &nights) && is_few(3, &nights) && !is_few(30, &nights));
        // A weekend on which only the newest ticket of Friday comes again.
        assert!(!changes(&nights, 1, 0, false) && !changes(&nights, 3, 1, false));
        // The same number, and what the lake knows is not among it.
        assert!(changes(&nights, 1, 1, false) && changes(&[], 40, 40, true));
        assert!(!changes(&nights, 1, 1, true), "Friday's last ticket was deleted");
        assert!(!changes(&[2, 1, 3], 2, 2, false), "a small tenant");
        assert!(!whole(10, 19) && !whole(10, 20) && whole(11, 20));
    }

    #[test]
    fn a_filter_is_judged_by_its_quietest_night() {
        assert!(filter(0, &[30; 7]) && !filter(0, &[30; 6]));
        assert!(!filter(0, &[30, 30, 30, 0, 30, 30, 30]) && !filter(3, &[30; 9]) && filter(2, &[30; 9]));
    }
}
