//! A file of the lake for a reader that takes nothing but paths: where it lies, or a copy that goes away with the value.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use object_store::GetRange;
use tempfile::{NamedTempFile, TempPath};

use super::{LakeError, Location, Store};

/// Bytes copied with one request.
const STEP_BYTES: u64 = 8 * 1024 * 1024;

/// A file under a path of this machine.
#[derive(Debug)]
pub struct LocalFile(Kept);

#[derive(Debug)]
enum Kept {
    Own(PathBuf),
    Copy(TempPath),
}

impl LocalFile {
    pub fn path(&self) -> &Path {
        match &self.0 {
            Kept::Own(path) => path,
            Kept::Copy(path) => path,
        }
    }
}

impl Location {
    /// The file under a path: its own, or that of a copy of the object in the system's folder for temporary files. `None`
    /// if nothing is there.
    pub fn local(&self) -> Result<Option<LocalFile>, LakeError> {
        let bucket = match &self.store {
            Store::Folder(root) => {
                let path = root.join(&self.key);
                return Ok(path.exists().then_some(LocalFile(Kept::Own(path))));
            }
            Store::Bucket(bucket) => bucket,
        };
        let failed = |cause: io::Error| LakeError::io(self, "make a temporary copy of")(cause);
        let mut copy = NamedTempFile::new().map_err(failed)?;
        let Some(first) = bucket.get(&self.key, GetRange::Bounded(0..STEP_BYTES), None)? else {
            return Ok(None);
        };
        copy.write_all(&first.content).map_err(failed)?;
        let mut copied = first.content.len() as u64;
        while copied < first.size {
            let range = GetRange::Bounded(copied..first.size.min(copied + STEP_BYTES));
            let Some(next) = bucket.get(&self.key, range, Some(&first.version))? else { return Ok(None) };
            copy.write_all(&next.content).map_err(failed)?;
            copied += next.content.len().max(1) as u64;
        }
        Ok(Some(LocalFile(Kept::Copy(copy.into_temp_path()))))
    }
}
