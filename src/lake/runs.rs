//! Records of runs, one file each, named so that they sort by time.

use serde::{Serialize, de::DeserializeOwned};

use super::{Lake, LakeError, store};

const RUNS: &str = "_ticketlake/runs";

/// Keeps the record of a run. A run identifier sorts by time.
pub fn record<T: Serialize>(lake: &Lake, run_id: &str, summary: &T) -> Result<(), LakeError> {
    let key = format!("{RUNS}/{run_id}.json");
    let path = store::path(lake, &key);
    store::put(lake, &key, &store::Expected::Anything, |file| {
        let content = serde_json::to_vec_pretty(summary).map_err(std::io::Error::from);
        content.and_then(|content| file.write_all(&content)).map_err(LakeError::io(&path, "write"))
    })?;
    Ok(())
}

/// The records of the last runs, the newest first, at most `count`. One that cannot be read is left out.
pub fn last<T: DeserializeOwned>(lake: &Lake, count: usize) -> Result<Vec<T>, LakeError> {
    let mut found = Vec::new();
    for name in store::list(lake, RUNS)?.iter().rev() {
        if found.len() == count {
            break;
        }
        let content = store::read(lake, &format!("{RUNS}/{name}"))?;
        found.extend(content.and_then(|content| serde_json::from_slice(&content).ok()));
    }
    Ok(found)
}

/// The record of the run with this identifier, or with the only one that begins so; `last` is the newest.
pub fn find<T: DeserializeOwned>(lake: &Lake, run_id: &str) -> Result<Found<T>, LakeError> {
    let names = store::list(lake, RUNS)?;
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
    let content = store::read(lake, &key)?;
    let content = content.ok_or_else(|| LakeError::damaged(store::path(lake, &key), "it vanished"))?;
    let record = serde_json::from_slice(&content);
    record.map(Found::One).map_err(|why| LakeError::damaged(store::path(lake, &key), why))
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
            store::create(&lake, "_ticketlake/runs/20260104-d.json", b"cut").unwrap();
            assert_eq!(last::<String>(&lake, 2).unwrap(), ["20260103-b", "20260102-c"]);
            assert_eq!(find(&lake, "20260102").unwrap(), Found::One("20260102-c".to_owned()));
            assert_eq!(find::<String>(&lake, "../state").unwrap(), Found::Not(Vec::new()));
            let Found::Not(several) = find::<String>(&lake, "2026010").unwrap() else { panic!("several") };
            assert_eq!(several.len(), 4);
            assert!(find::<String>(&lake, "last").unwrap_err().is_damage());
        }
    }
}
