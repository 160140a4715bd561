//! How bytes get to their place: whole or not at all, and still there after a power cut.
//!
//! All access to files is here, by keys relative to the lake. A folder and an object store keep the same promises in
//! their own ways: where one renames after fsync, the other puts one object; where one makes a hard link that must be
//! new, the other asks for a put that must create. Folders have code of their own: `object_store` stages files under
//! the tables, where a dead run would leave them to be found by no sweep, and knows no lock.

mod bucket;
mod content;
mod folder;
mod ranges;
mod refusal;
mod upload;
mod wait;

use std::{
    fmt,
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use object_store::UpdateVersion;

use super::{Lake, LakeError};
use crate::config::Place;

pub(super) use self::{
    bucket::{Bucket, Created, put_if},
    content::{Content, Group, Trouble},
    folder::make_parent,
    refusal::Refusal,
};

/// The folder of everything that is not a table.
pub(super) const HOUSE: &str = "_ticketlake";
pub(super) const STAGING: &str = "_ticketlake/staging";

/// What holds a lake's files; cheap to clone.
#[derive(Debug, Clone)]
pub(super) enum Store {
    Folder(Arc<Path>),
    Bucket(Arc<Bucket>),
}

/// A file of a lake, whether or not it is there. Shown, it is its whole path or address.
#[derive(Debug, Clone)]
pub struct Location {
    store: Store,
    key: String,
}

/// A file while it is written.
pub(super) type Draft<'a> = dyn Write + Send + 'a;

/// What stood in a place when it was read; a put over it fails where something else stands there since. In a folder,
/// whose lock no other run can pass, it is not needed.
#[derive(Debug, Clone)]
pub(super) enum Seen {
    Nothing,
    Version(UpdateVersion),
    Anything,
}

/// An entry of a folder: its path relative to the lake, its name where that is text, and whether it is a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub path: PathBuf,
    pub name: Option<String>,
    pub is_folder: bool,
}

impl Store {
    /// The store at a place. Nothing is asked of it yet.
    pub fn open(place: &Place) -> Result<Self, LakeError> {
        match place {
            Place::Folder(path) => Ok(Self::Folder(path.as_path().into())),
            Place::Bucket(bucket) => Ok(Self::Bucket(Arc::new(Bucket::open(bucket)?))),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.store {
            Store::Folder(root) => root.join(&self.key).display().fmt(out),
            Store::Bucket(bucket) => bucket.address(&self.key).fmt(out),
        }
    }
}

impl Location {
    pub(super) fn new(lake: &Lake, key: impl Into<String>) -> Self {
        Self { store: lake.store.clone(), key: key.into() }
    }

    /// Whether there is a file.
    pub fn exists(&self) -> Result<bool, LakeError> {
        match &self.store {
            Store::Folder(root) => folder::exists(root, &self.key),
            Store::Bucket(bucket) => Ok(bucket.head(&self.key)?.is_some()),
        }
    }

    /// The content, to be read from its beginning to its end; `None` if nothing is there.
    pub(super) fn open(&self) -> Result<Option<Content>, LakeError> {
        match &self.store {
            Store::Folder(root) => folder::open(root, &self.key, true),
            Store::Bucket(bucket) => ranges::open_all(bucket, &self.key),
        }
    }

    /// The content, of which little will be read; `None` if nothing is there.
    pub(super) fn open_for_parts(&self) -> Result<Option<Content>, LakeError> {
        match &self.store {
            Store::Folder(root) => folder::open(root, &self.key, false),
            Store::Bucket(bucket) => ranges::open_for_parts(bucket, &self.key),
        }
    }
}

pub(super) fn path(lake: &Lake, key: &str) -> Location {
    Location::new(lake, key)
}

/// Writes a file by `fill` and puts it in the place of `key`, over whatever is there. It is durable, a table at the
/// latest before anything that may tell of it: what is created or deleted, and what is put under [`HOUSE`].
pub(super) fn put<T>(
    lake: &Lake,
    key: &str,
    fill: impl FnOnce(&mut Draft<'_>) -> Result<T, LakeError>,
) -> Result<T, LakeError> {
    put_over(lake, key, Seen::Anything, fill)
}

/// As [`put`], over what was seen there.
pub(super) fn put_over<T>(
    lake: &Lake,
    key: &str,
    seen: Seen,
    fill: impl FnOnce(&mut Draft<'_>) -> Result<T, LakeError>,
) -> Result<T, LakeError> {
    match &lake.store {
        Store::Folder(root) => folder::put(root, key, fill),
        Store::Bucket(bucket) => upload::put(bucket, key, seen, fill),
    }
}

/// Makes durable what was put.
pub(super) fn settle(lake: &Lake) -> Result<(), LakeError> {
    match &lake.store {
        Store::Folder(root) => folder::settle(root),
        // An object that was put is there.
        Store::Bucket(_) => Ok(()),
    }
}

/// Puts `content` at `key`, durably, if nothing is there. Gives false, and changes nothing, if something is.
pub(super) fn create(lake: &Lake, key: &str, content: &[u8]) -> Result<bool, LakeError> {
    match &lake.store {
        Store::Folder(root) => folder::create(root, key, content),
        Store::Bucket(bucket) => {
            bucket.check_hold()?;
            let created = bucket.create(key, Bytes::copy_from_slice(content))?;
            Ok(matches!(created, Created::Done(_)))
        }
    }
}

/// The bytes at `key`, or `None` if nothing is there.
pub(super) fn read(lake: &Lake, key: &str) -> Result<Option<Bytes>, LakeError> {
    match &lake.store {
        Store::Folder(root) => folder::read(root, key),
        Store::Bucket(bucket) => Ok(bucket.read(key)?.map(|(content, _)| content)),
    }
}

pub(super) fn exists(lake: &Lake, key: &str) -> Result<bool, LakeError> {
    path(lake, key).exists()
}

/// The names directly under `key`, sorted; none if the folder is not there.
pub(super) fn list(lake: &Lake, key: &str) -> Result<Vec<String>, LakeError> {
    match &lake.store {
        Store::Folder(root) => folder::list(root, key),
        Store::Bucket(bucket) => bucket.list(key),
    }
}

/// The names of the folders under `key` that hold a file of this name.
pub(super) fn folders_with(lake: &Lake, key: &str, file: &str) -> Result<Vec<String>, LakeError> {
    match &lake.store {
        Store::Folder(root) => {
            let mut names = folder::list(root, key)?;
            let mut fault = None;
            // A run that died may have left a folder without a file.
            names.retain(|name| match folder::exists(root, &format!("{key}/{name}/{file}")) {
                Ok(exists) => exists,
                Err(why) => {
                    fault.get_or_insert(why);
                    false
                }
            });
            fault.map_or(Ok(names), Err)
        }
        Store::Bucket(bucket) => {
            let names = bucket.files(key)?.into_iter().filter_map(|found| {
                let (name, rest) = found.strip_prefix(key)?.strip_prefix('/')?.split_once('/')?;
                (rest == file).then(|| name.to_owned())
            });
            Ok(names.collect())
        }
    }
}

/// Everything directly in a folder, and so on below it: `visit` says of each folder whether it is to be looked into.
pub(super) fn walk(
    lake: &Lake,
    folder: &Path,
    visit: &mut dyn FnMut(&Entry) -> bool,
) -> Result<(), LakeError> {
    match &lake.store {
        Store::Folder(root) => folder::walk(root, folder, visit),
        Store::Bucket(bucket) => bucket.walk(folder, visit),
    }
}

/// Takes away the file at `key`, durably. Gives false if nothing is there.
pub(super) fn delete(lake: &Lake, key: &str) -> Result<bool, LakeError> {
    match &lake.store {
        Store::Folder(root) => folder::delete(root, key),
        Store::Bucket(bucket) => bucket.delete(key),
    }
}

/// Moves a file, or a folder with all that is in it, to a place where nothing is.
pub(super) fn rename(lake: &Lake, from: &Path, to: &Path) -> Result<(), LakeError> {
    match &lake.store {
        Store::Folder(root) => folder::rename(root, from, to),
        Store::Bucket(bucket) => bucket.rename(&text(from), &text(to)),
    }
}

/// Takes away a folder that holds nothing. One that is not empty, or gone, is left alone. An object store has none.
pub(super) fn remove_empty(lake: &Lake, folder: &Path) -> Result<bool, LakeError> {
    match &lake.store {
        Store::Folder(root) => folder::remove_empty(root, folder),
        Store::Bucket(_) => Ok(false),
    }
}

/// Waits for this process's turn to replace files in a folder in which others do so too; it ends with the value. An
/// object store compares versions instead.
pub(super) fn turn(lake: &Lake) -> Result<Option<File>, LakeError> {
    match &lake.store {
        Store::Folder(root) if lake.shared => folder::turn(root).map(Some),
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
        Store::Folder(root) => Ok(root.join(path).is_dir()),
        Store::Bucket(bucket) => {
            let key = text(path);
            Ok(bucket.files(&key)?.iter().any(|file| *file != key))
        }
    }
}

/// Whether there is anything that could be a lake.
pub(super) fn is_there(lake: &Lake) -> Result<bool, LakeError> {
    match &lake.store {
        Store::Folder(root) => Ok(root.is_dir()),
        Store::Bucket(bucket) => bucket.has_any(),
    }
}

/// Files in staging: those of the run that holds the lake, or what a dead one left. In an object store: uploads in
/// parts that have begun.
pub fn staged(lake: &Lake) -> Result<usize, LakeError> {
    Ok(list(lake, STAGING)?.len())
}

/// Takes away what dead runs left in staging; gives the number of files. Only for the holder of the lake.
pub fn sweep(lake: &Lake) -> Result<usize, LakeError> {
    match &lake.store {
        Store::Folder(root) => folder::sweep(root),
        Store::Bucket(bucket) => upload::sweep(bucket),
    }
}

/// A path relative to the lake as a key.
pub(super) fn text(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}
