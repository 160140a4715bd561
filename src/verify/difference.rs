//! How the lake and a source differ, in numbers.

use roaring::RoaringTreemap;
use serde::{Serialize, Serializer};

use super::repair::Brought;
use crate::summary::Outcome;

/// Ids that are listed.
const LISTED: usize = 1000;

/// How the lake compares with a source.
#[derive(Debug, Default, Serialize)]
pub struct Against {
    /// `complete`: equal now, and proven to be. `failed`: not compared. Else `incomplete`.
    pub outcome: Outcome,
    /// Tickets that the source has.
    pub tickets: u64,
    #[serde(flatten)]
    pub compared: Compared,
    pub definitions_differ: bool,
    /// Why the reading may have missed tickets; `None` is the proof that it did not.
    pub unproven: Option<String>,
    /// Why the extra tickets were not asked for by id.
    pub unconfirmed: Option<String>,
    /// With `--repair`: what was done.
    pub repaired: Option<Brought>,
    /// Why the source could not be compared, or not be repaired from.
    pub error: Option<String>,
    pub requests: u64,
    /// The credentials were refused.
    #[serde(skip)]
    pub refused: bool,
}

/// Where lake and source differ, by id.
#[derive(Debug, Default, Serialize)]
pub struct Compared {
    /// At the source, not in the lake.
    #[serde(serialize_with = "count_and_ids")]
    pub missing: RoaringTreemap,
    /// In the lake as they were earlier.
    #[serde(serialize_with = "count_and_ids")]
    pub stale: RoaringTreemap,
    /// Why they are stale.
    pub stale_because: Because,
    /// In the lake and not marked as deleted, but gone from the source.
    #[serde(serialize_with = "count_and_ids")]
    pub extra: RoaringTreemap,
    /// In the lake with a later `updated_at` than at the source.
    #[serde(serialize_with = "count_and_ids")]
    pub newer: RoaringTreemap,
    /// Tickets of the lake that are not marked as deleted.
    #[serde(skip)]
    pub live: u64,
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

impl Against {
    /// Whether the lake is equal to the source now, and that is proven.
    pub fn is_settled(&self) -> bool {
        let same = self.compared.is_equal() && !self.definitions_differ;
        let repaired = self.repaired.is_some() && self.unconfirmed.is_none();
        let proven = self.unproven.is_none() && self.error.is_none();
        proven && (same || repaired)
    }
}

impl Compared {
    pub fn is_equal(&self) -> bool {
        [&self.missing, &self.stale, &self.extra, &self.newer].iter().all(|ids| ids.is_empty())
    }
}

/// How many tickets, and which; the first thousand are listed.
fn count_and_ids<S: Serializer>(ids: &RoaringTreemap, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Ids {
        count: u64,
        ids: Vec<i64>,
    }
    Ids { count: ids.len(), ids: ids.iter().take(LISTED).map(u64::cast_signed).collect() }
        .serialize(serializer)
}
