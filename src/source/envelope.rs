//! Pairs of a query; and reading the wrapper around a list without copying the list.

use std::ops::Range;

use bytes::Bytes;

use crate::json::{Cursor, Json, Malformed, Text};

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

/// Reads an element of a list to its end, and checks it.
pub type Element<'e> = dyn FnMut(&mut Cursor<'_>) -> Result<(), Malformed> + 'e;

/// Opens a body whose list stands under the key `list`, each element of which is read by `element`; `None` for what is no
/// JSON object, or holds two such lists.
pub fn open<'a>(body: &'a Bytes, list: &str, element: &mut Element) -> Option<Envelope<'a>> {
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
            if envelope.rows.is_some() {
                return Err(Malformed { at: cursor.offset(), expected: "one list" });
            }
            let mut rows = Vec::new();
            cursor.list(|cursor| {
                let from = cursor.offset();
                cursor.alone(&mut *element)?;
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

    /// Where in `body` the object under a key lies, which `element` reads; `None` where there is none.
    pub fn object(&self, body: &Bytes, key: &str, element: &mut Element) -> Option<Range<usize>> {
        let Json::Object(text) = self.get(key)? else { return None };
        element(&mut Cursor::new(text)).ok()?;
        let from = text.as_ptr() as usize - body.as_ptr() as usize;
        Some(from..from + text.len())
    }

    /// Whether null, or PHP's empty list, stands under a key.
    pub fn is_null(&self, key: &str) -> bool {
        match self.get(key) {
            Some(Json::Null) => true,
            Some(list @ Json::List(_)) => list.elements().is_empty(),
            _ => self.rows.as_ref().is_some_and(Vec::is_empty),
        }
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
