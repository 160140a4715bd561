//! The report as a person reads it, on a terminal and on a page alike: sections with tables and charts.

mod content;
mod headline;
mod time;

use jiff::{Timestamp, civil::Date, tz::TimeZone};

pub use self::headline::{Headline, headline, warnings};
use super::{Report, series::Series};
use crate::{
    figures,
    messages::{Lang, Message, report as say},
};

/// How the report is written.
#[derive(Debug, Clone, Default)]
pub struct Style {
    pub lang: Lang,
    /// In place of the usual one.
    pub title: Option<String>,
}

/// Tables and charts under one title.
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
    /// Bars or a line over time.
    Time { is_line: bool, name: &'static str, caption: String, series: Series },
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

    fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Adds a table, if it has rows.
    fn table(mut self, table: Table) -> Self {
        self.tables.extend(Some(table).filter(|table| !table.rows.is_empty()));
        self
    }

    /// Adds a table and bars for these of its columns.
    fn drawn(mut self, table: Table, columns: &[usize]) -> Self {
        if !table.rows.is_empty() {
            self.charts.push(Chart::Rows { table: self.tables.len(), columns: columns.to_vec() });
        }
        self.table(table)
    }
}

impl Table {
    fn new(lang: Lang, head: &[Message], rows: Vec<Vec<Item>>) -> Self {
        let head = head.iter().map(|name| name.text(lang).to_owned()).collect();
        Self { head, of: rows.len() as u64, rows, bar: None, whole: false, latest: false }
    }

    fn bar(self, column: usize) -> Self {
        Self { bar: Some(column), ..self }
    }

    /// The size of the cell with a bar, and of the longest bar.
    pub fn bars(&self) -> (impl Fn(&[Item]) -> Option<f64>, f64) {
        let column = self.bar;
        let size = move |row: &[Item]| row.get(column?)?.size();
        let highest = |row: &Vec<Item>| row.get(column?)?.highest();
        let most = self.rows.iter().filter_map(|row| highest(row).or(size(row))).fold(0.0, f64::max);
        (size, most)
    }
}

impl Item {
    fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    fn value(text: &Option<String>) -> Self {
        Self::Value(text.clone())
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
    pub fn shown(&self, lang: Lang) -> String {
        let known = |text: Option<String>| text.unwrap_or_else(|| say::NOT_KNOWN.text(lang).to_owned());
        match self {
            Self::Text(text) => shown(text),
            Self::Value(None) => say::NONE.text(lang).to_owned(),
            Self::Value(Some(text)) => {
                Some(shown(text)).filter(|text| !text.is_empty()).unwrap_or(say::EMPTY.text(lang).to_owned())
            }
            Self::Count(number) => known(number.map(figures::count)),
            Self::Day(date) => date.to_string(),
            Self::Share(share) => known(share.map(|share| format!("{:.1}%", share * 100.0))),
            Self::Rating(mean) => known(mean.map(|mean| format!("{mean:.2}"))),
            Self::Seconds(seconds) => known(seconds.map(|seconds| span(lang, seconds))),
        }
    }
}

/// The two largest units that matter.
fn span(lang: Lang, seconds: f64) -> String {
    if seconds < 9.95 {
        return say::SPAN_SECONDS.with(lang, &[("n", &format!("{seconds:.1}"))]);
    }
    let seconds = seconds.round() as u64;
    let (text, number, rest) = match seconds {
        0..60 => (say::SPAN_SECONDS, seconds, 0),
        60..3600 => (say::SPAN_MINUTES, seconds / 60, seconds % 60),
        3600..86_400 => (say::SPAN_HOURS, seconds / 3600, seconds / 60 % 60),
        _ => (say::SPAN_DAYS, seconds / 86_400, seconds / 3600 % 24),
    };
    text.with(lang, &[("n", &figures::count(number)), ("rest", &rest.to_string())])
}

/// A date as a sentence has it.
fn date(lang: Lang, date: Date) -> String {
    match lang {
        Lang::En => date.strftime("%-d %B %Y").to_string(),
        Lang::Zh => date.strftime("%Y年%-m月%-d日").to_string(),
    }
}

/// A moment in the lake's zone.
fn moment(report: &Report, at: Timestamp) -> jiff::Zoned {
    at.to_zoned(TimeZone::get(&report.timezone).unwrap_or(TimeZone::UTC))
}

pub const WEEKDAYS: [Message; 7] =
    [say::MONDAY, say::TUESDAY, say::WEDNESDAY, say::THURSDAY, say::FRIDAY, say::SATURDAY, say::SUNDAY];

/// The sections in the order of reading; those on which the lake has nothing by nature are left out.
pub fn sections(report: &Report, lang: Lang) -> Vec<Section> {
    if !report.freshness.exists {
        return Vec::new();
    }
    let told = [
        content::overview(report, lang),
        content::groups(report, lang),
        time::volume(report, lang),
        time::hours(report, lang),
        time::backlog(report, lang),
        content::statuses(report, lang),
        content::priorities(report, lang),
        content::policies(report, lang),
        content::pauses(report, lang),
        content::satisfaction(report, lang),
        content::tags(report, lang),
        content::options(report, lang),
        content::fields(report, lang),
        content::rescued(report, lang),
        content::freshness(report, lang),
    ];
    let filled = |section: &Section| !(section.tables.is_empty() && section.notes.is_empty());
    told.into_iter().filter(filled).collect()
}

/// A text on one line; what would move the cursor or turn the line is shown as a blank.
pub fn shown(text: &str) -> String {
    let turns = |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let line: String = text.chars().map(|c| if c.is_control() || turns(c) { ' ' } else { c }).collect();
    line.trim().to_owned()
}
