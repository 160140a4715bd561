//! Which columns of a source are masked, and how: `mask = ["COLUMN"]` or `mask = { COLUMN = "METHOD" }`.

use std::path::Path;

use super::{
    Masks, Method, credentials,
    document::{At, Section},
    fault::{Faults, did_you_mean},
};
use crate::columns::{self, DELETED_AT, RESCUED, SYNCED_AT, Type};

/// The lake itself goes by these.
const NEEDED: [&str; 5] = ["id", "created_at", "updated_at", SYNCED_AT, DELETED_AT];

/// Reads `mask` and `mask_key`; a custom column can be checked only when the definitions are known.
pub(super) fn read(section: &Section<'_>, folder: &Path, resolve: bool, faults: &mut Faults) -> Masks {
    let mut masks = Masks::default();
    let title = &section.title;
    for (At { value: column, line }, method) in named(section, faults) {
        match check(column, method) {
            Ok(()) => drop(masks.columns.insert(column.to_owned(), method)),
            Err(why) => section.fault(line, format!("`mask` in {title}: `{column}` {why}"), faults),
        }
    }
    masks.key = credentials::secret(section, "mask_key", folder, resolve, faults);
    let hashes = masks.columns.values().any(|method| *method == Method::Hash);
    if hashes && !section.has("mask_key") {
        let message = format!(
            "`mask` in {title} hashes, and `mask_key` is missing; add mask_key = {}",
            credentials::INSTEAD
        );
        section.fault(section.line_of("mask"), message, faults);
    }
    masks
}

fn named<'a>(section: &Section<'a>, faults: &mut Faults) -> Vec<(At<&'a str>, Method)> {
    if let Some(columns) = section.texts("mask") {
        return columns.into_iter().map(|column| (column, Method::Redact)).collect();
    }
    let wanted = "mask = { requester_email = \"hash\" }, or a list mask = [\"requester_email\"]";
    let Some(table) = section.table("mask", wanted, faults) else { return Vec::new() };
    let table = table.titled(format!("`mask` of {}", section.title));
    let method = |text: &str| {
        let known = Method::ALL.into_iter().find(|method| method.name() == text);
        known.ok_or_else(|| format!("is \"{text}\"; write \"hash\", \"redact\" or \"drop\""))
    };
    let entries = table.keys().filter_map(|key| Some((table.parsed(key.value, faults, method)?, key)));
    entries.map(|(method, key)| (key, method)).collect()
}

fn check(column: &str, method: Method) -> Result<(), String> {
    if NEEDED.contains(&column) {
        return Err("cannot be masked: the lake goes by it".to_owned());
    }
    if let Some(name) = column.strip_prefix("cf_").filter(|name| !name.is_empty()) {
        return match name.strip_suffix("__raw") {
            Some(of) => Err(format!("goes with its column; write `cf_{of}`")),
            None => Ok(()),
        };
    }
    let canonical = columns::TICKETS.iter().find(|known| known.name == column);
    let is_text = match canonical {
        Some(known) => matches!(known.of, Type::Text | Type::TextList),
        None if column == RESCUED => false,
        None => {
            let known = columns::TICKETS.iter().map(|known| known.name).chain([RESCUED]);
            let hint = did_you_mean(column, known);
            return Err(format!(
                "is no column of tickets;{hint} write a name of the table, or `cf_` and a field's name"
            ));
        }
    };
    if method == Method::Hash && !is_text {
        return Err("is no text, and only text can be hashed; write \"redact\" or \"drop\"".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::document;

    fn masks(text: &str) -> (Masks, String) {
        let mut faults = Faults::default();
        let (document, root) = document::parse("t.toml", text, &mut faults);
        let masks = read(&document.root(&root), Path::new(""), false, &mut faults);
        (masks, faults.to_string())
    }

    #[test]
    fn a_list_redacts_and_a_table_says_how() {
        let (list, faults) = masks("mask = [\"requester_email\", \"cf_field_9\", \"_rescued\"]");
        assert_eq!((list.columns.len(), faults.as_str()), (3, ""));
        assert_eq!(list.columns["cf_field_9"], Method::Redact);
        let (table, faults) =
            masks("mask_key = { env = \"K\" }\n[mask]\nrequester_email = \"hash\"\nsla_status = \"drop\"");
        assert_eq!(faults, "");
        assert_eq!(table.columns["requester_email"], Method::Hash);
        assert_eq!(table.columns["sla_status"], Method::Drop);
    }

    #[test]
    fn what_cannot_be_masked_is_a_fault() {
        let text = "[mask]\nid = \"drop\"\nrequester_mail = \"drop\"\nassignee_id = \"hash\"\ncf_a__raw = \"drop\"\ntags = \"rot13\"\nsubject = \"hash\"\n";
        let (_, faults) = masks(text);
        for part in [
            "t.toml:2: `mask` in the file: `id` cannot be masked",
            "t.toml:3: `mask` in the file: `requester_mail` is no column of tickets; did you mean `requester_email`?",
            "t.toml:4: `mask` in the file: `assignee_id` is no text",
            "t.toml:5: `mask` in the file: `cf_a__raw` goes with its column; write `cf_a`",
            "t.toml:6: `tags` in `mask` of the file is \"rot13\"",
            "t.toml:1: `mask` in the file hashes, and `mask_key` is missing",
        ] {
            assert!(faults.contains(part), "{part}\n{faults}");
        }
        assert!(masks("mask = 7").1.contains("write a table mask = {"), "{}", masks("mask = 7").1);
    }
}
