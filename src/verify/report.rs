//! What a verification says, for scripts; the keys and their order are a promise.

use jiff::Timestamp;
use serde::Serialize;

use super::{
    check::{Checked, SourceFiles},
    difference::Against,
    finding::{Finding, Findings, Weight},
    invariant::Invariant,
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
    pub invariants: Vec<Law>,
    pub sources: Vec<SourceFiles>,
    /// With `--repair`: what was done.
    pub repaired: Option<Repaired>,
    /// What the reader should know of how the check was made.
    pub notes: Vec<String>,
    pub peak_memory_bytes: Option<u64>,
}

/// One law, and what was found against it.
#[derive(Debug, Serialize)]
pub struct Law {
    pub number: Invariant,
    pub law: &'static str,
    pub breaks: &'static str,
    pub holds: bool,
    /// All breaches; the first thousand are listed.
    pub count: u64,
    pub findings: Vec<Finding>,
    /// Remarks that are no breach.
    pub notes: Vec<Finding>,
}

/// Puts the parts together.
pub fn report(
    run: &Run,
    lake: String,
    checked: Checked,
    repaired: Option<Repaired>,
    notes: Vec<String>,
) -> Report {
    let Checked { findings, sources, .. } = checked;
    let sound = findings.is_sound();
    let equal = against(&sources).all(Against::is_settled);
    Report {
        run_id: run.run_id.clone(),
        command: "verify",
        started_at: run.started_at,
        finished_at: Timestamp::now(),
        outcome: match (sound, equal) {
            (false, _) => Outcome::Failed,
            (true, false) => Outcome::Incomplete,
            (true, true) => Outcome::Complete,
        },
        lake,
        sound,
        invariants: laws(&findings),
        sources,
        repaired,
        notes,
        peak_memory_bytes: peak_memory_bytes(),
    }
}

/// How the sources compare that were.
fn against(sources: &[SourceFiles]) -> impl Iterator<Item = &Against> {
    sources.iter().filter_map(|source| source.against.as_ref())
}

fn laws(findings: &Findings) -> Vec<Law> {
    let law = |number: Invariant| {
        let (count, breaches) = findings.of(number, Weight::Breach);
        Law {
            number,
            law: number.text(),
            breaks: number.breaks(),
            holds: count == 0,
            count,
            findings: breaches.to_vec(),
            notes: findings.of(number, Weight::Note).1.to_vec(),
        }
    };
    Invariant::all().map(law).collect()
}

impl Report {
    /// What the exit code says of it: damage first, then what keeps a source from being compared.
    pub fn exit(&self) -> Exit {
        if !self.sound {
            Exit::Damaged
        } else if against(&self.sources).any(|against| against.refused) {
            Exit::Credentials
        } else if against(&self.sources).all(Against::is_settled) {
            Exit::Complete
        } else {
            Exit::Incomplete
        }
    }
}
