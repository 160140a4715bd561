//! `ticketlake plan`: what it takes, and how it answers.

use super::{Context, output, window};
use crate::{
    config::Config,
    error::Error,
    exit::Exit,
    plan,
    sync::{Accept, StopReason, Task},
};

const AFTER_HELP: &str = "\
Each source is asked once for its number of tickets and once for its field definitions. Nothing is
written, not even a lock. Requests are an estimate: a list that moves while it is read, and tickets
that are gone and must be asked for one by one, cost more.

JSON: command, at, lake, minutes (of the slowest source), sources[]: name, kind, reading (full,
incremental, filter, window), why, resumes, windows[] (id, from, to), rows, rows_from (source, lake),
requests, rate, minutes, partitions (held, rewritten_at_most), notes[], error. What is not known is null.

A reading of everything is cut into windows at the beginnings of months; `sync --window ID` reads one
of them anywhere, beside others, and `sync --finish` closes the reading.

Examples:
  ticketlake plan
  ticketlake plan --full --source shop
  ticketlake plan --since 2024-01-01 --until 2024-07-01     a backfill
  ticketlake plan --json | jq '.sources[].requests'";

/// Show what sync or backfill would do: windows, requests, minutes at the source's rate; nothing is written
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Plan `sync --full`
    #[arg(long, conflicts_with = "since")]
    pub full: bool,

    /// Plan a backfill from this day or instant on
    #[arg(long, value_name = "DATE", value_parser = window::moment)]
    pub since: Option<String>,

    /// The end of that backfill: the day after its last one, or an instant [default: now]
    #[arg(long, value_name = "DATE", value_parser = window::moment, requires = "since")]
    pub until: Option<String>,
}

/// Prints what would be done.
pub async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let config = context.config()?;
    let task = match &args.since {
        Some(since) => {
            let range = window::window(since, args.until.as_deref(), &config.lake.timezone)?;
            Task::Backfill { range, accept: Accept::default() }
        }
        None => Task::Sync { whole: args.full, accept: Accept::default() },
    };
    show(context, &config, task).await
}

/// Prints what the task would do, as the one JSON object or as a person reads it.
pub async fn show(context: &Context, config: &Config, task: Task) -> Result<Exit, Error> {
    let (preview, ends) = crate::sync::preview(task, config).await?;
    if context.global.json {
        output::print_json(&preview)?;
    } else {
        output::print(plan::render(&preview))?;
    }
    Ok(StopReason::exit(&ends))
}
