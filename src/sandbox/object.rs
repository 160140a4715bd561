//! A JSON object whose keys keep their order and whose values keep their very text.
//!
//! Tickets are served as bytes; a change rewrites only the values it means to change, so that odd but legal
//! spellings (escapes, long numbers, half a surrogate pair) survive every later edit of the ticket.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// Keys with the raw text of their values, in the order sent; a repeated key keeps both entries.
#[derive(Debug, Clone, Default)]
pub struct Object(Vec<(String, Box<RawValue>)>);

impl Object {
    /// Reads a JSON object; the values are only skipped over, not decoded.
    pub fn parse(text: &[u8]) -> serde_json::Result<Object> {
        serde_json::from_slice(text)
    }

    /// The text of the first value under `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.get())
    }

    /// The value under `key` as a string, when it is one that can be decoded.
    pub fn text(&self, key: &str) -> Option<String> {
        serde_json::from_str(self.get(key)?).ok()
    }

    /// The value under `key` as a number, which may stand as a string.
    pub fn number(&self, key: &str) -> Option<u64> {
        self.get(key)?.trim_matches('"').parse().ok()
    }

    /// Puts `raw` (JSON text) under `key`, in place or at the end; text that is no JSON is stored as a string.
    pub fn set(&mut self, key: &str, raw: &str) {
        let value = raw_value(raw);
        match self.0.iter_mut().find(|(name, _)| name == key) {
            Some(entry) => entry.1 = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    /// Puts a string under `key`.
    pub fn set_text(&mut self, key: &str, text: &str) {
        self.set(key, &quoted(text));
    }

    /// Drops every entry under `key`.
    pub fn remove(&mut self, key: &str) {
        self.0.retain(|(name, _)| name != key);
    }

    /// The object as compact JSON; the values stand as they were.
    pub fn render(&self) -> String {
        let mut out = String::from("{");
        for (index, (key, value)) in self.0.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            out.push_str(&quoted(key));
            out.push(':');
            out.push_str(value.get());
        }
        out.push('}');
        out
    }
}

/// A string as JSON text.
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// JSON text as a value that keeps it; what is no JSON becomes a string.
pub fn raw_value(raw: &str) -> Box<RawValue> {
    RawValue::from_string(raw.to_owned())
        .or_else(|_| RawValue::from_string(quoted(raw)))
        .unwrap_or_else(|_| RawValue::NULL.to_owned())
}

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Object;

            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry::<String, Box<RawValue>>()? {
                    entries.push(entry);
                }
                Ok(Object(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_leaves_every_other_value_as_it_was_spelt() {
        let text = r#"{"id":9007199254740993,"title":"\ud83d half","x":1.50,"tags":[ 1 ]}"#;
        let mut object = Object::parse(text.as_bytes()).unwrap();
        object.set_text("x", "a\"b");
        object.set("new", "null");
        assert_eq!(
            object.render(),
            r#"{"id":9007199254740993,"title":"\ud83d half","x":"a\"b","tags":[ 1 ],"new":null}"#
        );
    }
}
