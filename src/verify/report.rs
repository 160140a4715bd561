//! What a verification says, for scripts; the keys and their order are a promise.

use jiff::Timestamp;
use serde::Serialize;

use super::{
    check::{Checked, SourceFiles},
    difference::Against,
    finding::Findings,
    repair::Repaired,
};
use crate::{
    exit::Exit,
    summary::{Outcome, Run, peak_memory_bytes},
};

/// A whole verification.
#[derive(Debug, Serialize)]
pub struct Report {
    pub run_id: String,
    pub command: &'static str,
    pub started_at: Timestamp,
    pub finished_at: Timestamp,
    /// `complete`: sound, and equal to the sources where that was asked. `failed`: damaged. Else `incomplete`.
    pub outcome: Outcome,
    pub lake: String,
    /// Whether every law holds.
    pub sound: bool,
    pub invariants: Findings,
    pub sources: Vec<SourceReport>,
    /// With `--repair`: what was done.
    pub repaired: Option<Repaired>,
    /// What the reader should know of how the check was made.
    pub notes: Vec<String>,
    pub peak_memory_bytes: Option<u64>,
}

/// One source.
#[derive(Debug, Serialize)]
pub struct SourceReport {
    #[serde(flatten)]
    pub files: SourceFiles,
    /// With `--against-source`: how it compares.
    pub against: Option<Against>,
}

/// Puts the parts together.
pub fn report(
    run: &Run,
    lake: String,
    checked: Checked,
    mut against: Vec<(String, Against)>,
    repaired: Option<Repaired>,
    notes: Vec<String>,
) -> Report {
    let sound = checked.findings.is_sound();
    let equal = against.iter().all(|(_, against)| against.is_settled());
    let sources = checked.sources.into_iter().map(|files| {
        let place = against.iter().position(|(name, _)| *name == files.name);
        SourceReport { against: place.map(|place| against.swap_remove(place).1), files }
    });
    Report {
        run_id: run.run_id.clone(),
        command: "verify",
        started_at: run.started_at,
        sources: sources.collect(),
        finished_at: Timestamp::now(),
        outcome: match (sound, equal) {
            (false, _) => Outcome::Failed,
            (true, false) => Outcome::Incomplete,
            (true, true) => Outcome::Complete,
        },
        lake,
        sound,
        invariants: checked.findings,
        repaired,
        notes,
        peak_memory_bytes: peak_memory_bytes(),
    }
}

impl Report {
    /// What the exit code says of it: damage first, then what keeps a source from being compared.
    pub fn exit(&self) -> Exit {
        let against = || self.sources.iter().filter_map(|source| source.against.as_ref());
        if !self.sound {
            Exit::Damaged
        } else if against().any(|against| against.refused) {
            Exit::Credentials
        } else if against().all(Against::is_settled) {
            Exit::Complete
        } else {
            Exit::Incomplete
        }
    }
}
