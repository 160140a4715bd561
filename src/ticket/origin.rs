//! Where the value of a column comes from in a vendor's ticket, as its mapping tells.

use serde::Serialize;

use super::{Mapping, To};

/// Where a column's value comes from in one vendor's ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// The keys that may hold it, dotted inside an object; the first that can be read counts.
    pub keys: Vec<String>,
    /// What becomes of the value where it is not simply read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub how: Option<String>,
    /// The words that are known, and what each becomes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<(String, String)>,
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
    /// One line in the words of a dictionary, keys between backticks.
    pub fn text(&self) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ticket::CustomShape;

    #[test]
    fn origins_tell_keys_in_order_and_inside_objects() {
        const KEYS: Mapping = Mapping {
            keys: &[
                ("due", To::FirstInstant("due_at")),
                ("o", To::Object(&[("s", To::Ranked { label: "l", rank: "r", ranks: &[("good", 5)] })])),
                ("due2", To::FirstInstant("due_at")),
            ],
            custom: CustomShape::Object,
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
