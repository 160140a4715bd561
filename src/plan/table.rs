//! How a person reads a plan: a table, then why each source is read so and what to know about it.

use std::time::Duration;

use comfy_table::{Cell, Table};

use super::{Forecast, Preview, RowsFrom, forecast::Window};
use crate::{
    figures,
    summary::reason,
    tables::{self, right},
};

const HEAD: [&str; 8] = ["source", "kind", "reading", "tickets", "requests", "rate", "time", "partitions"];

/// Windows that are told one by one.
const SHOWN: usize = 6;

/// Text of several lines, the last one ended; no colours.
pub fn render(preview: &Preview) -> String {
    let mut text = format!("{}\n", table(&preview.sources));
    for source in &preview.sources {
        let name = &source.name;
        if let Some(why) = &source.error {
            text += &format!("{name}: {}\n", reason(name, why));
            continue;
        }
        text += &format!("{name}: {}\n", source.why);
        if source.resumes {
            text += &format!("{name}: goes on where an earlier run stopped\n");
        }
        if source.windows.iter().any(|window| (window.from, window.to) != (None, None)) {
            text += &format!("{name}: {}\n", windows(&source.windows));
        }
        for note in &source.notes {
            text += &format!("{name}: {note}\n");
        }
    }
    let took = preview.minutes.map(|minutes| format!(", in about {}", time(minutes)));
    text += &format!(
        "`ticketlake {}` would do this{}. Nothing was written to {}\n",
        preview.command,
        took.unwrap_or_default(),
        preview.lake
    );
    text
}

fn table(sources: &[Forecast]) -> Table {
    let mut table = tables::plain(HEAD);
    for source in sources {
        let about = |count: Option<u64>| count.map_or_else(|| "?".to_owned(), figures::count);
        let rows = match source.rows_from {
            Some(RowsFrom::Lake) => format!("~{}", about(source.rows)),
            _ => about(source.rows),
        };
        let took = match (source.minutes, source.requests) {
            (Some(minutes), _) => time(minutes),
            (None, Some(_)) => "-".to_owned(),
            (None, None) => "?".to_owned(),
        };
        let partitions = match (source.partitions.rewritten_at_most, source.partitions.held) {
            (_, 0) => "all new".to_owned(),
            (at_most, held) => format!("at most {} of {}", figures::count(at_most), figures::count(held)),
        };
        let words = [source.name.as_str(), source.kind, source.reading].map(Cell::new);
        let figures = [rows, about(source.requests), source.rate.clone(), took, partitions];
        let figures = figures.map(right);
        table.add_row(words.into_iter().chain(figures));
    }
    table
}

fn windows(windows: &[Window]) -> String {
    let end = |time: Option<jiff::Timestamp>, open: &str| {
        time.map_or_else(|| open.to_owned(), |time| time.to_string())
    };
    let told = windows
        .iter()
        .take(SHOWN)
        .map(|window| format!("{} to {}", end(window.from, "the beginning"), end(window.to, "now")));
    let mut told = told.collect::<Vec<_>>().join(", ");
    if windows.len() > SHOWN {
        told += &format!(", and {} more", windows.len() - SHOWN);
    }
    format!("left to read: {told}")
}

fn time(minutes: f64) -> String {
    figures::span(Duration::try_from_secs_f64(minutes * 60.0).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::forecast::Partitions;

    #[test]
    fn a_person_reads_what_would_be_done() {
        let forecast = Forecast {
            name: "support".to_owned(),
            kind: "k",
            reading: "window",
            why: "asked".to_owned(),
            resumes: true,
            windows: vec![Window { id: None, from: None, to: Some(jiff::Timestamp::UNIX_EPOCH) }; 8],
            rows: Some(12_345),
            rows_from: Some(RowsFrom::Lake),
            requests: Some(1_000),
            rate: "60/min".to_owned(),
            minutes: Some(16.7),
            partitions: Partitions { held: 365, rewritten_at_most: 30 },
            notes: vec!["mind this".to_owned()],
            error: None,
        };
        let failed = Forecast {
            name: "shop".to_owned(),
            error: Some("source shop: no".to_owned()),
            ..forecast.clone()
        };
        let text = render(&Preview {
            command: "backfill",
            at: jiff::Timestamp::UNIX_EPOCH,
            lake: "/lake".to_owned(),
            sources: vec![forecast, failed],
            minutes: Some(16.7),
        });
        let table_end = text.find("support: asked").expect("why");
        let (table, rest) = text.split_at(table_end);
        assert!(
            table.contains("~12,345") && table.contains("16 min 42 s") && table.contains("at most 30 of 365"),
            "{table}"
        );
        assert!(
            rest.contains("the beginning to 1970-01-01T00:00:00Z") && rest.contains(", and 2 more"),
            "{rest}"
        );
        assert!(rest.contains("support: goes on") && rest.contains("support: mind this"), "{rest}");
        assert!(rest.ends_with(
            "shop: no\n`ticketlake backfill` would do this, in about 16 min 42 s. Nothing was written to /lake\n"
        ));
    }
}
