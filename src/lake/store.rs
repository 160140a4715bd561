//! How bytes get to their place: whole or not at all, and still there after a power cut.
//! All access to files is here, by keys relative to the lake, so that an object store can take its place.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;

use super::{Lake, LakeError};

/// The folder of everything that is not a table.
pub(super) const HOUSE: &str = "_ticketlake";
pub(super) const STAGING: &str = "_ticketlake/staging";

static STAGED: AtomicU64 = AtomicU64::new(0);

/// A file being written; it vanishes unless it is put in its place.
struct Staged {
    path: PathBuf,
    file: File,
}

impl Drop for Staged {
    fn drop(&mut self) {
        // Already moved to its place, or of no use: either way nothing can be done about a failure here.
        let _ = fs::remove_file(&self.path);
    }
}

pub(super) fn path(lake: &Lake, key: &str) -> PathBuf {
    lake.root.join(key)
}

/// Writes a file by `fill` and puts it in the place of `key`, over whatever is there, durably.
pub(super) fn put<T>(
    lake: &Lake,
    key: &str,
    fill: impl FnOnce(&mut File) -> Result<T, LakeError>,
) -> Result<T, LakeError> {
    let place = path(lake, key);
    let mut staged = stage(lake)?;
    let outcome = fill(&mut staged.file)?;
    sync_file(&staged)?;
    let folder = make_parent(lake, &place)?;
    fs::rename(&staged.path, &place).map_err(LakeError::io(&place, "replace"))?;
    sync_folder(&folder)?;
    Ok(outcome)
}

/// Puts `content` at `key` if nothing is there. Gives false, and changes nothing, if something is.
pub(super) fn create(lake: &Lake, key: &str, content: &[u8]) -> Result<bool, LakeError> {
    let place = path(lake, key);
    let mut staged = stage(lake)?;
    let write = staged.file.write_all(content);
    write.map_err(LakeError::io(&staged.path, "write"))?;
    sync_file(&staged)?;
    let folder = make_parent(lake, &place)?;
    match fs::hard_link(&staged.path, &place) {
        Ok(()) => {}
        Err(cause) if cause.kind() == ErrorKind::AlreadyExists => return Ok(false),
        // A file system without hard links: an exclusive create still tells two writers apart.
        Err(_) => match create_exclusive(&place, content) {
            Ok(()) => {}
            Err(cause) if cause.kind() == ErrorKind::AlreadyExists => return Ok(false),
            Err(cause) => return Err(LakeError::io(&place, "create")(cause)),
        },
    }
    sync_folder(&folder)?;
    Ok(true)
}

fn create_exclusive(place: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(place)?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half a version must not stand where a whole one is looked for.
        let _ = fs::remove_file(place);
    }
    written
}

/// The bytes at `key`, or `None` if nothing is there.
pub(super) fn read(lake: &Lake, key: &str) -> Result<Option<Bytes>, LakeError> {
    let place = path(lake, key);
    match fs::read(&place) {
        Ok(content) => Ok(Some(content.into())),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(LakeError::io(&place, "read")(cause)),
    }
}

pub(super) fn exists(lake: &Lake, key: &str) -> Result<bool, LakeError> {
    let place = path(lake, key);
    place.try_exists().map_err(LakeError::io(&place, "look for"))
}

/// The file at `path` and its size in bytes, or `None` if nothing is there.
pub(super) fn open(path: &Path) -> Result<Option<(File, u64)>, LakeError> {
    match File::open(path) {
        Ok(file) => {
            let size = file.metadata().map_err(LakeError::io(path, "read"))?.len();
            Ok(Some((file, size)))
        }
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(LakeError::io(path, "open")(cause)),
    }
}

/// The names directly under `key`, sorted; none if the folder is not there.
pub(super) fn list(lake: &Lake, key: &str) -> Result<Vec<String>, LakeError> {
    let folder = path(lake, key);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(LakeError::io(&folder, "list")(cause)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(LakeError::io(&folder, "list"))?;
        // A name that is no text is none of ours.
        names.extend(entry.file_name().into_string());
    }
    names.sort_unstable();
    Ok(names)
}

/// Takes away the file at `key`, durably. Gives false if nothing is there.
pub(super) fn delete(lake: &Lake, key: &str) -> Result<bool, LakeError> {
    let place = path(lake, key);
    match fs::remove_file(&place) {
        Ok(()) => {
            sync_folder(parent(&place))?;
            Ok(true)
        }
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(false),
        Err(cause) => Err(LakeError::io(&place, "remove")(cause)),
    }
}

/// Files in staging: those of the run that holds the lake, or what a dead one left.
pub fn staged(lake: &Lake) -> Result<usize, LakeError> {
    Ok(list(lake, STAGING)?.len())
}

/// Takes away what dead runs left in staging; gives the number of files. Only for the holder of the lake.
pub fn sweep(lake: &Lake) -> Result<usize, LakeError> {
    let leftovers = list(lake, STAGING)?;
    for name in &leftovers {
        let file = path(lake, STAGING).join(name);
        fs::remove_file(&file).map_err(LakeError::io(&file, "remove"))?;
    }
    Ok(leftovers.len())
}

fn stage(lake: &Lake) -> Result<Staged, LakeError> {
    let number = STAGED.fetch_add(1, Ordering::Relaxed);
    let name = format!("{}-{number}", std::process::id());
    let path = path(lake, STAGING).join(name);
    let open = || OpenOptions::new().write(true).create_new(true).open(&path);
    let file = match open() {
        Err(cause) if cause.kind() == ErrorKind::NotFound => {
            make_parent(lake, &path)?;
            open()
        }
        Err(cause) if cause.kind() == ErrorKind::AlreadyExists => {
            // A dead run had the same process number.
            fs::remove_file(&path).map_err(LakeError::io(&path, "remove"))?;
            open()
        }
        opened => opened,
    };
    let file = file.map_err(LakeError::io(&path, "create"))?;
    Ok(Staged { path, file })
}

fn sync_file(staged: &Staged) -> Result<(), LakeError> {
    let synced = staged.file.sync_all();
    synced.map_err(LakeError::io(&staged.path, "make durable"))
}

/// Makes the folder of `place`, and each one above that is missing, durably.
pub(super) fn make_parent(lake: &Lake, place: &Path) -> Result<PathBuf, LakeError> {
    let folder = parent(place).to_owned();
    let missing: Vec<&Path> =
        folder.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()).collect();
    for folder in missing.into_iter().rev() {
        match fs::create_dir(folder) {
            Ok(()) => {}
            // Another thread of ours may make a partition of the same source.
            Err(cause) if cause.kind() == ErrorKind::AlreadyExists && folder.is_dir() => continue,
            Err(cause) => return Err(LakeError::io(folder, "create the folder")(cause)),
        }
        let synced = sync_folder(parent(folder));
        // What lies above the lake may not be ours to open.
        if folder.starts_with(&lake.root) && folder != lake.root {
            synced?;
        }
    }
    Ok(folder)
}

fn parent(place: &Path) -> &Path {
    match place.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<(), LakeError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(LakeError::io(folder, "make durable"))
}

/// Elsewhere a folder cannot be opened to be synced; the file system orders renames itself.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> Result<(), LakeError> {
    Ok(())
}
