//! The operations of the file system that a put consists of. They are behind one struct so that tests can record their
//! order and make one of them fail.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::Path,
};

/// The file system of this machine.
#[derive(Debug, Default)]
pub struct FileSystem {
    #[cfg(test)]
    pub call_log: std::sync::Mutex<CallLog>,
}

/// The operations so far, and the one that is to fail.
#[cfg(test)]
#[derive(Debug, Default)]
pub struct CallLog {
    pub calls: Vec<(&'static str, std::path::PathBuf)>,
    pub failing: Option<(&'static str, io::ErrorKind)>,
}

impl FileSystem {
    /// Creates a file where nothing is.
    pub fn create(&self, path: &Path) -> io::Result<File> {
        self.record("create", path)?;
        OpenOptions::new().write(true).create_new(true).open(path)
    }

    pub fn sync(&self, path: &Path, file: &File) -> io::Result<()> {
        self.record("sync", path)?;
        file.sync_all()
    }

    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.record("rename", to)?;
        fs::rename(from, to)
    }

    /// Gives a file a second name. Fails if something has that name.
    pub fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.record("link", to)?;
        fs::hard_link(from, to)
    }

    pub fn remove(&self, path: &Path) -> io::Result<()> {
        self.record("remove", path)?;
        fs::remove_file(path)
    }

    /// Makes the names in a folder durable. Only on Unix can a folder be opened to be synced; elsewhere the file system
    /// orders renames itself.
    pub fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.record("sync folder", path)?;
        if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
    }

    #[cfg(test)]
    fn record(&self, operation: &'static str, path: &Path) -> io::Result<()> {
        let mut call_log = self.call_log.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        call_log.calls.push((operation, path.to_owned()));
        match call_log.failing {
            Some((failing, kind)) if failing == operation => {
                call_log.failing = None;
                Err(kind.into())
            }
            _ => Ok(()),
        }
    }

    #[cfg(not(test))]
    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "tests record and fail here")]
    fn record(&self, _: &'static str, _: &Path) -> io::Result<()> {
        Ok(())
    }
}
