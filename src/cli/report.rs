//! `ticketlake report`: how the desk is doing.

use std::path::PathBuf;

use clap::ValueHint;
use jiff::civil::Date;

use super::{Context, looking, output};
use crate::{
    error::Error,
    exit::Exit,
    report::{self, Window},
};

const AFTER_HELP: &str = "\
No source is asked and no secret is needed. With --lake no configuration is needed either.
Days and hours are those of the lake's time zone. Tickets that are gone at their source are
left out. What no ticket tells is `not known`, in JSON null.

Examples:
  ticketlake report
  ticketlake report --since 2024-01-01 --until 2024-07-01
  ticketlake report --source support --group-by 问题类型
  ticketlake report --group-by priority --json | jq '.groups.shown[] | {value, tickets}'
  ticketlake report --html desk.html";

/// Tell how the desk is doing: volumes, backlog, times, SLA, satisfaction, choices; text or a page with charts
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Only tickets created from this day on
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub since: Option<Date>,

    /// Only tickets created before this day
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub until: Option<Date>,

    /// Break the main figures down by a column, or by a custom field's label
    #[arg(long, value_name = "COLUMN")]
    pub group_by: Option<String>,

    /// Write one page with charts, which needs no network
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub html: Option<PathBuf>,
}

/// Prints the report, or writes the page.
pub async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let window = window(args)?;
    let (lake, zone, names) = looking::lake_and_sources(context)?;
    let group_by = args.group_by.clone();
    // Reading and counting keep a processor busy, and Polars waits in threads of its own.
    let report =
        tokio::task::spawn_blocking(move || report::read(&lake, &zone, &names, window, group_by.as_deref()));
    let report = report.await.map_err(|why| Error::Unexpected(why.to_string()))??;
    if let Some(file) = &args.html {
        output::put(file, report::page(&report).as_bytes())?;
    }
    match &args.html {
        _ if context.global.json => output::print_json(&report)?,
        Some(file) => output::print(format!("{} is written; open it in a browser.\n", file.display()))?,
        None => output::print(report::render(&report))?,
    }
    Ok(Exit::Complete)
}

fn day(text: &str) -> Result<Date, String> {
    let form = || "write a date as 2024-01-31".to_owned();
    let date = Date::strptime("%Y-%m-%d", text).map_err(|_| form())?;
    // `2024-1-31` would be read too.
    if date.to_string() == text { Ok(date) } else { Err(form()) }
}

fn window(args: &Args) -> Result<Window, Error> {
    match (args.since, args.until) {
        (Some(since), Some(until)) if since >= until => Err(Error::Usage(format!(
            "--since {since} does not lie before --until {until}, so that no ticket is meant; the day of --until is left out: \
             for one day, give the next one"
        ))),
        (since, until) => Ok(Window { since, until }),
    }
}
