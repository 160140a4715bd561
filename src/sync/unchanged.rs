//! Tickets whose answer is, byte for byte, the one that their row came from need not be decoded again.
//!
//! A digest of the answer stands beside each row. It is mixed with everything else that decoding depends on, so that a
//! new option, a new column or another zone makes every digest another one. Whatever is in doubt is decoded.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use arrow::array::RecordBatch;
use jiff::tz::TimeZone;
use roaring::RoaringTreemap;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::layouts::SCHEMA_VERSION;
use crate::{
    batch::BatchError,
    config::SourceConfig,
    lake::{self, Calendar, DIGEST_BITS, Digests, Lake, PartitionKey},
    ticket::{Decoded, Glance, Layout, glance},
    walk::Key,
    when::Clock,
};

/// The bit of a digest that says that the row holds rescued values: these are counted whenever they are read.
const RESCUED: u64 = 1;
/// Rows whose digests are held at most: 16 bytes each.
const MOST_ROWS: usize = 128 << 10;

/// Times that a partition's digests are read, in the mean.
const MOST_LOADS: usize = 4;

/// What the rows of a source came from.
pub struct Unchanged {
    lake: Lake,
    source: String,
    state: Mutex<State>,
}

struct State {
    calendar: Calendar,
    clock: Clock,
    /// The layout that the seed was made for.
    layout: Option<Arc<Layout>>,
    seed: u64,
    /// Partitions that were there when the run began.
    held: HashSet<PartitionKey>,
    shelves: HashMap<PartitionKey, Shelf>,
    rows: usize,
    looks: u64,
    loads: usize,
    /// Tickets that were decoded in this run: a row of before says nothing of them any more.
    decoded: RoaringTreemap,
}

struct Shelf {
    digests: Arc<Digests>,
    looked: u64,
}

impl Unchanged {
    /// What the lake holds of a source now, in the partitions `held`: none for a list whose order is not theirs, each page of
    /// which would want other ones.
    pub fn new(lake: &Lake, config: &SourceConfig, held: Vec<PartitionKey>) -> Self {
        let state = State {
            calendar: lake.calendar(),
            clock: Clock::new(config.timezone.clone()),
            layout: None,
            seed: 0,
            held: held.into_iter().collect(),
            shelves: HashMap::new(),
            rows: 0,
            looks: 0,
            loads: 0,
            decoded: RoaringTreemap::new(),
        };
        Self { lake: lake.clone(), source: config.name.clone(), state: Mutex::new(state) }
    }

    /// Whether there is anything to compare with.
    pub fn has_any(&self) -> bool {
        !self.state.lock().unwrap_or_else(PoisonError::into_inner).held.is_empty()
    }

    /// The digest of a ticket's answer under a layout, for a row without rescued values.
    pub fn digest(&self, timezone: &TimeZone, layout: &Arc<Layout>, ticket: &str) -> u64 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.layout.as_ref().is_some_and(|known| Arc::ptr_eq(known, layout)) {
            let told =
                format!("{} {SCHEMA_VERSION} {timezone:?} {}", env!("CARGO_PKG_VERSION"), layout.told());
            state.seed = xxh3_64_with_seed(told.as_bytes(), 0);
            state.layout = Some(Arc::clone(layout));
        }
        xxh3_64_with_seed(ticket.as_bytes(), state.seed) & DIGEST_BITS & !RESCUED
    }

    /// The key of a ticket whose row came from this very answer, and whether the row holds rescued values; `None` where
    /// it must be decoded.
    pub fn key(&self, layout: &Layout, ticket: &str, digest: u64) -> Option<(Key, bool)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        if state.held.is_empty() {
            return None;
        }
        let Glance { id, created, updated } = glance(layout, &state.clock, ticket)?;
        let partition = state.calendar.key(Some(created));
        if state.decoded.contains(id.cast_unsigned()) || !state.held.contains(&partition) {
            return None;
        }
        let held = self.digests(state, partition).get(id).filter(|held| held & !RESCUED == digest)?;
        let second = |micros: i64| Some(micros.div_euclid(1_000_000));
        let key = Key { id: Some(id), created: second(created), updated: second(updated) };
        Some((key, held & RESCUED != 0))
    }

    /// Notes tickets that were decoded.
    pub fn decoded(&self, ids: impl Iterator<Item = i64>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if !state.held.is_empty() {
            state.decoded.extend(ids.map(i64::cast_unsigned));
        }
    }

    /// Rows with their digests, in the order of reading.
    pub fn remember(decoded: &Decoded, digests: Vec<u64>) -> Result<RecordBatch, BatchError> {
        let with_id = decoded.ids.iter().zip(digests).filter(|(id, _)| id.is_some());
        let mut digests: Vec<Option<u64>> = with_id.map(|(_, digest)| Some(digest)).collect();
        for (row, _) in &decoded.rescued {
            if let Some(digest) = digests.get_mut(*row) {
                *digest = digest.map(|digest| digest | RESCUED);
            }
        }
        lake::carry(&decoded.batch, digests)
    }

    fn digests(&self, state: &mut State, partition: PartitionKey) -> Arc<Digests> {
        state.looks += 1;
        if let Some(shelf) = state.shelves.get_mut(&partition) {
            shelf.looked = state.looks;
            return Arc::clone(&shelf.digests);
        }
        state.loads += 1;
        if state.loads > MOST_LOADS * state.held.len() {
            // The list jumps to and fro between the partitions: decoding costs less than looking.
            state.held.clear();
            return Arc::default();
        }
        // What cannot be read is told when the partition is written.
        let digests = Arc::new(lake::digests(&self.lake, &self.source, partition).unwrap_or_default());
        while state.rows + digests.len() > MOST_ROWS {
            let oldest = state.shelves.iter().min_by_key(|(_, shelf)| shelf.looked).map(|(key, _)| *key);
            let Some(shelf) = oldest.and_then(|key| state.shelves.remove(&key)) else { break };
            state.rows -= shelf.digests.len();
        }
        state.rows += digests.len();
        state.shelves.insert(partition, Shelf { digests: Arc::clone(&digests), looked: state.looks });
        digests
    }
}
