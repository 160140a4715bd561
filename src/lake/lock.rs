//! One run at a time: in a folder by a lock of the operating system, which goes with the process that holds it; in an
//! object store by a lease, which a dead run loses when it is not renewed.

mod file;
mod lease;

use std::sync::Arc;

use super::{
    Lake, LakeError,
    store::{Bucket, Store},
};

pub(super) use lease::Hold;

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
    _held: Held,
}

#[derive(Debug)]
enum Held {
    File(#[expect(dead_code, reason = "the lock goes with the file")] std::fs::File),
    Lease(Arc<Bucket>, Arc<Hold>),
    Nothing,
}

impl From<Result<Held, String>> for Locking {
    fn from(held: Result<Held, String>) -> Self {
        held.map_or_else(Self::Held, |held| Self::Acquired(Lock { _held: held }))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Self::Lease(bucket, hold) = self {
            bucket.set_hold(None);
            hold.release(bucket);
        }
    }
}

/// Takes the lake, or tells at once who holds it. `command` and `started_at` are what the other one will be told.
pub fn acquire(lake: &Lake, command: &str, started_at: &str) -> Result<Locking, LakeError> {
    let text = describe(command, started_at);
    let held = match &lake.store {
        Store::Folder(folder) => file::acquire(folder, &text)?.map(Held::File),
        Store::Bucket(bucket) => lease::acquire(bucket, &text)?.map(|hold| {
            bucket.set_hold(Some(Arc::clone(&hold)));
            Held::Lease(Arc::clone(bucket), hold)
        }),
    };
    Ok(held.into())
}

/// Takes a share of the lake beside other workers, unless a run has it alone. In an object store a run that begins alone
/// meanwhile is not kept from it: there every file is put over the version that was read, whoever writes it.
pub fn share(lake: &mut Lake, command: &str, started_at: &str) -> Result<Locking, LakeError> {
    let text = describe(&format!("{command} --window"), started_at);
    let held = match &lake.store {
        Store::Folder(folder) => file::share(folder, &text)?.map(Held::File),
        Store::Bucket(bucket) => match lease::holder(bucket)? {
            Some(holder) => Err(holder),
            None => Ok(Held::Nothing),
        },
    };
    lake.shared = true;
    Ok(held.into())
}

/// Who holds the lake at this moment, or `None`.
pub fn holder(lake: &Lake) -> Result<Option<String>, LakeError> {
    match &lake.store {
        Store::Folder(folder) => file::holder(folder),
        Store::Bucket(bucket) => lease::holder(bucket),
    }
}

/// This run, as another one is told of it.
fn describe(command: &str, started_at: &str) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::env::var("HOSTNAME"));
    let host = host.or_else(|_| std::env::var("COMPUTERNAME")).unwrap_or_else(|_| "this host".to_owned());
    format!("process {} on {}, `{command}`, since {started_at}", std::process::id(), host.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::tests::lakes;

    #[test]
    fn a_second_run_is_told_who_holds_the_lake() {
        for (_folder, lake) in lakes() {
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
}
