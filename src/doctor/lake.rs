//! The lake: whether it is there, can be written, is free, and remembers.

use super::{Check, State, place};
use crate::{
    config::LakeConfig,
    exit::Exit,
    lake::{self, Lake, LakeError, state},
    sync::Memory,
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
    checks.push(memory(&lake, sources));
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

/// Whether what the sources remember can be read.
fn memory(lake: &Lake, sources: &[String]) -> Check {
    let mut known = 0;
    for source in sources {
        match state::load::<Memory>(lake, source) {
            Ok(memory) => known += usize::from(memory.is_some()),
            Err(why) => return failed("state", &why, "`ticketlake verify` tells what else is damaged"),
        }
    }
    let found = match known {
        0 => "no source has been read yet".to_owned(),
        known => format!("{known} of {} sources have been read before", sources.len()),
    };
    Check::ok(LAKE, "state", found)
}

fn failed(check: &'static str, why: &LakeError, todo: &str) -> Check {
    let exit = if why.is_damage() { Exit::Damaged } else { Exit::Unexpected };
    Check::failed(LAKE, check, exit, why.to_string(), todo)
}
