//! Which values in `_rescued` belong to masked columns: by the vendor's key, at the top, in a sub-object, among the
//! custom fields. Where a value cannot be told from a masked one, it is masked.

use std::{borrow::Cow, collections::BTreeMap};

use super::value::Cover;
use crate::{
    config::{Masks, Method},
    fields::column_name,
    json::{Json, write_text},
    ticket::{CustomShape, Mapping, To},
};

/// Where values of masked columns may lie.
pub struct Places<'a> {
    mapping: &'a Mapping,
    columns: &'a BTreeMap<String, Method>,
    /// By field name.
    custom: BTreeMap<&'a str, Method>,
}

impl<'a> Places<'a> {
    pub fn new(masks: &'a Masks, mapping: &'a Mapping) -> Self {
        let prefix = column_name("");
        let custom = masks
            .columns
            .iter()
            .filter_map(|(column, method)| Some((column.strip_prefix(&prefix)?, *method)));
        Self { mapping, columns: &masks.columns, custom: custom.collect() }
    }

    /// The JSON object of a row with masks in it; `None` where nothing is left. What is no object is masked whole.
    pub fn cover(&self, text: &str, cover: &Cover) -> Option<String> {
        let Ok(json @ Json::Object(_)) = Json::parse(text) else { return None };
        object(&json, |key, value| match self.mapping.keys.iter().find(|(known, _)| *known == key) {
            Some((_, To::Custom)) => self.custom_fields(value, cover),
            Some((_, To::Object(inner))) => match value {
                Json::Object(_) => object(value, |key, value| {
                    let to = inner.iter().find(|(known, _)| *known == key);
                    covered(value, to.and_then(|(_, to)| self.method(to)), cover)
                }),
                // A sub-object of another shape may hold anything of it.
                _ => covered(value, inner.iter().filter_map(|(_, to)| self.method(to)).max(), cover),
            },
            Some((_, to)) => covered(value, self.method(to), cover),
            // An unknown key that is called like a masked column or field holds the same.
            None => covered(value, self.columns.get(key).or_else(|| self.custom.get(key)).copied(), cover),
        })
    }

    /// The strictest method among those of the columns that a key fills.
    fn method(&self, to: &To) -> Option<Method> {
        let columns = match to {
            To::Text(column)
            | To::Code(column)
            | To::Int64(column)
            | To::Bool(column)
            | To::Instant(column)
            | To::FirstInstant(column)
            | To::Int64List(column)
            | To::TextList(column) => [Some(*column), None],
            To::Named { label, code, .. } => [Some(*label), Some(*code)],
            To::Ranked { label, rank, .. } => [Some(*label), Some(*rank)],
            To::Flag { number, flag } => [Some(*number), Some(*flag)],
            To::Object(_) | To::Custom => [None, None],
        };
        columns.into_iter().flatten().filter_map(|column| self.columns.get(column)).max().copied()
    }

    fn custom_fields(&self, value: &Json, cover: &Cover) -> Option<String> {
        let Some(strictest) = self.custom.values().max().copied() else { return Some(value.to_compact()) };
        match value {
            Json::Object(_) => object(value, |name, value| match name {
                "" => self.nameless(value, strictest, cover),
                name => self.within(name, value, cover),
            }),
            Json::List(_) => self.nameless(value, strictest, cover),
            _ => covered(value, Some(strictest), cover),
        }
    }

    /// Entries without a name to go by: what does not say whose value it is is masked.
    fn nameless(&self, value: &Json, strictest: Method, cover: &Cover) -> Option<String> {
        let Json::List(_) = value else { return covered(value, Some(strictest), cover) };
        let entry = |entry: &Json| {
            let name = match (self.mapping.custom, entry.get("name")) {
                (CustomShape::Entries, Some(Json::Text(name))) => name.decoded(),
                _ => Cow::Borrowed(""),
            };
            match self.custom.get(name.as_ref()) {
                None if !name.is_empty() => Some(entry.to_compact()),
                method => covered(entry, Some(method.copied().unwrap_or(strictest)), cover),
            }
        };
        let entries: Vec<String> = value.elements().iter().filter_map(entry).collect();
        (!entries.is_empty()).then(|| format!("[{}]", entries.join(",")))
    }

    /// A value under a name, and whatever it holds under the name of a masked field.
    fn within(&self, name: &str, value: &Json, cover: &Cover) -> Option<String> {
        if let Some(method) = self.custom.get(name) {
            return covered(value, Some(*method), cover);
        }
        match value {
            Json::Object(_) => {
                if let Some(Json::Text(name)) = value.get("name")
                    && let Some(method) = self.custom.get(name.decoded().as_ref())
                {
                    return covered(value, Some(*method), cover);
                }
                object(value, |name, value| self.within(name, value, cover))
            }
            Json::List(_) => {
                let elements: Vec<String> =
                    value.elements().iter().filter_map(|element| self.within("", element, cover)).collect();
                Some(format!("[{}]", elements.join(",")))
            }
            _ => Some(value.to_compact()),
        }
    }
}

/// A value's JSON text, masked where there is a method; `None` where nothing is left. A null says nothing.
fn covered(value: &Json, method: Option<Method>, cover: &Cover) -> Option<String> {
    let Some(method) = method else { return Some(value.to_compact()) };
    if matches!(value, Json::Null) && method != Method::Drop {
        return Some("null".to_owned());
    }
    let text = value.scalar_text().unwrap_or_else(|| Cow::Owned(value.to_compact()));
    let mut json = String::new();
    write_text(&cover.text(&text, method)?, &mut json);
    Some(json)
}

/// The object with each value as `each` makes it, in its order; `None` where nothing is left.
fn object(json: &Json, mut each: impl FnMut(&str, &Json) -> Option<String>) -> Option<String> {
    let entries = json.entries();
    let mut out = String::from("{");
    for (key, value) in &entries {
        let key = key.decoded();
        let Some(value) = each(&key, value) else { continue };
        if out.len() > 1 {
            out.push(',');
        }
        write_text(&key, &mut out);
        out.push(':');
        out.push_str(&value);
    }
    out.push('}');
    (out.len() > 2 || entries.is_empty()).then_some(out)
}
