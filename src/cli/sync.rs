//! `ticketlake sync`: what it takes and how it ends.

use std::{collections::BTreeMap, path::PathBuf, sync::PoisonError, time::Duration};

use clap::ValueHint;
use jiff::Timestamp;

use super::{Context, LastRun, interrupted, output, plan};
use crate::{
    config::{self, Config, Overrides, quantity},
    error::Error,
    exit::Exit,
    lake::{self, Lake},
    log,
    plan::units,
    source,
    summary::{self, Outcome, Summary},
    sync::{self, Accept, SourceState, Stop, StopReason, Task, Why},
    terminal,
    walk::Span,
};

const AFTER_HELP: &str = "\
A ticket is written once, under the day on which it was created; a newer version replaces an older
one, never the other way round. Running again is always safe. Where a run ends early, what it
committed stands, and the next run goes on from there.

Exit codes: 0 complete, 2 bad arguments or configuration, 3 incomplete, 4 credentials refused,
5 another run holds the lake, 6 the lake is damaged, 130 interrupted.

Examples:
  ticketlake sync
  ticketlake sync --full --source support
  ticketlake sync --json -q > summary.json      for a nightly job
  ticketlake sync --window support:2024-01-01..2024-02-01     one of many workers
  ticketlake sync --finish                                    when all of them are done";

/// Bring the lake up to date: every ticket and every field definition of the sources
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Read everything again, whatever earlier runs have read
    #[arg(long)]
    pub full: bool,

    /// Stop cleanly after this time, as 45m or 2h; the next run goes on where this one stopped
    #[arg(long, value_name = "DURATION", value_parser = quantity::positive_duration)]
    pub deadline: Option<Duration>,

    /// Mark tickets as deleted even where they are more than `delete_brake` allows
    #[arg(long)]
    pub accept_deletes: bool,

    /// The tickets that cannot be read now are known: runs still try them, and are complete without them
    #[arg(long)]
    pub accept_gaps: bool,

    /// Go on although far fewer tickets were read than before, and mark whatever is gone
    #[arg(long)]
    pub accept: bool,

    /// Read one window of `plan --json`, beside other workers; `--finish` then closes the reading
    #[arg(long, value_name = "ID", conflicts_with_all = ["full", "finish", "accept", "accept_deletes", "accept_gaps", "dry_run"])]
    pub window: Option<String>,

    /// Close a reading whose windows were read by workers: read what is left, look for what is gone, move the cursor
    #[arg(long, conflicts_with_all = ["full", "dry_run"])]
    pub finish: bool,

    /// Write the run's figures into this file at its end, for Prometheus (node_exporter's textfile collector: *.prom)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub metrics_file: Option<PathBuf>,

    /// Show what would be done, as `plan` does, and write nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// Reads the sources into the lake and prints the summary.
pub async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let accept = Accept { few: args.accept, deletes: args.accept_deletes, gaps: args.accept_gaps };
    if let Some(id) = &args.window {
        let (config, range) = window(context, id)?;
        return perform_on(context, &config, Task::Window { range }, args.deadline).await;
    }
    if args.finish {
        return perform(context, Task::Finish { accept }, args.deadline).await;
    }
    let task = Task::Sync { whole: args.full, accept };
    if args.dry_run {
        return plan::show(context, &context.config()?, task).await;
    }
    perform(context, task, args.deadline).await
}

/// The source that a window is of, alone, and its span.
fn window(context: &Context, id: &str) -> Result<(Config, Span), Error> {
    let known = |config: &Config| units::parse(id, &config.lake.timezone);
    let wrong = || {
        Error::Usage(format!(
            "--window: \"{id}\" is no window; `ticketlake plan --json` gives them as `id` under .sources[].windows[]"
        ))
    };
    // Only the secrets of that source are needed here.
    let source = id.split_once(':').map(|(source, _)| source.to_owned()).ok_or_else(wrong)?;
    let overrides = Overrides { sources: vec![source], ..context.global.overrides() };
    let config = config::load(&context.global.config_file(), &overrides)?;
    let (_, range) = known(&config).ok_or_else(wrong)?;
    let by_time = config.sources.iter().all(|source| source::filters_by_time(source.kind));
    if !by_time {
        return Err(Error::Usage(format!(
            "--window: the source of \"{id}\" cannot filter by date, so it is read as a whole; `sync --finish` does that"
        )));
    }
    if !units::is_month(range, &config.lake.timezone) {
        return Err(Error::Usage(format!(
            "--window: \"{id}\" is not one month: each end is open or the first of a month, and two ends are one month \
             apart; take windows of `plan --json`"
        )));
    }
    Ok((config, range))
}

/// Does a task that works on the lake, until it is done, the time is up or a signal comes; prints the summary.
pub async fn perform(context: &Context, task: Task, deadline: Option<Duration>) -> Result<Exit, Error> {
    perform_on(context, &context.config()?, task, deadline).await
}

/// As [`perform`], on the sources of this configuration.
pub async fn perform_on(
    context: &Context,
    config: &Config,
    task: Task,
    deadline: Option<Duration>,
) -> Result<Exit, Error> {
    let asked =
        interrupted().map_err(|why| Error::Io { what: "cannot listen for signals".to_owned(), why })?;
    let (ask, stop) = Stop::new();
    let timer = deadline.map(|after| tokio::spawn(sync::deadline(ask.clone(), after)));
    let signal = tokio::spawn(async move {
        asked.await;
        // Nobody listens any more when the run has just ended.
        let _ = ask.send(Some(Why::Interrupted));
        std::future::pending::<()>().await;
    });
    let (summary, ends) = sync::run(task, config, &context.progress, &stop, &context.run).await?;
    signal.abort();
    timer.inspect(tokio::task::JoinHandle::abort);
    context.progress.finish();
    for source in &summary.sources {
        let Some(why) = &source.error else { continue };
        let why = summary::reason(&source.name, why);
        match context.global.log_format {
            log::Format::Json => tracing::error!(source = source.name, "{why}"),
            log::Format::Text => terminal::tell(&format!("error: {}: {why}", source.name)),
        }
    }
    if context.global.json || context.global.log_format == log::Format::Json {
        let line = summary::closing(&summary);
        match summary.outcome {
            Outcome::Complete => tracing::info!(outcome = summary.outcome.name(), "{line}"),
            outcome => tracing::warn!(outcome = outcome.name(), "{line}"),
        }
    }
    let shown = show(&summary, context.global.json);
    let complete_at = Lake::open(&config.lake).map(|lake| complete_at(&lake, &summary)).unwrap_or_default();
    let exit = StopReason::exit(&ends);
    *context.last_run.lock().unwrap_or_else(PoisonError::into_inner) = Some(LastRun { summary, complete_at });
    shown.map(|()| exit)
}

/// When the last run of each source began that left nothing open, by its state.
fn complete_at(lake: &Lake, summary: &Summary) -> BTreeMap<String, Timestamp> {
    // A monitor that lacks the figure is no reason to end otherwise.
    let of = |name: &str| {
        let complete_at = lake::state::load::<SourceState>(lake, name).ok()??.1.complete_at?;
        // A time that has not come yet is of a clock that was wrong.
        (complete_at <= Timestamp::now()).then_some(complete_at)
    };
    summary.sources.iter().filter_map(|source| Some((source.name.clone(), of(&source.name)?))).collect()
}

/// Prints the summary as the one JSON object, or as a person reads it.
pub fn show(summary: &Summary, json: bool) -> Result<(), Error> {
    if json { output::print_json(summary) } else { output::print(summary::render(summary)) }
}
