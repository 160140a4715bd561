//! How a person reads the dictionary: tables for each source, their columns aligned by the width of what is shown.

use comfy_table::Cell;

use super::{Canonical, Cells, Dictionary, Field, SourceFields};
use crate::{
    figures,
    tables::{self, right},
};

const HEAD: [&str; 6] = ["label", "column", "type", "at the vendor", "filled", "options"];
const ALL_HEAD: [&str; 5] = ["column", "type", "filled", "meaning", "at the vendor"];
/// More options of one field are only counted.
const SHOWN: usize = 12;

/// Text of several lines, the last one ended; no colours.
pub fn render(dictionary: &Dictionary) -> String {
    if dictionary.sources.is_empty() {
        return format!("No source has left anything in {} yet; `ticketlake sync` does.\n", dictionary.lake);
    }
    dictionary.sources.iter().map(source).collect::<Vec<_>>().join("\n")
}

fn source(source: &SourceFields) -> String {
    let mut text = title(source) + "\n";
    if !source.fields.is_empty() {
        let mut table = tables::wrapped(HEAD);
        for field in &source.fields {
            table.add_row([
                Cell::new(label(field)),
                Cell::new(shown(field.cells.text("column_name"))),
                Cell::new(field.cells.text("column_type")),
                Cell::new(at_vendor(field)),
                right(filled(field, source.tickets).join("\n")),
                Cell::new(options(&field.options)),
            ]);
        }
        text += &format!("{table}\n");
    }
    if let Some(columns) = &source.columns {
        text += &format!("\n{}: {} columns that every source has\n", source.name, columns.len());
        let mut table = tables::wrapped(ALL_HEAD);
        for column in columns {
            table.add_row([
                Cell::new(column.column_name),
                Cell::new(column.column_type),
                right(figures::share(column.filled.filled_tickets, source.tickets)),
                Cell::new(column.meaning),
                Cell::new(vendor_key(column)),
            ]);
        }
        text += &format!("{table}\n");
    }
    text
}

/// `shop: 17 custom fields of 10,000 tickets; 5 that are gone do not count`
pub(super) fn title(source: &SourceFields) -> String {
    let mut title = format!(
        "{}: {} custom fields of {} tickets",
        source.name,
        source.fields.len(),
        figures::count(source.tickets)
    );
    if source.deleted > 0 {
        title += &format!("; {} that are gone do not count", figures::count(source.deleted));
    }
    title
}

pub(super) fn at_vendor(field: &Field) -> String {
    if field.defined { shown(field.cells.text("vendor_type")) } else { "no definition".to_owned() }
}

pub(super) fn vendor_key(column: &Canonical) -> String {
    column.vendor_key.clone().unwrap_or_else(|| "–".to_owned())
}

/// The share of tickets with a value. Where there is none although something was sent, also the share of that.
pub(super) fn filled(field: &Field, tickets: u64) -> Vec<String> {
    let mut lines = vec![figures::share(field.filled.filled_tickets, tickets)];
    if let (0, Some(raw @ 1..)) = (field.filled.filled_tickets, field.raw_filled_tickets) {
        lines.push(format!("as sent {}", figures::share(raw, tickets)));
    }
    lines
}

fn label(field: &Field) -> String {
    label_lines(field).join("\n")
}

/// The label, then what else must be known of the field.
pub(super) fn label_lines(field: &Field) -> Vec<String> {
    let label = shown(field.cells.text("label"));
    let parent = field.cells.text("parent_field_name");
    let mut lines = vec![if label.is_empty() { "–".to_owned() } else { label }];
    if field.cells.is_false("active") {
        lines.push("(not in use)".to_owned());
    }
    if !parent.is_empty() {
        lines.push(format!("(below {parent} = {})", path(&field.cells, "parent_path")));
    }
    lines
}

fn options(options: &[Cells]) -> String {
    let mut lines: Vec<String> = options.iter().take(SHOWN).map(option).collect();
    if options.len() > SHOWN {
        lines.push(format!("… and {} more; --json lists all", options.len() - SHOWN));
    }
    lines.join("\n")
}

/// `raw = labels from the root`, or the labels alone where a ticket holds just them.
pub(super) fn option(option: &Cells) -> String {
    let labels = path(option, "path");
    let raw = shown(option.text("raw"));
    let gone = if option.is_false("active") { " (gone)" } else { "" };
    if raw == shown(option.text("label")) {
        format!("{labels}{gone}")
    } else {
        format!("{raw} = {labels}{gone}")
    }
}

fn path(cells: &Cells, name: &str) -> String {
    let labels = cells.texts(name);
    labels.into_iter().map(|label| shown(label.unwrap_or("–"))).collect::<Vec<_>>().join(" / ")
}

/// A text on one line; what would move the cursor is shown as a blank.
pub(super) fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::{super::Filled, *};

    fn cells(cells: &[(&'static str, serde_json::Value)]) -> Cells {
        Cells(cells.to_vec())
    }

    #[test]
    fn lines_are_of_one_width_whatever_the_script() {
        let option = |raw: &str, path: &[&str], active: bool| {
            cells(&[
                ("raw", raw.into()),
                ("path", path.into()),
                ("label", path.last().copied().into()),
                ("active", active.into()),
            ])
        };
        let field = |label: &str, options| Field {
            defined: true,
            cells: cells(&[("label", label.into()), ("column_name", "cf_1".into())]),
            filled: Filled { filled_tickets: 0, fill_rate: Some(0.0) },
            raw_column_name: None,
            raw_filled_tickets: Some(2),
            options,
        };
        let options = vec![option("0", &["华东"], true), option("0,1", &["华东", "上海"], false)];
        let fields = vec![field("问题类型", options), field("Area\u{1b}[1m", Vec::new())];
        let dictionary = Dictionary {
            lake: "lake".to_owned(),
            sources: vec![SourceFields {
                name: "shop".to_owned(),
                tickets: 4,
                deleted: 1,
                fields,
                columns: None,
            }],
        };
        let text = render(&dictionary);
        assert!(
            text.starts_with("shop: 2 custom fields of 4 tickets; 1 that are gone do not count\n"),
            "{text}"
        );
        assert!(text.contains("as sent 50 %"), "{text}");
        assert!(text.contains("0,1 = 华东 / 上海 (gone)") && !text.contains('\u{1b}'), "{text}");
        let widths: Vec<usize> = text.lines().skip(1).map(UnicodeWidthStr::width).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{text}");
    }
}
