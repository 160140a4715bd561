//! What was found against which law, counted in full and kept up to a bound.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;

use super::invariant::Invariant;

/// Findings of one law that are kept; the count goes on.
pub const KEPT: usize = 1000;

/// One thing that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub source: Option<String>,
    /// Relative to the lake.
    pub file: Option<String>,
    pub ticket: Option<i64>,
    pub what: String,
    /// What to do about it.
    pub remedy: &'static str,
}

/// What `--repair` puts right.
pub const REPAIR: &str = "run `ticketlake verify --repair`";
/// What the next run does by itself.
pub const SYNC: &str = "run `ticketlake sync`";

/// Findings by law.
#[derive(Debug, Clone, Default)]
pub struct Findings(BTreeMap<Invariant, Kept>);

#[derive(Debug, Clone, Default)]
struct Kept {
    count: u64,
    findings: Vec<Finding>,
    notes: Vec<Finding>,
}

impl Finding {
    /// Something about a source as a whole.
    pub fn of_source(source: &str, what: impl Into<String>, remedy: &'static str) -> Self {
        Self { source: Some(source.to_owned()), file: None, ticket: None, what: what.into(), remedy }
    }

    /// Something about a file, whose path is relative to the lake.
    pub fn of_file(source: &str, file: &Path, what: impl Into<String>, remedy: &'static str) -> Self {
        Self { file: Some(file.display().to_string()), ..Self::of_source(source, what, remedy) }
    }

    /// Something in the lake that belongs to no source; its path is relative to the lake.
    pub fn of_path(path: &Path, what: impl Into<String>, remedy: &'static str) -> Self {
        Self { source: None, ..Self::of_file("", path, what, remedy) }
    }

    /// About a ticket in it.
    pub fn with_ticket(self, id: i64) -> Self {
        Self { ticket: Some(id), ..self }
    }
}

impl Findings {
    /// Counts a breach of a law.
    pub fn add(&mut self, law: Invariant, finding: Finding) {
        let kept = self.0.entry(law).or_default();
        kept.count += 1;
        if kept.findings.len() < KEPT {
            kept.findings.push(finding);
        }
    }

    /// Keeps a remark that is no breach: what the next run settles by itself.
    pub fn note(&mut self, law: Invariant, finding: Finding) {
        let kept = self.0.entry(law).or_default();
        if kept.notes.len() < KEPT {
            kept.notes.push(finding);
        }
    }

    /// Takes over what another part of the check has found.
    pub fn absorb(&mut self, part: Findings) {
        for (law, theirs) in part.0 {
            let ours = self.0.entry(law).or_default();
            ours.count += theirs.count;
            ours.findings.extend(theirs.findings);
            ours.findings.truncate(KEPT);
            ours.notes.extend(theirs.notes);
            ours.notes.truncate(KEPT);
        }
    }

    /// The same, none of it a breach.
    pub fn into_notes(mut self) -> Self {
        for kept in self.0.values_mut() {
            kept.count = 0;
            kept.notes.append(&mut kept.findings);
        }
        self
    }

    /// How often a law is broken.
    pub fn count(&self, law: Invariant) -> u64 {
        self.0.get(&law).map_or(0, |kept| kept.count)
    }

    /// The breaches of a law that were kept.
    pub fn of(&self, law: Invariant) -> &[Finding] {
        self.0.get(&law).map_or(&[], |kept| &kept.findings)
    }

    /// The remarks to a law.
    pub fn notes(&self, law: Invariant) -> &[Finding] {
        self.0.get(&law).map_or(&[], |kept| &kept.notes)
    }

    /// Whether every law holds.
    pub fn is_sound(&self) -> bool {
        self.0.values().all(|kept| kept.count == 0)
    }
}
