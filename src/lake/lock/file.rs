//! The lock of a folder.

use std::{
    fs::{File, TryLockError},
    io::{ErrorKind, Read, Seek, Write},
    path::Path,
};

use crate::lake::{LakeError, store::Folder};

const LOCK: &str = "_ticketlake/lock";

/// Takes the lock, or gives what its holder says of itself.
pub fn acquire(folder: &Folder, text: &str) -> Result<Result<File, String>, LakeError> {
    take(folder, text, File::try_lock)
}

/// As [`acquire`], beside others that share it.
pub fn share(folder: &Folder, text: &str) -> Result<Result<File, String>, LakeError> {
    take(folder, text, File::try_lock_shared)
}

fn take(folder: &Folder, text: &str, how: TryLock) -> Result<Result<File, String>, LakeError> {
    let (path, mut file) = folder.open_lock(LOCK)?;
    if !try_lock(&path, &file, how)? {
        return Ok(Err(holder_text(&mut file)));
    }
    let told = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{text}"));
    told.map_err(LakeError::io(path.display(), "write"))?;
    Ok(Ok(file))
}

/// Who holds the lock at this moment.
pub fn holder(folder: &Folder) -> Result<Option<String>, LakeError> {
    let path = folder.path(LOCK);
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(None),
        Err(cause) => return Err(LakeError::io(path.display(), "open")(cause)),
    };
    Ok(match try_lock(&path, &file, File::try_lock)? {
        true => None,
        false => Some(holder_text(&mut file)),
    })
}

type TryLock = fn(&File) -> Result<(), TryLockError>;

fn try_lock(path: &Path, file: &File, how: TryLock) -> Result<bool, LakeError> {
    match how(file) {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(cause)) => Err(LakeError::io(path.display(), "lock")(cause)),
    }
}

fn holder_text(file: &mut File) -> String {
    let mut text = String::new();
    // It may be in the middle of writing its name; the lock itself is what counts.
    let read = file.read_to_string(&mut text);
    let text = text.trim();
    match (read, text) {
        (Ok(_), text) if !text.is_empty() => text.to_owned(),
        _ => "a process that has not told its name".to_owned(),
    }
}
