//! The data's account of itself: every column with its type, meaning and origin, as documents for people and as JSON.
//!
//! All of it is made from the table of columns and from the mappings of the sources, so it cannot say anything else
//! than the program does.

use crate::{
    columns::{Column, LAST, TICKET_FIELD_OPTIONS, TICKET_FIELDS, TICKETS},
    config::Kind,
    source,
    ticket::origin,
};

/// The documents by file name, in the order of names.
pub fn files() -> Vec<(String, String)> {
    let mut files = vec![("custom_fields.md".to_owned(), custom_fields())];
    let tickets: Vec<_> = TICKETS.iter().chain(LAST).collect();
    let tables = [
        ("ticket_field_options", TICKET_FIELD_OPTIONS.iter().collect::<Vec<_>>()),
        ("ticket_fields", TICKET_FIELDS.iter().collect()),
        ("tickets", tickets),
    ];
    for (table, columns) in tables {
        let kinds: &[Kind] = if table == "tickets" { &Kind::ALL } else { &[] };
        files.push((format!("{table}.json"), json(table, &columns, kinds)));
        files.push((format!("{table}.md"), markdown(table, &columns, kinds)));
    }
    files
}

fn markdown(table: &str, columns: &[&Column], kinds: &[Kind]) -> String {
    let mut text = heading(&format!("Table `{table}`"));
    if table == "tickets" {
        text += "The columns of custom fields (see custom_fields.md) stand between `process_seconds` and `_rescued`.\n\n";
    }
    let vendors: String = kinds.iter().map(|kind| format!(" {} |", kind.name())).collect();
    text += &format!("| column | type | meaning |{vendors}\n|---|---|---|{}\n", "---|".repeat(kinds.len()));
    for column in columns {
        let null = if column.nullable { "" } else { ", never null" };
        text += &format!("| `{}` | {}{null} | {} |", column.name, column.of.name(), column.meaning);
        for kind in kinds {
            let from =
                origin(source::ticket(*kind), column.name).map_or("–".to_owned(), |from| from.text());
            text += &format!(" {from} |");
        }
        text.push('\n');
    }
    text
}

fn json(table: &str, columns: &[&Column], kinds: &[Kind]) -> String {
    let column = |column: &&Column| {
        let from: serde_json::Map<_, _> = kinds
            .iter()
            .map(|kind| {
                let origin = origin(source::ticket(*kind), column.name);
                (kind.name().to_owned(), serde_json::json!(origin))
            })
            .collect();
        let mut told = serde_json::json!({
            "name": column.name, "type": column.of.name(), "nullable": column.nullable,
            "meaning": column.meaning,
        });
        if !from.is_empty() {
            told["from"] = from.into();
        }
        told
    };
    let columns: Vec<_> = columns.iter().map(column).collect();
    format!("{:#}\n", serde_json::json!({ "table": table, "columns": columns }))
}

fn custom_fields() -> String {
    let mut text = heading("Types of custom fields");
    text += "How the columns of custom fields are named and read is told in README.md.\n\n\
             | vendor | type there | column type | twin `__raw` |\n|---|---|---|---|\n";
    for kind in Kind::ALL {
        for (vendor_type, reading) in source::field_types(kind) {
            let twin = if reading.is_select() { "yes" } else { "no" };
            let column = reading.column().name();
            text += &format!("| {} | `{vendor_type}` | {column} | {twin} |\n", kind.name());
        }
        text += &format!("| {} | any other | text | no |\n", kind.name());
    }
    text
}

fn heading(title: &str) -> String {
    format!("# {title}\n\n<!-- Made by the program: UPDATE_SCHEMAS=1 cargo test schemas -->\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Columns that the lake itself fills.
    const OWN: [&str; 3] = ["_rescued", "_synced_at", "_deleted_at"];

    #[test]
    fn every_column_comes_from_somewhere() {
        for column in TICKETS.iter().chain(LAST) {
            let known = Kind::ALL.iter().any(|kind| origin(source::ticket(*kind), column.name).is_some());
            assert_eq!(known, !OWN.contains(&column.name), "{}", column.name);
        }
    }
}
