//! How well fields are filled, and what did not fit its column.

use std::collections::BTreeMap;

use polars::prelude::{DataFrame, PolarsResult};
use serde::Serialize;

use super::{
    measures::share,
    rows::{self, kept},
};

/// A field and how often it is filled.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fill {
    pub source: String,
    pub column: String,
    /// What the help desk calls it; null for a column that every source has.
    pub label: Option<String>,
    /// Tickets with a value that is neither an empty text nor an empty list.
    pub filled: u64,
    /// Of all tickets of the source, 0 to 1; null without tickets.
    pub share: Option<f64>,
}

/// Values of a source that no column took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rescued {
    pub source: String,
    /// Tickets that have any.
    pub tickets: u64,
    /// Tickets by key; of custom fields `custom_fields.NAME`.
    pub by_key: BTreeMap<String, u64>,
}

/// Fillings of one source, counted.
#[derive(Debug, Default)]
pub struct Filling {
    tickets: u64,
    filled: Vec<u64>,
    rescued: u64,
    by_key: BTreeMap<String, u64>,
}

impl Filling {
    /// Adds rows in which `columns` columns are told as filled or not.
    pub fn add(&mut self, rows: &DataFrame, columns: usize) -> PolarsResult<()> {
        self.tickets += rows.height() as u64;
        self.filled.resize(columns, 0);
        for (number, filled) in self.filled.iter_mut().enumerate() {
            let has_value = rows.column(&rows::filled(number))?.bool()?;
            *filled += has_value.sum().map_or(0, u64::from);
        }
        for text in rows.column(kept::RESCUED)?.str()?.iter().flatten() {
            self.rescued += 1;
            for key in keys(text) {
                *self.by_key.entry(key).or_default() += 1;
            }
        }
        Ok(())
    }

    /// `columns` are the names and labels of the columns, in the order of the rows that were added.
    pub fn finish(self, source: &str, columns: &[(String, Option<String>)]) -> (Vec<Fill>, Rescued) {
        let counts = self.filled.into_iter().chain(std::iter::repeat(0));
        let fill = |((column, label), filled): (&(String, Option<String>), u64)| Fill {
            source: source.to_owned(),
            column: column.clone(),
            label: label.clone(),
            filled,
            share: share(filled, self.tickets),
        };
        let fills = columns.iter().zip(counts).map(fill).collect();
        (fills, Rescued { source: source.to_owned(), tickets: self.rescued, by_key: self.by_key })
    }
}

/// The keys of a rescued object; of custom fields `custom_fields.NAME`.
fn keys(text: &str) -> Vec<String> {
    const CUSTOM: &str = "custom_fields";
    let Ok(object) = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text) else {
        return Vec::new();
    };
    let named = |(key, value): (String, serde_json::Value)| match value.as_object() {
        Some(inner) if key == CUSTOM => inner.keys().map(|name| format!("{CUSTOM}.{name}")).collect(),
        _ => vec![key],
    };
    object.into_iter().flat_map(named).collect()
}
