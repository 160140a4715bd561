//! How the lake and a source differ, in numbers.

use std::path::PathBuf;

use roaring::RoaringTreemap;
use serde::Serialize;

use crate::summary::Outcome;

/// Ids that are listed.
const LISTED: usize = 1000;

/// How the lake compares with a source.
#[derive(Debug, Serialize)]
pub struct Against {
    /// `complete`: equal now, and proven to be. `failed`: not compared. Else `incomplete`.
    pub outcome: Outcome,
    /// Tickets that the source has.
    pub tickets: u64,
    /// At the source, not in the lake.
    pub missing: Ids,
    /// In the lake as they were earlier.
    pub stale: Ids,
    /// Why they are stale.
    pub stale_because: Because,
    /// In the lake and not marked as deleted, but gone from the source.
    pub extra: Ids,
    /// In the lake with a later `updated_at` than at the source.
    pub newer: Ids,
    pub definitions_differ: bool,
    /// Why the reading may have missed tickets; `None` is the proof that it did not.
    pub unproven: Option<String>,
    /// Why the extra tickets were not asked for by id.
    pub unconfirmed: Option<String>,
    /// With `--repair`: what was done.
    pub repaired: Option<Repaired>,
    /// Why the source could not be compared, or not be repaired from.
    pub error: Option<String>,
    pub requests: u64,
    /// The credentials were refused.
    #[serde(skip)]
    pub refused: bool,
}

/// How many tickets, and which; the first thousand are listed.
#[derive(Debug, Default, Serialize)]
pub struct Ids {
    pub count: u64,
    pub ids: Vec<i64>,
}

/// Stale tickets by reason.
#[derive(Debug, Default, Clone, Copy, Serialize)]
pub struct Because {
    /// The lake's `updated_at` is earlier.
    pub older: u64,
    /// The same `updated_at`, but another value.
    pub contents: u64,
    /// Marked as deleted, but the source has them.
    pub marked: u64,
}

/// What a repair from the source did.
#[derive(Debug, Default, Serialize)]
pub struct Repaired {
    /// Tickets read again by id into the lake.
    pub read_again: u64,
    /// Tickets that the source no longer had when they were asked for.
    pub gone_since: u64,
    /// Tickets marked as deleted.
    pub marked: u64,
    pub files_written: u64,
    /// Where files were moved that were broken.
    pub set_aside: Vec<PathBuf>,
}

impl Against {
    /// Nothing compared yet.
    pub fn begin() -> Self {
        Self {
            outcome: Outcome::Failed,
            tickets: 0,
            missing: Ids::default(),
            stale: Ids::default(),
            stale_because: Because::default(),
            extra: Ids::default(),
            newer: Ids::default(),
            definitions_differ: false,
            unproven: None,
            unconfirmed: None,
            repaired: None,
            error: None,
            requests: 0,
            refused: false,
        }
    }

    /// Whether the lake is equal to the source now, and that is proven.
    pub fn is_settled(&self) -> bool {
        let equal = |ids: &[&Ids]| ids.iter().all(|ids| ids.count == 0);
        let same = equal(&[&self.missing, &self.stale, &self.extra, &self.newer]) && !self.definitions_differ;
        let repaired = self.repaired.is_some() && self.unconfirmed.is_none();
        let proven = self.unproven.is_none() && self.error.is_none();
        proven && (same || repaired)
    }
}

impl From<&RoaringTreemap> for Ids {
    fn from(ids: &RoaringTreemap) -> Self {
        Self { count: ids.len(), ids: ids.iter().take(LISTED).map(u64::cast_signed).collect() }
    }
}
