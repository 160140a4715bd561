//! The least and the greatest value of a column, or of a page of it, as a file tells them.

use parquet::{
    data_type::ByteArray,
    file::statistics::{Statistics, ValueStatistics},
};

/// Least and greatest value, by the way in which a column is stored.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Bounds {
    Int32(Option<(i32, i32)>),
    Int64(Option<(i64, i64)>),
    Double(Option<(f64, f64)>),
    Bool(Option<(bool, bool)>),
    Text(Option<(String, String)>),
}

impl Bounds {
    /// Whether there is no value.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Bounds::Int32(pair) => pair.is_none(),
            Bounds::Int64(pair) => pair.is_none(),
            Bounds::Double(pair) => pair.is_none(),
            Bounds::Bool(pair) => pair.is_none(),
            Bounds::Text(pair) => pair.is_none(),
        }
    }

    /// Takes in what another page of the same column holds.
    pub(super) fn widen(&mut self, other: Self) {
        fn join<T: PartialOrd>(held: &mut Option<(T, T)>, other: Option<(T, T)>) {
            *held = match (held.take(), other) {
                (Some((a, b)), Some((c, d))) => Some((if c < a { c } else { a }, if d > b { d } else { b })),
                (held, other) => held.or(other),
            };
        }
        match (self, other) {
            (Bounds::Int32(held), Bounds::Int32(other)) => join(held, other),
            (Bounds::Int64(held), Bounds::Int64(other)) => join(held, other),
            (Bounds::Double(held), Bounds::Double(other)) => join(held, other),
            (Bounds::Bool(held), Bounds::Bool(other)) => join(held, other),
            (Bounds::Text(held), Bounds::Text(other)) => join(held, other),
            (held, other) => *held = other,
        }
    }

    /// As the index of pages holds them; texts are cut to about `most` bytes.
    pub(super) fn to_bytes(&self, most: usize) -> (Vec<u8>, Vec<u8>) {
        fn pair<const N: usize>(low: [u8; N], high: [u8; N]) -> (Vec<u8>, Vec<u8>) {
            (low.to_vec(), high.to_vec())
        }
        match self {
            Bounds::Int32(Some((low, high))) => pair(low.to_le_bytes(), high.to_le_bytes()),
            Bounds::Int64(Some((low, high))) => pair(low.to_le_bytes(), high.to_le_bytes()),
            Bounds::Double(Some((low, high))) => pair(low.to_le_bytes(), high.to_le_bytes()),
            Bounds::Bool(Some((low, high))) => pair([u8::from(*low)], [u8::from(*high)]),
            Bounds::Text(Some((low, high))) => {
                (floor(low, most).as_bytes().to_vec(), ceiling(high, most).into_bytes())
            }
            _ => (Vec::new(), Vec::new()),
        }
    }

    /// As the footer holds them; texts are cut to about `most` bytes.
    pub(super) fn statistics(self, nulls: u64, most: usize) -> Statistics {
        macro_rules! plain {
            ($variant:ident, $pair:expr) => {{
                let (low, high) = $pair.unzip();
                let values = ValueStatistics::new(low, high, None, Some(nulls), false);
                Statistics::$variant(values.with_backwards_compatible_min_max(true))
            }};
        }
        match self {
            Bounds::Int32(pair) => plain!(Int32, pair),
            Bounds::Int64(pair) => plain!(Int64, pair),
            Bounds::Double(pair) => plain!(Double, pair),
            Bounds::Bool(pair) => plain!(Boolean, pair),
            Bounds::Text(pair) => {
                let bytes = |text: &str| ByteArray::from(text.as_bytes().to_vec());
                let (low, high) = pair.unzip();
                let shown =
                    (low.as_deref().map(|l| floor(l, most)), high.as_deref().map(|h| ceiling(h, most)));
                let exact = (low.as_deref() == shown.0, high == shown.1);
                let values = ValueStatistics::new(
                    shown.0.map(bytes),
                    shown.1.as_deref().map(bytes),
                    None,
                    Some(nulls),
                    false,
                )
                .with_min_is_exact(low.is_some() && exact.0)
                .with_max_is_exact(high.is_some() && exact.1);
                Statistics::ByteArray(values)
            }
        }
    }
}

/// The beginning of a text, no longer than `most` bytes: not above it.
fn floor(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or_default()).unwrap_or(text)
}

/// A text of about `most` bytes that is not below `text`: its beginning, in which the last character that has a next one
/// is raised to that.
fn ceiling(text: &str, most: usize) -> String {
    let start = floor(text, most);
    if start.len() == text.len() {
        return text.to_owned();
    }
    for (at, character) in start.char_indices().rev() {
        let above = u32::from(character) + 1..=u32::from(char::MAX);
        if let Some(next) = above.into_iter().find_map(char::from_u32) {
            return start.get(..at).unwrap_or_default().to_owned() + next.encode_utf8(&mut [0; 4]);
        }
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!((floor("中文", 4), ceiling("中文", 4)), ("中", "丮".to_owned()));
        assert_eq!(ceiling("a\u{10ffff}\u{10ffff}", 5), "b");
        assert_eq!(ceiling("\u{10ffff}\u{10ffff}", 5), "\u{10ffff}\u{10ffff}");
        assert_eq!(ceiling("\u{d7ff}x", 3), "\u{e000}");
    }

    proptest! {
        #[test]
        fn bounds_hold_every_text(texts in prop::collection::vec("\\PC{0,8}", 1..6), most in 1usize..12) {
            let mut bounds = Bounds::Text(None);
            for text in &texts {
                bounds.widen(Bounds::Text(Some((text.clone(), text.clone()))));
            }
            let (low, high) = bounds.to_bytes(most);
            for text in &texts {
                prop_assert!(low.as_slice() <= text.as_bytes() && text.as_bytes() <= high.as_slice());
            }
            prop_assert!(std::str::from_utf8(&high).is_ok());
        }
    }
}
