//! The report on a terminal: short tables with bars, and charts made of characters.

use comfy_table::Cell;
use unicode_width::UnicodeWidthStr;

use super::{
    Report,
    charts::{bar, line, shade},
    sections::{Chart, Item, Section, Table, sections, title},
    series::Series,
};
use crate::{
    figures::count,
    tables::{plain, right},
};

/// Rows of a table; `--json` and `--html` tell more.
const ROWS: usize = 12;
/// More tables than these are told as one, with the first rows of each.
const TABLES: usize = 3;
const FIRST: usize = 3;
/// Days that are told one by one.
const DAYS: usize = 14;
/// The longest bar, in columns of the terminal.
const BAR: u64 = 24;
/// A label or a value is cut to this width.
const WIDEST: usize = 40;
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Text of several lines, the last one ended; no colours.
pub fn render(report: &Report) -> String {
    let mut text = title(report).join("\n") + "\n";
    for section in sections(report) {
        text += &format!("\n{}\n", rendered(&section));
    }
    text
}

fn rendered(section: &Section) -> String {
    let charts = section.charts.iter().filter_map(chart);
    let tables: Vec<String> = match section.tables.as_slice() {
        many if many.len() > TABLES => vec![table(&joined(many))],
        few => few.iter().map(table).collect(),
    };
    let parts = [section.title.clone()].into_iter().chain(charts).chain(tables);
    parts.chain(section.notes.iter().cloned()).collect::<Vec<_>>().join("\n")
}

/// One table of many: their first rows, with what each was called.
fn joined(tables: &[Table]) -> Table {
    let title = |data: &Table| data.head.first().cloned().unwrap_or_default();
    let mut rows: Vec<Vec<Item>> = Vec::new();
    for data in tables {
        for (number, row) in data.rows.iter().take(FIRST).enumerate() {
            let name = if number == 0 { title(data) } else { String::new() };
            rows.push([Item::Text(name)].into_iter().chain(row.iter().cloned()).collect());
        }
    }
    let head = tables.first().map(|data| data.head.clone()).unwrap_or_default();
    let head = ["field".to_owned(), "value".to_owned()].into_iter().chain(head.into_iter().skip(1));
    let (of, bar) = (rows.len() as u64, tables.first().and_then(|data| data.bar).map(|bar| bar + 1));
    Table { head: head.collect(), rows, bar, of, whole: true, latest: false }
}

/// Bars of a table stand in the table.
fn chart(chart: &Chart) -> Option<String> {
    match chart {
        Chart::Bars { series, .. } => over_time(series, "one column a"),
        Chart::Line { series, .. } => over_time(series, "at the end of each"),
        Chart::Week(hours) => Some(week(hours)),
        Chart::Rows { .. } => None,
    }
}

fn over_time(series: &Series, what: &str) -> Option<String> {
    let (first, last) = (series.begins.first()?, series.begins.last()?);
    let most = series.values.iter().copied().max()?;
    let unit = series.unit.name();
    Some(format!(
        "{}\n{what} {unit} from {first} to {last}, the highest {}",
        line(&series.values),
        count(most)
    ))
}

fn week(hours: &[[u64; 24]; 7]) -> String {
    let most = hours.iter().flatten().copied().max().unwrap_or_default();
    let scale: String = (0..24).step_by(3).map(|hour| format!("{hour:<6}")).collect();
    let mut lines = vec![format!("     {}", scale.trim_end())];
    for (name, day) in WEEKDAYS.iter().zip(hours) {
        let cells: String = day.iter().flat_map(|tickets| [shade(*tickets, most); 2]).collect();
        lines.push(format!("{name}  {cells}  {}", count(day.iter().sum())));
    }
    lines.join("\n")
}

fn table(data: &Table) -> String {
    let rows: Vec<&Vec<Item>> = if data.latest {
        data.rows.iter().skip(data.rows.len().saturating_sub(DAYS)).collect()
    } else {
        data.rows.iter().take(if data.whole { usize::MAX } else { ROWS }).collect()
    };
    let size = |row: &[Item]| row.get(data.bar?)?.size();
    let highest = |row: &[Item]| row.get(data.bar?)?.highest();
    let most = rows.iter().filter_map(|row| highest(row)).chain(rows.iter().filter_map(|row| size(row)));
    let most = most.fold(0.0, f64::max);
    let mut head = data.head.clone();
    head.extend(data.bar.map(|_| String::new()));
    let mut table = plain(head);
    for row in &rows {
        let mut cells: Vec<Cell> = row.iter().map(cell).collect();
        cells
            .extend(data.bar.map(|_| Cell::new(size(row).map_or_else(String::new, |size| part(size, most)))));
        table.add_row(cells);
    }
    let left = data.of.saturating_sub(rows.len() as u64);
    match (left, data.latest) {
        (0, _) | (_, true) => table.to_string(),
        (left, false) => format!("{table}\n… and {} more", count(left)),
    }
}

/// Bars know whole numbers: a thousandth of the longest one is fine enough.
fn part(size: f64, most: f64) -> String {
    const WHOLE: u64 = 1000;
    if most <= 0.0 { String::new() } else { bar((size / most * WHOLE as f64).ceil() as u64, WHOLE, BAR) }
}

fn cell(item: &Item) -> Cell {
    let text = cut(&item.shown());
    if item.is_number() { right(text) } else { Cell::new(text) }
}

/// A text that is not wider than a table bears.
fn cut(text: &str) -> String {
    if text.width() <= WIDEST {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        short.push(c);
        if short.width() >= WIDEST {
            short.pop();
            break;
        }
    }
    short + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_values_line_up_and_long_ones_are_cut() {
        let row = |name: &str, tickets| vec![Item::Value(Some(name.to_owned())), Item::Count(Some(tickets))];
        let data = Table {
            head: vec!["问题类型".to_owned(), "tickets".to_owned()],
            rows: vec![row("退款\u{1b}[31m 🎫", 10), row(&"长".repeat(200), 5), row("", 0)],
            bar: Some(1),
            of: 3,
            whole: false,
            latest: false,
        };
        let text = table(&data);
        let widths: Vec<usize> = text.lines().map(UnicodeWidthStr::width).collect();
        assert!(widths.iter().all(|width| *width == widths[0] && *width < 90), "{text}");
        assert!(!text.contains('\u{1b}') && text.contains("长…") && text.contains("(empty)"), "{text}");
        assert!(text.contains(&"█".repeat(24)) && !text.contains(&"█".repeat(25)), "{text}");
    }

    #[test]
    fn a_week_has_seven_lines() {
        let mut hours = [[0; 24]; 7];
        hours[6][23] = 9;
        let text = week(&hours);
        assert_eq!(text.lines().count(), 8);
        assert!(text.ends_with("██  9"), "{text}");
    }
}
