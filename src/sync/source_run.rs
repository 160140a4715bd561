//! One source of a run, from its definitions to its last commit.

use std::{collections::HashMap, sync::Arc, time::Instant};

use jiff::Timestamp;
use roaring::RoaringTreemap;

use super::{
    account::{self, Account},
    ended::{Ended, Stop},
    fields, horizon,
    intake::Intake,
    layouts::{Layouts, file_meta},
    masking,
    memory::{self, Checkpoint},
    reading::{ReadError, TicketReader},
    recorder::Recorder,
    unchanged::Unchanged,
    walks::{Walked, Walks},
    worker,
    writer::{Writer, Wrote},
};
use crate::{
    config::SourceConfig,
    fetch::Client,
    fields::KnownColumn,
    lake::{self, Lake, LakeError, PartitionKey, Written},
    mask,
    plan::{self, Reading, Situation},
    progress::Meter,
    source,
    summary::{Mode, Outcome, SourceSummary},
    walk::Span,
};

/// What is asked of every source of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// Bring the lake up to date.
    Sync { whole: bool, accept: Accept },
    /// Read the tickets created within a span again.
    Backfill { range: Span, accept: Accept },
    /// Read a window of a reading that several workers share.
    Window { range: Span },
    /// Close the reading that workers shared: read what is left, look for what is gone.
    Finish { accept: Accept },
}

/// What a person has looked at and lets pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accept {
    /// Far fewer tickets than the lake has, or than came before.
    pub few: bool,
    /// More deletions than the brake allows.
    pub deletes: bool,
}

impl Task {
    /// The command's name.
    pub fn name(self) -> &'static str {
        match self {
            Task::Sync { .. } | Task::Window { .. } | Task::Finish { .. } => "sync",
            Task::Backfill { .. } => "backfill",
        }
    }

    fn accept(self) -> Accept {
        match self {
            Task::Sync { accept, .. } | Task::Backfill { accept, .. } | Task::Finish { accept } => accept,
            Task::Window { .. } => Accept::default(),
        }
    }

    /// What is read by the time of creation.
    pub fn range(self) -> Span {
        match self {
            Task::Sync { .. } | Task::Finish { .. } => Span::default(),
            Task::Backfill { range, .. } | Task::Window { range } => range,
        }
    }

    /// Whether more deletions than the brake allows are accepted.
    pub fn accepts_deletes(self) -> bool {
        let accept = self.accept();
        // Whoever accepts that so few are left accepts that the others are gone.
        accept.deletes || accept.few
    }

    /// Whether far fewer tickets than expected are accepted.
    pub fn accepts_few(self) -> bool {
        self.accept().few
    }
}

/// Does the task on one source; how it ended is told twice, for people and as a value.
pub async fn run(
    lake: &Lake,
    config: &SourceConfig,
    task: Task,
    meter: Meter,
    stop: &Stop,
) -> (SourceSummary, Option<Ended>) {
    let began = Instant::now();
    let mut summary = SourceSummary::begin(&config.name, config.kind, Mode::Full);
    let mut account = Account::default();
    let ended = match Client::new(config.clone()) {
        Err(why) => Err(ReadError::from(why).into()),
        Ok(client) => {
            let client = Arc::new(client);
            let paced = Arc::clone(&client);
            meter.watch(move || paced.pace.waiting().map(|waiting| waiting.until.into_std()));
            let ended = read_source(lake, &client, task, &meter, stop, &mut account).await;
            summary.requests = account::requests(&client.counts);
            ended
        }
    };
    meter.done();
    account::settle(&mut summary, &account);
    summary.outcome = ended.as_ref().err().map_or(Outcome::Complete, Ended::outcome);
    summary.error = ended.as_ref().err().map(ToString::to_string);
    summary.seconds = began.elapsed().as_secs_f64();
    let span = tracing::Span::current();
    span.record("outcome", summary.outcome.name());
    if ended.is_err() {
        span.record("otel.status_code", "ERROR");
    }
    (summary, ended.err())
}

async fn read_source(
    lake: &Lake,
    client: &Client,
    task: Task,
    meter: &Meter,
    stop: &Stop,
    account: &mut Account,
) -> Result<(), Ended> {
    let config = &client.config;
    let began = Timestamp::now();
    let checkpoint = Arc::new(Checkpoint::load(lake, &config.name)?);
    if let Task::Finish { .. } = task {
        let windows = worker::join(lake, &config.name, &checkpoint)?;
        tracing::info!(source = config.name, windows, "closing the reading that workers shared");
    }
    let (definitions, horizon) = tokio::select! {
        read = async { tokio::join!(fields::read(client), horizon::read(client, began)) } => read,
        why = stop.requested() => return Err(why.into()),
    };
    let (definitions, horizon) = (definitions?, horizon?);
    let known = checkpoint.with(|memory| memory::known(lake, &config.name, memory))?;
    let catalog = account.catalog.insert(fields::catalog(config, definitions, &known, began));
    let layouts =
        Layouts::new(source::ticket(config.kind), file_meta(config.kind), Arc::clone(&catalog.fields))?;
    let layouts = Arc::new(layouts);
    mask::check(&config.masks, &layouts.layout().schema).map_err(ReadError::from)?;
    if let Task::Window { range } = task {
        account.mode = Some(Mode::Full);
        return worker::read(lake, client, (layouts, range, horizon), meter, stop, account).await;
    }
    let differs = |columns: &Option<Vec<KnownColumn>>| columns.as_ref() != Some(&columns_now(&layouts));
    if checkpoint.with(|memory| differs(&memory.columns)) {
        checkpoint.files_differ()?;
    }
    account.tables = fields::write(lake, config, catalog)?;
    // What is read is decided first: that the mask has changed is a reason to read everything.
    let reading = read_how(&checkpoint, config, task, began);
    account.rewritten = masking::renew(lake, config, &checkpoint, &layouts.form())?;
    let is_whole = matches!(reading, Reading::Whole { .. });
    account.mode = Some(if is_whole { Mode::Full } else { Mode::Incremental });
    tracing::info!(source = config.name, "{}", told(reading, task));

    let held = lake::partitions(lake, &config.name)?;
    let known = match reading {
        _ if held.is_empty() => None,
        Reading::Since(since) => Some(since.as_second()),
        _ => Some(i64::MAX),
    };
    let (name, noted) = (config.name.clone(), Arc::clone(&checkpoint));
    let writer = Writer::start(lake.clone(), name, Arc::clone(&layouts), known, noted);
    let intake = Intake::new(writer, lake.calendar(), meter.clone(), config.concurrency);
    let intake = if is_whole { intake } else { intake.scattered() };
    let held = if is_whole { held } else { Vec::new() };
    // A digest tells of an answer what a mask must hide: whoever knows the rest could try all telephone numbers.
    let unchanged = config.masks.columns.is_empty().then(|| Arc::new(Unchanged::new(lake, config, held)));
    let reader = TicketReader { client, layouts: &layouts, meter, unchanged: unchanged.as_ref() };
    let recorder = Recorder::new(lake, &config.name, &intake, &checkpoint, task.range());
    let walks =
        Walks { lake, reader: &reader, recorder: &recorder, checkpoint: &checkpoint, task, began, horizon };
    let walked = tokio::select! {
        walked = walks.walk(reading) => walked,
        why = stop.requested() => Err(why.into()),
    };
    // What was read stands, whatever ended the reading. One that came to its end without proof is not gone on with.
    let noted = recorder.note().await;
    if walked.is_ok() {
        checkpoint.with(|memory| memory.unfinished.retain(|reading| reading.range != recorder.range));
    }
    let written;
    (account.wrote, account.received, written) = intake.finish().await;
    account.commits = checkpoint.commits();
    // Why the writer failed says more than that it did.
    written?;
    noted?;
    let walked = walked.and_then(|walked| prove(account, walked));
    take_out_moved(lake, config, &layouts, account)?;
    if let Ok(walked) = &walked {
        mark(lake, config, &walked.gone, &layouts, account)?;
    }
    if checkpoint.with(|memory| differs(&memory.columns)) {
        account.rewritten.extend(rewrite_all(lake, config, &layouts, &account.wrote)?);
    }
    if lake::partitions(lake, &config.name)?.is_empty() {
        // A source without tickets has one file without rows, so that a glob over it finds its columns.
        account.rewritten.extend(lake::put_empty(lake, &config.name, &layouts.form())?);
    }
    checkpoint.with(|memory| {
        memory.columns = Some(columns_now(&layouts));
        memory.fields_read_at = Some(began);
        if let Ok(walked) = &walked {
            memory.cursor = memory.cursor.max(walked.horizon);
            memory.whole_at = memory.whole_at.max(walked.whole_since);
            if let (Some(masked), Some(_)) = (&mut memory.masked, walked.whole_since) {
                masked.everywhere = true;
            }
        }
        account.cursor = memory.cursor;
    });
    checkpoint.commit()?;
    account.commits = checkpoint.commits();
    walked.map(|_| ())
}

pub(super) fn columns_now(layouts: &Layouts) -> Vec<KnownColumn> {
    layouts.layout().fields.known()
}

/// How much of the source the task reads.
pub fn read_how(checkpoint: &Checkpoint, config: &SourceConfig, task: Task, now: Timestamp) -> Reading {
    let Task::Sync { whole, .. } = task else { return Reading::Whole { because: plan::Because::Asked } };
    checkpoint.with(|memory| {
        let situation = Situation {
            asked_whole: whole,
            unfinished: memory.unfinished(Span::default()).is_some(),
            mask_differs: masking::differs(memory.masked.as_ref(), config),
            whole_at: memory.whole_at,
            cursor: memory.cursor,
            overlap: config.overlap,
            reconcile_every: config.reconcile_every,
            lists_changes: source::filters_by_time(config.kind),
            filter: config.incremental_filter,
        };
        plan::decide(&situation, now)
    })
}

fn told(reading: Reading, task: Task) -> String {
    match (reading, task) {
        (_, Task::Backfill { .. } | Task::Window { .. }) => {
            "reading the tickets created in the window".to_owned()
        }
        (_, Task::Finish { .. }) => "reading what the workers have left".to_owned(),
        (Reading::Whole { because }, _) => format!("reading everything: {}", because.text()),
        (Reading::Since(since), _) => format!("reading what changed since {since}"),
        (Reading::Filter(filter), _) => format!("reading what filter {filter} lists"),
    }
}

/// Completeness as it can be claimed, or why not.
pub(super) fn prove(account: &mut Account, walked: Walked) -> Result<Walked, Ended> {
    account.proof = Some(walked.proof.clone());
    match (account.received.unreadable, &walked.proof.unproven) {
        (0, None) => Ok(walked),
        (0, Some(why)) => Err(Ended::Unproven(why.clone())),
        (count, _) => Err(Ended::Unproven(format!(
            "{count} tickets have an id that cannot be read and are not in the lake; correct them at the source"
        ))),
    }
}

/// Marks the tickets that are gone, unless they are more than the brake allows.
pub(super) fn mark(
    lake: &Lake,
    config: &SourceConfig,
    gone: &RoaringTreemap,
    layouts: &Layouts,
    account: &mut Account,
) -> Result<(), LakeError> {
    if gone.is_empty() {
        return Ok(());
    }
    let (form, at) = (layouts.form(), Timestamp::now().as_microsecond());
    let is_gone = |id: i64| gone.contains(id.cast_unsigned());
    for key in lake::partitions(lake, &config.name)? {
        if let Some((count, written)) = lake::mark_deleted(lake, &config.name, key, &is_gone, at, &form)? {
            account.deleted += count;
            account.marked.push((key, written));
        }
    }
    Ok(())
}

/// Takes tickets out of the partitions that they left: one whose time of creation could not be read lies in the default
/// partition until it can. There every ticket that was read counts, not only what is new elsewhere: an earlier run may
/// have ended between the two files.
pub(super) fn take_out_moved(
    lake: &Lake,
    config: &SourceConfig,
    layouts: &Layouts,
    account: &mut Account,
) -> Result<(), LakeError> {
    let arrived: HashMap<i64, PartitionKey> = account.wrote.arrived.drain(..).collect();
    let received = &account.received;
    let dated = |id: i64| {
        let id = id.cast_unsigned();
        received.ids.contains(id) && !received.undated.contains(id)
    };
    let form = layouts.form();
    for key in lake::partitions(lake, &config.name)? {
        let is_default = matches!(key, PartitionKey::Default(_));
        if arrived.is_empty() && !is_default {
            continue;
        }
        let moved = |id: i64| arrived.get(&id).is_some_and(|now| *now != key) || is_default && dated(id);
        account.rewritten.extend(lake::take_out(lake, &config.name, key, &moved, &form)?);
    }
    Ok(())
}

/// Brings every file of the source to the columns of now; those that were just written so are not looked at.
pub(super) fn rewrite_all(
    lake: &Lake,
    config: &SourceConfig,
    layouts: &Layouts,
    wrote: &Wrote,
) -> Result<Vec<Written>, LakeError> {
    let form = layouts.form();
    let mut written = Vec::new();
    for key in lake::partitions(lake, &config.name)? {
        if !wrote.is_in(&form, key) {
            written.extend(lake::rewrite(lake, &config.name, key, &form)?);
        }
    }
    Ok(written)
}
