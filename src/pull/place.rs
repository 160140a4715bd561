//! Where an extract goes: a file that appears whole or not at all, or standard output.

use std::{
    fs::{self, File},
    io::{self, Stdout, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::fault::PullError;
use crate::{config, error::Error};

/// Standard output, as it is given on the command line.
pub const STDOUT: &str = "-";

/// A place that takes an extract. Until it is kept, nothing of it is seen.
#[derive(Debug)]
pub struct Place {
    name: String,
    folder: PathBuf,
    file: Option<Staged>,
}

#[derive(Debug)]
struct Staged {
    file: NamedTempFile,
    path: PathBuf,
    replace: bool,
}

/// Where the bytes go.
pub enum Out {
    File(File),
    Stdout(Stdout),
}

impl Place {
    /// Standard output; what must be laid aside goes to the system's folder for that.
    pub fn stdout() -> Self {
        Self { name: "standard output".to_owned(), folder: std::env::temp_dir(), file: None }
    }

    /// A file, made ready beside its name, so that a place that cannot be written is known before anything is fetched.
    /// One that is there is replaced only where that is wanted; a lake's own folder takes none.
    pub fn file(path: &Path, replace: bool, lake: &config::Place) -> Result<Self, Error> {
        let name = path.display().to_string();
        let usage = |what: &str| Error::Usage(format!("--out: {name} {what}"));
        // Whoever can place a link must not choose which file is replaced.
        match fs::symlink_metadata(path) {
            Ok(there) if there.is_symlink() => {
                return Err(usage("is a symbolic link; name the file itself"));
            }
            Ok(there) if there.is_dir() => return Err(usage("is a folder; name a file in it")),
            Ok(there) if !there.is_file() => return Err(usage("is no file; `--out -` writes to a pipe")),
            Ok(_) if !replace => return Err(usage("is there already; choose another name, or add --force")),
            _ => {}
        }
        let Some(file_name) = path.file_name() else { return Err(usage("names no file")) };
        let folder = match path.parent() {
            Some(folder) if folder != Path::new("") => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        if let config::Place::Folder(lake) = lake
            && let (Ok(folder), Ok(lake)) = (fs::canonicalize(&folder), fs::canonicalize(lake))
            && folder.starts_with(lake)
        {
            return Err(usage(
                "lies in the lake, which holds nothing but its own files; choose another folder",
            ));
        }
        let staged = stage(&folder, file_name)
            .map_err(|why| usage(&format!("cannot be written: {why}; choose another place")))?;
        Ok(Self { name, folder, file: Some(Staged { file: staged, path: path.to_owned(), replace }) })
    }

    /// As messages name it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder for what must be laid aside.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn is_stdout(&self) -> bool {
        self.file.is_none()
    }

    /// Where to write.
    pub fn out(&self) -> Result<Out, PullError> {
        Ok(match &self.file {
            Some(staged) => {
                Out::File(staged.file.as_file().try_clone().map_err(PullError::writing(&self.name))?)
            }
            None => Out::Stdout(io::stdout()),
        })
    }

    /// Makes what was written last, under its name. Gives its size in bytes, where it is a file.
    pub fn keep(self) -> Result<Option<u64>, PullError> {
        let Some(staged) = self.file else { return Ok(None) };
        let failed = |why| PullError::writing(&self.name)(why);
        let file = staged.file.as_file();
        file.sync_all().map_err(failed)?;
        let bytes = file.metadata().map_err(failed)?.len();
        let kept = match staged.replace {
            true => staged.file.persist(&staged.path),
            false => staged.file.persist_noclobber(&staged.path),
        };
        kept.map_err(|why| failed(why.error))?;
        #[cfg(unix)]
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        Ok(Some(bytes))
    }
}

fn stage(folder: &Path, name: &std::ffi::OsStr) -> io::Result<NamedTempFile> {
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(name);
    prefix.push(".");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".part");
    // As any program's output, not as a secret: the user's mask decides.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Stdout(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Stdout(out) => out.flush(),
        }
    }
}
