//! How fresh and how complete the lake is.

use jiff::{Timestamp, tz::TimeZone};

use super::{Item, Section, Table, shown};
use crate::{report::Report, status::SourceStatus};

pub fn runs(report: &Report) -> Section {
    let zone = TimeZone::get(&report.timezone).unwrap_or(TimeZone::UTC);
    let moment = |at: Option<Timestamp>| match at {
        Some(at) => Item::text(at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()),
        None => Item::text("never"),
    };
    let row = |source: &SourceStatus| {
        let run = source.last_run.as_ref();
        vec![
            Item::text(&source.name),
            moment(source.cursor),
            moment(source.whole_at),
            moment(run.and_then(|run| run.finished_at)),
            Item::text(run.map_or("–", |run| run.outcome.name())),
        ]
    };
    let head = ["source", "up to", "last read whole", "last run", "outcome"];
    let mut section = Section::new("How fresh and how complete is this?");
    let rows = report.freshness.sources.iter().map(row).collect();
    section.tables.push(Table { whole: true, ..Table::new(head, rows) });
    section.notes.extend(report.freshness.work_left.iter().map(|left| format!("To do: {}", shown(left))));
    section
}
