//! What the page's script draws, as it reads it.

use serde::Serialize;

use crate::report::sections::{Chart, Item, Section, Table};

/// Bars of rows in one chart; the table has all.
const ROWS: usize = 15;

/// One chart.
#[derive(Debug, Serialize)]
pub struct Drawing {
    /// `bars` or `line` over time, or `rows`: bars side by side.
    kind: &'static str,
    /// How a value is written: `count`, `share`, `rating`.
    format: &'static str,
    /// The end of the axis, where it is known.
    highest: Option<f64>,
    /// What the points or bars are called.
    names: Vec<String>,
    series: Vec<Drawn>,
}

/// The values of one colour.
#[derive(Debug, Serialize)]
struct Drawn {
    name: String,
    values: Vec<Option<f64>>,
}

/// The drawing of a chart; `None` for one that is a table itself.
pub fn drawing(chart: &Chart, part: &Section) -> Option<Drawing> {
    match chart {
        Chart::Bars { name, series } => Some(over_time("bars", name, series)),
        Chart::Line { name, series } => Some(over_time("line", name, series)),
        Chart::Week(_) => None,
        Chart::Rows { table, columns } => Some(rows(part.tables.get(*table)?, columns)),
    }
}

fn over_time(kind: &'static str, name: &str, series: &crate::report::series::Series) -> Drawing {
    let values = series.values.iter().map(|value| Some(*value as f64)).collect();
    Drawing {
        kind,
        format: "count",
        highest: None,
        names: series.begins.iter().map(ToString::to_string).collect(),
        series: vec![Drawn { name: name.to_owned(), values }],
    }
}

fn rows(table: &Table, columns: &[usize]) -> Drawing {
    let shown = || table.rows.iter().take(ROWS);
    let first = columns.first().and_then(|column| table.rows.first()?.get(*column));
    let drawn = |column: &usize| Drawn {
        name: table.head.get(*column).cloned().unwrap_or_default(),
        values: shown().map(|row| row.get(*column).and_then(Item::size)).collect(),
    };
    Drawing {
        kind: "rows",
        format: match first {
            Some(Item::Share(_)) => "share",
            Some(Item::Rating(_)) => "rating",
            _ => "count",
        },
        highest: first.and_then(Item::highest),
        names: names(table),
        series: columns.iter().map(drawn).collect(),
    }
}

/// The words before the numbers; a word that all rows share tells nothing.
fn names(table: &Table) -> Vec<String> {
    let words = table.rows.first().map_or(0, |row| row.iter().take_while(|item| !item.is_number()).count());
    let differs = |column: usize| {
        let mut cells = table.rows.iter().map(|row| row.get(column));
        let first = cells.next();
        cells.any(|cell| Some(cell) != first)
    };
    let telling: Vec<usize> = (0..words).filter(|column| column + 1 == words || differs(*column)).collect();
    let name = |row: &Vec<Item>| {
        let words = telling.iter().filter_map(|column| row.get(*column)).map(Item::shown);
        words.collect::<Vec<_>>().join(" · ")
    };
    table.rows.iter().take(ROWS).map(name).collect()
}
