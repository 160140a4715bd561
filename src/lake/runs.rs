//! Records of runs, one file each, named so that they sort by time.

use serde::{Serialize, de::DeserializeOwned};

use super::{Lake, LakeError, store};

const RUNS: &str = "_ticketlake/runs";

/// Keeps the record of a run. A run identifier sorts by time.
pub fn record<T: Serialize>(lake: &Lake, run_id: &str, summary: &T) -> Result<(), LakeError> {
    store::put_json(lake, &format!("{RUNS}/{run_id}.json"), summary)
}

/// The records of the last runs, the newest first, at most `count`. One that cannot be read is left out, and so is one that is
/// dated after now: a clock was wrong, and it would be the last one for as long.
pub fn last<T: DeserializeOwned>(lake: &Lake, count: usize) -> Result<Vec<T>, LakeError> {
    let mut found = Vec::new();
    let now = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ~").to_string();
    for name in lake.store.list(RUNS)?.iter().rev().filter(|name| **name < now) {
        if found.len() == count {
            break;
        }
        let content = lake.store.read(&format!("{RUNS}/{name}"))?;
        found.extend(content.and_then(|content| serde_json::from_slice(&content).ok()));
    }
    Ok(found)
}

/// The record of the run with this identifier, or with the only one that begins so; `last` is the newest.
pub fn find<T: DeserializeOwned>(lake: &Lake, run_id: &str) -> Result<Found<T>, LakeError> {
    let names = lake.store.list(RUNS)?;
    let mut ids = names.iter().filter_map(|name| name.strip_suffix(".json"));
    let ids: Vec<&str> = match run_id {
        "last" => ids.next_back().into_iter().collect(),
        part => ids.filter(|id| id.starts_with(part)).collect(),
    };
    let id = match ids.as_slice() {
        [id] => *id,
        several => match several.iter().find(|id| **id == run_id) {
            Some(id) => *id,
            None => return Ok(Found::Not(several.iter().map(|id| (*id).to_owned()).collect())),
        },
    };
    let key = format!("{RUNS}/{id}.json");
    let vanished = || LakeError::damaged(store::path(lake, &key), "it vanished");
    store::read_json(lake, &key)?.map(Found::One).ok_or_else(vanished)
}

/// What became of looking for one run.
#[derive(Debug, PartialEq)]
pub enum Found<T> {
    One(T),
    /// None, or several that begin so: these.
    Not(Vec<String>),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::tests::lakes;

    #[test]
    fn the_newest_runs_come_first() {
        for (_folder, lake) in lakes() {
            for run in ["20260101-a", "20260103-b", "20260102-c"] {
                record(&lake, run, &run).unwrap();
            }
            lake.store.create("_ticketlake/runs/20260104-d.json", b"cut").unwrap();
            assert_eq!(last::<String>(&lake, 2).unwrap(), ["20260103-b", "20260102-c"]);
            assert_eq!(find(&lake, "20260102").unwrap(), Found::One("20260102-c".to_owned()));
            assert_eq!(find::<String>(&lake, "../state").unwrap(), Found::Not(Vec::new()));
            let Found::Not(several) = find::<String>(&lake, "2026010").unwrap() else { panic!("several") };
            assert_eq!(several.len(), 4);
            assert!(find::<String>(&lake, "last").unwrap_err().is_damage());
        }
    }
}
