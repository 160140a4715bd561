//! Why a run ended early, as the person who started it reads it, and the exit code that goes with it.

use std::{io, path::PathBuf};

use crate::{
    config::{Faults, Place},
    exit::Exit,
    lake::LakeError,
};

/// The end of a run that did not do what was asked. No variant holds a secret or a whole request address.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}\n{count}; nothing was fetched", count = faults(.0))]
    Config(#[from] Faults),
    #[error("{0}")]
    Usage(String),
    #[error(
        "{name}: the source refused the credentials ({reason}); check them, and `base_url`, in its [[source]] table"
    )]
    Credentials { name: String, reason: String },
    #[error("incomplete: {0}; what was committed stands, run again to go on")]
    Incomplete(String),
    #[error("another run holds the lake {lake} ({holder}); wait until it has ended")]
    Locked { lake: Place, holder: String },
    #[error("{}: the lake is damaged: {reason}", place.display())]
    Damaged { place: PathBuf, reason: String },
    #[error("interrupted; what was committed stands, run again to go on")]
    Interrupted,
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error("{what}: {why}")]
    Io { what: String, why: io::Error },
    #[error("{0}")]
    Unexpected(String),
}

impl Error {
    /// The exit code of a run that ends with this error.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Config(_) | Self::Usage(_) => Exit::Usage,
            Self::Credentials { .. } => Exit::Credentials,
            Self::Incomplete(_) => Exit::Incomplete,
            Self::Locked { .. } => Exit::Locked,
            Self::Damaged { .. } => Exit::Damaged,
            Self::Lake(why) if why.is_damage() => Exit::Damaged,
            Self::Lake(why) if why.is_lost() => Exit::Locked,
            Self::Lake(why) if why.is_configuration() => Exit::Usage,
            Self::Interrupted => Exit::Interrupted,
            Self::Lake(_) | Self::Io { .. } | Self::Unexpected(_) => Exit::Unexpected,
        }
    }
}

fn faults(faults: &Faults) -> String {
    match faults.list().len() {
        1 => "1 fault in what ticketlake was told".to_owned(),
        count => format!("{count} faults in what ticketlake was told"),
    }
}
