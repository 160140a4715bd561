//! What can go wrong in the lake, and what the reader must do about it.

use std::{
    any::Any,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use parquet::errors::ParquetError;

use super::partition::Cut;
use crate::batch::BatchError;

/// A failure in the lake: where, what was tried, what to do.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The file system refused.
    #[error("cannot {action} {}: {cause}{}", path.display(), advice(cause))]
    Io { path: PathBuf, action: &'static str, cause: io::Error },
    /// A file is there, but is not what was written.
    #[error("{} is damaged: {what}; restore it from a backup, or move it out of the lake and {}", path.display(), remedy(path))]
    Damaged { path: PathBuf, what: String },
    /// Rows that do not fit the file's columns.
    #[error("cannot merge rows into {}: {cause}", path.display())]
    Rows { path: PathBuf, cause: BatchError },
    /// The lake was cut in another way than it is to be now.
    #[error("{} holds {found}, but the lake is to be cut into {}; set `partition` under [lake] to what the lake has, or choose another folder with --lake", path.display(), wanted.column())]
    Cut { path: PathBuf, found: String, wanted: Cut },
    /// Columns that no Parquet file can have.
    #[error("these columns cannot be written: {cause}")]
    Schema { cause: ParquetError },
    /// Rows could not be encoded.
    #[error("cannot encode {}: {cause}", path.display())]
    Encode { path: PathBuf, cause: ParquetError },
}

fn advice(cause: &io::Error) -> &'static str {
    match cause.kind() {
        ErrorKind::StorageFull => {
            "; the disk is full: free some space and run again, the files already committed stand"
        }
        ErrorKind::QuotaExceeded => {
            "; the disk quota is used up: free some space and run again, the files already committed stand"
        }
        ErrorKind::PermissionDenied => {
            "; give this user write access to the lake's folder, or choose another with --lake"
        }
        ErrorKind::ReadOnlyFilesystem => "; the file system is read-only: choose another folder with --lake",
        ErrorKind::NotADirectory | ErrorKind::IsADirectory => {
            "; something else stands in its place: move it away, or choose another folder with --lake"
        }
        _ => "",
    }
}

fn remedy(path: &Path) -> &'static str {
    if path.extension().is_some_and(|kind| kind == "parquet") {
        "run `ticketlake sync --full` to read its tickets again"
    } else {
        "run `ticketlake sync --full` to start from a full reading"
    }
}

impl LakeError {
    pub(super) fn io(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Io { path: path.to_owned(), action, cause }
    }

    pub(super) fn damaged(path: &Path, what: impl ToString) -> Self {
        Self::Damaged { path: path.to_owned(), what: what.to_string() }
    }

    /// A failure of the Parquet reader: the file system's fault if it says so, else the file's.
    pub(super) fn reading(path: &Path, cause: ParquetError) -> Self {
        match into_io(cause) {
            // Bytes that end too early are damage, not trouble with the disk.
            Ok(cause) if cause.kind() != ErrorKind::UnexpectedEof => Self::io(path, "read")(cause),
            Ok(cause) => Self::damaged(path, cause),
            Err(cause) => Self::damaged(path, cause),
        }
    }

    /// A failure of the Parquet writer.
    pub(super) fn writing(path: &Path, cause: ParquetError) -> Self {
        match into_io(cause) {
            Ok(cause) => Self::io(path, "write")(cause),
            Err(cause) => Self::Encode { path: path.to_owned(), cause },
        }
    }

    /// Rows that could not be merged: existing ones out of order are damage.
    pub(super) fn rows(path: &Path) -> impl FnOnce(BatchError) -> Self {
        move |cause| match cause {
            BatchError::Unsorted { .. } => Self::damaged(path, cause),
            cause => Self::Rows { path: path.to_owned(), cause },
        }
    }

    /// True if the lake itself is damaged, as against the place where it lies.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. })
    }
}

fn into_io(cause: ParquetError) -> Result<io::Error, ParquetError> {
    match cause {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(inner) => Ok(*inner),
            Err(inner) => Err(ParquetError::External(inner)),
        },
        other => Err(other),
    }
}

/// What a caught panic said.
pub(super) fn panic_text(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("decoding it failed ({})", text.unwrap_or("no reason given"))
}
