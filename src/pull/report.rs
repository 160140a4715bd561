//! What is told of an extract: one JSON object for scripts, a few lines for people.

use std::time::Duration;

use serde::Serialize;

use super::format::Cut;
use crate::{
    figures,
    summary::{Outcome, Summary},
};

/// As many ids and cells are named to people.
const MOST_TOLD: usize = 20;

/// An extract; the keys and their order are a promise.
#[derive(Debug, Serialize)]
pub struct Report {
    /// As of any run; `sources` has the one that was asked, and of the lake nothing is written.
    #[serde(flatten)]
    pub summary: Summary,
    /// The file as it was named; `None` where none was written, and for standard output.
    pub file: Option<String>,
    pub format: &'static str,
    pub rows: u64,
    pub columns: u64,
    /// Of the file.
    pub bytes: Option<u64>,
    /// Tickets that were asked for by id and are not at the source, ascending.
    pub missing_ids: Vec<i64>,
    /// Texts that are longer than a cell of the format.
    pub cut_cells: u64,
    #[serde(skip)]
    pub cut: Cut,
    #[serde(skip)]
    pub asked_ids: u64,
}

impl Report {
    /// Lines for a person.
    pub fn lines(&self) -> Vec<String> {
        let Some(source) = self.summary.sources.first() else { return Vec::new() };
        let mut lines = Vec::new();
        if !self.missing_ids.is_empty() {
            let some: Vec<String> = self.missing_ids.iter().take(MOST_TOLD).map(i64::to_string).collect();
            let more = if self.missing_ids.len() > MOST_TOLD { ", …" } else { "" };
            lines.push(format!(
                "{}: {} of {} ids are not at the source: {}{more}",
                source.name,
                figures::count(self.missing_ids.len() as u64),
                figures::count(self.asked_ids),
                some.join(", ")
            ));
        }
        if self.cut_cells > 0 {
            let some: Vec<String> =
                self.cut.first.iter().map(|(id, column)| format!("{column} of ticket {id}")).collect();
            let more = if self.cut_cells > some.len() as u64 { ", …" } else { "" };
            lines.push(format!(
                "{}: {} texts are longer than a cell and were cut: {}{more}; Parquet, CSV and NDJSON hold them whole",
                source.name,
                figures::count(self.cut_cells),
                some.join(", ")
            ));
        }
        if let Some(why) = &source.error {
            let left = match self.summary.outcome {
                Outcome::Incomplete => "; what was found is written",
                _ => "; nothing is written",
            };
            lines.push(format!("{}: {why}{left}", source.name));
        }
        if matches!(self.summary.outcome, Outcome::Complete | Outcome::Incomplete) {
            lines.push(self.closing(source.requests.sent, source.seconds));
        }
        lines
    }

    fn closing(&self, requests: u64, seconds: f64) -> String {
        let to = self.file.as_ref().map_or_else(|| "standard output".to_owned(), Clone::clone);
        let size = self.bytes.map_or_else(String::new, |bytes| format!(", {}", figures::size(bytes)));
        let word = match self.summary.outcome {
            Outcome::Complete => "Complete",
            _ => "Incomplete",
        };
        format!(
            "{word}: {} tickets in {} columns to {to}{size}; {} requests in {}.",
            figures::count(self.rows),
            self.columns,
            figures::count(requests),
            figures::span(Duration::try_from_secs_f64(seconds).unwrap_or_default())
        )
    }
}
