//! `ticketlake fields`: the dictionary of the lake's columns.

use super::{Context, looking, output};
use crate::{dictionary, error::Error, exit::Exit};

const AFTER_HELP: &str = "\
A column is filled in a ticket if it is not null and no empty text or list, as in `report`.
Tickets deleted at the source do not count. No source is asked and no secret is needed. With
--lake no configuration is needed either.

Examples:
  ticketlake fields
  ticketlake fields --source support --json | jq .
  ticketlake fields --all --markdown > dictionary.md";

/// Show the custom-field definitions as the lake understands them, with options and paths resolved
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Show the columns that every source has, too
    #[arg(long)]
    pub all: bool,

    /// Print Markdown, as for a page of a wiki
    #[arg(long)]
    pub markdown: bool,
}

/// Prints the definitions.
pub async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    if args.markdown && context.global.json {
        return Err(Error::Usage(
            "--markdown and --json exclude each other; leave one of them out".to_owned(),
        ));
    }
    let (lake, _, names) = looking::lake_and_sources(context)?;
    let dictionary = dictionary::read(&lake, &names, args.all)?;
    match context.global.json {
        true => output::print_json(&dictionary)?,
        false if args.markdown => output::print(dictionary::markdown(&dictionary))?,
        false => output::print(dictionary::render(&dictionary))?,
    }
    Ok(Exit::Complete)
}
