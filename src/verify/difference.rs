//! How the lake and a source differ: its rows against what the source's list held, ticket by ticket.

use std::{collections::HashMap, path::PathBuf};

use arrow::array::RecordBatch;
use roaring::RoaringTreemap;
use serde::{Serialize, Serializer, ser::SerializeStruct};

use super::digest::digests;
use crate::{
    batch::{BatchError, UPDATED_AT, conform, id_values, instant, instants_of},
    columns::DELETED_AT,
    lake::{self, FileSchema, Lake, LakeError, PartitionKey},
    summary::Outcome,
};

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
    pub difference: Difference,
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

/// Where lake and source differ, by id.
#[derive(Debug, Default, Serialize)]
pub struct Difference {
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
    /// Tickets of the lake that are not marked as deleted.
    #[serde(skip)]
    pub live: u64,
}

/// Tickets: how many, and which; the first thousand are listed.
#[derive(Debug, Default)]
pub struct Ids(pub RoaringTreemap);

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

/// What is remembered of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// Microseconds since 1970.
    pub updated_at: Option<i64>,
    pub digest: u64,
}

/// The ticket of each row, by id.
pub fn tickets(batch: &RecordBatch) -> Result<Vec<(i64, Ticket)>, BatchError> {
    let updated = instants_of(batch, UPDATED_AT);
    let rows = id_values(batch).iter().copied().zip(digests(batch)?).enumerate();
    Ok(rows.map(|(row, (id, digest))| (id, Ticket { updated_at: instant(updated, row), digest })).collect())
}

impl Against {
    /// Whether the lake is equal to the source now, and that is proven.
    pub fn is_settled(&self) -> bool {
        let same = self.difference.all().iter().all(|(_, ids)| ids.is_empty()) && !self.definitions_differ;
        let repaired = self.repaired.is_some() && self.unconfirmed.is_none();
        self.unproven.is_none() && self.error.is_none() && (same || repaired)
    }
}

impl Difference {
    /// Compares the partitions of a source with its tickets. The lake's rows are read under the schema of now, so that a
    /// column that was widened meanwhile does not make a row differ.
    pub fn between(
        lake: &Lake,
        source: &str,
        keys: &[PartitionKey],
        schema: &FileSchema,
        at_source: &HashMap<i64, Ticket>,
    ) -> Result<Self, LakeError> {
        let (mut found, mut held) = (Self::default(), RoaringTreemap::new());
        for key in keys {
            let at = lake::ticket_file(lake, source, *key);
            let Some(file) = lake::open(&at)? else { continue };
            let rows = |cause: BatchError| LakeError::Rows { at: at.to_string(), cause };
            for batch in file.batches()? {
                let batch = conform(&batch?, schema.schema()).map_err(rows)?;
                let marks = instants_of(&batch, DELETED_AT);
                for (row, (id, here)) in tickets(&batch).map_err(rows)?.into_iter().enumerate() {
                    held.insert(id.cast_unsigned());
                    found.ticket(id, here, instant(marks, row).is_some(), at_source.get(&id).copied());
                }
            }
        }
        found.missing.0 = at_source.keys().map(|id| id.cast_unsigned()).collect::<RoaringTreemap>() - held;
        Ok(found)
    }

    fn ticket(&mut self, id: i64, here: Ticket, marked: bool, there: Option<Ticket>) {
        self.live += u64::from(!marked);
        let id = id.cast_unsigned();
        let Some(there) = there else {
            if !marked {
                self.extra.0.insert(id);
            }
            return;
        };
        let reason = match (here.updated_at, there.updated_at) {
            (Some(ours), Some(theirs)) if ours > theirs => {
                self.newer.0.insert(id);
                return;
            }
            (Some(ours), Some(theirs)) if ours < theirs => &mut self.stale_because.older,
            _ if marked => &mut self.stale_because.marked,
            _ if here.digest != there.digest => &mut self.stale_because.contents,
            _ => return,
        };
        *reason += 1;
        self.stale.0.insert(id);
    }

    /// Each kind of difference, as people name it.
    pub fn all(&self) -> [(&'static str, &RoaringTreemap); 4] {
        [
            ("missing from the lake", &self.missing.0),
            ("stale in the lake", &self.stale.0),
            ("in the lake, but gone from the source", &self.extra.0),
            ("newer in the lake than at the source", &self.newer.0),
        ]
    }
}

impl Serialize for Ids {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let ids: Vec<i64> = self.0.iter().take(LISTED).map(u64::cast_signed).collect();
        let mut fields = serializer.serialize_struct("Ids", 2)?;
        fields.serialize_field("count", &self.0.len())?;
        fields.serialize_field("ids", &ids)?;
        fields.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_equal_stale_newer_or_extra() {
        let ticket = |updated_at, digest| Ticket { updated_at, digest };
        let mut found = Difference::default();
        found.ticket(1, ticket(Some(5), 7), false, Some(ticket(Some(5), 7)));
        found.ticket(2, ticket(Some(4), 7), false, Some(ticket(Some(5), 8)));
        found.ticket(3, ticket(Some(5), 7), false, Some(ticket(Some(5), 8)));
        found.ticket(4, ticket(Some(5), 7), true, Some(ticket(Some(5), 7)));
        found.ticket(5, ticket(Some(6), 7), false, Some(ticket(Some(5), 8)));
        found.ticket(6, ticket(Some(5), 7), false, None);
        found.ticket(7, ticket(Some(5), 7), true, None);
        let ids = found.all().map(|(_, ids)| ids.iter().collect::<Vec<_>>());
        assert_eq!(ids, [vec![], vec![2, 3, 4], vec![6], vec![5]]);
        let Because { older, contents, marked } = found.stale_because;
        assert_eq!((older, contents, marked, found.live), (1, 1, 1, 5));
    }
}
