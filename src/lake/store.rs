//! How bytes get to their place: whole or not at all, and still there after a power cut.
//!
//! All access to files is here, by keys relative to the lake. A folder and an object store keep the same promises in
//! their own ways: where one renames after fsync, the other puts one object; where one makes a hard link that must be
//! new, the other asks for a put that must create. Folders have code of their own: `object_store` stages files under
//! the tables, where a dead run would leave them to be found by no sweep, and knows no lock.

mod bucket;
mod content;
mod file_system;
mod folder;
mod refusal;
mod requests;

use std::{
    fmt,
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{Lake, LakeError};
use crate::config::Place;

pub(super) use self::{
    bucket::{Bucket, Created, put_if, unchanged},
    content::Content,
    folder::Folder,
    refusal::Refusal,
};

/// The folder of everything that is not a table.
pub(super) const INTERNAL: &str = "_ticketlake";
pub(super) const STAGING: &str = "_ticketlake/staging";

/// What holds a lake's files; cheap to clone.
#[derive(Debug, Clone)]
pub(super) enum Store {
    Folder(Arc<Folder>),
    Bucket(Arc<Bucket>),
}

/// A file of a lake, whether or not it is there. Shown, it is its whole path or address.
#[derive(Debug, Clone)]
pub struct Location {
    store: Store,
    key: String,
}

/// Which version of a file: its size, and its ETag, or in a folder `mtime:` and its time of modification in nanoseconds
/// since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileVersion {
    pub bytes: u64,
    pub tag: String,
}

/// What a put expects to find in its place. It fails with [`LakeError::Overtaken`] where something else is there.
#[derive(Debug, Clone)]
pub enum Expected {
    Nothing,
    Version(FileVersion),
    Anything,
}

/// A file that was put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Put {
    pub version: FileVersion,
    /// The xxh3 of its bytes.
    pub checksum: u64,
}

/// An entry of a folder: its path relative to the lake, its name where that is text, and whether it is a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub path: PathBuf,
    pub name: Option<String>,
    pub is_folder: bool,
}

/// Does the same with whichever store it is.
macro_rules! either {
    ($store:expr, $inner:ident => $act:expr) => {
        match &$store {
            Store::Folder($inner) => $act,
            Store::Bucket($inner) => $act,
        }
    };
}

impl Store {
    /// The store at a place. Nothing is asked of it yet.
    pub fn open(place: &Place) -> Result<Self, LakeError> {
        match place {
            Place::Folder(path) => Ok(Self::Folder(Arc::new(Folder::new(path)))),
            Place::Bucket(bucket) => Ok(Self::Bucket(Arc::new(Bucket::new(bucket)?))),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        either!(self.store, store => store.address(&self.key)).fmt(out)
    }
}

impl Location {
    pub(super) fn new(lake: &Lake, key: impl Into<String>) -> Self {
        Self { store: lake.store.clone(), key: key.into() }
    }

    /// Whether there is a file.
    pub fn exists(&self) -> Result<bool, LakeError> {
        Ok(self.stat()?.is_some())
    }

    fn stat(&self) -> Result<Option<FileVersion>, LakeError> {
        either!(self.store, store => store.stat(&self.key))
    }

    /// The content; `None` if nothing is there.
    pub(super) fn open(&self) -> Result<Option<Content>, LakeError> {
        either!(self.store, store => store.open(&self.key))
    }
}

pub(super) fn path(lake: &Lake, key: &str) -> Location {
    Location::new(lake, key)
}

/// Writes a file by `fill` and puts it in the place of `key`, over what is expected there, whole or not at all. It is
/// durable: a table at the latest before anything that may speak of it, which is what is created or deleted, and what is
/// put under [`INTERNAL`].
pub(super) fn put<T>(
    lake: &Lake,
    key: &str,
    expected: &Expected,
    fill: impl FnOnce(&mut (dyn Write + Send)) -> Result<T, LakeError>,
) -> Result<(T, Put), LakeError> {
    either!(lake.store, store => store.put(key, expected, fill))
}

/// Puts `content` at `key`, over whatever is there, as [`put`] does.
pub(super) fn overwrite(lake: &Lake, key: &str, content: &[u8]) -> Result<(), LakeError> {
    let write = |file: &mut (dyn Write + Send)| {
        file.write_all(content).map_err(LakeError::io(path(lake, key), "write"))
    };
    put(lake, key, &Expected::Anything, write).map(|_| ())
}

/// Puts a value as JSON, as [`overwrite`] does.
pub(super) fn put_json<T: Serialize>(lake: &Lake, key: &str, value: &T) -> Result<(), LakeError> {
    let content = serde_json::to_vec_pretty(value).map_err(std::io::Error::from);
    overwrite(lake, key, &content.map_err(LakeError::io(path(lake, key), "write"))?)
}

/// The names of the folders under `key` that hold a file of this name, sorted.
pub(super) fn folders_with(lake: &Lake, key: &str, file: &str) -> Result<Vec<String>, LakeError> {
    let names = files(lake, key)?.into_iter().filter_map(|(found, _)| {
        let (name, rest) = found.strip_prefix(key)?.strip_prefix('/')?.split_once('/')?;
        (rest == file).then(|| name.to_owned())
    });
    Ok(names.collect())
}

/// Makes durable what was put.
pub(super) fn sync_folders(lake: &Lake) -> Result<(), LakeError> {
    match &lake.store {
        Store::Folder(folder) => folder.sync_folders(),
        // An object is durable once it is put.
        Store::Bucket(_) => Ok(()),
    }
}

/// Puts `content` at `key`, durably, if nothing is there. Gives false, and changes nothing, if something is.
pub(super) fn create(lake: &Lake, key: &str, content: &[u8]) -> Result<bool, LakeError> {
    match &lake.store {
        Store::Folder(folder) => folder.create(key, content),
        Store::Bucket(bucket) => {
            bucket.check_hold()?;
            let created = bucket.create(key, content.to_vec())?;
            Ok(matches!(created, Created::Done(_)))
        }
    }
}

/// The bytes at `key`, or `None` if nothing is there.
pub(super) fn read(lake: &Lake, key: &str) -> Result<Option<Bytes>, LakeError> {
    match &lake.store {
        Store::Folder(folder) => folder.read(key),
        Store::Bucket(bucket) => Ok(bucket.read(key)?.map(|(content, _)| content)),
    }
}

/// The version of the file at `key`, which is not opened; `None` if nothing is there.
pub(super) fn stat(lake: &Lake, key: &str) -> Result<Option<FileVersion>, LakeError> {
    path(lake, key).stat()
}

/// The keys and versions of all files below a folder, sorted by key. None is opened.
pub(super) fn files(lake: &Lake, folder: &str) -> Result<Vec<(String, FileVersion)>, LakeError> {
    either!(lake.store, store => store.files(folder))
}

/// The names directly under `key`, sorted; none if the folder is not there.
pub(super) fn list(lake: &Lake, key: &str) -> Result<Vec<String>, LakeError> {
    either!(lake.store, store => store.list(key))
}

/// Everything directly in a folder, and so on below it: `visit` says of each folder whether it is to be looked into.
pub(super) fn walk(
    lake: &Lake,
    folder: &Path,
    visit: &mut dyn FnMut(&Entry) -> bool,
) -> Result<(), LakeError> {
    either!(lake.store, store => store.walk(folder, visit))
}

/// Removes the file at `key`, durably. Gives false if nothing is there.
pub(super) fn delete(lake: &Lake, key: &str) -> Result<bool, LakeError> {
    either!(lake.store, store => store.delete(key))
}

/// Moves a file, or a folder with all that is in it, to a place where nothing is.
pub(super) fn rename(lake: &Lake, from: &Path, to: &Path) -> Result<(), LakeError> {
    either!(lake.store, store => store.rename(from, to))
}

/// Removes an empty folder. One that is not empty, or gone, is left alone. An object store has none.
pub fn remove_empty(lake: &Lake, folder: &Path) -> Result<bool, LakeError> {
    match &lake.store {
        Store::Folder(store) => store.remove_empty(folder),
        Store::Bucket(_) => Ok(false),
    }
}

/// Waits until no other process replaces files in a folder that several share; the lock ends with the value. An object
/// store compares versions instead.
pub(super) fn lock_partitions(lake: &Lake) -> Result<Option<File>, LakeError> {
    match &lake.store {
        Store::Folder(folder) if lake.shared => folder.lock_partitions().map(Some),
        _ => Ok(None),
    }
}

/// Fails if this run had the lake and has lost it: the store itself is asked.
pub(super) fn confirm_hold(lake: &Lake) -> Result<(), LakeError> {
    match &lake.store {
        // The lock of the operating system cannot be lost.
        Store::Folder(_) => Ok(()),
        Store::Bucket(bucket) => bucket.confirm_hold(),
    }
}

/// Whether there is a folder of this path.
pub(super) fn is_folder(lake: &Lake, path: &Path) -> Result<bool, LakeError> {
    match &lake.store {
        Store::Folder(folder) => Ok(folder.path(path).is_dir()),
        Store::Bucket(bucket) => bucket.has_any(&text(path)),
    }
}

/// Whether there is anything that could be a lake.
pub(super) fn is_there(lake: &Lake) -> Result<bool, LakeError> {
    is_folder(lake, Path::new(""))
}

/// The keys of files that are staged: by the run that holds the lake, or left by a dead one. In an object store: records
/// that older versions have left.
fn staged_keys(lake: &Lake) -> Result<Vec<String>, LakeError> {
    let mut keys: Vec<String> = files(lake, STAGING)?.into_iter().map(|(key, _)| key).collect();
    if let Store::Folder(folder) = &lake.store {
        keys.extend(folder.staged_beside()?);
    }
    Ok(keys)
}

/// The number of files that are staged.
pub fn staged(lake: &Lake) -> Result<usize, LakeError> {
    Ok(staged_keys(lake)?.len())
}

/// Removes what dead runs have left in staging; gives the number of files. Only for the holder of the lake.
pub fn sweep(lake: &Lake) -> Result<usize, LakeError> {
    let keys = staged_keys(lake)?;
    for key in &keys {
        delete(lake, key)?;
    }
    Ok(keys.len())
}

/// A path relative to the lake as a key.
pub(super) fn text(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests;
