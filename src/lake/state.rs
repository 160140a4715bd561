//! The state of a source: numbered versions, each put once and never overwritten; the highest one counts.
//!
//! A version is a JSON object whose key `version` says how the others are to be read. It is looked at before them: a
//! later program may have given them another meaning.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Lake, LakeError, store};

/// How this program writes states. Version 1, without the key, had no manifest.
const FORMAT: u64 = 2;
/// Versions that are kept beside the newest one, for people who look into what happened.
const KEPT: usize = 5;

#[derive(Deserialize)]
struct Head {
    version: Option<u64>,
}

#[derive(Serialize)]
struct Versioned<'a, T> {
    version: u64,
    #[serde(flatten)]
    state: &'a T,
}

/// The outcome of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// The version is durable and is the state now.
    Done,
    /// Another writer has put this version before us; nothing was changed.
    Conflict,
}

fn folder(source: &str) -> String {
    format!("{}/state/{source}", store::INTERNAL)
}

fn version_key(source: &str, version: u64) -> String {
    format!("{}/{version:010}.json", folder(source))
}

fn versions(lake: &Lake, source: &str) -> Result<Vec<u64>, LakeError> {
    let names = lake.store.list(&folder(source))?;
    let number = |name: &String| name.strip_suffix(".json")?.parse().ok();
    let mut versions: Vec<u64> = names.iter().filter_map(number).collect();
    versions.sort_unstable();
    Ok(versions)
}

/// The sources that have a state, sorted.
pub fn sources(lake: &Lake) -> Result<Vec<String>, LakeError> {
    lake.store.list(&format!("{}/state", store::INTERNAL))
}

/// The newest version and its number; `None` before the first commit.
/// A newest version that cannot be read is damage: an older one would make the lake forget what it has done.
pub fn load<T: DeserializeOwned>(lake: &Lake, source: &str) -> Result<Option<(u64, T)>, LakeError> {
    let Some(&version) = versions(lake, source)?.last() else {
        return Ok(None);
    };
    let key = version_key(source, version);
    let path = store::path(lake, &key);
    let content =
        lake.store.read(&key)?.ok_or_else(|| LakeError::damaged(&path, "it vanished while it was read"))?;
    let head: Head = serde_json::from_slice(&content).map_err(|cause| LakeError::damaged(&path, cause))?;
    if let Some(found) = head.version.filter(|found| *found > FORMAT) {
        return Err(LakeError::Newer { at: path.to_string(), found, known: FORMAT });
    }
    let state = serde_json::from_slice(&content);
    state.map(|state| Some((version, state))).map_err(|cause| LakeError::damaged(&path, cause))
}

/// Puts `state` as `version`, which is the loaded version plus one (the first is 1), durably.
pub fn commit<T: Serialize>(
    lake: &Lake,
    source: &str,
    version: u64,
    state: &T,
) -> Result<Committed, LakeError> {
    lake.confirm_hold()?;
    let key = version_key(source, version);
    let content = serde_json::to_vec(&Versioned { version: FORMAT, state });
    let content = content.map_err(|cause| LakeError::io(store::path(lake, &key), "write")(cause.into()))?;
    // A pruned number is free again, so a writer that fell far behind is told by the newest one.
    let overtaken = |versions: Vec<u64>| versions.last().is_some_and(|newest| *newest >= version);
    if overtaken(versions(lake, source)?) || !lake.store.create(&key, &content)? {
        return Ok(Committed::Conflict);
    }
    prune(lake, source)?;
    Ok(Committed::Done)
}

fn prune(lake: &Lake, source: &str) -> Result<(), LakeError> {
    let versions = versions(lake, source)?;
    let surplus = versions.len().saturating_sub(KEPT + 1);
    for version in versions.into_iter().take(surplus) {
        lake.store.delete(&version_key(source, version))?;
    }
    Ok(())
}

/// Where the state of a source lies, relative to the lake.
pub fn state_folder(source: &str) -> std::path::PathBuf {
    folder(source).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::tests::lakes;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Count {
        count: u64,
    }

    #[test]
    fn the_newest_version_is_the_state() {
        for (_folder, lake) in lakes() {
            assert_eq!(load::<Count>(&lake, "s").unwrap(), None);
            for count in 1..=9 {
                assert_eq!(commit(&lake, "s", count, &Count { count }).unwrap(), Committed::Done);
            }
            assert_eq!(load(&lake, "s").unwrap(), Some((9, Count { count: 9 })));
            assert_eq!(versions(&lake, "s").unwrap(), (4..=9).collect::<Vec<_>>());
            assert!(lake.store.list("_ticketlake/staging").unwrap().is_empty());
        }
    }

    #[test]
    fn a_second_writer_of_a_version_gets_a_conflict() {
        for (_folder, lake) in lakes() {
            commit(&lake, "s", 1, &Count { count: 1 }).unwrap();
            assert_eq!(commit(&lake, "s", 1, &Count { count: 2 }).unwrap(), Committed::Conflict);
            assert_eq!(load(&lake, "s").unwrap(), Some((1, Count { count: 1 })));
        }
    }

    #[test]
    fn a_state_that_cannot_be_read_is_damage_and_a_newer_one_is_not() {
        for (_folder, lake) in lakes() {
            commit(&lake, "s", 1, &Count { count: 1 }).unwrap();
            lake.store.create("_ticketlake/state/s/0000000002.json", b"{").unwrap();
            let fault = load::<Count>(&lake, "s").unwrap_err();
            assert!(fault.is_damage());
            assert!(fault.to_string().contains("0000000002.json"), "{fault}");
            // Whatever its other keys are.
            lake.store
                .create("_ticketlake/state/s/0000000003.json", br#"{"version":3,"count":"x"}"#)
                .unwrap();
            assert!(matches!(load::<Count>(&lake, "s"), Err(LakeError::Newer { found: 3, .. })));
        }
    }
}
