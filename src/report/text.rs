//! The report on a terminal: short tables with bars, and charts made of characters, all within 80 columns.

use comfy_table::Cell;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{
    Report, Style,
    charts::{bar, line, shade},
    sections::{Chart, Item, Section, Table, WEEKDAYS, headline, sections, warnings},
};
use crate::{
    figures::count,
    messages::{Lang, report as say},
    tables::{plain, right},
};

/// Rows of a table; `--json` and `--html` have more.
const ROWS: usize = 12;
/// More tables than these become one, with the first rows of each.
const TABLES: usize = 3;
const FIRST: usize = 3;
/// Days that are listed one by one.
const DAYS: usize = 14;
/// The longest bar, in columns of the terminal.
const BAR: u64 = 24;
const SHORT_BAR: u64 = 8;
/// A label or a value is cut to this width.
const WIDEST: usize = 40;
const NARROW: usize = 20;
/// The width of a terminal.
const COLUMNS: usize = 80;

/// Text of several lines, the last one ended; no colours.
pub fn render(report: &Report, style: &Style) -> String {
    let lang = style.lang;
    let top = headline(report, style);
    let warnings = warnings(report, lang);
    let mut lines: Vec<String> =
        [&top.title].into_iter().chain(&top.lines).map(|line| wrapped(line)).collect();
    if !warnings.is_empty() && report.freshness.exists {
        lines.push(String::new());
        lines.push(say::INCOMPLETE.text(lang).to_owned());
        lines.extend(warnings.into_iter().map(|why| format!("  {why}")));
    }
    let mut text = lines.join("\n") + "\n";
    let first = Some(top.section(lang)).filter(|_| report.recent.is_some() && !top.figures.is_empty());
    for section in first.into_iter().chain(sections(report, lang)) {
        text += &format!("\n{}\n", rendered(&section, lang));
    }
    text
}

fn rendered(section: &Section, lang: Lang) -> String {
    let charts = section.charts.iter().filter_map(|told| chart(told, lang));
    let tables: Vec<String> = match section.tables.as_slice() {
        many if many.len() > TABLES => vec![table(&joined(many, lang), lang)],
        few => few.iter().map(|told| table(told, lang)).collect(),
    };
    let parts = [section.title.clone()].into_iter().chain(charts).chain(tables);
    parts.chain(section.notes.iter().map(|note| wrapped(note))).collect::<Vec<_>>().join("\n")
}

/// A sentence in lines of the terminal's width, turned at blanks and, like Chinese, after wide characters.
fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    let is_end = |c: char| c == ' ' || c.width() == Some(2);
    for word in text.split_inclusive(is_end) {
        if lines.last().is_some_and(|line| line.width() + word.trim_end().width() > COLUMNS) {
            lines.push(String::new());
        }
        lines.last_mut().into_iter().for_each(|line| *line += word);
    }
    lines.iter().map(|line| line.trim_end()).collect::<Vec<_>>().join("\n")
}

/// One table of many: their first rows, with the name of each.
fn joined(tables: &[Table], lang: Lang) -> Table {
    let title = |told: &Table| told.head.first().cloned().unwrap_or_default();
    let mut rows: Vec<Vec<Item>> = Vec::new();
    for told in tables {
        for (number, row) in told.rows.iter().take(FIRST).enumerate() {
            let name = if number == 0 { title(told) } else { String::new() };
            rows.push([Item::Text(name)].into_iter().chain(row.iter().cloned()).collect());
        }
    }
    let head = tables.first().map(|told| told.head.clone()).unwrap_or_default();
    let names = [say::FIELD, say::VALUE].map(|name| name.text(lang).to_owned());
    let head = names.into_iter().chain(head.into_iter().skip(1));
    let (of, bar) = (rows.len() as u64, tables.first().and_then(|told| told.bar).map(|bar| bar + 1));
    Table { head: head.collect(), rows, bar, of, whole: true, latest: false }
}

/// Bars of a table stand in the table.
fn chart(chart: &Chart, lang: Lang) -> Option<String> {
    match chart {
        Chart::Time { series, caption, .. } => {
            Some(format!("{}\n{}", line(&series.values), wrapped(caption)))
        }
        Chart::Week(hours) => Some(week(hours, lang)),
        Chart::Rows { .. } => None,
    }
}

fn week(hours: &[[u64; 24]; 7], lang: Lang) -> String {
    let most = hours.iter().flatten().copied().max().unwrap_or_default();
    let scale: String = (0..24).step_by(3).map(|hour| format!("{hour:<6}")).collect();
    let mut lines = vec![format!("      {}", scale.trim_end())];
    for (name, day) in WEEKDAYS.iter().zip(hours) {
        let cells: String = day.iter().flat_map(|tickets| [shade(*tickets, most); 2]).collect();
        let name = name.text(lang);
        let blank = " ".repeat(6_usize.saturating_sub(name.width()));
        lines.push(format!("{name}{blank}{cells}  {}", count(day.iter().sum())));
    }
    lines.join("\n")
}

/// A table within the terminal: with bars and whole texts, else with shorter ones, else a column for each row.
fn table(told: &Table, lang: Lang) -> String {
    let rows: Vec<&Vec<Item>> = if told.latest {
        told.rows.iter().skip(told.rows.len().saturating_sub(DAYS)).collect()
    } else {
        told.rows.iter().take(if told.whole { usize::MAX } else { ROWS }).collect()
    };
    let wide = [(WIDEST, Some(BAR)), (WIDEST, Some(SHORT_BAR)), (NARROW, Some(SHORT_BAR)), (NARROW, None)];
    let fits = |text: &String| text.lines().all(|line| line.width() <= COLUMNS);
    let text = wide.into_iter().map(|(widest, bar)| across(told, &rows, widest, bar, lang)).find(fits);
    let text = text.unwrap_or_else(|| {
        let by =
            |size: usize| rows.chunks(size).map(|rows| down(told, rows, lang)).collect::<Vec<_>>().join("\n");
        (2..=rows.len()).rev().map(by).find(fits).unwrap_or_else(|| by(1))
    });
    match told.of.saturating_sub(rows.len() as u64) {
        left if left > 0 && !told.latest => format!("{text}\n{}", say::MORE.count(lang, left, &[])),
        _ => text,
    }
}

fn across(told: &Table, rows: &[&Vec<Item>], widest: usize, longest: Option<u64>, lang: Lang) -> String {
    let (size, _) = told.bars();
    let highest = |row: &&Vec<Item>| row.get(told.bar?)?.highest().or(size(row));
    let most = rows.iter().filter_map(highest).fold(0.0, f64::max);
    let longest = told.bar.and(longest);
    let numbers: Vec<bool> =
        rows.first().map(|row| row.iter().map(Item::is_number).collect()).unwrap_or_default();
    let head = told.head.iter().enumerate().map(|(at, name)| match numbers.get(at) {
        Some(true) => right(cut(name, widest)),
        _ => Cell::new(cut(name, widest)),
    });
    let mut table = plain(head.chain(longest.map(|_| Cell::new(""))));
    for row in rows {
        let drawn = longest
            .map(|longest| Cell::new(size(row).map_or_else(String::new, |size| part(size, most, longest))));
        table.add_row(row.iter().map(|item| cell(item, widest, lang)).chain(drawn));
    }
    table.to_string()
}

/// A line for each heading and a column for each row.
fn down(told: &Table, rows: &[&Vec<Item>], lang: Lang) -> String {
    let mut lines = told.head.iter().enumerate().map(|(at, name)| {
        let items =
            rows.iter().filter_map(|row| row.get(at)).map(|item| right(cut(&item.shown(lang), NARROW)));
        [Cell::new(name)].into_iter().chain(items).collect::<Vec<_>>()
    });
    let mut table = plain(lines.next().unwrap_or_default());
    for line in lines {
        table.add_row(line);
    }
    table.to_string()
}

/// Bars know whole numbers: a thousandth of the longest one is fine enough.
fn part(size: f64, most: f64, longest: u64) -> String {
    const WHOLE: u64 = 1000;
    if most <= 0.0 { String::new() } else { bar((size / most * WHOLE as f64).ceil() as u64, WHOLE, longest) }
}

fn cell(item: &Item, widest: usize, lang: Lang) -> Cell {
    let text = cut(&item.shown(lang), widest);
    if item.is_number() { right(text) } else { Cell::new(text) }
}

/// A text that is no wider than this.
fn cut(text: &str, widest: usize) -> String {
    if text.width() <= widest {
        return text.to_owned();
    }
    let mut short = String::new();
    for c in text.chars() {
        short.push(c);
        if short.width() >= widest {
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
        let told = Table {
            head: vec!["问题类型".to_owned(), "tickets".to_owned()],
            rows: vec![row("退款\u{1b}[31m 🎫", 10), row(&"长".repeat(200), 5), row("", 0)],
            bar: Some(1),
            of: 3,
            whole: false,
            latest: false,
        };
        let text = table(&told, Lang::En);
        let widths: Vec<usize> = text.lines().map(UnicodeWidthStr::width).collect();
        assert!(widths.iter().all(|width| *width == widths[0] && *width <= 80), "{text}");
        assert!(!text.contains('\u{1b}') && text.contains("长…") && text.contains("(empty)"), "{text}");
        assert!(text.contains(&"█".repeat(24)) && !text.contains(&"█".repeat(25)), "{text}");
    }

    #[test]
    fn sentences_are_turned_at_the_edge() {
        let text = wrapped(&"twenty letters long ".repeat(9));
        assert_eq!(text.lines().map(UnicodeWidthStr::width).max(), Some(79));
        let text = wrapped(&"工单".repeat(50));
        assert_eq!(text.lines().map(UnicodeWidthStr::width).collect::<Vec<_>>(), [80, 80, 40]);
    }

    #[test]
    fn a_wide_table_is_turned_and_cut_into_parts() {
        let head = (0..9).map(|number| format!("a long heading {number}")).collect();
        let row = |name: &str| {
            let numbers = (0..8).map(|number| Item::Count(Some(number)));
            [Item::Text(name.to_owned())].into_iter().chain(numbers).collect()
        };
        let names: Vec<String> = (0..9).map(|number| format!("source number {number}")).collect();
        let rows = names.iter().map(|name| row(name)).collect();
        let told = Table { head, rows, bar: None, of: 9, whole: true, latest: false };
        let text = table(&told, Lang::En);
        assert!(text.lines().all(|line| line.width() <= 80), "{text}");
        assert!(names.iter().all(|name| text.matches(name).count() == 1), "{text}");
    }

    #[test]
    fn a_week_has_seven_lines() {
        let mut hours = [[0; 24]; 7];
        hours[6][23] = 9;
        let text = week(&hours, Lang::Zh);
        assert_eq!(text.lines().count(), 8);
        assert!(text.ends_with("██  9") && text.contains("周日"), "{text}");
        let widths: Vec<_> = text.lines().skip(1).map(|line| line.width()).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{text}");
    }
}
