//! How a person reads the dictionary: a table for each source, its columns aligned by the width of what is shown.

use super::{Cells, Dictionary, Field, SourceFields};
use crate::tables;

const HEAD: [&str; 5] = ["label", "column", "type", "at the vendor", "options"];
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
    let title = format!("{}: {} custom fields", source.name, source.fields.len());
    if source.fields.is_empty() {
        return title + "\n";
    }
    let mut table = tables::wrapped(HEAD);
    for field in &source.fields {
        let cells = &field.cells;
        let at_vendor = if field.defined { cells.text("vendor_type") } else { "no definition" };
        table.add_row([
            label(field),
            cells.text("column_name").to_owned(),
            cells.text("column_type").to_owned(),
            at_vendor.to_owned(),
            options(&field.options),
        ]);
    }
    format!("{title}\n{table}\n")
}

fn label(field: &Field) -> String {
    let label = shown(field.cells.text("label"));
    let parent = field.cells.text("parent_field_name");
    let mut lines = vec![if label.is_empty() { "–".to_owned() } else { label }];
    if field.cells.is_false("active") {
        lines.push("(not in use)".to_owned());
    }
    if !parent.is_empty() {
        lines.push(format!("(below {parent} = {})", path(&field.cells, "parent_path")));
    }
    lines.join("\n")
}

fn options(options: &[Cells]) -> String {
    let mut lines: Vec<String> = options.iter().take(SHOWN).map(option).collect();
    if options.len() > SHOWN {
        lines.push(format!("… and {} more; --json lists all", options.len() - SHOWN));
    }
    lines.join("\n")
}

/// `raw = labels from the root`, or the labels alone where a ticket holds just them.
fn option(option: &Cells) -> String {
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
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::*;

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
            raw_column_name: None,
            options,
        };
        let options = vec![option("0", &["华东"], true), option("0,1", &["华东", "上海"], false)];
        let fields = vec![field("问题类型", options), field("Area\u{1b}[1m", Vec::new())];
        let dictionary = Dictionary {
            lake: "lake".to_owned(),
            sources: vec![SourceFields { name: "shop".to_owned(), fields }],
        };
        let text = render(&dictionary);
        assert!(text.contains("0,1 = 华东 / 上海 (gone)") && !text.contains('\u{1b}'), "{text}");
        let widths: Vec<usize> = text.lines().skip(1).map(UnicodeWidthStr::width).collect();
        assert!(widths.iter().all(|width| *width == widths[0]), "{text}");
    }
}
