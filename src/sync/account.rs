//! What a source's run is told to people and scripts.

use std::{collections::HashSet, sync::atomic::Ordering::Relaxed};

use jiff::Timestamp;

use super::{buffer::Received, recover::Recovered, writer::Wrote};
use crate::{
    fetch::Counts,
    fields::Catalog,
    lake::{PartitionKey, WrittenFile},
    summary::{Gap, Mode, RequestCounts, SourceSummary},
    walk::Proof,
};

/// Everything a source's run leaves to be told.
#[derive(Debug, Default)]
pub struct Account {
    pub mode: Option<Mode>,
    pub catalog: Option<Catalog>,
    pub proof: Option<Proof>,
    pub wrote: Wrote,
    pub received: Received,
    pub tables: Vec<WrittenFile>,
    pub rewritten: Vec<WrittenFile>,
    /// Partitions in which tickets were marked, and how many tickets in all.
    pub marked: Vec<(PartitionKey, WrittenFile)>,
    pub deleted: u64,
    pub recovered: Recovered,
    pub gaps: Vec<Gap>,
    pub source_total: Option<u64>,
    pub lake_total: Option<u64>,
    /// What is missing in the lake, in words.
    pub missing: Option<String>,
    pub cursor: Option<Timestamp>,
    pub commits: u64,
}

/// The requests of a client.
pub fn requests(counts: &Counts) -> RequestCounts {
    RequestCounts {
        sent: counts.sent.load(Relaxed),
        retried: counts.retried.load(Relaxed),
        throttled: counts.throttled.load(Relaxed),
        failed: counts.failed.load(Relaxed),
        bytes: counts.bytes.load(Relaxed),
    }
}

/// Puts an account into the summary of its source.
pub fn settle(summary: &mut SourceSummary, account: &Account) {
    summary.mode = account.mode.unwrap_or(summary.mode);
    summary.tickets.deleted = account.deleted;
    if let Some(catalog) = &account.catalog {
        summary.fields.defined = catalog.defined;
        summary.fields.new = catalog.new;
        summary.fields.changed = catalog.changed;
    }
    if let Some(proof) = &account.proof {
        summary.paging.pages = proof.tally.pages;
        summary.paging.duplicates = proof.tally.duplicates;
        summary.paging.shifts_detected = proof.tally.shifts_detected;
        summary.paging.pages_reread = proof.tally.pages_reread;
    }
    // What was read again because the lake had lost it is neither new nor changed.
    let again = &account.recovered.read;
    let new = &account.wrote.new - again;
    let changed = &account.wrote.changed - again;
    summary.tickets.read = account.received.ids.len();
    summary.tickets.new = new.len();
    summary.tickets.changed = changed.len();
    summary.tickets.unchanged = (&account.wrote.brought - again - new - changed).len();
    summary.rescued = account.received.rescued.clone();
    summary.recovered.partitions = account.recovered.partitions;
    summary.recovered.tickets = again.len();
    summary.recovered.lost = account.recovered.lost;
    summary.gaps = account.gaps.clone();
    summary.source_total = account.source_total;
    summary.lake_total = account.lake_total;

    let of_partitions: Vec<_> = account.wrote.files.iter().chain(&account.marked).collect();
    let partitions: HashSet<_> = of_partitions.iter().map(|(key, _)| key).collect();
    summary.lake.partitions_written = partitions.len() as u64;
    let others = account.rewritten.iter().chain(&account.tables).chain(&account.wrote.moved);
    for written in of_partitions.iter().map(|(_, written)| written).chain(others) {
        summary.lake.files_written += 1;
        summary.lake.rows_written += written.rows;
        summary.lake.bytes_written += written.put.version.bytes;
    }
    summary.lake.commits = account.commits;
    summary.cursor = account.cursor.map(|cursor| cursor.to_string());
}
