//! Files of a lake in a folder: staged beside the tables, synced, and renamed or linked into their place.

mod staged;

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::UNIX_EPOCH,
};

use self::staged::STAGED_BESIDE;
use super::{
    Content, Entry, Expected, FileVersion, Files, INTERNAL, LakeError, Put, content::Source,
    file_system::FileSystem,
};
use bytes::Bytes;

/// Locked by the one process that replaces files, where several share the lake.
const PARTITIONS_LOCK: &str = "_ticketlake/turn";

/// The folder of a lake.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    files: FileSystem,
    /// Folders with new names in them that a power cut may still undo.
    changed: Mutex<BTreeSet<PathBuf>>,
}

impl Folder {
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), files: FileSystem::default(), changed: Mutex::default() }
    }

    #[cfg(test)]
    pub fn call_log(&self) -> MutexGuard<'_, super::file_system::CallLog> {
        self.files.call_log.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Where a key lies.
    pub fn path(&self, key: impl AsRef<Path>) -> PathBuf {
        self.root.join(key)
    }

    /// Writes a file by `fill` and puts it in the place of `key`, whole or not at all.
    ///
    /// State and records speak of tables: they are durable at once, and the tables before them.
    pub fn put<T>(
        &self,
        key: &str,
        expected: &Expected,
        fill: impl FnOnce(&mut (dyn Write + Send)) -> Result<T, LakeError>,
    ) -> Result<(T, Put), LakeError> {
        let is_table = !Path::new(key).starts_with(INTERNAL);
        if !is_table {
            self.sync_folders()?;
        }
        let place = self.path(key);
        let mut staged = self.stage()?;
        let outcome = fill(&mut staged)?;
        staged.sync()?;
        let checksum = staged.checksum.digest();
        let is_expected = match expected {
            Expected::Anything => true,
            Expected::Nothing => self.stat(key)?.is_none(),
            Expected::Version(version) => self.stat(key)?.as_ref() == Some(version),
        };
        if !is_expected {
            return Err(LakeError::Overtaken { at: place.display().to_string() });
        }
        self.create_parent(&place)?;
        let version = self.move_to(&place, staged)?;
        self.note_new_name(&place);
        if !is_table {
            self.sync_folders()?;
        }
        Ok((outcome, Put { version, checksum }))
    }

    fn changed(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every folder of the lake on the way is noted too: who created them may have died before it synced them.
    fn note_new_name(&self, place: &Path) {
        let folders = parent(place).ancestors().take_while(|folder| folder.starts_with(&self.root));
        self.changed().extend(folders.map(Path::to_owned));
    }

    fn create_exclusive(&self, place: &Path, content: &[u8]) -> io::Result<()> {
        let mut file = self.files.create(place)?;
        let written = file.write_all(content).and_then(|()| self.files.sync(place, &file));
        if written.is_err() {
            // Half a version must not be read as a whole one.
            let _ = self.files.remove(place);
        }
        written
    }

    /// What is in a folder, sorted by name; nothing if it is not there.
    fn entries(&self, folder: &Path) -> Result<Vec<Entry>, LakeError> {
        let place = self.path(folder);
        let entries = found(fs::read_dir(&place), &place, "list")?;
        let mut entries = entries
            .into_iter()
            .flatten()
            .map(|entry| {
                let entry = entry?;
                let kind = entry.file_type()?;
                let is_folder = kind.is_dir() || kind.is_symlink() && entry.path().is_dir();
                let name = entry.file_name();
                Ok(Entry { name: name.to_str().map(str::to_owned), path: folder.join(&name), is_folder })
            })
            .collect::<io::Result<Vec<_>>>()
            .map_err(LakeError::io(place.display(), "list"))?;
        entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    /// Opens a file that is there to be locked; gives its path too.
    pub fn open_lock(&self, key: &str) -> Result<(PathBuf, File), LakeError> {
        let place = self.path(key);
        self.create_parent(&place)?;
        let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&place);
        let file = opened.map_err(LakeError::io(place.display(), "open"))?;
        Ok((place, file))
    }

    /// Creates the folder of `place`, and each one above that is missing.
    fn create_parent(&self, place: &Path) -> Result<(), LakeError> {
        let folder = parent(place);
        let is_missing = |folder: &&Path| !folder.as_os_str().is_empty() && !folder.is_dir();
        let missing: Vec<&Path> = folder.ancestors().take_while(is_missing).collect();
        if !missing.is_empty() {
            fs::create_dir_all(folder).map_err(LakeError::io(folder.display(), "create the folder"))?;
            self.changed().extend(missing.into_iter().map(|folder| parent(folder).to_owned()));
        }
        Ok(())
    }
}

impl Files for Folder {
    fn address(&self, key: &str) -> String {
        self.path(key).display().to_string()
    }

    fn stat(&self, key: &str) -> Result<Option<FileVersion>, LakeError> {
        let place = self.path(key);
        let version = match fs::metadata(&place) {
            Ok(metadata) if metadata.is_file() => version_of(&metadata).map(Some),
            Ok(_) => Ok(None),
            // Something on the way is a file.
            Err(cause) if cause.kind() == ErrorKind::NotADirectory => Ok(None),
            Err(cause) => Err(cause),
        };
        Ok(found(version, &place, "look for")?.flatten())
    }

    fn open(&self, key: &str) -> Result<Option<Content>, LakeError> {
        let place = self.path(key);
        let Some(file) = found(File::open(&place), &place, "open")? else { return Ok(None) };
        let version = file.metadata().and_then(|metadata| version_of(&metadata));
        let content =
            version.and_then(|version| Ok(Content::new(Source::of_file(file, version.bytes)?, version)));
        content.map(Some).map_err(LakeError::io(place.display(), "read"))
    }

    fn read(&self, key: &str) -> Result<Option<Bytes>, LakeError> {
        let place = self.path(key);
        found(fs::read(&place), &place, "read").map(|content| content.map(Bytes::from))
    }

    fn create(&self, key: &str, content: &[u8]) -> Result<bool, LakeError> {
        self.sync_folders()?;
        let place = self.path(key);
        let mut staged = self.stage()?;
        let written = staged.write_all(content);
        written.map_err(LakeError::io(staged.path.display(), "write"))?;
        staged.sync()?;
        self.create_parent(&place)?;
        let created = match self.files.link(&staged.path, &place) {
            // A file system without hard links: of two exclusive creates still only one succeeds.
            Err(cause) if cause.kind() != ErrorKind::AlreadyExists => self.create_exclusive(&place, content),
            linked => linked,
        };
        match created {
            Ok(()) => {}
            Err(cause) if cause.kind() == ErrorKind::AlreadyExists => return Ok(false),
            Err(cause) => return Err(LakeError::io(place.display(), "create")(cause)),
        }
        self.note_new_name(&place);
        self.sync_folders()?;
        Ok(true)
    }

    fn delete(&self, key: &str) -> Result<bool, LakeError> {
        // Its rows may be in other files by now.
        self.sync_folders()?;
        let place = self.path(key);
        let is_removed = found(self.files.remove(&place), &place, "remove")?.is_some();
        if is_removed {
            self.note_new_name(&place);
            self.sync_folders()?;
        }
        Ok(is_removed)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<(), LakeError> {
        let (from, to) = (self.path(from), self.path(to));
        self.create_parent(&to)?;
        let renamed = match self.files.rename(&from, &to) {
            // As for a put: a part of the lake may be on another file system.
            Err(cause) if cause.kind() == ErrorKind::CrossesDevices && from.is_file() => fs::copy(&from, &to)
                .and_then(|_| self.files.sync(&to, &File::open(&to)?))
                .and_then(|()| self.files.remove(&from)),
            renamed => renamed,
        };
        renamed.map_err(LakeError::io(from.display(), "move aside"))?;
        self.note_new_name(&from);
        self.note_new_name(&to);
        Ok(())
    }

    fn list(&self, key: &str) -> Result<Vec<String>, LakeError> {
        Ok(self.entries(Path::new(key))?.into_iter().filter_map(|entry| entry.name).collect())
    }

    fn files(&self, folder: &str) -> Result<Vec<(String, FileVersion)>, LakeError> {
        let mut keys = Vec::new();
        self.walk(Path::new(folder), &mut |entry| {
            // A name that is no text is none of ours.
            if !entry.is_folder && entry.name.is_some() {
                keys.push(super::text(&entry.path));
            }
            entry.name.is_some()
        })?;
        keys.sort_unstable();
        // One that has gone meanwhile is none.
        let versions = keys.into_iter().map(|key| Ok(self.stat(&key)?.map(|version| (key, version))));
        versions.filter_map(Result::transpose).collect()
    }

    fn walk(&self, folder: &Path, visit: &mut dyn FnMut(&Entry) -> bool) -> Result<(), LakeError> {
        for entry in self.entries(folder)? {
            if visit(&entry) && entry.is_folder {
                self.walk(&entry.path, visit)?;
            }
        }
        Ok(())
    }

    fn is_folder(&self, path: &Path) -> Result<bool, LakeError> {
        Ok(self.path(path).is_dir())
    }

    fn sync_folders(&self) -> Result<(), LakeError> {
        // Locked to the end: what another thread has begun to sync is not durable yet.
        let mut changed = self.changed();
        while let Some(folder) = changed.first() {
            match self.files.sync_folder(folder) {
                Ok(()) => {}
                // It was removed since.
                Err(cause) if cause.kind() == ErrorKind::NotFound => {}
                // Above the lake, it may not be ours to open.
                Err(cause)
                    if cause.kind() == ErrorKind::PermissionDenied && !folder.starts_with(&self.root) => {}
                Err(cause) => return Err(LakeError::io(folder.display(), "make durable")(cause)),
            }
            changed.pop_first();
        }
        Ok(())
    }

    fn remove_empty(&self, folder: &Path) -> Result<bool, LakeError> {
        let place = self.path(folder);
        match fs::remove_dir(&place) {
            Err(cause) if cause.kind() == ErrorKind::DirectoryNotEmpty => Ok(false),
            removed => found(removed, &place, "remove").map(|removed| removed.is_some()),
        }
    }

    fn lock_partitions(&self) -> Result<Option<File>, LakeError> {
        let (place, file) = self.open_lock(PARTITIONS_LOCK)?;
        file.lock().map_err(LakeError::io(place.display(), "lock"))?;
        Ok(Some(file))
    }

    fn staged_beside(&self) -> Result<Vec<String>, LakeError> {
        let mut staged = Vec::new();
        self.walk(Path::new(""), &mut |entry| {
            let name = entry.name.as_deref().unwrap_or_default();
            if name.starts_with(STAGED_BESIDE) {
                staged.push(super::text(&entry.path));
            }
            name.contains('=') || entry.path.components().count() == 1
        })?;
        Ok(staged)
    }
}

/// `None` where nothing is at a path.
fn found<T>(outcome: io::Result<T>, path: &Path, action: &'static str) -> Result<Option<T>, LakeError> {
    match outcome {
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
        outcome => outcome.map(Some).map_err(LakeError::io(path.display(), action)),
    }
}

fn version_of(metadata: &fs::Metadata) -> io::Result<FileVersion> {
    let modified = match metadata.modified()?.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_nanos().to_string(),
        Err(before) => format!("-{}", before.duration().as_nanos()),
    };
    Ok(FileVersion { bytes: metadata.len(), tag: format!("mtime:{modified}") })
}

fn parent(place: &Path) -> &Path {
    match place.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}
