//! One window of a reading that several workers share, and the joining of what they left.
//!
//! A worker holds the lake with others, not alone: windows share no partition but that of tickets without a time of
//! creation, and every file is put over the version that was read. It commits no state, marks nothing as deleted and
//! writes no field tables: what it read it records, and the run that closes the full read does the rest.

use std::sync::Arc;

use jiff::Timestamp;
use roaring::RoaringTreemap;
use serde::{Deserialize, Serialize};

use super::{
    account::Account,
    buffer::RowBuffer,
    deletions,
    gaps::{Gaps, OpenGap},
    reading::TicketReader,
    reconcile::Totals,
    recorder::Recorder,
    recover,
    source_run::{begin, prove},
    source_state::{Checkpoint, Unfinished, add_span},
    stop_reason::{Stop, StopReason},
    walks::Walks,
    writer::Writer,
};
use crate::{
    fetch::Client,
    lake::{self, LakeError, Manifest},
    progress::Meter,
    walk::Span,
};

/// What a worker read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Share {
    /// By time of creation, in Unix seconds; closed where the reading began.
    span: Span,
    began: Timestamp,
    /// The newest change at the source when it began.
    horizon: Option<Timestamp>,
    /// Tickets of the lake that were not met.
    missing: Vec<i64>,
    /// The files that it put.
    #[serde(default)]
    manifest: Manifest,
    /// Tickets of files that it found damaged.
    #[serde(default, with = "crate::bitmap")]
    lost: RoaringTreemap,
    /// What it could not read.
    #[serde(default)]
    gaps: Vec<OpenGap>,
}

/// Reads a window into the lake and records it, with the manifest entries of its files; the state stays as it is.
pub async fn read(
    checkpoint: &Arc<Checkpoint>,
    client: &Client,
    range: Span,
    meter: &Meter,
    stop: &Stop,
    account: &mut Account,
) -> Result<(), StopReason> {
    let (config, began) = (&client.config, Timestamp::now());
    let table = &checkpoint.table;
    let found = recover::diff(checkpoint)?;
    if checkpoint.has_manifest() && !(found.missing.is_empty() && found.changed.is_empty()) {
        // Other workers put files that the manifest does not know yet; those are no reason to worry.
        tracing::warn!(
            source = config.name,
            "files were lost or changed since the last run ({}): `sync --finish` sees to them",
            recover::describe(&found)
        );
    }
    let (schema, newest) = tokio::select! {
        read = begin(checkpoint, client, account, began) => read?,
        why = stop.requested() => return Err(why.into()),
    };
    let before = table.manifest(|manifest| manifest.clone());
    let writer = Writer::start(Arc::clone(checkpoint), Arc::clone(&schema), false);
    let buffer = RowBuffer::new(writer, table.lake.calendar(), meter.clone());
    checkpoint.with(|state| state.gaps.clear());
    let gaps = Gaps::new(checkpoint, config.page_size);
    let totals = Totals::default();
    let reader = TicketReader { client, schema: &schema, meter, gaps: Some(&gaps), totals: Some(&totals) };
    let recorder = Recorder::new(&buffer, checkpoint, range);
    let task = super::Task::Window { range };
    let walks = Walks {
        lake: &table.lake,
        gaps: &gaps,
        totals: &totals,
        reader: &reader,
        recorder: &recorder,
        checkpoint,
        task,
        began,
        horizon: newest,
    };
    let walked = tokio::select! {
        walked = walks.walk_window(range) => walked,
        why = stop.requested() => Err(why.into()),
    };
    let met = buffer.met();
    let written;
    (account.wrote, account.received, written) = buffer.finish().await;
    written?;
    let walked = walked.and_then(|walked| prove(account, walked))?;
    let end = range.to.unwrap_or(i64::MAX).min(began.as_second());
    let span = Span { from: range.from, to: Some(end) };
    let missing = deletions::missing(checkpoint, span, &met)?;
    let mut manifest = table.manifest(|manifest| manifest.clone());
    manifest.partitions.retain(|key, partition| before.partitions.get(key) != Some(partition));
    manifest.tables.clear();
    let met = checkpoint.with(|state| state.gaps.clone());
    let share = Share {
        span,
        began,
        horizon: walked.horizon,
        missing: missing.iter().map(u64::cast_signed).collect(),
        manifest,
        lost: table.lost(),
        gaps: met.clone(),
    };
    let end = |second: Option<i64>, open: &str| second.map_or_else(|| open.to_owned(), |at| at.to_string());
    let name = format!("{}..{}", end(range.from, "first"), end(range.to, "last"));
    lake::windows::record(&table.lake, &config.name, &name, &share)?;
    account.gaps = met.into_iter().map(|open| open.gap).collect();
    super::gaps::none_open(&account.gaps, &config.name, task)
}

/// Makes of the recorded windows the full read that was begun, so that the run goes on with what is left of it. Gives how
/// many there were. Their files were taken in by the recovery.
pub fn join(checkpoint: &Checkpoint) -> Result<usize, StopReason> {
    let table = &checkpoint.table;
    let shares: Vec<(String, Share)> = lake::windows::recorded(&table.lake, &table.source)?;
    let Some(began) = shares.iter().map(|(_, share)| share.began).min() else { return Ok(0) };
    // One whose watermark is not known leaves none for all.
    let horizon = shares.iter().map(|(_, share)| share.horizon).min().flatten();
    checkpoint.with(|state| {
        if state.unfinished(Span::default()).is_none() {
            state.unfinished.push(Unfinished {
                range: Span::default(),
                began,
                horizon,
                reconcile: true,
                done: Vec::new(),
                missing: Vec::new(),
                pages: None,
            });
        }
        if let Some(whole) = state.unfinished(Span::default()) {
            whole.began = whole.began.min(began);
            whole.horizon = whole.horizon.min(horizon);
            whole.reconcile = true;
            for (_, share) in &shares {
                // What an earlier run read of it, or another worker, is read.
                for span in crate::walk::left(share.span, &whole.done) {
                    add_span(&mut whole.done, span);
                }
                whole.missing.extend(&share.missing);
            }
        }
        for open in shares.iter().flat_map(|(_, share)| &share.gaps) {
            if !state.gaps.iter().any(|known| known.gap.meets(&open.gap)) {
                state.gaps.push(open.clone());
            }
        }
        // Files of several workers may differ in their columns.
        state.columns = None;
    });
    checkpoint.commit()?;
    lake::windows::forget(&table.lake, &table.source, shares.iter().map(|(name, _)| name.as_str()))?;
    Ok(shares.len())
}

/// What the workers recorded of the files that they put, before the recovery looks at these: they are no damage.
pub fn take_in_files(checkpoint: &Checkpoint) -> Result<(), StopReason> {
    take_in_windows(checkpoint)?;
    // A worker may have crashed before it could record its files.
    checkpoint.with(|state| state.writing = true);
    Ok(())
}

/// The same, as far as there are records; whether there are any.
pub fn take_in_windows(checkpoint: &Checkpoint) -> Result<bool, LakeError> {
    let table = &checkpoint.table;
    let shares = lake::windows::recorded::<Share>(&table.lake, &table.source)?;
    let has_any = !shares.is_empty();
    for (_, share) in shares {
        table.manifest(|manifest| manifest.partitions.extend(share.manifest.partitions));
        checkpoint.with(|state| state.reread |= share.lost);
    }
    Ok(has_any)
}
