//! `ticketlake status`: what the lake holds.

use super::{Context, looking, output};
use crate::{error::Error, exit::Exit, status};

const AFTER_HELP: &str = "\
No source is asked and no secret is needed. With --lake no configuration is needed either.

Examples:
  ticketlake status
  ticketlake status --lake /data/lake --json";

/// Show what the lake holds: sources, rows, partitions, bytes, the last runs
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {}

/// Prints what the lake holds.
pub async fn run(context: &Context, _args: &Args) -> Result<Exit, Error> {
    let (lake, zone, names) = looking::lake_and_sources(context)?;
    let status = status::read(&lake, &names)?;
    match context.global.json {
        true => output::print_json(&status)?,
        false => output::print(status::render(&status, &zone))?,
    }
    Ok(Exit::Complete)
}
