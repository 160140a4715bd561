//! `ticketlake sync`: what it takes and how it ends.

use super::{Context, output};
use crate::{
    error::Error,
    exit::Exit,
    summary::{self, Summary},
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
  ticketlake sync --json -q > summary.json      for a nightly job";

/// Bring the lake up to date: every ticket and every field definition of the sources
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Read everything again, whatever earlier runs have read
    #[arg(long)]
    pub full: bool,
}

/// Reads the sources into the lake and prints the summary.
pub async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let config = context.config()?;
    let _ = (config, args.full);
    Err(Error::Unexpected("sync is not joined to the command line yet".to_owned()))
}

/// Prints the summary as the one JSON object, or as a person reads it.
pub fn show(summary: &Summary, json: bool) -> Result<(), Error> {
    if json { output::print_json(summary) } else { output::print(summary::render(summary)) }
}
