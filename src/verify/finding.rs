//! What was found against which law, counted in full and kept up to a bound.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;

use super::invariant::Invariant;

/// Findings of one law that are kept; the count goes on.
const KEPT: usize = 1000;

/// What `--repair` puts right.
pub const REPAIR: &str = "run `ticketlake verify --repair`";
/// What the next run does by itself.
pub const SYNC: &str = "run `ticketlake sync`";

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

/// What a finding means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// The law is broken.
    Breach,
    /// It is broken, unless a run is at work.
    Passing,
    /// A remark: the next run settles it.
    Note,
}

/// Findings by law and weight.
#[derive(Debug, Clone, Default)]
pub struct Findings(BTreeMap<(Invariant, Weight), (u64, Vec<Finding>)>);

impl Finding {
    /// Something about a source, or about a file whose path is relative to the lake.
    pub fn new(
        source: Option<&str>,
        file: Option<&Path>,
        what: impl Into<String>,
        remedy: &'static str,
    ) -> Self {
        let file = file.map(|file| file.display().to_string());
        Self { source: source.map(str::to_owned), file, ticket: None, what: what.into(), remedy }
    }
}

impl Findings {
    /// Counts a finding, and keeps it if there are not too many.
    pub fn add(&mut self, law: Invariant, weight: Weight, finding: Finding) {
        let (count, kept) = self.0.entry((law, weight)).or_default();
        *count += 1;
        if kept.len() < KEPT {
            kept.push(finding);
        }
    }

    /// Takes over what another part of the check has found.
    pub fn absorb(&mut self, part: Findings) {
        for ((law, weight), (count, findings)) in part.0 {
            let ours = self.0.entry((law, weight)).or_default();
            ours.0 += count;
            ours.1.extend(findings);
            ours.1.truncate(KEPT);
        }
    }

    /// Decides what is passing: a remark beside a run, else a breach.
    pub fn settle(&mut self, beside_a_run: bool) {
        let weight = if beside_a_run { Weight::Note } else { Weight::Breach };
        for law in Invariant::all() {
            let passing = self.0.remove(&(law, Weight::Passing));
            self.absorb(Self(passing.map(|found| ((law, weight), found)).into_iter().collect()));
        }
    }

    /// How many there are, and those that were kept.
    pub fn of(&self, law: Invariant, weight: Weight) -> (u64, &[Finding]) {
        self.0.get(&(law, weight)).map_or((0, &[]), |(count, kept)| (*count, kept))
    }

    /// Whether every law holds.
    pub fn is_sound(&self) -> bool {
        self.0.keys().all(|(_, weight)| *weight == Weight::Note)
    }
}
