//! `ticketlake fields`: the dictionary of custom fields.

use super::{Context, looking, output};
use crate::{dictionary, error::Error, exit::Exit};

const AFTER_HELP: &str = "\
No source is asked and no secret is needed. With --lake no configuration is needed either.

Examples:
  ticketlake fields
  ticketlake fields --source support --json | jq .";

/// Show the custom-field definitions as the lake understands them, with options and paths resolved
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {}

/// Prints the definitions.
pub async fn run(context: &Context, _args: &Args) -> Result<Exit, Error> {
    let (lake, _, names) = looking::lake_and_sources(context)?;
    let dictionary = dictionary::read(&lake, &names)?;
    match context.global.json {
        true => output::print_json(&dictionary)?,
        false => output::print(dictionary::render(&dictionary))?,
    }
    Ok(Exit::Complete)
}
