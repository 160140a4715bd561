//! Files of a lake in a folder: staged beside the tables, made durable, and renamed or linked into their place.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;

use super::{Content, Draft, Entry, HOUSE, LakeError, STAGING};

/// What workers of one lake take turns by.
const TURN: &str = "_ticketlake/turn";

static STAGED: AtomicU64 = AtomicU64::new(0);

/// Folders of tables with new names in them that a power cut may still undo.
static OWED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// A file being written; it vanishes unless it is moved to its place.
struct Staged {
    path: PathBuf,
    file: File,
    moved: bool,
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.moved {
            // What is left is swept by the next run.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Writes a file by `fill` and puts it in the place of `key`, over whatever is there, whole or not at all.
///
/// What is no table tells of tables, so it is durable at once, and they before it: see [`settle`].
pub fn put<T>(
    root: &Path,
    key: &str,
    fill: impl FnOnce(&mut Draft<'_>) -> Result<T, LakeError>,
) -> Result<T, LakeError> {
    let is_table = !Path::new(key).starts_with(HOUSE);
    if !is_table {
        settle(root)?;
    }
    let place = root.join(key);
    let mut staged = stage(root)?;
    let outcome = fill(&mut staged.file)?;
    sync_file(&staged)?;
    let mut changed = make_folders(root, &place)?;
    fs::rename(&staged.path, &place).map_err(LakeError::io(place.display(), "replace"))?;
    staged.moved = true;
    changed.push(parent(&place).to_owned());
    if is_table {
        owed().extend(changed);
    } else {
        changed.iter().try_for_each(|folder| sync_folder(folder))?;
    }
    Ok(outcome)
}

/// Makes the names of all tables durable. One folder after another costs little where each new file's own would be a
/// commit of the file system's journal.
pub fn settle(root: &Path) -> Result<(), LakeError> {
    // What another thread has begun to settle is not settled yet.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let ours: Vec<PathBuf> = owed().iter().filter(|folder| folder.starts_with(root)).cloned().collect();
    for folder in ours {
        // Taken out first: a name that comes meanwhile is owed anew.
        owed().remove(&folder);
        if folder.is_dir()
            && let Err(cause) = sync_folder(&folder)
        {
            owed().insert(folder);
            return Err(cause);
        }
    }
    Ok(())
}

fn owed() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    OWED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Puts `content` at `key`, durably, if nothing is there. Gives false, and changes nothing, if something is.
pub fn create(root: &Path, key: &str, content: &[u8]) -> Result<bool, LakeError> {
    settle(root)?;
    let place = root.join(key);
    let mut staged = stage(root)?;
    let write = staged.file.write_all(content);
    write.map_err(LakeError::io(staged.path.display(), "write"))?;
    sync_file(&staged)?;
    make_parent(root, &place)?;
    match fs::hard_link(&staged.path, &place) {
        Ok(()) => {}
        Err(cause) if cause.kind() == ErrorKind::AlreadyExists => return Ok(false),
        // A file system without hard links: an exclusive create still tells two writers apart.
        Err(_) => match create_exclusive(&place, content) {
            Ok(()) => {}
            Err(cause) if cause.kind() == ErrorKind::AlreadyExists => return Ok(false),
            Err(cause) => return Err(LakeError::io(place.display(), "create")(cause)),
        },
    }
    sync_folder(parent(&place))?;
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
pub fn read(root: &Path, key: &str) -> Result<Option<Bytes>, LakeError> {
    let place = root.join(key);
    match fs::read(&place) {
        Ok(content) => Ok(Some(content.into())),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(LakeError::io(place.display(), "read")(cause)),
    }
}

pub fn exists(root: &Path, key: &str) -> Result<bool, LakeError> {
    let place = root.join(key);
    match place.try_exists() {
        // Something on the way is a file.
        Err(cause) if cause.kind() == ErrorKind::NotADirectory => Ok(false),
        exists => exists.map_err(LakeError::io(place.display(), "look for")),
    }
}

/// The content of a file; a small one that will be read whole is read at once. `None` if nothing is there.
pub fn open(root: &Path, key: &str, whole: bool) -> Result<Option<Content>, LakeError> {
    let place = root.join(key);
    let file = match File::open(&place) {
        Ok(file) => file,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(LakeError::io(place.display(), "open")(cause)),
    };
    Content::of_file(file, whole).map(Some).map_err(LakeError::io(place.display(), "read"))
}

/// The names directly under `key`, sorted; none if the folder is not there.
pub fn list(root: &Path, key: &str) -> Result<Vec<String>, LakeError> {
    let folder = root.join(key);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(LakeError::io(folder.display(), "list")(cause)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(LakeError::io(folder.display(), "list"))?;
        // A name that is no text is none of ours.
        names.extend(entry.file_name().into_string());
    }
    names.sort_unstable();
    Ok(names)
}

/// Takes away the file at `key`, durably. Gives false if nothing is there.
pub fn delete(root: &Path, key: &str) -> Result<bool, LakeError> {
    // Its rows may stand elsewhere by now.
    settle(root)?;
    let place = root.join(key);
    match fs::remove_file(&place) {
        Ok(()) => {
            sync_folder(parent(&place))?;
            Ok(true)
        }
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(false),
        Err(cause) => Err(LakeError::io(place.display(), "remove")(cause)),
    }
}

/// Takes away every file in staging; gives their number.
pub fn sweep(root: &Path) -> Result<usize, LakeError> {
    let leftovers = list(root, STAGING)?;
    for name in &leftovers {
        let file = root.join(STAGING).join(name);
        fs::remove_file(&file).map_err(LakeError::io(file.display(), "remove"))?;
    }
    Ok(leftovers.len())
}

/// Walks through a folder, in the order of names.
pub fn walk(root: &Path, folder: &Path, visit: &mut dyn FnMut(&Entry) -> bool) -> Result<(), LakeError> {
    let place = root.join(folder);
    let read = match fs::read_dir(&place) {
        Ok(read) => read,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(()),
        Err(cause) => return Err(LakeError::io(place.display(), "list")(cause)),
    };
    let mut found = Vec::new();
    for entry in read {
        let entry = entry.map_err(LakeError::io(place.display(), "list"))?;
        let name = entry.file_name();
        let is_folder = entry.path().is_dir();
        found.push(Entry { name: name.to_str().map(str::to_owned), path: folder.join(&name), is_folder });
    }
    found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    for entry in found {
        if visit(&entry) && entry.is_folder {
            walk(root, &entry.path, visit)?;
        }
    }
    Ok(())
}

/// Moves a file or a folder.
pub fn rename(root: &Path, from: &Path, to: &Path) -> Result<(), LakeError> {
    let (from, to) = (root.join(from), root.join(to));
    make_parent(root, &to)?;
    fs::rename(&from, &to).map_err(LakeError::io(from.display(), "move aside"))
}

/// Takes away a folder that holds nothing.
pub fn remove_empty(root: &Path, folder: &Path) -> Result<bool, LakeError> {
    let place = root.join(folder);
    match fs::remove_dir(&place) {
        Ok(()) => Ok(true),
        Err(cause) if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => Ok(false),
        Err(cause) => Err(LakeError::io(place.display(), "remove")(cause)),
    }
}

/// A lock that one process has at a time.
pub fn turn(root: &Path) -> Result<File, LakeError> {
    let place = root.join(TURN);
    make_parent(root, &place)?;
    let opened = OpenOptions::new().write(true).create(true).truncate(false).open(&place);
    let file = opened.map_err(LakeError::io(place.display(), "open"))?;
    file.lock().map_err(LakeError::io(place.display(), "lock"))?;
    Ok(file)
}

fn stage(root: &Path) -> Result<Staged, LakeError> {
    let number = STAGED.fetch_add(1, Ordering::Relaxed);
    let name = format!("{}-{number}", std::process::id());
    let path = root.join(STAGING).join(name);
    let open = || OpenOptions::new().write(true).create_new(true).open(&path);
    let file = match open() {
        Err(cause) if cause.kind() == ErrorKind::NotFound => {
            make_parent(root, &path)?;
            open()
        }
        Err(cause) if cause.kind() == ErrorKind::AlreadyExists => {
            // A dead run had the same process number.
            fs::remove_file(&path).map_err(LakeError::io(path.display(), "remove"))?;
            open()
        }
        opened => opened,
    };
    let file = file.map_err(LakeError::io(path.display(), "create"))?;
    Ok(Staged { path, file, moved: false })
}

fn sync_file(staged: &Staged) -> Result<(), LakeError> {
    let synced = staged.file.sync_all();
    synced.map_err(LakeError::io(staged.path.display(), "make durable"))
}

/// Makes the folder of `place`, and each one above that is missing, durably.
pub fn make_parent(root: &Path, place: &Path) -> Result<(), LakeError> {
    make_folders(root, place)?.iter().try_for_each(|folder| sync_folder(folder))
}

/// Makes the folder of `place`, and each one above that is missing; gives those of the lake that hold a new one.
fn make_folders(root: &Path, place: &Path) -> Result<Vec<PathBuf>, LakeError> {
    let missing: Vec<&Path> = parent(place)
        .ancestors()
        .take_while(|folder| !folder.as_os_str().is_empty() && !folder.is_dir())
        .collect();
    let mut changed = Vec::new();
    for folder in missing.into_iter().rev() {
        match fs::create_dir(folder) {
            Ok(()) => {}
            // Another thread of ours may make a partition of the same source.
            Err(cause) if cause.kind() == ErrorKind::AlreadyExists && folder.is_dir() => continue,
            Err(cause) => return Err(LakeError::io(folder.display(), "create the folder")(cause)),
        }
        // What lies above the lake may not be ours to open.
        if folder.starts_with(root) && folder != root {
            changed.push(parent(folder).to_owned());
        }
    }
    Ok(changed)
}

fn parent(place: &Path) -> &Path {
    match place.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<(), LakeError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(LakeError::io(folder.display(), "make durable"))
}

/// Elsewhere a folder cannot be opened to be synced; the file system orders renames itself.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> Result<(), LakeError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_durable_before_anything_tells_of_them() {
        let lake = tempfile::tempdir().unwrap();
        let owes = || owed().iter().filter(|folder| folder.starts_with(lake.path())).count();
        let write = |file: &mut Draft<'_>| file.write_all(b"x").map_err(LakeError::io("x", "write"));
        let table =
            || put(lake.path(), "tickets/source=s/created_date=2024-01-05/part-0.parquet", write).unwrap();
        table();
        assert_eq!(owes(), 4, "the lake and each folder on the way hold a new name");
        assert!(create(lake.path(), "_ticketlake/state/s/1", b"x").unwrap());
        assert_eq!(owes(), 0);
        table();
        assert_eq!(owes(), 1);
        put(lake.path(), "_ticketlake/runs/1.json", write).unwrap();
        assert_eq!(owes(), 0);
        table();
        delete(lake.path(), "tickets/source=s/created_date=2024-01-05/part-0.parquet").unwrap();
        assert_eq!(owes(), 0);
    }
}
