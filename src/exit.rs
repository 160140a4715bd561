//! What the exit code tells a script.

use std::process::ExitCode;

/// How a run ended. The numbers are a promise to scripts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Everything asked for is done.
    Complete = 0,
    Unexpected = 1,
    /// Bad arguments or configuration; nothing was fetched.
    Usage = 2,
    /// A source failed; what was committed stands, the next run goes on from there.
    Incomplete = 3,
    /// A source refused the credentials.
    Credentials = 4,
    /// Another run holds the lake.
    Locked = 5,
    /// The lake is damaged.
    Damaged = 6,
    /// SIGINT or SIGTERM; what was committed stands.
    Interrupted = 130,
}

impl Exit {
    /// The number itself.
    pub fn code(self) -> u8 {
        self as u8
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        ExitCode::from(exit.code())
    }
}
