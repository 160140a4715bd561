//! One source of a run, from its definitions to its last commit.

use std::{sync::Arc, time::Instant};

use jiff::Timestamp;
use roaring::RoaringTreemap;

use super::{
    account::{self, Account},
    buffer::RowBuffer,
    fields,
    gaps::{self, Gaps},
    identity, masking,
    reading::{ReadError, TicketReader},
    reconcile::Totals,
    recorder::Recorder,
    recover::{self, Recovered},
    source_state::{self, Checkpoint, CommitError},
    stop_reason::{Stop, StopReason},
    table_schema::{TableSchema, file_meta},
    walks::{Walked, Walks},
    watermark, worker,
    writer::{Writer, Wrote},
};
use crate::{
    config::{LakeConfig, SourceConfig},
    fetch::Client,
    fields::KnownColumn,
    lake::{Lake, WrittenFile},
    mask,
    plan::{self, Because, Reading, Situation},
    progress::Meter,
    source,
    summary::{Gap, Mode, Outcome, SourceSummary},
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
    /// The gaps that are open now.
    pub gaps: bool,
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

    /// Whether the gaps that are open at the end are known.
    pub fn accepts_gaps(self) -> bool {
        self.accept().gaps
    }

    /// Whether far fewer tickets than expected are accepted.
    pub fn accepts_few(self) -> bool {
        self.accept().few
    }
}

/// What the sources of a run have in common.
#[derive(Clone)]
pub struct RunContext {
    pub lake: Lake,
    pub config: LakeConfig,
    pub run_id: String,
    /// When the run began.
    pub began: Timestamp,
    pub task: Task,
    pub stop: Stop,
    /// Called once the source has passed the checks of its identity.
    pub accepted: Arc<dyn Fn() + Send + Sync>,
}

/// Does the task on one source; how it ended is given twice, for people and as a value.
pub async fn run(
    context: &RunContext,
    config: &SourceConfig,
    meter: Meter,
) -> (SourceSummary, Option<StopReason>) {
    let began = Instant::now();
    let mut summary = SourceSummary::begin(&config.name, config.kind, Mode::Full);
    let range = context.task.range();
    let moment = |second: Option<i64>| second.and_then(|second| Timestamp::from_second(second).ok());
    (summary.range.since, summary.range.until) = (moment(range.from), moment(range.to));
    let mut account = Account::default();
    let ended = match Client::new(config.clone()) {
        Err(why) => Err(ReadError::from(why).into()),
        Ok(client) => {
            let client = Arc::new(client);
            let paced = Arc::clone(&client);
            meter.watch(move || paced.pace.waiting().map(|waiting| waiting.until.into_std()));
            let ended = read_source(context, &client, &meter, &mut account).await;
            summary.requests = account::requests(&client.counts);
            ended
        }
    };
    meter.done();
    account::settle(&mut summary, &account);
    summary.outcome = ended.as_ref().err().map_or(Outcome::Complete, StopReason::outcome);
    summary.error = ended.as_ref().err().map(|ended| match &account.missing {
        Some(missing) if !matches!(ended, StopReason::Missing { .. }) => format!("{ended}; {missing}"),
        _ => ended.to_string(),
    });
    summary.seconds = began.elapsed().as_secs_f64();
    let span = tracing::Span::current();
    span.record("outcome", summary.outcome.name());
    if ended.is_err() {
        span.record("otel.status_code", "ERROR");
    }
    (summary, ended.err())
}

async fn read_source(
    context: &RunContext,
    client: &Client,
    meter: &Meter,
    account: &mut Account,
) -> Result<(), StopReason> {
    let (config, lake, task, stop) = (&client.config, &context.lake, context.task, &context.stop);
    let began = context.began;
    let checkpoint = Arc::new(Checkpoint::load(lake, &config.name, &context.run_id)?);
    tokio::select! {
        same = identity::check_address(&checkpoint, client) => same?,
        why = stop.requested() => return Err(why.into()),
    }
    (context.accepted)();
    checkpoint.forget_times_after(began);
    if let Task::Window { range } = task {
        account.mode = Some(Mode::Window);
        return worker::read(&checkpoint, client, range, meter, stop, account).await;
    }
    checkpoint.accept(identity::account(&context.config, config));
    if let Task::Finish { .. } = task {
        worker::take_in_files(&checkpoint)?;
    }
    account.recovered = recover::recover(&checkpoint)?;
    account.missing = checkpoint.missing();
    if let Task::Finish { .. } = task {
        let windows = worker::join(&checkpoint)?;
        tracing::info!(source = config.name, windows, "closing the full read that workers shared");
    }
    let (schema, newest) = tokio::select! {
        read = begin(&checkpoint, client, account, began) => read?,
        why = stop.requested() => return Err(why.into()),
    };
    if let Some(catalog) = &account.catalog {
        account.tables = fields::write(&checkpoint, config, catalog)?;
    }
    let differs = |columns: &Option<Vec<KnownColumn>>| columns.as_ref() != Some(&columns_now(&schema));
    if checkpoint.with(|state| differs(&state.columns)) {
        checkpoint.files_differ()?;
    }
    // What is read is decided first: that the mask has changed is a reason to read everything.
    let changes = read_how(&checkpoint, config, task, began);
    let reading = with_lost(&checkpoint, config, changes);
    account.rewritten = masking::renew(config, &checkpoint, &schema.file_schema())?;
    account.mode = Some(match (task, reading) {
        (Task::Backfill { .. }, _) => Mode::Window,
        (_, Reading::Whole { .. }) => Mode::Full,
        (_, Reading::Since(_)) => Mode::Incremental,
        (_, Reading::Filter(_)) => Mode::Filter,
    });
    tracing::info!(source = config.name, "{}", described(reading, task));

    let writer = Writer::start(Arc::clone(&checkpoint), Arc::clone(&schema), true);
    let buffer = RowBuffer::new(writer, lake.calendar(), meter.clone());
    let gaps = Gaps::new(&checkpoint, config.page_size);
    let totals = Totals::default();
    let reader = TicketReader { client, schema: &schema, meter, gaps: Some(&gaps), totals: Some(&totals) };
    let recorder = Recorder::new(&buffer, &checkpoint, task.range());
    let walks = Walks {
        lake,
        gaps: &gaps,
        totals: &totals,
        reader: &reader,
        recorder: &recorder,
        checkpoint: &checkpoint,
        task,
        began,
        horizon: newest,
    };
    let mut recovered = std::mem::take(&mut account.recovered);
    let walked = tokio::select! {
        walked = read_all(&walks, (changes, reading), &mut recovered) => walked,
        why = stop.requested() => Err(why.into()),
    };
    account.recovered = recovered;
    // What was read is kept, whatever ended the reading. One that came to its end without proof is not gone on with.
    let noted = recorder.note().await;
    if walked.is_ok() {
        checkpoint.with(|state| state.unfinished.retain(|reading| reading.range != recorder.range));
    }
    let written;
    (account.wrote, account.received, written) = buffer.finish().await;
    account.commits = checkpoint.commits();
    // Why the writer failed says more than that it did.
    written?;
    noted?;
    let walked = walked.and_then(|walked| prove(account, walked));
    if walked.as_ref().is_ok_and(|walked| walked.whole_since.is_some())
        && !matches!(task, Task::Backfill { .. })
    {
        account.mode = Some(Mode::Full);
    }
    account.source_total = totals.last();
    if let Ok(walked) = &walked {
        mark(&checkpoint, config, task, &walked.gone, &schema, account)?;
    }
    if checkpoint.with(|state| differs(&state.columns)) {
        account.rewritten.extend(rewrite_all(&checkpoint, &schema, &account.wrote)?);
    }
    // A source without tickets has one file without rows, so that a glob over it finds its columns.
    if checkpoint.table.partitions().is_empty() {
        checkpoint.begin_writing()?;
        account.rewritten.extend(checkpoint.table.put_empty(&schema.file_schema())?);
    }
    account.missing = checkpoint.missing();
    let walked = walked.and_then(|walked| match &account.missing {
        None => Ok(walked),
        Some(what) => Err(StopReason::Missing { source_name: config.name.clone(), what: what.clone() }),
    });
    let open: Vec<Gap> = checkpoint.with(|state| {
        state.gaps.iter_mut().for_each(|open| open.accepted |= task.accepts_gaps());
        account.gaps = state.gaps.iter().map(|open| open.gap.clone()).collect();
        state.gaps.iter().filter(|open| !open.accepted).map(|open| open.gap.clone()).collect()
    });
    checkpoint.with(|state| {
        state.columns = Some(columns_now(&schema));
        state.fields_read_at = Some(began);
        state.source_total = totals.last().or(state.source_total);
        state.writing = false;
        if let Ok(walked) = &walked {
            state.cursor = state.cursor.max(walked.horizon);
            state.whole_at = state.whole_at.max(walked.whole_since);
            if let (Some(masked), Some(_)) = (&mut state.masked, walked.whole_since) {
                masked.everywhere = true;
            }
            if walked.whole_since.is_some() && std::mem::take(&mut state.replacing) {
                let deleted = checkpoint.table.manifest(|manifest| manifest.rows() - manifest.live());
                tracing::warn!(
                    source = config.name,
                    tickets = deleted,
                    "every ticket was read under the new `timezone`; deleted tickets keep their instants of the old one"
                );
            }
            if open.is_empty() && !matches!(task, Task::Backfill { .. }) && state.unfinished(Span::default()).is_none() {
                state.complete_at = Some(began);
            }
        }
        account.cursor = state.cursor;
    });
    checkpoint.commit()?;
    account.commits = checkpoint.commits();
    account.lake_total = match task {
        Task::Backfill { .. } => None,
        _ => Some(checkpoint.table.manifest(|manifest| manifest.live())),
    };
    walked.and_then(|_| gaps::none_open(&open, &config.name, task))
}

/// Reads the definitions and, beside them, the watermark.
pub(super) async fn begin(
    checkpoint: &Checkpoint,
    client: &Client,
    account: &mut Account,
    began: Timestamp,
) -> Result<(Arc<TableSchema>, Option<Timestamp>), StopReason> {
    let config = &client.config;
    let (definitions, newest) = tokio::join!(fields::read(client), watermark::read(client, began));
    let (definitions, newest) = (definitions?, newest?);
    let known = checkpoint.with(|state| source_state::known(&checkpoint.table.lake, &config.name, state))?;
    let catalog = account.catalog.insert(fields::catalog(config, definitions, &known, began));
    let schema =
        TableSchema::new(source::ticket(config.kind), file_meta(config.kind), Arc::clone(&catalog.fields))?;
    mask::check(&config.masks, &schema.layout().schema).map_err(ReadError::from)?;
    Ok((Arc::new(schema), newest))
}

/// Reads what the task asks for, and what the lake had lost: before, by id, or with everything else where that takes fewer
/// requests.
async fn read_all(
    walks: &Walks<'_>,
    (changes, reading): (Reading, Reading),
    recovered: &mut Recovered,
) -> Result<Walked, StopReason> {
    let (checkpoint, buffer) = (walks.checkpoint, walks.recorder.buffer);
    let is_whole = matches!(reading, Reading::Whole { .. });
    let is_first = !is_whole || matches!(walks.task, Task::Backfill { .. });
    walks.try_gaps().await?;
    // What cannot be read again keeps no change from arriving.
    let again = match is_first {
        true => recover::read_again(walks.reader, buffer, checkpoint, recovered).await,
        false => Ok(()),
    };
    if changes != reading {
        walks.walk(changes).await?;
    } else if is_whole && matches!(walks.task, Task::Sync { .. } | Task::Finish { .. }) {
        walks.walk_changes_first().await?;
    }
    let is_sync = matches!(walks.task, Task::Sync { .. } | Task::Finish { .. });
    let is_known = checkpoint.with(|state| state.whole_at.is_some());
    if is_sync && is_known {
        walks.ask_total().await?;
        walks.believe_total()?;
    }
    let mut walked = walks.walk(reading).await?;
    if is_sync {
        walked = match is_whole {
            true => walked,
            false => walks.reconcile(walked).await?,
        };
        if is_whole {
            walks.remember_difference(&walked).await?;
        }
    }
    again?;
    let (wanted, _) = checkpoint.reread();
    if !is_first && !wanted.is_empty() {
        buffer.settle().await?;
        recover::settle(checkpoint, &(&wanted & buffer.met()), &buffer.met(), recovered);
    }
    // Files that were found damaged meanwhile are another round.
    recover::read_again(walks.reader, buffer, checkpoint, recovered).await?;
    walked.gone |= &recovered.gone;
    Ok(walked)
}

pub(super) fn columns_now(schema: &TableSchema) -> Vec<KnownColumn> {
    schema.layout().fields.known()
}

/// How much of the source the task reads.
pub fn read_how(checkpoint: &Checkpoint, config: &SourceConfig, task: Task, now: Timestamp) -> Reading {
    let Task::Sync { whole, .. } = task else { return Reading::Whole { because: Because::Asked } };
    checkpoint.with(|state| {
        let situation = Situation {
            asked_whole: whole,
            unfinished: state.unfinished(Span::default()).is_some() || state.replacing,
            mask_differs: masking::differs(state.masked.as_ref(), config),
            whole_at: state.whole_at,
            cursor: state.cursor,
            overlap: config.overlap,
            reconcile_every: config.reconcile_every,
            lists_changes: source::filters_by_time(config.kind),
            filter: config.incremental_filter,
        };
        plan::decide(&situation, now)
    })
}

/// The same, or a full read where tickets were lost and that takes fewer requests than asking for each.
pub fn with_lost(checkpoint: &Checkpoint, config: &SourceConfig, reading: Reading) -> Reading {
    let lost = checkpoint.reread().0.len();
    let by_id = lost.div_ceil(source::most_ids(config.kind) as u64);
    let by_list = (checkpoint.table.manifest(|manifest| manifest.live()) + lost)
        .div_ceil(u64::from(config.page_size))
        + 1;
    match reading {
        Reading::Since(_) | Reading::Filter(_) if by_id > by_list => {
            Reading::Whole { because: Because::Lost }
        }
        reading => reading,
    }
}

fn described(reading: Reading, task: Task) -> String {
    match (reading, task) {
        (_, Task::Backfill { .. } | Task::Window { .. }) => {
            "reading the tickets created in the window".to_owned()
        }
        (_, Task::Finish { .. }) => "reading what the workers have left".to_owned(),
        (Reading::Whole { because }, _) => format!("full read: {}", because.text()),
        (Reading::Since(since), _) => format!("incremental read: what changed since {since}"),
        (Reading::Filter(filter), _) => format!("incremental read: what filter {filter} lists"),
    }
}

/// Completeness as it can be claimed, or why not.
pub(super) fn prove(account: &mut Account, walked: Walked) -> Result<Walked, StopReason> {
    account.proof = Some(walked.proof.clone());
    match (account.received.unreadable, &walked.proof.unproven) {
        (0, None) => Ok(walked),
        (0, Some(why)) => Err(StopReason::Unproven(why.clone())),
        (count, _) => Err(StopReason::Unproven(format!(
            "{count} tickets have an id that cannot be read and are not in the lake; correct them at the source"
        ))),
    }
}

/// Marks the tickets that are gone; those that a recovery found gone only as far as `delete_brake` allows.
fn mark(
    checkpoint: &Checkpoint,
    config: &SourceConfig,
    task: Task,
    gone: &RoaringTreemap,
    schema: &TableSchema,
    account: &mut Account,
) -> Result<(), CommitError> {
    let mut gone = gone.clone();
    let live = checkpoint.table.manifest(|manifest| manifest.live());
    let found = &account.recovered.gone;
    if found.len() as f64 > live as f64 * config.delete_brake && !task.accepts_deletes() {
        // The next full read looks at them again, and says what to do.
        gone -= found;
    }
    if gone.is_empty() {
        return Ok(());
    }
    checkpoint.begin_writing()?;
    let at = Timestamp::now().as_microsecond();
    let (count, files) = checkpoint.table.mark_deleted(&gone, at, &schema.file_schema())?;
    account.deleted += count;
    account.marked.extend(files);
    Ok(())
}

/// Brings every file of the source to the columns of now; those that were just written so are not looked at.
pub(super) fn rewrite_all(
    checkpoint: &Checkpoint,
    schema: &TableSchema,
    wrote: &Wrote,
) -> Result<Vec<WrittenFile>, CommitError> {
    checkpoint.begin_writing()?;
    let schema = schema.file_schema();
    let mut written = Vec::new();
    for key in checkpoint.table.partitions() {
        if !wrote.is_in(&schema, key) {
            written.extend(checkpoint.table.rewrite(key, &schema, &Ok)?);
        }
    }
    Ok(written)
}
