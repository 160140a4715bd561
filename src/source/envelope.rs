//! Pairs of a query; and reading the wrapper around a list without copying the list.

use std::ops::Range;

use bytes::Bytes;

use crate::json::{Cursor, Json, Text};

/// Pairs as a query that is to go on: each encoded, and each ended by `&`.
pub fn query(pairs: &[(&str, String)]) -> String {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    pairs.iter().map(|(key, value)| format!("{key}={}&", encoded(value))).collect()
}

/// What an answer says around its list.
#[derive(Debug, Default)]
pub struct Envelope<'a> {
    /// The byte range of each element of the list in the body; `None` without such a list.
    pub rows: Option<Vec<Range<usize>>>,
    /// The other keys.
    said: Vec<(Text<'a>, Json<'a>)>,
}

/// How sure it must be that the elements of a list are JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elements {
    /// They are read here for the last time.
    Checked,
    /// Whoever reads them checks them; here only their ends are looked for.
    Measured,
}

/// Opens a body whose list stands under the key `list`; `None` for what is no JSON object.
pub fn open<'a>(body: &'a Bytes, list: &str, elements: Elements) -> Option<Envelope<'a>> {
    let whole = simdutf8::basic::from_utf8(body).ok()?;
    // Some servers put a byte order mark first.
    let text = whole.trim_start_matches('\u{feff}');
    let shift = whole.len() - text.len();
    let mut envelope = Envelope::default();
    let mut cursor = Cursor::new(text);
    cursor
        .object(|key, cursor| {
            if !(key.is(list) && cursor.peek() == b'[') {
                envelope.said.push((key, cursor.value()?));
                return Ok(());
            }
            let mut rows = Vec::new();
            cursor.list(|cursor| {
                let from = cursor.offset();
                match elements {
                    Elements::Checked => cursor.skip()?,
                    Elements::Measured => cursor.pass()?,
                }
                rows.push(from + shift..from + shift + cursor.since(from).len());
                Ok(())
            })?;
            envelope.rows = Some(rows);
            Ok(())
        })
        .and_then(|()| cursor.finish())
        .ok()?;
    Some(envelope)
}

impl<'a> Envelope<'a> {
    /// The value of a key, the last one where it stands twice.
    pub fn get(&self, key: &str) -> Option<Json<'a>> {
        self.said.iter().rev().find(|(name, _)| name.is(key)).map(|(_, value)| *value)
    }

    /// Where in `body` the object under a key lies; `None` where there is none.
    pub fn object(&self, body: &Bytes, key: &str) -> Option<Range<usize>> {
        let Json::Object(text) = self.get(key)? else { return None };
        let from = text.as_ptr() as usize - body.as_ptr() as usize;
        Some(from..from + text.len())
    }

    /// A whole number, sent as one or as text.
    pub fn number<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        match self.get(key)? {
            Json::Number(number) => number.parse().ok(),
            Json::Text(text) => text.decoded().parse().ok(),
            _ => None,
        }
    }

    /// The text of a JSON string.
    pub fn text(&self, key: &str) -> Option<String> {
        match self.get(key)? {
            Json::Text(text) => Some(text.decoded().into_owned()),
            _ => None,
        }
    }
}
