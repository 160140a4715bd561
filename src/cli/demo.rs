//! `ticketlake demo`: what it takes.

use std::path::PathBuf;

use clap::ValueHint;

use super::Context;
use crate::{error::Error, exit::Exit};

const AFTER_HELP: &str = "\
The demo's folder is emptied first, so it must be a folder of its own; the lake that the
configuration names is not touched.

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
    let _ = (&context.progress, args);
    Err(Error::Unexpected("demo is not joined to the command line yet".to_owned()))
}
