//! `ticketlake filters`: the ticket filters that a source keeps.

use comfy_table::{Table, presets};
use serde::Serialize;

use super::{Context, output};
use crate::{
    error::Error,
    exit::Exit,
    fetch::Client,
    pull::filters,
    source,
    sync::{ReadError, StopReason},
};

const AFTER_HELP: &str = "\
The number of a filter goes into `incremental_filter` of a [[source]], or into `pull --filter`. Not every vendor keeps such filters.

JSON: command, sources[]: name, filters[] (id, name), error.

Examples:
  ticketlake filters
  ticketlake filters --agent 760 --json | jq '.sources[].filters[].id'";

/// List the ticket filters that a source keeps, for `incremental_filter` and `pull --filter`
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Only those of this agent
    #[arg(long, value_name = "ID")]
    pub agent: Option<u64>,
}

#[derive(Serialize)]
struct Listed {
    command: &'static str,
    sources: Vec<Source>,
}

#[derive(Serialize)]
struct Source {
    name: String,
    filters: Vec<Filter>,
    error: Option<String>,
}

#[derive(Serialize)]
struct Filter {
    id: u64,
    name: String,
}

/// Asks each source that keeps filters, and prints them.
pub async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let config = context.config()?;
    let (mut sources, mut ends) = (Vec::new(), Vec::new());
    for of in config.sources.iter().filter(|of| source::filters(of.kind, None).is_some()) {
        let (name, mut shown, mut error) = (of.name.clone(), Vec::new(), None);
        let read = match Client::new(of.clone()) {
            Ok(client) => filters::read(&client, args.agent).await,
            Err(why) => Err(why),
        };
        match read {
            Ok(found) => shown.extend(found.into_iter().map(|(id, name)| Filter { id, name })),
            Err(why) => {
                error = Some(why.to_string());
                ends.push(StopReason::from(ReadError::from(why)));
            }
        }
        sources.push(Source { name, filters: shown, error });
    }
    if sources.is_empty() {
        return Err(Error::Usage("no source of this configuration keeps ticket filters".to_owned()));
    }
    for why in sources.iter().filter_map(|of| of.error.as_ref()) {
        crate::terminal::tell(&format!("error: {why}"));
    }
    if context.global.json {
        output::print_json(&Listed { command: "filters", sources })?;
        return Ok(StopReason::exit(&ends));
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["source", "number", "name"]);
    for of in &sources {
        for filter in &of.filters {
            table.add_row([of.name.clone(), filter.id.to_string(), filter.name.clone()]);
        }
    }
    output::print(format!("{table}\n"))?;
    Ok(StopReason::exit(&ends))
}
