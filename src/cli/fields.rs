//! `ticketlake fields`: what it takes.

use super::Context;
use crate::{error::Error, exit::Exit};

const AFTER_HELP: &str = "\
Examples:
  ticketlake fields
  ticketlake fields --source support --json | jq .";

/// Show the custom-field definitions as the lake understands them, with options and paths resolved
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {}

/// Prints the definitions.
pub async fn run(context: &Context, _args: &Args) -> Result<Exit, Error> {
    let _ = context.offline()?;
    Err(Error::Unexpected("fields is not joined to the command line yet".to_owned()))
}
