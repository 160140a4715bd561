//! A file on its way to its place in a folder: written elsewhere, then renamed.

use std::{
    fs::File,
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use xxhash_rust::xxh3::Xxh3;

use super::{Folder, parent, version_of};
use crate::lake::{
    LakeError,
    store::{FileVersion, STAGING, file_system::FileSystem},
};

/// How names of files begin that are staged beside their targets.
pub(super) const STAGED_BESIDE: &str = ".ticketlake-staged-";

/// A file being written; it is removed unless it gets to its place.
pub struct Staged<'a> {
    files: &'a FileSystem,
    pub path: PathBuf,
    file: File,
    pub checksum: Xxh3,
    in_place: bool,
}

impl Staged<'_> {
    pub fn sync(&self) -> Result<(), LakeError> {
        let synced = self.files.sync(&self.path, &self.file);
        synced.map_err(LakeError::io(self.path.display(), "make durable"))
    }
}

impl Write for Staged<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.checksum.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        if !self.in_place {
            // The next run removes what is left.
            let _ = self.files.remove(&self.path);
        }
    }
}

impl Folder {
    pub fn stage(&self) -> Result<Staged<'_>, LakeError> {
        self.stage_at(self.path(STAGING).join(unique_name()))
    }

    fn stage_at(&self, path: PathBuf) -> Result<Staged<'_>, LakeError> {
        let file = match self.files.create(&path) {
            Err(cause) if cause.kind() == ErrorKind::NotFound => {
                self.create_parent(&path)?;
                self.files.create(&path)
            }
            created => created,
        };
        let file = file.map_err(LakeError::io(path.display(), "create"))?;
        Ok(Staged { files: &self.files, path, file, checksum: Xxh3::new(), in_place: false })
    }

    /// Renames a staged file to its place; gives its version.
    pub fn move_to<'a>(&'a self, place: &Path, mut staged: Staged<'a>) -> Result<FileVersion, LakeError> {
        let mut renamed = self.files.rename(&staged.path, place);
        // A part of the lake is on another file system than `_ticketlake`.
        if matches!(&renamed, Err(cause) if cause.kind() == ErrorKind::CrossesDevices) {
            let mut beside =
                self.stage_at(parent(place).join(format!("{STAGED_BESIDE}{}", unique_name())))?;
            let copied = File::open(&staged.path).and_then(|mut file| io::copy(&mut file, &mut beside));
            copied.map_err(LakeError::io(beside.path.display(), "write"))?;
            beside.sync()?;
            staged = beside;
            renamed = self.files.rename(&staged.path, place);
        }
        renamed.map_err(LakeError::io(place.display(), "replace"))?;
        staged.in_place = true;
        let version = staged.file.metadata().and_then(|metadata| version_of(&metadata));
        version.map_err(LakeError::io(place.display(), "look for"))
    }
}

/// Distinct also among runs of one machine, and among lakes of one process.
fn unique_name() -> String {
    format!("{}-{:016x}", std::process::id(), fastrand::u64(..))
}
