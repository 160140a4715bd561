//! Figures of a lake: volume, backlog, times, SLA, satisfaction, choices, fill rates, freshness.
//!
//! The tickets become one frame of narrow columns, and Polars answers every question from it.

mod charts;
mod fields;
mod frame;
mod grouping;
mod page;
mod questions;
mod rows;
mod sections;
mod series;
mod text;

use std::collections::{BTreeMap, HashMap};

use jiff::{Timestamp, Zoned, civil::Date, tz::TimeZone};
use polars::prelude::PolarsResult;
use serde::Serialize;

pub use self::{
    charts::bar,
    frame::{Figures, Ratings, Sla, Times},
    grouping::GroupBy,
    page::page,
    questions::{
        Backlog, Chosen, Count, DayCount, DayOpen, Fill, Pause, Policy, Rated, Recent, Rescued, Satisfaction,
        Standing, Top, Volume, Word,
    },
    sections::Style,
    text::render,
};
use self::{
    fields::SourceColumns,
    frame::{by_value, figures, groups, measured, share},
    grouping::Key,
    rows::{Form, Looked, Reader, Source, TAGS, counting, kept},
};
use crate::{
    columns::RESCUED,
    error::Error,
    lake::Lake,
    status::{self, LakeStatus},
};

/// Days that are compared with as many before them.
const RECENT_DAYS: u32 = 30;

/// Which tickets are counted, by the date of their creation in the lake's zone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Window {
    pub since: Option<Date>,
    /// Left out itself.
    pub until: Option<Date>,
}

impl Window {
    pub fn is_limited(&self) -> bool {
        self.since.is_some() || self.until.is_some()
    }
}

/// The report. Figures that no ticket tells are null.
#[derive(Debug, Serialize)]
pub struct Report {
    pub command: &'static str,
    pub at: Timestamp,
    /// The lake's folder.
    pub lake: String,
    /// Decides which day and hour a moment belongs to.
    pub timezone: String,
    #[serde(flatten)]
    pub window: Window,
    pub group_by: Option<GroupBy>,
    /// Tickets of the window that are left out because they were deleted at their source.
    pub deleted: u64,
    /// The day up to which the lake is read; it is not over.
    pub as_of: Date,
    /// The last thirty days against the thirty before; null where a window was asked for.
    pub recent: Option<Recent>,
    pub all: Figures,
    pub sources: Vec<SourceFigures>,
    pub groups: Option<Groups>,
    pub volume: Volume,
    pub backlog: Backlog,
    pub standings: Vec<Standing>,
    /// By policy; null where no ticket has an agreement.
    pub sla: Option<Vec<Policy>>,
    pub pauses: Option<Vec<Pause>>,
    pub satisfaction: Option<Satisfaction>,
    pub tags: Top,
    pub options: Vec<Chosen>,
    pub fields: Vec<Fill>,
    pub rescued: Vec<Rescued>,
    /// As `ticketlake status` has it.
    pub freshness: LakeStatus,
}

/// The main figures of a source.
#[derive(Debug, Serialize)]
pub struct SourceFigures {
    pub name: String,
    #[serde(flatten)]
    pub figures: Figures,
}

/// The main figures by group.
#[derive(Debug, Serialize)]
pub struct Groups {
    /// Different groups, that of tickets without a value among them.
    pub distinct: u64,
    /// The largest first, at most a hundred.
    pub shown: Vec<Group>,
}

/// A group and its figures.
#[derive(Debug, Serialize)]
pub struct Group {
    /// Null for tickets without a value.
    pub value: Option<String>,
    #[serde(flatten)]
    pub figures: Figures,
}

/// What is reported.
#[derive(Debug, Default)]
pub struct Asked {
    pub window: Window,
    /// A column or a label by which the main figures are broken down.
    pub group_by: Option<String>,
    /// By source, the ranks of words of satisfaction.
    pub scales: BTreeMap<String, BTreeMap<String, i64>>,
}

/// Reads the sources of these names. `zone` is the lake's.
pub fn read(lake: &Lake, zone: &TimeZone, names: &[String], asked: &Asked) -> Result<Report, Error> {
    let columns = names.iter().map(|name| SourceColumns::read(lake, name)).collect::<Result<Vec<_>, _>>()?;
    let (group_by, keys) = match &asked.group_by {
        Some(column) => {
            let (by, keys) = grouping::resolve(column, &columns)?;
            (Some(by), keys.into_iter().map(Some).collect())
        }
        None => (None, vec![None; columns.len()]),
    };
    let mut reader = Reader::new(lake, zone, asked.window);
    let mut sources = Vec::new();
    for (columns, group) in columns.iter().zip(keys) {
        let scale = asked.scales.get(&columns.name).cloned().unwrap_or_default();
        let names = rows::names(lake, &columns.name)?;
        let mut source = source(columns, group, scale, names);
        reader.add(&mut source)?;
        sources.push(source);
    }
    reader.frame.rechunk_mut();
    let freshness = status::read(lake, names)?;
    let frame = Frame { lake, zone, asked, reader, sources, group_by, freshness };
    frame.report().map_err(counting)
}

fn source(
    columns: &SourceColumns,
    group: Option<Key>,
    scale: BTreeMap<String, i64>,
    names: [HashMap<i64, String>; 2],
) -> Source<'_> {
    let own = [TAGS, RESCUED].map(|column| Looked { column: column.to_owned(), form: Form::Several });
    let choices: Vec<Looked> = own.into_iter().chain(columns.choices()).collect();
    Source {
        columns,
        group,
        scale,
        names,
        deleted: 0,
        filled: vec![0; columns.filled().len()],
        chosen: vec![Default::default(); choices.len()],
        choices,
    }
}

/// Everything that was read.
struct Frame<'a> {
    lake: &'a Lake,
    zone: &'a TimeZone,
    asked: &'a Asked,
    reader: Reader<'a>,
    sources: Vec<Source<'a>>,
    group_by: Option<GroupBy>,
    freshness: LakeStatus,
}

impl Frame<'_> {
    fn report(self) -> PolarsResult<Report> {
        let (rows, words, window) = (&self.reader.frame, &self.reader.words, self.asked.window);
        let volume = questions::volume(rows, words)?;
        let as_of = self.as_of(&volume);
        let mut by_source = BTreeMap::new();
        for ([name], rows) in groups(&measured(rows, [kept::SOURCE])?, words, [kept::SOURCE], usize::MAX)?.0 {
            by_source.insert(name.text(), rows);
        }
        let mut told = Vec::new();
        for Source { columns, .. } in &self.sources {
            let rows = by_source.get(&Some(columns.name.clone())).cloned().unwrap_or_else(|| rows.clear());
            told.push(SourceFigures { name: columns.name.clone(), figures: figures(&rows)? });
        }
        let fills =
            self.sources.iter().zip(&told).flat_map(|(source, told)| fills(source, told.figures.tickets));
        Ok(Report {
            command: "report",
            at: Timestamp::now(),
            lake: self.lake.place().to_string(),
            timezone: self.zone.iana_name().unwrap_or("UTC").to_owned(),
            window,
            deleted: self.sources.iter().map(|source| source.deleted).sum(),
            as_of,
            recent: (!window.is_limited())
                .then(|| questions::recent(rows, as_of, RECENT_DAYS))
                .transpose()?,
            all: figures(rows)?,
            groups: self.group_by.is_some().then(|| self.groups()).transpose()?,
            backlog: questions::backlog(rows, words, window.until)?,
            standings: questions::standings(rows, words)?,
            sla: questions::policies(rows, words)?,
            pauses: questions::pauses(rows, words)?,
            satisfaction: questions::satisfaction(rows, words)?,
            tags: self.tags(),
            options: self.sources.iter().flat_map(|source| self.options(source)).collect(),
            fields: fills.collect(),
            rescued: self.sources.iter().map(|source| self.rescued(source)).collect(),
            sources: told,
            volume,
            group_by: self.group_by,
            freshness: self.freshness,
        })
    }

    /// The day up to which the lake is complete; of a lake without a state the day after its newest ticket.
    fn as_of(&self, volume: &Volume) -> Date {
        let read =
            self.freshness.sources.iter().filter_map(|source| source.complete_at.max(source.cursor)).max();
        let now = Zoned::now().with_time_zone(self.zone.clone()).date();
        let newest = || volume.days.last().and_then(|day| day.date.tomorrow().ok());
        read.map(|at| at.to_zoned(self.zone.clone()).date()).or_else(newest).unwrap_or(now).min(now)
    }

    fn groups(&self) -> PolarsResult<Groups> {
        let words = &self.reader.words;
        let (parts, distinct) = groups(
            &by_value(&measured(&self.reader.frame, [kept::GROUP])?)?,
            words,
            [kept::GROUP],
            questions::TOP,
        )?;
        let group = |([value], rows): ([frame::Cell<'_>; 1], _)| {
            Ok(Group { value: value.text(), figures: figures(&rows)? })
        };
        Ok(Groups { distinct, shown: parts.into_iter().map(group).collect::<PolarsResult<_>>()? })
    }

    fn tags(&self) -> Top {
        let mut tickets = 0;
        let mut sum = HashMap::new();
        for (of_source, values) in self.sources.iter().filter_map(|source| source.chosen.first()) {
            tickets += of_source;
            values.iter().for_each(|(value, tickets)| *sum.entry(*value).or_default() += tickets);
        }
        questions::top(tickets, &sum, &self.reader.words)
    }

    fn options<'a>(&'a self, source: &'a Source<'_>) -> impl Iterator<Item = Chosen> + 'a {
        let fields = source.choices.iter().zip(&source.chosen).skip(2);
        fields.map(|(Looked { column, .. }, (tickets, values))| Chosen {
            source: source.columns.name.clone(),
            column: column.clone(),
            label: source.columns.label(column).to_owned(),
            top: questions::top(*tickets, values, &self.reader.words),
        })
    }

    fn rescued(&self, source: &Source<'_>) -> Rescued {
        let (tickets, values) = source.chosen.get(1).cloned().unwrap_or_default();
        let by_key =
            values.into_iter().map(|(key, tickets)| (self.reader.words.text(key).to_owned(), tickets));
        Rescued { source: source.columns.name.clone(), tickets, by_key: by_key.collect() }
    }
}

fn fills(source: &Source<'_>, tickets: u64) -> Vec<Fill> {
    let columns = source.columns.filled().into_iter().zip(&source.filled);
    let fill = |((column, label), filled): (_, &u64)| Fill {
        source: source.columns.name.clone(),
        column,
        label,
        filled: *filled,
        share: share(*filled, tickets),
    };
    columns.map(fill).collect()
}
