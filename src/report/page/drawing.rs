//! What the page's script draws, as it reads it.

use serde::Serialize;

use crate::{
    messages::{Lang, report as say},
    report::sections::{Chart, Item, Section, Table},
};

/// Bars of rows in one chart; the table has all.
const ROWS: usize = 15;

/// One chart.
#[derive(Debug, Serialize)]
pub struct Drawing {
    /// `bars` or `line` over time, or `rows`: bars side by side.
    kind: &'static str,
    /// How a value is written: `count`, `share`, `rating`.
    format: &'static str,
    lang: &'static str,
    /// What stands for no value.
    not_known: &'static str,
    /// Whether the last point is of a time that is not over.
    unfinished: bool,
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
pub fn drawing(chart: &Chart, part: &Section, lang: Lang) -> Option<Drawing> {
    match chart {
        Chart::Time { is_line, name, series, .. } => {
            let kind = if *is_line { "line" } else { "bars" };
            let mut names: Vec<String> = series.begins.iter().map(ToString::to_string).collect();
            if let Some(last) = names.last_mut().filter(|_| series.unfinished) {
                *last = say::NOT_OVER.with(lang, &[("day", last)]);
            }
            let values = series.values.iter().map(|value| Some(*value as f64)).collect();
            let drawn = Drawn { name: (*name).to_owned(), values };
            let unfinished = series.unfinished;
            Some(Drawing { unfinished, ..Drawing::new(kind, "count", names, vec![drawn], lang) })
        }
        Chart::Week(_) => None,
        Chart::Rows { table, columns } => Some(rows(part.tables.get(*table)?, columns, lang)),
    }
}

impl Drawing {
    fn new(
        kind: &'static str,
        format: &'static str,
        names: Vec<String>,
        series: Vec<Drawn>,
        lang: Lang,
    ) -> Self {
        let not_known = say::NOT_KNOWN.text(lang);
        Self { kind, format, lang: lang.tag(), not_known, unfinished: false, highest: None, names, series }
    }
}

fn rows(table: &Table, columns: &[usize], lang: Lang) -> Drawing {
    let shown = || table.rows.iter().take(ROWS);
    let first = columns.first().and_then(|column| table.rows.first()?.get(*column));
    let drawn = |column: &usize| Drawn {
        name: table.head.get(*column).cloned().unwrap_or_default(),
        values: shown().map(|row| row.get(*column).and_then(Item::size)).collect(),
    };
    let format = match first {
        Some(Item::Share(_)) => "share",
        Some(Item::Rating(_)) => "rating",
        _ => "count",
    };
    let series = columns.iter().map(drawn).collect();
    Drawing {
        highest: first.and_then(Item::highest),
        ..Drawing::new("rows", format, names(table, lang), series, lang)
    }
}

/// The words before the numbers; a word that all rows share says nothing.
fn names(table: &Table, lang: Lang) -> Vec<String> {
    let words = table.rows.first().map_or(0, |row| row.iter().take_while(|item| !item.is_number()).count());
    let differs = |column: usize| {
        let mut cells = table.rows.iter().map(|row| row.get(column));
        let first = cells.next();
        cells.any(|cell| Some(cell) != first)
    };
    let telling: Vec<usize> = (0..words).filter(|column| column + 1 == words || differs(*column)).collect();
    let name = |row: &Vec<Item>| {
        let words = telling.iter().filter_map(|column| row.get(*column)).map(|item| item.shown(lang));
        words.collect::<Vec<_>>().join(" · ")
    };
    table.rows.iter().take(ROWS).map(name).collect()
}
