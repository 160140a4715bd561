//! The data's account of itself: every column with its type, meaning and origin, as documents for people and as JSON.
//!
//! All of it is made from the table of columns and from the mappings of the sources, so it cannot say anything else
//! than the program does.

use serde::Serialize;

use crate::{
    columns::{Column, LAST, TICKET_FIELD_OPTIONS, TICKET_FIELDS, TICKETS},
    config::Kind,
    source,
    ticket::{Mapping, To},
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

/// Where a column's value comes from in one vendor's ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The keys that may hold it, dotted inside an object; the first that can be read counts.
    keys: Vec<String>,
    /// What becomes of the value where it is not simply read.
    #[serde(skip_serializing_if = "Option::is_none")]
    how: Option<String>,
    /// The words that are known, and what each becomes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    words: Vec<(String, String)>,
}

/// Where `column` of `tickets` comes from; `None` where the vendor has no such thing.
pub fn origin(mapping: &Mapping, column: &str) -> Option<Origin> {
    if let Some((_, value)) = mapping.constants.iter().find(|(name, _)| *name == column) {
        return Some(Origin { keys: Vec::new(), how: Some(format!("always `{value}`")), words: Vec::new() });
    }
    let mut found: Vec<Origin> = Vec::new();
    collect(mapping.keys, "", column, &mut found);
    let mut whole = found.first()?.clone();
    whole.keys = found.into_iter().flat_map(|origin| origin.keys).collect();
    Some(whole)
}

fn collect(keys: &[(&str, To)], prefix: &str, column: &str, found: &mut Vec<Origin>) {
    for (key, to) in keys {
        let path = format!("{prefix}{key}");
        let mut add = |how: Option<&str>, words: Vec<(String, String)>| {
            found.push(Origin { keys: vec![path.clone()], how: how.map(str::to_owned), words });
        };
        let pair = |from: &str, to: String| (from.to_owned(), to);
        match to {
            To::Object(inner) => collect(inner, &format!("{path}."), column, found),
            To::Text(name)
            | To::Code(name)
            | To::Int64(name)
            | To::Bool(name)
            | To::Instant(name)
            | To::FirstInstant(name)
            | To::Int64List(name)
            | To::TextList(name)
                if *name == column =>
            {
                add(None, Vec::new());
            }
            To::Named { label, .. } | To::Ranked { label, .. } if *label == column => {
                add(Some("as sent"), Vec::new());
            }
            To::Named { code, names, .. } if *code == column => {
                let words = names.iter().map(|(from, to)| pair(from, (*to).to_owned())).collect();
                add(Some("as its English name, null for an unknown one"), words);
            }
            To::Ranked { rank, ranks, .. } if *rank == column => {
                let words = ranks.iter().map(|(from, to)| pair(from, to.to_string())).collect();
                add(Some("by rank, compared without case, null for another word"), words);
            }
            To::Flag { number, .. } if *number == column => add(None, Vec::new()),
            To::Flag { flag, .. } if *flag == column => {
                let words = [("0", "false"), ("1", "true")];
                add(None, words.map(|(from, to)| pair(from, to.to_owned())).to_vec());
            }
            _ => {}
        }
    }
}

impl Origin {
    fn text(&self) -> String {
        let keys: Vec<_> = self.keys.iter().map(|key| format!("`{key}`")).collect();
        let mut text = keys.join(", else ");
        if let Some(how) = &self.how {
            text += if text.is_empty() { "" } else { ", " };
            text += how;
        }
        if !self.words.is_empty() {
            let words: Vec<_> = self.words.iter().map(|(from, to)| format!("{from} → {to}")).collect();
            text += &format!(": {}", words.join(", "));
        }
        text
    }
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

    #[test]
    fn origins_tell_keys_in_order_and_inside_objects() {
        const KEYS: Mapping = Mapping {
            keys: &[
                ("due", To::FirstInstant("due_at")),
                ("o", To::Object(&[("s", To::Ranked { label: "l", rank: "r", ranks: &[("good", 5)] })])),
                ("due2", To::FirstInstant("due_at")),
            ],
            custom: crate::ticket::CustomShape::Object,
            constants: &[("c", "x")],
        };
        let text = |column| origin(&KEYS, column).map(|origin| origin.text());
        assert_eq!(text("due_at").as_deref(), Some("`due`, else `due2`"));
        assert_eq!(text("l").as_deref(), Some("`o.s`, as sent"));
        assert_eq!(
            text("r").as_deref(),
            Some("`o.s`, by rank, compared without case, null for another word: good → 5")
        );
        assert_eq!(text("c").as_deref(), Some("always `x`"));
        assert_eq!(text("none"), None);
    }
}
