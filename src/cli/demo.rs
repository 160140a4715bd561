//! `ticketlake demo`: a help desk, a sync of it, and a tour of the lake.

use std::path::PathBuf;

use clap::ValueHint;

use super::{Context, output, sync};
use crate::{
    demo::{self, Settings},
    error::Error,
    exit::Exit,
    lake::Lake,
    sync::Task,
};

const AFTER_HELP: &str = "\
The demo has a folder of its own, and makes the lake in it anew each time; a folder that holds
anything else is refused. The lake that a configuration of yours names is not touched.

Examples:
  ticketlake demo
  ticketlake demo --tickets 50000 --dir /tmp/ticketlake-demo";

/// See it work: a sandbox of both vendors, a sync, and the first queries, no account needed
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Tickets of each vendor
    #[arg(long, value_name = "NUMBER", default_value_t = 10_000)]
    pub tickets: usize,

    /// The sandbox's world: the same seed gives the same tickets
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,

    /// Where the demo puts its lake and its configuration
    #[arg(long, value_name = "DIR", default_value = ".demo", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
}

/// Runs the demo.
pub async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let settings = Settings { folder: &args.dir, tickets: args.tickets, seed: args.seed };
    let desk = demo::open(settings).await?;
    let talks = !context.global.json;
    if talks {
        let tickets = crate::figures::count(args.tickets as u64);
        output::print(format!(
            "A help desk of each vendor, with {tickets} tickets, answers at {}; now a sync:\n",
            desk.address
        ))?;
    }
    let task = Task::Sync { whole: false, accept: <_>::default() };
    let exit = sync::perform_on(context, &desk.config, task, None).await?;
    if talks && exit == Exit::Complete {
        output::print(demo::tour(&Lake::open(&desk.config.lake)?, &args.dir)?)?;
    }
    Ok(exit)
}
