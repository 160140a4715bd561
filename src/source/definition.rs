//! The values inside a field definition, read leniently: vendors send numbers as texts and lists for single values.

use crate::json::Json;

/// A key's text; numbers and booleans as written, lists and objects as JSON, none where it is null or missing.
pub fn text(json: &Json, key: &str) -> Option<String> {
    match json.get(key)? {
        Json::Null => None,
        other => Some(other.scalar_text().map_or_else(|| other.to_compact(), Into::into)),
    }
}

/// A yes or no, in any of its spellings.
pub fn flag(json: &Json, key: &str) -> Option<bool> {
    match text(json, key)?.as_str() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    }
}

/// A value or a list of values as texts; `""` and null are none.
pub fn list_texts(json: &Json) -> Option<Vec<Option<String>>> {
    match json {
        Json::Null | Json::Object(_) => None,
        Json::Text(text) if text.is_empty() => None,
        Json::List(_) => Some(json.elements().iter().map(|e| e.scalar_text().map(Into::into)).collect()),
        scalar => Some(vec![scalar.scalar_text().map(Into::into)]),
    }
}

/// A text; a list of one is that one, an empty list none, any other value its JSON.
pub fn one_or_json(json: &Json) -> Option<String> {
    let elements = json.elements();
    match (json, elements.as_slice()) {
        (Json::Null, _) | (Json::List(_), []) => None,
        (Json::List(_), [one]) => one_or_json(one),
        _ => Some(json.scalar_text().map_or_else(|| json.to_compact(), Into::into)),
    }
}
