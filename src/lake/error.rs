//! What can go wrong in the lake, and what the reader must do about it.

use std::{
    any::Any,
    fmt::Display,
    io::{self, ErrorKind},
};

use parquet::errors::ParquetError;

use super::{Cut, store::Refusal};
use crate::batch::BatchError;

/// A failure in the lake: where, what was tried, what to do.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The file system refused.
    #[error("cannot {action} {at}: {cause}{}", advice(cause))]
    Io { at: String, action: &'static str, cause: io::Error },
    /// The object store refused, or could not be reached.
    #[error("cannot {action} {at}: {why}")]
    Store { at: String, action: &'static str, why: Box<Refusal> },
    /// This run held the lake, and another one has taken it since.
    #[error(
        "this run has lost the lake {lake} (its holder is {to}) and writes no more; what it committed stands, run again when \
         the other one has ended"
    )]
    Lost { lake: String, to: String },
    /// A file was written by another run between reading and writing it.
    #[error("another run has written {at} meanwhile; what was committed stands, run again")]
    Overtaken { at: String },
    /// A file is there, but is not what was written.
    #[error("{at} is damaged: {what}; {}", remedy(at))]
    Damaged { at: String, what: String },
    /// A later version of this program wrote it.
    #[error(
        "{at} is of format {found}, this version of ticketlake reads up to {known}; install the newer version that wrote the lake"
    )]
    Newer { at: String, found: u64, known: u64 },
    /// Rows that do not fit the file's columns.
    #[error("cannot merge rows into {at}: {cause}")]
    Rows { at: String, cause: BatchError },
    /// The lake was cut in another way than it is to be now.
    #[error("{at} holds {found}, but the lake is to be cut into {}; set `partition` under [lake] to what the lake has, or choose another folder with --lake", wanted.column())]
    Cut { at: String, found: String, wanted: Cut },
    /// Columns that no Parquet file can have.
    #[error("these columns cannot be written: {cause}")]
    Schema { cause: ParquetError },
    /// Rows could not be encoded.
    #[error("cannot encode {at}: {cause}")]
    Encode { at: String, cause: ParquetError },
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

fn remedy(at: &str) -> &'static str {
    if at.ends_with(".parquet") {
        "the next `ticketlake sync` moves it aside and reads its tickets again"
    } else {
        "restore it from a backup, or run `ticketlake verify --repair`"
    }
}

impl LakeError {
    pub(super) fn io(at: impl Display, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        // What an object store's reader or writer met has come through the encoder as it was.
        move |cause| match cause.downcast::<Self>() {
            Ok(known) => known,
            Err(cause) => Self::Io { at: at.to_string(), action, cause },
        }
    }

    pub(super) fn damaged(at: impl Display, what: impl ToString) -> Self {
        Self::Damaged { at: at.to_string(), what: what.to_string() }
    }

    /// A failure of the Parquet reader: the file system's fault if it says so, else the file's.
    pub(super) fn reading(at: impl Display, cause: ParquetError) -> Self {
        match into_io(cause) {
            // Bytes that end too early are damage, not trouble with the disk.
            Ok(cause) if cause.kind() != ErrorKind::UnexpectedEof => Self::io(at, "read")(cause),
            Ok(cause) => Self::damaged(at, cause),
            Err(cause) => Self::damaged(at, cause),
        }
    }

    /// A failure of the Parquet writer.
    pub(super) fn writing(at: impl Display, cause: ParquetError) -> Self {
        match into_io(cause) {
            Ok(cause) => Self::io(at, "write")(cause),
            Err(cause) => Self::Encode { at: at.to_string(), cause },
        }
    }

    /// Rows that could not be merged: existing ones out of order are damage.
    pub(super) fn rows(at: impl Display) -> impl FnOnce(BatchError) -> Self {
        move |cause| match cause {
            BatchError::Unsorted { .. } => Self::damaged(at, cause),
            cause => Self::Rows { at: at.to_string(), cause },
        }
    }

    /// True if the lake itself is damaged, as against the place where it lies.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { .. })
    }

    /// True if another run has, or took, the lake.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::Overtaken { .. })
    }

    /// True if the lake may be read, not written.
    pub fn is_read_only(&self) -> bool {
        match self {
            Self::Io { cause, .. } => {
                matches!(cause.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem)
            }
            Self::Store { why, .. } => why.is_denied(),
            _ => false,
        }
    }

    /// True if the lake cannot be used as it is set up, or by this version: nothing was tried.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::Newer { .. } | Self::Cut { .. })
            || matches!(self, Self::Store { why, .. } if why.is_configuration())
    }
}

fn into_io(cause: ParquetError) -> Result<io::Error, ParquetError> {
    match cause {
        ParquetError::External(inner) => inner.downcast().map(|inner| *inner).map_err(ParquetError::External),
        other => Err(other),
    }
}

/// What a caught panic said.
pub(super) fn panic_text(panic: Box<dyn Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("decoding it failed ({})", text.unwrap_or("no reason given"))
}
