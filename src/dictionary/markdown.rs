//! The dictionary as Markdown: a table for each source as GitHub shows it, all options listed.

use super::{
    Dictionary, Field, SourceFields,
    render::{at_vendor, filled, label_lines, option, shown, title, vendor_key},
};
use crate::figures;

/// Text of several lines, the last one ended.
pub fn markdown(dictionary: &Dictionary) -> String {
    if dictionary.sources.is_empty() {
        return super::render(dictionary);
    }
    dictionary.sources.iter().map(source).collect::<Vec<_>>().join("\n")
}

fn source(source: &SourceFields) -> String {
    let mut text = format!("## {}\n", escaped(&title(source)));
    if !source.fields.is_empty() {
        text += "\n| label | column | type | at the vendor | filled | options |\n|---|---|---|---|--:|---|\n";
        text.extend(source.fields.iter().map(|field| row(field, source.tickets)));
    }
    if let Some(columns) = &source.columns {
        text += &format!("\n### {}: columns that every source has\n\n", escaped(&source.name));
        text += "| column | type | filled | meaning | at the vendor |\n|---|---|--:|---|---|\n";
        for column in columns {
            text += &format!(
                "| {} | {} | {} | {} | {} |\n",
                code(column.column_name),
                column.column_type,
                escaped(&figures::share(column.filled.filled_tickets, source.tickets)),
                escaped(column.meaning),
                // Keys are between backticks already.
                vendor_key(column).replace('|', "\\|"),
            );
        }
    }
    text
}

fn row(field: &Field, tickets: u64) -> String {
    let lines = |lines: Vec<String>| lines.iter().map(|line| escaped(line)).collect::<Vec<_>>().join("<br>");
    format!(
        "| {} | {} | {} | {} | {} | {} |\n",
        lines(label_lines(field)),
        code(&shown(field.cells.text("column_name"))),
        field.cells.text("column_type"),
        escaped(&at_vendor(field)),
        lines(filled(field, tickets)),
        lines(field.options.iter().map(option).collect()),
    )
}

/// Text that shows as it is: what means something to Markdown or ends a cell is escaped.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in shown(text).chars() {
        match c {
            '<' => out += "&lt;",
            '&' => out += "&amp;",
            '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '~' | '#' | '$' => out.extend(['\\', c]),
            _ => out.push(c),
        }
    }
    out
}

/// A name as code, where code can hold it.
fn code(name: &str) -> String {
    match name.contains(['`', '\\']) {
        true => escaped(name),
        false => format!("`{}`", name.replace('|', "\\|")),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Cells, Filled},
        *,
    };

    #[test]
    fn no_label_breaks_its_cell() {
        let field = Field {
            defined: true,
            cells: Cells(vec![
                ("label", "a|b\n<i>*`x`".into()),
                ("column_name", "cf_a|b".into()),
                ("column_type", "text".into()),
                ("vendor_type", "drop_list".into()),
            ]),
            filled: Filled { filled_tickets: 1, fill_rate: Some(0.25) },
            raw_column_name: None,
            raw_filled_tickets: None,
            options: vec![
                Cells(vec![
                    ("raw", "0|".into()),
                    ("path", ["x", "y"].as_slice().into()),
                    ("label", "y".into()),
                ]),
                Cells(vec![("raw", "z".into()), ("path", ["z"].as_slice().into()), ("label", "z".into())]),
            ],
        };
        let wanted =
            "| a\\|b &lt;i>\\*\\`x\\` | `cf_a\\|b` | text | drop\\_list | 25 % | 0\\| = x / y<br>z |\n";
        assert_eq!(row(&field, 4), wanted);
        assert_eq!(code("cf_`"), "cf\\_\\`");
    }
}
