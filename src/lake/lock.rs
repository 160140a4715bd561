//! One run at a time: a lock of the operating system, which goes with the process that holds it.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
};

use super::{Lake, LakeError, store};

const LOCK: &str = "_ticketlake/lock";

/// The outcome of asking for the lake.
#[derive(Debug)]
pub enum Locking {
    Acquired(Lock),
    /// Another run holds it: process, host, command and start time, for people.
    Held(String),
}

/// The lake is ours while this lives.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Takes the lake, or tells at once who holds it. `command` and `started_at` are what the other one will be told.
pub fn acquire(lake: &Lake, command: &str, started_at: &str) -> Result<Locking, LakeError> {
    let path = store::path(lake, LOCK);
    store::make_parent(lake, &path)?;
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let mut file = opened.map_err(LakeError::io(&path, "open"))?;
    if !try_lock(&path, &file)? {
        return Ok(Locking::Held(holder_text(&mut file)));
    }
    let text = format!("process {} on {}, `{command}`, since {started_at}\n", std::process::id(), host());
    let told = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| file.write_all(text.as_bytes()));
    told.map_err(LakeError::io(&path, "write"))?;
    Ok(Locking::Acquired(Lock { _file: file }))
}

/// Who holds the lake at this moment, or `None`.
pub fn holder(lake: &Lake) -> Result<Option<String>, LakeError> {
    let path = store::path(lake, LOCK);
    let Some((mut file, _)) = store::open(&path)? else {
        return Ok(None);
    };
    Ok(match try_lock(&path, &file)? {
        true => None,
        false => Some(holder_text(&mut file)),
    })
}

fn try_lock(path: &Path, file: &File) -> Result<bool, LakeError> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(cause)) => Err(LakeError::io(path, "lock")(cause)),
    }
}

fn holder_text(file: &mut File) -> String {
    let mut text = String::new();
    // It may be in the middle of writing its name; the lock itself is what counts.
    let read = file.read_to_string(&mut text);
    let text = text.trim();
    match (read, text) {
        (Ok(_), text) if !text.is_empty() => text.to_owned(),
        _ => "a process that has not told its name".to_owned(),
    }
}

fn host() -> String {
    let told = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let told = told.or_else(|| std::env::var("HOSTNAME").ok());
    let told = told.or_else(|| std::env::var("COMPUTERNAME").ok());
    told.map_or_else(|| "this host".to_owned(), |name| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::tests::lake;

    #[test]
    fn a_second_run_is_told_who_holds_the_lake() {
        let (_folder, lake) = lake();
        let Locking::Acquired(first) = acquire(&lake, "sync", "12:00").unwrap() else {
            panic!("nobody else is here");
        };
        let Locking::Held(text) = acquire(&lake, "backfill", "12:01").unwrap() else {
            panic!("two runs hold the lake");
        };
        assert!(text.contains(&std::process::id().to_string()), "{text}");
        assert!(text.ends_with("`sync`, since 12:00"), "{text}");
        assert_eq!(holder(&lake).unwrap(), Some(text));
        drop(first);
        assert_eq!(holder(&lake).unwrap(), None);
        assert!(matches!(acquire(&lake, "sync", "12:02").unwrap(), Locking::Acquired(_)));
    }
}
