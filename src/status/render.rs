//! How a person reads the state of a lake: sources, runs, and what is left to do.

use std::time::Duration;

use comfy_table::{Cell, Table};
use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{
    Begun, LakeStatus, Pages, SourceStatus,
    grid::{grid, share},
};
use crate::{
    figures,
    summary::reason,
    tables::{right, wrapped},
};

/// Text of several lines, the last one ended; no colours. Moments are shown in `zone`.
pub fn render(status: &LakeStatus, zone: &TimeZone) -> String {
    if !status.exists {
        return format!("There is no lake at {} yet; `ticketlake sync` makes it.\n", status.lake);
    }
    let mut text = format!("Lake {}\n", status.lake);
    if let Some(holder) = &status.held_by {
        text += &format!("A run works on it: {holder}\n");
    }
    if status.sources.is_empty() {
        text += "No source has left anything in it yet; `ticketlake sync` does.\n";
    } else {
        text += &format!("{}\n", sources(&status.sources, zone));
    }
    for source in &status.sources {
        for gap in &source.gaps {
            text += &format!("{}: {}\n", source.name, gap.describe());
        }
        for begun in &source.begun {
            text += &format!("{}: {}\n", source.name, reading(begun, source, zone));
        }
    }
    if !status.runs.is_empty() {
        text += &format!("Last runs\n{}\n", runs(status, zone));
    }
    for left in &status.work_left {
        text += &format!("To do: {left}\n");
    }
    text
}

fn sources(sources: &[SourceStatus], zone: &TimeZone) -> Table {
    let mut table = wrapped([
        "source",
        "kind",
        "tickets",
        "partitions",
        "from",
        "to",
        "size",
        "up to",
        "complete",
        "last run",
    ]);
    for source in sources {
        let word = |text: &Option<String>| Cell::new(text.as_deref().unwrap_or("–"));
        table.add_row([
            Cell::new(&source.name),
            word(&source.kind),
            right(figures::count(source.rows)),
            right(figures::count(source.partitions as u64)),
            word(&source.first_partition),
            word(&source.last_partition),
            right(figures::size(source.bytes)),
            Cell::new(moment(source.cursor, zone)),
            Cell::new(source.seconds_ago.map_or_else(
                || "never".to_owned(),
                |seconds| format!("{} ago", figures::span(Duration::from_secs(seconds))),
            )),
            Cell::new(source.last_run.as_ref().map_or("–", |run| run.outcome.name())),
        ]);
    }
    table
}

fn runs(status: &LakeStatus, zone: &TimeZone) -> Table {
    let mut table = wrapped(["run", "command", "began", "time", "outcome"]);
    for run in &status.runs {
        let ended = run.finished_at.unwrap_or(run.started_at);
        let took = ended.duration_since(run.started_at).unsigned_abs();
        let errors = run.errors.iter().map(|(source, why)| format!("{source}: {}", reason(source, why)));
        let lines: Vec<String> = [run.outcome.name().to_owned()].into_iter().chain(errors).collect();
        table.add_row([
            Cell::new(&run.run_id),
            Cell::new(&run.command),
            Cell::new(moment(Some(run.started_at), zone)),
            right(figures::span(took)),
            Cell::new(lines.join("\n")),
        ]);
    }
    table
}

pub(super) fn moment(at: Option<Timestamp>, zone: &TimeZone) -> String {
    at.map_or_else(|| "–".to_owned(), |at| at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string())
}

/// What is done and what is left of a reading that was not finished.
fn reading(begun: &Begun, source: &SourceStatus, zone: &TimeZone) -> String {
    let since = moment(Some(begun.at), zone);
    if let Some(Pages { read, of }) = &begun.pages {
        let of = of.unwrap_or(*read).max(*read);
        let (cells, read, of) = (share(*read, of), figures::count(*read), figures::count(of));
        return format!(
            "reading since {since}, page by page {cells} {read} of {of} tickets (█ done, ░ left)"
        );
    }
    let first = source.first_partition.as_deref().and_then(|day| day.parse::<Date>().ok());
    let first = first.and_then(|day| day.to_zoned(zone.clone()).ok()).map(|day| day.timestamp());
    let latest = begun.at.as_second();
    let cells = grid(begun.range, &begun.done, first.map_or(latest - 86_400, Timestamp::as_second), latest);
    let day = |second: Option<i64>, open: &str| {
        second
            .and_then(|second| Timestamp::from_second(second).ok())
            .map_or_else(|| open.to_owned(), |at| at.to_zoned(zone.clone()).strftime("%Y-%m-%d").to_string())
    };
    let (from, to) = (day(begun.range.from, "the beginning"), day(begun.range.to, "now"));
    format!("reading since {since}, {from} {cells} {to} (█ done, ░ left)")
}
