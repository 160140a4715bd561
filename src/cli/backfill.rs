//! `ticketlake backfill`: what it takes.

use std::{path::PathBuf, time::Duration};

use clap::ValueHint;

use super::{Context, sync, window};
use crate::{
    config::quantity,
    error::Error,
    exit::Exit,
    sync::{Accept, Task},
};

const AFTER_HELP: &str = "\
Dates are days of the lake's time zone; --until itself is left out. An instant, as
2024-01-01T08:00:00+08:00, is taken too. Both mean the time at which a ticket was created.

A row is replaced only by one that is not older, and where the nightly `sync` goes on is not moved:
a backfill can be run at any time, interrupted and repeated. The same window given again goes on with
what is left of it. Tickets of the window that are gone from the source are marked as deleted.

A source that cannot filter by date is read whole, and only the window's partitions are written;
`ticketlake plan --since … --until …` says what it will cost.

Exit codes: as for `sync`.

Examples:
  ticketlake backfill --since 2024-01-01 --until 2024-07-01
  ticketlake backfill --since 2024-06-30 --source support --deadline 2h";

/// Read the tickets that were created in a window again
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The first day of the window, or an instant
    #[arg(long, value_name = "DATE", value_parser = window::moment)]
    pub since: String,

    /// The day after the last one of the window, or an instant [default: now]
    #[arg(long, value_name = "DATE", value_parser = window::moment)]
    pub until: Option<String>,

    /// Stop cleanly after this time, as 45m or 2h; the same window given again goes on where this run stopped
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

    /// Write the run's figures into this file at its end, for Prometheus (node_exporter's textfile collector: *.prom)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub metrics_file: Option<PathBuf>,
}

/// Reads the window into the lake and prints the summary.
pub async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let config = context.config()?;
    let range = window::window(&args.since, args.until.as_deref(), &config.lake.timezone)?;
    let accept = Accept { few: args.accept, deletes: args.accept_deletes, gaps: args.accept_gaps };
    let task = Task::Backfill { range, accept };
    sync::perform_on(context, &config, task, args.deadline).await
}
