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
    ops::Deref,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

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

/// What each store does in its own way. Keys and paths are relative to the lake.
pub(super) trait Files {
    /// How a key is shown.
    fn address(&self, key: &str) -> String;

    /// The version of a file, which is not opened; `None` if nothing is there.
    fn stat(&self, key: &str) -> Result<Option<FileVersion>, LakeError>;

    /// The content of a file; `None` if nothing is there.
    fn open(&self, key: &str) -> Result<Option<Content>, LakeError>;

    /// The bytes of a file; `None` if nothing is there.
    fn read(&self, key: &str) -> Result<Option<Bytes>, LakeError>;

    /// Puts `content` at `key`, durably, if nothing is there. Gives false, and changes nothing, if something is.
    fn create(&self, key: &str, content: &[u8]) -> Result<bool, LakeError>;

    /// Removes a file, durably. Gives false if nothing is there.
    fn delete(&self, key: &str) -> Result<bool, LakeError>;

    /// Moves a file, or a folder with all that is in it, to a place where nothing is.
    fn rename(&self, from: &Path, to: &Path) -> Result<(), LakeError>;

    /// The names directly under `key`, sorted; none if the folder is not there.
    fn list(&self, key: &str) -> Result<Vec<String>, LakeError>;

    /// The keys and versions of all files below a folder, sorted by key. None is opened.
    fn files(&self, folder: &str) -> Result<Vec<(String, FileVersion)>, LakeError>;

    /// Everything directly in a folder, and so on below it: `visit` says of each folder whether it is to be looked into.
    fn walk(&self, folder: &Path, visit: &mut dyn FnMut(&Entry) -> bool) -> Result<(), LakeError>;

    /// Whether there is a folder of this path.
    fn is_folder(&self, path: &Path) -> Result<bool, LakeError>;

    /// Makes durable what was put. An object is, once it is put.
    fn sync_folders(&self) -> Result<(), LakeError> {
        Ok(())
    }

    /// Removes an empty folder. One that is not empty, or gone, is left alone. An object store has none.
    fn remove_empty(&self, _: &Path) -> Result<bool, LakeError> {
        Ok(false)
    }

    /// Waits until no other process replaces files; the lock ends with the value. An object store compares versions
    /// instead.
    fn lock_partitions(&self) -> Result<Option<File>, LakeError> {
        Ok(None)
    }

    /// Files that are staged beside their targets: in the folders of partitions, `table/key=value/…`.
    fn staged_beside(&self) -> Result<Vec<String>, LakeError> {
        Ok(Vec::new())
    }

    /// Fails if this run had the lake and has lost it: the store itself is asked. The lock of the operating system
    /// cannot be lost.
    fn confirm_hold(&self) -> Result<(), LakeError> {
        Ok(())
    }
}

impl Deref for Store {
    type Target = dyn Files;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Folder(folder) => &**folder,
            Self::Bucket(bucket) => &**bucket,
        }
    }
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
        self.store.address(&self.key).fmt(out)
    }
}

impl Location {
    pub(super) fn new(lake: &Lake, key: impl Into<String>) -> Self {
        Self { store: lake.store.clone(), key: key.into() }
    }

    /// Whether there is a file.
    pub fn exists(&self) -> Result<bool, LakeError> {
        Ok(self.store.stat(&self.key)?.is_some())
    }

    /// The content; `None` if nothing is there.
    pub(super) fn open(&self) -> Result<Option<Content>, LakeError> {
        self.store.open(&self.key)
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
    match &lake.store {
        Store::Folder(folder) => folder.put(key, expected, fill),
        Store::Bucket(bucket) => bucket.put(key, expected, fill),
    }
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

/// A value that was put as JSON; `None` if nothing is there.
pub(super) fn read_json<T: DeserializeOwned>(lake: &Lake, key: &str) -> Result<Option<T>, LakeError> {
    let Some(content) = lake.store.read(key)? else { return Ok(None) };
    serde_json::from_slice(&content).map(Some).map_err(|why| LakeError::damaged(path(lake, key), why))
}

/// The names of the folders under `key` that hold a file of this name, sorted.
pub(super) fn folders_with(lake: &Lake, key: &str, file: &str) -> Result<Vec<String>, LakeError> {
    let names = lake.store.files(key)?.into_iter().filter_map(|(found, _)| {
        let (name, rest) = found.strip_prefix(key)?.strip_prefix('/')?.split_once('/')?;
        (rest == file).then(|| name.to_owned())
    });
    Ok(names.collect())
}

/// Removes an empty folder, as [`Files::remove_empty`] does.
pub fn remove_empty(lake: &Lake, folder: &Path) -> Result<bool, LakeError> {
    lake.store.remove_empty(folder)
}

/// Waits until no other process replaces files in a lake that several share.
pub(super) fn lock_partitions(lake: &Lake) -> Result<Option<File>, LakeError> {
    if lake.shared { lake.store.lock_partitions() } else { Ok(None) }
}

/// The keys of files that are staged: by the run that holds the lake, or left by a dead one. In an object store: records
/// that older versions have left.
fn staged_keys(lake: &Lake) -> Result<Vec<String>, LakeError> {
    let mut keys = lake.store.staged_beside()?;
    keys.extend(lake.store.files(STAGING)?.into_iter().map(|(key, _)| key));
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
        lake.store.delete(key)?;
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
