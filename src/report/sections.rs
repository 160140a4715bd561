//! The report as a person reads it, on a terminal and on a page alike: sections with tables and charts.

mod choices;
mod desk;
mod runs;
mod service;
mod time;

use jiff::civil::Date;

use super::{Report, series::Series};
use crate::figures;

/// A question and what the lake answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    pub title: String,
    pub charts: Vec<Chart>,
    pub tables: Vec<Table>,
    /// Sentences below.
    pub notes: Vec<String>,
}

/// A picture of numbers.
#[derive(Debug, Clone, PartialEq)]
pub enum Chart {
    /// One bar for each point of time.
    Bars { name: &'static str, series: Series },
    /// A line over time.
    Line { name: &'static str, series: Series },
    /// Monday to Sunday, by hour.
    Week(Box<[[u64; 24]; 7]>),
    /// Bars for the rows of a table: its number, and the columns that are drawn, one upon the other.
    Rows { table: usize, columns: Vec<usize> },
}

/// Rows under headings.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub head: Vec<String>,
    pub rows: Vec<Vec<Item>>,
    /// The column that a bar stands beside.
    pub bar: Option<usize>,
    /// How many rows there are in the lake.
    pub of: u64,
    /// Whether no row may be left out.
    pub whole: bool,
    /// Whether the last rows matter more than the first ones.
    pub latest: bool,
}

/// What stands in a cell; `None` is not known.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    Text(String),
    /// A value of a ticket; `None` where the ticket has none.
    Value(Option<String>),
    Count(Option<u64>),
    Day(Date),
    /// 0 to 1.
    Share(Option<f64>),
    /// 1 to 5.
    Rating(Option<f64>),
    Seconds(Option<f64>),
}

impl Section {
    fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), charts: Vec::new(), tables: Vec::new(), notes: Vec::new() }
    }

    /// A section that only says why nothing is known.
    fn unknown(title: &str, why: &str) -> Self {
        Self { notes: vec![why.to_owned()], ..Self::new(title) }
    }

    /// Adds a table and bars for these of its columns.
    fn drawn(&mut self, table: Table, columns: &[usize]) {
        if !table.rows.is_empty() {
            self.charts.push(Chart::Rows { table: self.tables.len(), columns: columns.to_vec() });
            self.tables.push(table);
        }
    }
}

impl Table {
    fn new<const N: usize>(head: [&str; N], rows: Vec<Vec<Item>>) -> Self {
        let of = rows.len() as u64;
        Self { head: head.map(str::to_owned).to_vec(), rows, bar: None, of, whole: false, latest: false }
    }

    fn bar(self, column: usize) -> Self {
        Self { bar: Some(column), ..self }
    }
}

impl Item {
    fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    fn count(count: u64) -> Self {
        Self::Count(Some(count))
    }

    /// How long its bar is, as a part of 1 where the item has a highest value.
    pub fn size(&self) -> Option<f64> {
        match self {
            Self::Count(count) => count.map(|count| count as f64),
            Self::Share(number) | Self::Rating(number) | Self::Seconds(number) => *number,
            Self::Text(_) | Self::Value(_) | Self::Day(_) => None,
        }
    }

    /// The highest value that there can be.
    pub fn highest(&self) -> Option<f64> {
        match self {
            Self::Share(_) => Some(1.0),
            Self::Rating(_) => Some(5.0),
            _ => None,
        }
    }

    pub fn is_number(&self) -> bool {
        !matches!(self, Self::Text(_) | Self::Value(_) | Self::Day(_))
    }

    /// As it is written, on one line.
    pub fn shown(&self) -> String {
        let known = |text: Option<String>| text.unwrap_or_else(|| UNKNOWN.to_owned());
        match self {
            Self::Text(text) => shown(text),
            Self::Value(None) => "(none)".to_owned(),
            Self::Value(Some(text)) => {
                Some(shown(text)).filter(|text| !text.is_empty()).unwrap_or("(empty)".to_owned())
            }
            Self::Count(number) => known(number.map(figures::count)),
            Self::Day(date) => date.to_string(),
            Self::Share(share) => known(share.map(|share| format!("{:.1} %", share * 100.0))),
            Self::Rating(mean) => known(mean.map(|mean| format!("{mean:.2}"))),
            Self::Seconds(seconds) => {
                let span = seconds.and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok());
                known(span.map(figures::span))
            }
        }
    }
}

/// What stands for what no ticket tells.
const UNKNOWN: &str = "not known";

/// Points of a chart over time.
const POINTS: usize = 72;

/// What the report is about, in sentences.
pub fn title(report: &Report) -> Vec<String> {
    if !report.freshness.exists {
        return vec![format!("There is no lake at {} yet; `ticketlake sync` makes it.", report.lake)];
    }
    let created = match (report.window.since, report.window.until) {
        (None, None) => "all tickets".to_owned(),
        (Some(since), None) => format!("tickets created since {since}"),
        (None, Some(until)) => format!("tickets created before {until}"),
        (Some(since), Some(until)) => format!("tickets created from {since} on and before {until}"),
    };
    let mut lines = vec![format!("Lake {}: {created}; times of {}.", shown(&report.lake), report.timezone)];
    match report.deleted {
        0 => {}
        1 => lines.push("1 ticket is gone at its source and is left out.".to_owned()),
        gone => {
            lines.push(format!("{} tickets are gone at their source and are left out.", figures::count(gone)))
        }
    }
    lines
}

/// The sections in the order of reading; those about which the lake is silent by nature are left out.
pub fn sections(report: &Report) -> Vec<Section> {
    if !report.freshness.exists {
        return Vec::new();
    }
    let tickets = [
        Some(desk::desk(report)),
        desk::groups(report),
        time::volume(report),
        time::hours(report),
        time::backlog(report),
        desk::statuses(report),
        desk::priorities(report),
        service::policies(report),
        service::pauses(report),
        service::satisfaction(report),
        choices::tags(report),
        choices::options(report),
        choices::fields(report),
        choices::rescued(report),
    ];
    let is_shown = |section: &Section| !(section.tables.is_empty() && section.notes.is_empty());
    tickets.into_iter().flatten().filter(is_shown).chain([runs::runs(report)]).collect()
}

/// A text on one line; what would move the cursor or turn the line is shown as a blank.
pub fn shown(text: &str) -> String {
    let turns = |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let line: String = text.chars().map(|c| if c.is_control() || turns(c) { ' ' } else { c }).collect();
    line.trim().to_owned()
}
