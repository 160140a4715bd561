//! What was found against which law, counted in full and kept up to a bound.

use std::path::Path;

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
    /// Whether a run that is at work may be about to put it right.
    #[serde(skip)]
    pub passing: bool,
}

/// What `--repair` puts right.
pub const REPAIR: &str = "run `ticketlake verify --repair`";
/// What the next run does by itself.
pub const SYNC: &str = "run `ticketlake sync`";

/// One law, and what was found against it.
#[derive(Debug, Serialize)]
pub struct Law {
    pub number: Invariant,
    pub law: &'static str,
    pub breaks: &'static str,
    pub holds: bool,
    /// All breaches; the first thousand are told.
    pub count: u64,
    pub findings: Vec<Finding>,
    /// Remarks that are no breach.
    pub notes: Vec<Finding>,
    #[serde(skip)]
    passing: u64,
}

/// The laws, in the order of their numbers.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct Findings(pub Vec<Law>);

impl Finding {
    /// Something about a source as a whole.
    pub fn of_source(source: &str, what: impl Into<String>, remedy: &'static str) -> Self {
        let (source, what) = (Some(source.to_owned()), what.into());
        Self { source, file: None, ticket: None, what, remedy, passing: false }
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

    /// A run that is at work may be about to put it right.
    pub fn passing(self) -> Self {
        Self { passing: true, ..self }
    }
}

impl Default for Findings {
    fn default() -> Self {
        let law = |number: Invariant| Law {
            number,
            law: number.text(),
            breaks: number.breaks(),
            holds: true,
            count: 0,
            findings: Vec::new(),
            notes: Vec::new(),
            passing: 0,
        };
        Self(Invariant::ALL.map(law).into())
    }
}

impl Findings {
    fn law(&mut self, number: Invariant) -> &mut Law {
        &mut self.0[number as usize]
    }

    /// Counts a breach of a law.
    pub fn add(&mut self, law: Invariant, finding: Finding) {
        let law = self.law(law);
        law.holds = false;
        law.count += 1;
        law.passing += u64::from(finding.passing);
        if law.findings.len() < KEPT {
            law.findings.push(finding);
        }
    }

    /// Keeps a remark that is no breach: what the next run settles by itself.
    pub fn note(&mut self, law: Invariant, finding: Finding) {
        let notes = &mut self.law(law).notes;
        if notes.len() < KEPT {
            notes.push(finding);
        }
    }

    /// Takes over what another part of the check has found.
    pub fn absorb(&mut self, part: Findings) {
        for (ours, theirs) in self.0.iter_mut().zip(part.0) {
            ours.holds &= theirs.holds;
            ours.count += theirs.count;
            ours.passing += theirs.passing;
            ours.findings.extend(theirs.findings);
            ours.findings.truncate(KEPT);
            ours.notes.extend(theirs.notes);
            ours.notes.truncate(KEPT);
        }
    }

    /// Whether anything was found that a run at work may be about to put right.
    pub fn has_passing(&self) -> bool {
        self.0.iter().any(|law| law.passing > 0)
    }

    /// A run was at work: what it may be about to put right is noted, and no breach.
    pub fn note_passing(&mut self) {
        for law in &mut self.0 {
            law.count -= std::mem::take(&mut law.passing);
            law.holds = law.count == 0;
            law.notes.extend(law.findings.extract_if(.., |finding| finding.passing));
            law.notes.truncate(KEPT);
        }
    }

    /// Whether every law holds.
    pub fn is_sound(&self) -> bool {
        self.0.iter().all(|law| law.holds)
    }
}
