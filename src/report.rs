//! How the desk is doing, told from the lake: volume, backlog, speed, agreements, satisfaction, choices, fillings, runs.
//!
//! The tickets are read once, chunk by chunk, lazily and only what is needed of them; every question is a count of rows
//! by some columns, and the counts of all chunks are summed. So memory grows with what is told, not with the lake.

mod agreements;
mod backlog;
mod charts;
mod choices;
mod chunks;
mod fields;
mod filling;
mod grouping;
mod measures;
mod page;
mod rows;
mod satisfaction;
mod sections;
mod series;
mod standing;
mod sums;
mod tally;
mod text;
mod times;
mod volume;

use jiff::{Timestamp, civil::Date, tz::TimeZone};
use serde::Serialize;

pub use self::{
    agreements::{Pause, Policy},
    backlog::{Backlog, DayOpen},
    charts::bar,
    choices::{Chosen, Count, Top},
    filling::{Fill, Rescued},
    grouping::GroupBy,
    measures::{Figures, Ratings, Sla},
    page::page,
    satisfaction::{Rated, Satisfaction, Word},
    standing::Standing,
    text::render,
    times::Times,
    volume::{DayCount, Volume},
};
use self::{fields::SourceColumns, grouping::Key, rows::Wanted, sums::Sums};
use crate::{
    error::Error,
    lake::Lake,
    status::{self, LakeStatus},
};

/// The tickets that are told of, by the date of their creation in the lake's zone.
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

/// What is told. Figures that no ticket tells are null.
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
    /// Tickets of the window that are left out, since they are gone at their source.
    pub deleted: u64,
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
    /// As `ticketlake status` tells it.
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

/// Reads the sources of these names. `zone` is the lake's. With `group_by` the main figures are broken down by a column.
pub fn read(
    lake: &Lake,
    zone: &TimeZone,
    names: &[String],
    window: Window,
    group_by: Option<&str>,
) -> Result<Report, Error> {
    let timezone = zone.iana_name().unwrap_or("UTC").to_owned();
    let columns = names.iter().map(|name| SourceColumns::read(lake, name)).collect::<Result<Vec<_>, _>>()?;
    let (group_by, keys) = match group_by {
        Some(asked) => grouping::resolve(asked, &columns).map(|(by, keys)| (Some(by), keys))?,
        None => (None, vec![Key::Missing; columns.len()]),
    };
    let mut sums = Sums::new(group_by.is_some());
    for (source, key) in columns.iter().zip(&keys) {
        let filled = source.filled();
        let wanted = Wanted {
            zone: zone.clone(),
            created: rows::bounds(&window, zone),
            choices: source.choices(),
            group: if let Key::Column(looked) = key { Some(looked.clone()) } else { None },
            filled: filled.iter().map(|(name, _)| name.clone()).collect(),
        };
        sums.begin(source, &wanted, *key == Key::Source);
        chunks::each(lake, &source.name, &window, &wanted, |rows| sums.add(rows).map_err(sums::counting))?;
        sums.end(&filled);
    }
    let freshness = status::read(lake, names)?;
    Ok(sums.report(lake, timezone, window, group_by, freshness))
}
