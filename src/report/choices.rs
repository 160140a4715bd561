//! What was chosen most: tags, and the options of select fields and boxes.

use std::collections::BTreeMap;

use polars::prelude::{DataFrame, DataType, PolarsResult};
use serde::Serialize;

use super::{
    rows::{self, kept},
    tally::{tally, tally_elements},
};

/// Values that are told one by one; the others are only counted.
pub const TOP: usize = 100;

/// The values of a column, the most frequent first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Top {
    /// Tickets that have a value.
    pub tickets: u64,
    /// Different values.
    pub distinct: u64,
    /// At most a hundred.
    pub values: Vec<Count>,
}

/// A value and its tickets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    pub value: String,
    pub tickets: u64,
}

/// A field and what was chosen in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chosen {
    pub source: String,
    pub column: String,
    /// What the help desk calls the field.
    pub label: String,
    #[serde(flatten)]
    pub top: Top,
}

/// Values, counted.
#[derive(Debug, Default)]
pub struct Values {
    tickets: u64,
    counts: BTreeMap<String, u64>,
}

impl Values {
    /// Adds the values of a kept column: texts, or lists of texts.
    pub fn add(&mut self, rows: &DataFrame, column: &str) -> PolarsResult<()> {
        let values = rows.column(column)?;
        if matches!(values.dtype(), DataType::List(_)) {
            let lists = values.list()?;
            let filled = lists
                .amortized_iter()
                .filter(|list| list.as_ref().is_some_and(|list| !list.as_ref().is_empty()));
            self.tickets += filled.count() as u64;
            for (value, tickets) in tally_elements(rows, column, kept::ID)? {
                *self.counts.entry(value).or_default() += tickets;
            }
        } else {
            for ([value], tickets) in tally(rows, [column])? {
                let Some(value) = value.into_text() else { continue };
                self.tickets += tickets;
                *self.counts.entry(value).or_default() += tickets;
            }
        }
        Ok(())
    }

    /// Adds the values of the choice of this number.
    pub fn add_choice(&mut self, rows: &DataFrame, number: usize) -> PolarsResult<()> {
        self.add(rows, &rows::choice(number))
    }

    pub fn top(self) -> Top {
        let mut values: Vec<Count> =
            self.counts.into_iter().map(|(value, tickets)| Count { value, tickets }).collect();
        let distinct = values.len() as u64;
        values.sort_by(|a, b| b.tickets.cmp(&a.tickets).then_with(|| a.value.cmp(&b.value)));
        values.truncate(TOP);
        Top { tickets: self.tickets, distinct, values }
    }
}
