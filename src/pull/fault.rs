//! Why there is no extract, or only a part of one.

use std::io::{self, ErrorKind};

use crate::{
    batch::BatchError,
    exit::Exit,
    fetch::FetchError,
    summary::Outcome,
    sync::{ReadError, StopReason},
};

/// What ended an extract early.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The source could not be read, or not with proof.
    #[error(transparent)]
    Source(#[from] StopReason),
    /// The source has no such thing, or does not give it.
    #[error("{0}")]
    Refused(String),
    /// What was asked for makes no sense, as only the source could tell.
    #[error("{0}")]
    Usage(String),
    #[error("cannot write {place}: {cause}{}", advice(cause))]
    Write { place: String, cause: io::Error },
    #[error("the rows cannot be written as {format}: {why}")]
    Encode { format: &'static str, why: String },
    #[error("the rows cannot be put together: {0}")]
    Rows(#[from] BatchError),
}

fn advice(cause: &io::Error) -> &'static str {
    match cause.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "; free some space, or choose another place with --out"
        }
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => "; choose another place with --out",
        ErrorKind::AlreadyExists => "; it came into being meanwhile: add --force to replace it",
        _ => "",
    }
}

impl From<ReadError> for PullError {
    fn from(why: ReadError) -> Self {
        Self::Source(why.into())
    }
}

impl From<FetchError> for PullError {
    fn from(why: FetchError) -> Self {
        Self::Source(ReadError::from(why).into())
    }
}

impl PullError {
    pub(super) fn writing(place: impl ToString) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::Write { place: place.to_string(), cause }
    }

    /// The exit code of a run that ends so.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::Source(StopReason::Read(ReadError::Fetch(FetchError::Credentials { .. }))) => {
                Exit::Credentials
            }
            Self::Source(_) | Self::Refused(_) => Exit::Incomplete,
            Self::Write { .. } | Self::Encode { .. } | Self::Rows(_) => Exit::Unexpected,
        }
    }

    /// The outcome of such a run: all but an extract without proof leave no file.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::Source(StopReason::Unproven(_)) => Outcome::Incomplete,
            _ => Outcome::Failed,
        }
    }

    /// Whether the reader of standard output has left, who has what they wanted.
    pub fn is_a_reader_that_left(&self) -> bool {
        matches!(self, Self::Write { cause, .. } if cause.kind() == ErrorKind::BrokenPipe)
    }
}
