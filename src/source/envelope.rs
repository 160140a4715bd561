//! Pairs of a query; and reading the wrapper around a list without copying the list.

use std::ops::Range;

use bytes::Bytes;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Pairs as a query that is to go on: each encoded, and each ended by `&`.
pub fn query(pairs: &[(&str, String)]) -> String {
    let encoded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    pairs.iter().map(|(key, value)| format!("{key}={}&", encoded(value))).collect()
}

/// Keeps `null` apart from a missing key: the former ends a list, the latter says nothing.
pub fn present<'de: 'a, 'a, D: Deserializer<'de>>(input: D) -> Result<Option<&'a RawValue>, D::Error> {
    <&RawValue>::deserialize(input).map(Some)
}

/// A body as text, without the byte order mark that some servers put first.
pub fn text(body: &Bytes) -> Option<&str> {
    std::str::from_utf8(body).ok().map(|text| text.trim_start_matches('\u{feff}'))
}

/// Where in `body` each of `elements`, all borrowed from it, lies.
pub fn ranges(body: &Bytes, elements: &[&RawValue]) -> Vec<Range<usize>> {
    let start = body.as_ptr() as usize;
    elements
        .iter()
        .map(|element| {
            let from = element.get().as_ptr() as usize - start;
            from..from + element.get().len()
        })
        .collect()
}

/// A whole number, sent as one or as text.
pub fn number<T: std::str::FromStr>(raw: Option<&RawValue>) -> Option<T> {
    raw?.get().trim_matches('"').parse().ok()
}

/// The text of a JSON string.
pub fn string(raw: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(raw?.get()).ok()
}
