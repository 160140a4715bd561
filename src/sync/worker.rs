//! One window of a reading that several workers share, and the joining of what they left.
//!
//! A worker holds the lake with others, not alone: windows share no partition but that of tickets without a time of
//! creation, and every file is put over the version that was read. It moves no cursor, marks nothing as deleted and
//! writes no field tables: what it read it records, and the run that closes the reading does the rest.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    account::Account,
    deletions,
    ended::{Ended, Stop},
    intake::Intake,
    layouts::Layouts,
    memory::{Checkpoint, CommitError, Unfinished, add_span},
    reading::TicketReader,
    recorder::Recorder,
    source_run::take_out_moved,
    walks::Walks,
    writer::Writer,
};
use crate::{
    fetch::Client,
    lake::{self, Lake},
    progress::Meter,
    walk::Span,
};

/// What a worker read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Share {
    /// By time of creation, in Unix seconds; closed where the reading began.
    span: Span,
    began: Timestamp,
    /// The newest change at the source when it began.
    horizon: Option<Timestamp>,
    /// Tickets of the lake that were not met.
    missing: Vec<i64>,
}

/// Reads a window into the lake and records it.
pub async fn read(
    lake: &Lake,
    client: &Client,
    (layouts, range, horizon): (Arc<Layouts>, Span, Option<Timestamp>),
    meter: &Meter,
    stop: &Stop,
    account: &mut Account,
) -> Result<(), Ended> {
    let (name, began) = (&client.config.name, Timestamp::now());
    differ(lake, name)?;
    let checkpoint = Arc::new(Checkpoint::load(lake, name)?);
    let known = (!lake::partitions(lake, name)?.is_empty()).then_some(i64::MAX);
    let writer =
        Writer::start(lake.clone(), name.clone(), Arc::clone(&layouts), known, Arc::clone(&checkpoint));
    let intake = Intake::new(writer, lake.calendar(), meter.clone(), client.config.concurrency);
    let reader = TicketReader { client, layouts: &layouts, meter, unchanged: None };
    let task = super::Task::Window { range };
    let recorder = Recorder::new(lake, name, &intake, &checkpoint, range);
    let walks =
        Walks { lake, reader: &reader, recorder: &recorder, checkpoint: &checkpoint, task, began, horizon };
    let walked = tokio::select! {
        walked = walks.walk_window(range) => walked,
        why = stop.requested() => Err(why.into()),
    };
    let met = intake.met();
    let written;
    (account.wrote, account.received, written) = intake.finish().await;
    written?;
    let walked = walked.and_then(|walked| super::source_run::prove(account, walked))?;
    // Only from the partition of those without a time: what lies in another one is another worker's.
    account.wrote.arrived.clear();
    take_out_moved(lake, &client.config, &layouts, account)?;
    // A run that closed an earlier reading meanwhile may have thought that it knows all files.
    differ(lake, name)?;
    let end = range.to.unwrap_or(i64::MAX).min(began.as_second());
    let span = Span { from: range.from, to: Some(end) };
    let missing = deletions::missing(lake, name, span, &met)?;
    let share = Share { span, began, horizon: walked.horizon, missing };
    let end = |second: Option<i64>, open: &str| second.map_or_else(|| open.to_owned(), |at| at.to_string());
    let told = format!("{}..{}", end(range.from, "first"), end(range.to, "last"));
    lake::windows::record(lake, name, &told, &share)?;
    Ok(())
}

/// Notes that files may differ in their columns; several workers do so at once.
fn differ(lake: &Lake, source: &str) -> Result<(), Ended> {
    const TRIES: usize = 20;
    for _ in 1..TRIES {
        match Checkpoint::load(lake, source)?.files_differ() {
            Err(CommitError::Conflict(_)) => {}
            noted => return Ok(noted?),
        }
    }
    Ok(Checkpoint::load(lake, source)?.files_differ()?)
}

/// Makes of the recorded windows the reading of everything that was begun, so that the run goes on with what is left of
/// it. Gives how many there were.
pub fn join(lake: &Lake, source: &str, checkpoint: &Checkpoint) -> Result<usize, Ended> {
    let shares: Vec<(String, Share)> = lake::windows::recorded(lake, source)?;
    let Some(began) = shares.iter().map(|(_, share)| share.began).min() else { return Ok(0) };
    // One whose horizon is not known leaves none for all.
    let horizon = shares.iter().map(|(_, share)| share.horizon).min().flatten();
    checkpoint.with(|memory| {
        if memory.unfinished(Span::default()).is_none() {
            memory.unfinished.push(Unfinished {
                range: Span::default(),
                began,
                horizon,
                reconcile: true,
                done: Vec::new(),
                missing: Vec::new(),
                pages: None,
            });
        }
        if let Some(whole) = memory.unfinished(Span::default()) {
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
    });
    checkpoint.commit()?;
    lake::windows::forget(lake, source, shares.iter().map(|(name, _)| name.as_str()))?;
    Ok(shares.len())
}
