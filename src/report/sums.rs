//! The counts of all chunks, and the report that they make.

use std::collections::BTreeMap;

use jiff::Timestamp;
use polars::prelude::{Column, DataFrame, DataType, PolarsError, PolarsResult, Scalar};

use super::{
    Group, GroupBy, Groups, Report, SourceFigures, Window,
    agreements::Clocks,
    backlog::Flow,
    choices::{Chosen, TOP, Values},
    fields::SourceColumns,
    filling::{Fill, Filling, Rescued},
    measures::{Measures, measure},
    rows::{Wanted, kept},
    satisfaction::Voices,
    standing::StatusCounts,
    tally::exploded,
    volume::Arrivals,
};
use crate::{error::Error, lake::Lake, status::LakeStatus};

/// Everything that is counted.
#[derive(Debug, Default)]
pub struct Sums {
    grouped: bool,
    deleted: u64,
    sources: Vec<(String, Measures)>,
    groups: BTreeMap<Option<String>, Measures>,
    arrivals: Arrivals,
    flow: Flow,
    by_status: StatusCounts,
    clocks: Clocks,
    voices: Voices,
    tags: Values,
    options: Vec<Chosen>,
    fills: Vec<Fill>,
    rescued: Vec<Rescued>,
    open: Open,
}

/// The source that is being counted.
#[derive(Debug, Default)]
struct Open {
    name: String,
    /// Whether its name is the group.
    is_group: bool,
    /// Column and label of each choice, and what was chosen.
    choices: Vec<(String, String, Values)>,
    filled: usize,
    filling: Filling,
}

impl Sums {
    pub fn new(grouped: bool) -> Self {
        Self { grouped, ..Self::default() }
    }

    /// The next chunks are of this source.
    pub fn begin(&mut self, source: &SourceColumns, wanted: &Wanted, is_group: bool) {
        let choice = |looked: &super::rows::Looked| {
            (looked.column.clone(), source.label(&looked.column).to_owned(), Values::default())
        };
        self.open = Open {
            name: source.name.clone(),
            is_group,
            choices: wanted.choices.iter().map(choice).collect(),
            filled: wanted.filled.len(),
            filling: Filling::default(),
        };
        self.sources.push((source.name.clone(), Measures::default()));
    }

    /// Counts the kept rows of a chunk.
    pub fn add(&mut self, rows: DataFrame) -> PolarsResult<()> {
        let gone = rows.column(kept::GONE)?.bool()?;
        self.deleted += gone.sum().map_or(0, u64::from);
        let rows = rows.filter(&!gone)?;
        self.measure(&rows)?;
        let Open { name, choices, filled, filling, .. } = &mut self.open;
        self.arrivals.add(&rows)?;
        self.flow.add(name, &rows)?;
        self.by_status.add(name, &rows)?;
        self.clocks.add(&rows)?;
        self.voices.add(name, &rows)?;
        self.tags.add(&rows, kept::TAGS)?;
        for (number, (_, _, values)) in choices.iter_mut().enumerate() {
            values.add_choice(&rows, number)?;
        }
        filling.add(&rows, *filled)
    }

    fn measure(&mut self, rows: &DataFrame) -> PolarsResult<()> {
        let groups = if matches!(rows.column(kept::GROUP)?.dtype(), DataType::List(_)) {
            // A ticket with several values belongs to the group of each.
            measure(&exploded(rows, kept::GROUP, kept::ID)?)?
        } else {
            measure(rows)?
        };
        let whole = if self.grouped && groups.len() > 1 {
            let nothing =
                Column::new_scalar(kept::GROUP.into(), Scalar::null(DataType::String), rows.height());
            measure(rows.clone().with_column(nothing)?)?
        } else {
            groups.clone()
        };
        if let Some((_, sums)) = self.sources.last_mut() {
            whole.values().for_each(|measures| sums.join(measures));
        }
        if self.grouped {
            for (group, measures) in groups {
                let group = if self.open.is_group { Some(self.open.name.clone()) } else { group };
                self.groups.entry(group).or_default().join(&measures);
            }
        }
        Ok(())
    }

    /// The source is counted; `filled` are its columns as they were wanted.
    pub fn end(&mut self, filled: &[(String, Option<String>)]) {
        let Open { name, choices, filling, .. } = std::mem::take(&mut self.open);
        let chosen = |(column, label, values): (String, String, Values)| Chosen {
            source: name.clone(),
            column,
            label,
            top: values.top(),
        };
        self.options.extend(choices.into_iter().map(chosen));
        let (fills, rescued) = filling.finish(&name, filled);
        self.fills.extend(fills);
        self.rescued.push(rescued);
    }

    pub fn report(
        self,
        lake: &Lake,
        timezone: String,
        window: Window,
        group_by: Option<GroupBy>,
        freshness: LakeStatus,
    ) -> Report {
        let mut all = Measures::default();
        self.sources.iter().for_each(|(_, measures)| all.join(measures));
        let figures =
            |(name, measures): (String, Measures)| SourceFigures { name, figures: measures.figures() };
        let (sla, pauses) = self.clocks.finish();
        Report {
            command: "report",
            at: Timestamp::now(),
            lake: lake.place().to_string(),
            timezone,
            window,
            group_by,
            deleted: self.deleted,
            all: all.figures(),
            sources: self.sources.into_iter().map(figures).collect(),
            groups: self.grouped.then(|| groups(self.groups)),
            volume: self.arrivals.volume(),
            backlog: self.flow.backlog(window.until),
            standings: self.by_status.standings(),
            sla,
            pauses,
            satisfaction: self.voices.satisfaction(),
            tags: self.tags.top(),
            options: self.options,
            fields: self.fills,
            rescued: self.rescued,
            freshness,
        }
    }
}

fn groups(sums: BTreeMap<Option<String>, Measures>) -> Groups {
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(_, measures)| std::cmp::Reverse(measures.tickets()));
    let group = |(value, measures): &(Option<String>, Measures)| Group {
        value: value.clone(),
        figures: measures.figures(),
    };
    Groups { distinct: sums.len() as u64, shown: sums.iter().take(TOP).map(group).collect() }
}

/// Rows that are read can be counted, unless the program is wrong.
pub fn counting(cause: PolarsError) -> Error {
    Error::Unexpected(format!("the rows of the lake cannot be counted: {cause}"))
}
