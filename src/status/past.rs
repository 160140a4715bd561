//! How a person reads the runs that were: one line each, the reasons below it.

use comfy_table::Cell;
use jiff::tz::TimeZone;

use super::render::moment;
use crate::{
    figures,
    summary::{SourceSummary, Summary},
    tables::{right, wrapped},
};

const HEAD: [&str; 10] =
    ["run", "command", "began", "time", "read", "new", "changed", "gone", "requests", "outcome"];

/// Text of several lines, the last one ended; no colours. Moments are shown in `zone`.
pub fn render(runs: &[Summary], lake: &str, zone: &TimeZone) -> String {
    if runs.is_empty() {
        return format!("No run has left a record in {lake} yet.\n");
    }
    let mut table = wrapped(HEAD);
    for run in runs {
        let sum = |of: fn(&SourceSummary) -> u64| right(figures::count(run.sources.iter().map(of).sum()));
        let took = run.took();
        let reasons = run
            .sources
            .iter()
            .filter_map(|source| Some(format!("{}: {}", source.name, source.error.as_ref()?)));
        let lines: Vec<String> = std::iter::once(run.outcome.name().to_owned()).chain(reasons).collect();
        table.add_row([
            Cell::new(&run.run_id),
            Cell::new(&run.command),
            Cell::new(moment(Some(run.started_at), zone)),
            right(figures::span(took)),
            sum(|source| source.tickets.read),
            sum(|source| source.tickets.new),
            sum(|source| source.tickets.changed),
            sum(|source| source.tickets.deleted),
            sum(|source| source.requests.sent),
            Cell::new(lines.join("\n")),
        ]);
    }
    format!("{table}\n")
}
