//! How the work on a source can end before it is complete, and how it is asked to.

use std::time::Duration;

use tokio::sync::watch;

use super::{reading::ReadError, source_state::CommitError};
use crate::{exit::Exit, fetch::FetchError, lake::LakeError, summary::Outcome};

/// Why a run is asked to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    Interrupted,
    Deadline,
}

/// Tells a run that it should end; cheap to clone.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Option<Why>>);

impl Stop {
    /// A stop, and the way to ask for it.
    pub fn new() -> (watch::Sender<Option<Why>>, Self) {
        let (ask, asked) = watch::channel(None);
        (ask, Self(asked))
    }

    /// Returns when the run should end.
    pub async fn requested(&self) -> Why {
        let mut asked = self.0.clone();
        let why = asked.wait_for(Option::is_some).await.ok().and_then(|why| *why);
        match why {
            Some(why) => why,
            // Nobody is left who could ask.
            None => std::future::pending().await,
        }
    }
}

/// Asks for a stop when the time is up.
pub async fn deadline(ask: watch::Sender<Option<Why>>, after: Duration) {
    tokio::time::sleep(after).await;
    let _ = ask.send(Some(Why::Deadline));
}

/// How the work on a source ended early.
#[derive(Debug, thiserror::Error)]
pub enum StopReason {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error("{0}")]
    Unproven(String),
    #[error(
        "source {source_name}: `base_url` is {base_url}, the lake holds the tickets of {known}, and {same} of {asked} tickets that \
         were asked for are the same there; it is another account: set `base_url` back, or choose another folder for the new lake"
    )]
    OtherAccount { source_name: String, base_url: String, known: String, asked: usize, same: usize },
    #[error(
        "source {source_name}: {what}: their files were lost or changed, and they could not be read again; run again"
    )]
    Missing { source_name: String, what: String },
    #[error(
        "source {source_name}: {count} {} cannot be read, everything else is in the lake ({first}); each run tries again. If it \
         is to stay so, run `ticketlake {command}` with `--source {source_name} --accept-gaps`",
        if *count == 1 { "ticket" } else { "tickets" }
    )]
    Gaps { source_name: String, count: usize, first: String, command: &'static str },
    #[error("interrupted; what was committed stands, run again to go on")]
    Interrupted,
    #[error("the deadline passed; what was committed stands, run again to go on, or raise `--deadline`")]
    Deadline,
    #[error(
        "source {source_name}: suspicious: {why}. What was read is in the lake, no ticket was marked as deleted, and the \
         next run reads the same again. If the source is right, run the same `ticketlake {command}` with `--source \
         {source_name} --accept`; if not, check the rights of the account"
    )]
    Few { source_name: String, why: String, command: &'static str },
    #[error(
        "source {source_name}: {missing} of its {live} tickets in the lake are gone from the source, more than `delete_brake` \
         ({}%) allows; none was marked. If they were deleted, run the same `ticketlake {command}` with `--source \
         {source_name} --accept-deletes`; if not, check the rights of the account", allowed * 100.0
    )]
    Brake { source_name: String, missing: u64, live: u64, allowed: f64, command: &'static str },
}

impl From<Why> for StopReason {
    fn from(why: Why) -> Self {
        match why {
            Why::Interrupted => StopReason::Interrupted,
            Why::Deadline => StopReason::Deadline,
        }
    }
}

impl StopReason {
    /// The outcome that a run with such an end has.
    pub fn outcome(&self) -> Outcome {
        match self {
            StopReason::Interrupted => Outcome::Interrupted,
            StopReason::Read(ReadError::Fetch(FetchError::Credentials { .. }) | ReadError::Mask(_))
            | StopReason::OtherAccount { .. }
            | StopReason::Lake(_) => Outcome::Failed,
            _ => Outcome::Incomplete,
        }
    }

    /// Whether the lake is damaged.
    pub fn is_damage(&self) -> bool {
        self.lake().is_some_and(LakeError::is_damage)
    }

    /// Whether another run has, or took, the lake.
    pub fn is_lost(&self) -> bool {
        self.lake().is_some_and(LakeError::is_lost)
    }

    /// The exit code of a run whose sources ended so: what needs a person comes first.
    pub fn exit(ends: &[Self]) -> Exit {
        let any = |is: fn(&Self) -> bool| ends.iter().any(is);
        if any(|end| matches!(end, Self::Interrupted)) {
            Exit::Interrupted
        } else if any(Self::is_damage) {
            Exit::Damaged
        } else if any(Self::is_lost) {
            Exit::Locked
        } else if any(|end| matches!(end, Self::OtherAccount { .. })) {
            Exit::Usage
        } else if any(|end| matches!(end, Self::Read(ReadError::Fetch(FetchError::Credentials { .. })))) {
            Exit::Credentials
        } else if ends.is_empty() {
            Exit::Complete
        } else {
            Exit::Incomplete
        }
    }

    fn lake(&self) -> Option<&LakeError> {
        match self {
            StopReason::Lake(why)
            | StopReason::Read(ReadError::Lake(why) | ReadError::Commit(CommitError::Lake(why)))
            | StopReason::Commit(CommitError::Lake(why)) => Some(why),
            _ => None,
        }
    }
}
