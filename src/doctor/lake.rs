//! The lake: whether it is there, can be written, is free, and remembers.

use super::{Check, State, place};
use crate::{
    config::{Config, LakeConfig},
    exit::Exit,
    lake::{self, Lake, LakeError, state},
    sync::{self, Accept, SourceState, Task},
};

const LAKE: &str = "lake";

/// The checks of a lake that these sources go into.
pub fn checks(config: &LakeConfig, sources: &[String]) -> Vec<Check> {
    let lake = match Lake::open(config) {
        Ok(lake) => lake,
        Err(why) => {
            let todo = "see the README for the variables that an object store needs";
            return vec![Check::failed(LAKE, "place", Exit::Usage, why.to_string(), todo)];
        }
    };
    let mut checks = vec![folder(config, &lake)];
    checks.push(match lake::probe(&lake) {
        Ok(()) => Check::ok(LAKE, "writing", "a file was put, read back and removed"),
        Err(why) => {
            failed("writing", &why, "make it writable for this user, or choose another with `path` or --lake")
        }
    });
    checks.push(match lake::lock::holder(&lake) {
        Ok(None) => Check::ok(LAKE, "lock", "no run holds it"),
        Ok(Some(holder)) => Check::failed(
            LAKE,
            "lock",
            Exit::Locked,
            format!("another run holds it ({holder})"),
            "wait until that run has ended, or end its process; the lock goes with it, in an object store after a minute",
        ),
        Err(why) => failed("lock", &why, "see that this user may open the lake's files"),
    });
    checks.extend(states(&lake, sources));
    if checks.iter().all(|check| check.state == State::Ok)
        && let Ok(staged @ 1..) = lake::staged(&lake)
    {
        checks.push(Check::ok(
            LAKE,
            "leftovers",
            format!("{staged} staged files of a run that died; the next sync sweeps them away"),
        ));
    }
    checks
}

fn folder(config: &LakeConfig, lake: &Lake) -> Check {
    match lake::sources(lake) {
        Ok(held) if held.is_empty() => {
            Check::ok(LAKE, "folder", format!("{} holds nothing yet; the first sync fills it", place(config)))
        }
        Ok(held) => Check::ok(LAKE, "folder", format!("{} holds {}", place(config), held.join(", "))),
        Err(why) => failed(
            "folder",
            &why,
            "see that `path` names the folder of a lake, and that this user may read it",
        ),
    }
}

/// Whether the states of the sources can be read, and the files are what their manifests say.
fn states(lake: &Lake, sources: &[String]) -> Vec<Check> {
    let (mut known, mut checks) = (0, Vec::new());
    for source in sources {
        let state = match state::load::<SourceState>(lake, source) {
            Ok(state) => state.map(|(_, state)| state),
            Err(why) => {
                return vec![failed("state", &why, "`ticketlake verify` says what else is damaged")];
            }
        };
        known += usize::from(state.is_some());
        let Some(state) = state else { continue };
        let Some(manifest) = state.manifest else { continue };
        let missing = &state.reread - manifest.ids();
        if !missing.is_empty() {
            let partitions = sync::partitions_of(&state.lost_rows, &missing);
            let names: Vec<String> = partitions.iter().map(|key| key.folder()).collect();
            let what = format!("{source}: {} tickets are missing ({})", missing.len(), names.join(", "));
            checks.push(Check::warning(LAKE, "manifest", what, "the next sync reads them again"));
        }
        match manifest.compare(lake, source) {
            Ok(found) if found.is_empty() => {}
            Ok(found) => {
                let lost = found.missing.iter().filter_map(|key| manifest.partitions.get(key));
                let lost: u64 = lost.map(|partition| partition.ids.len()).sum();
                let what = format!(
                    "{source}: files are missing or were changed since the last run ({}), {lost} tickets with them",
                    sync::describe_diff(&found)
                );
                checks.push(Check::warning(LAKE, "manifest", what, "the next sync reads again what is lost"));
            }
            Err(why) => checks.push(failed("manifest", &why, "see that this user may open the lake's files")),
        }
    }
    let found = match known {
        0 => "no source has been read yet".to_owned(),
        known => format!("{known} of {} sources have been read before", sources.len()),
    };
    checks.insert(0, Check::ok(LAKE, "state", found));
    checks
}

/// Whether the lake is that of these accounts, as far as no request is needed.
pub fn identity(config: &Config) -> Vec<Check> {
    let Ok(lake) = Lake::open(&config.lake) else { return Vec::new() };
    let task = Task::Sync { whole: false, accept: Accept::default() };
    let checks = config.sources.iter().filter_map(|source| {
        match sync::check_identity(&lake, &config.lake, source, task) {
            Ok(None) | Err(_) => None,
            Ok(Some(why)) => {
                Some(Check::failed(&source.name, "identity", Exit::Usage, why, "see what is found"))
            }
        }
    });
    checks.collect()
}

fn failed(check: &'static str, why: &LakeError, todo: &str) -> Check {
    let exit = if why.is_damage() { Exit::Damaged } else { Exit::Unexpected };
    Check::failed(LAKE, check, exit, why.to_string(), todo)
}
