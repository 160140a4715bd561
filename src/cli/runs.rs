//! `ticketlake runs`: the records that runs left in the lake.

use serde_json::{Value, json};

use super::{Context, looking, output};
use crate::{
    error::Error,
    exit::Exit,
    lake::{Lake, runs},
    status,
    summary::{self, Summary},
};

const AFTER_HELP: &str = "\
No source is asked and no secret is needed. With --lake no configuration is needed either.
An identifier may be cut short, and `last` is the newest.

JSON: lake and runs[], the newest first; of `show` the record itself, as `sync --json` printed it.

Examples:
  ticketlake runs
  ticketlake runs show last
  ticketlake runs show 20261122T0300 --json | jq '.sources[].error'";

/// Show past runs: when, how long, what they did, how they ended and why
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    #[command(subcommand)]
    pub what: Option<What>,

    /// How many runs are listed
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    pub limit: usize,
}

/// One of them.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum What {
    /// Show the whole record of one run
    Show {
        /// The run's identifier, the beginning of it, or `last`
        run_id: String,
    },
}

/// Prints the list, or one record.
pub async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let (lake, zone, _) = looking::lake_and_sources(context)?;
    let place = lake.place().to_string();
    if let Some(What::Show { run_id }) = &args.what {
        show(context, &lake, run_id)?;
        return Ok(Exit::Complete);
    }
    let is_held = crate::lake::lock::holder(&lake)?.is_some();
    let past: Vec<Summary> = runs::last(&lake, args.limit)?;
    let mut past: Vec<Summary> = past.into_iter().map(|run| run.as_of_now(is_held)).collect();
    let asked = &context.global.sources;
    past.retain(|run| asked.is_empty() || run.sources.iter().any(|source| asked.contains(&source.name)));
    match context.global.json {
        true => output::print_json(&json!({ "lake": place, "runs": past }))?,
        false => output::print(status::render_runs(&past, &place, &zone))?,
    }
    Ok(Exit::Complete)
}

fn show(context: &Context, lake: &Lake, run_id: &str) -> Result<(), Error> {
    let record: Value = match runs::find(lake, run_id)? {
        runs::Found::One(record) => record,
        runs::Found::Not(several) if several.is_empty() => {
            return Err(Error::Usage(format!(
                "runs show: {} has no record of a run \"{run_id}\"; `ticketlake runs` lists them",
                lake.place()
            )));
        }
        runs::Found::Not(several) => {
            let why = format!("runs show: several runs begin with \"{run_id}\": {}", several.join(", "));
            return Err(Error::Usage(why));
        }
    };
    if context.global.json {
        return output::print_json(&record);
    }
    match serde_json::from_value::<Summary>(record.clone()) {
        Ok(summary) => output::print(summary::render(&summary)),
        // Written by another version: its keys tell themselves.
        Err(_) => output::print_json(&record),
    }
}
