//! The least and the greatest value of a column, or of a page of it, as a file tells them.

use super::{thrift::write_bytes, varint};

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

    /// Whether the values are texts; they are numbers otherwise.
    pub(super) fn are_texts(&self) -> bool {
        matches!(self, Bounds::Text(_))
    }

    /// Of a column: what holds all that its pages hold.
    pub(super) fn of_all<'a>(pages: impl Iterator<Item = &'a Self>) -> Self {
        let joined = pages.cloned().reduce(|mut held, page| {
            held.widen(page);
            held
        });
        joined.unwrap_or(Bounds::Bool(None))
    }

    /// Takes in what another page of the same column holds.
    fn widen(&mut self, other: Self) {
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

    /// Appends the least value as a file tells it, behind its length, or an empty one where there is none; texts are cut
    /// to about `most` bytes. Gives whether that is the value itself.
    pub(super) fn write_low(&self, most: usize, out: &mut Vec<u8>) -> bool {
        match self {
            Bounds::Int32(Some((low, _))) => write_number(low.to_le_bytes(), out),
            Bounds::Int64(Some((low, _))) => write_number(low.to_le_bytes(), out),
            Bounds::Double(Some((low, _))) => write_number(low.to_le_bytes(), out),
            Bounds::Bool(Some((low, _))) => write_number([u8::from(*low)], out),
            Bounds::Text(Some((low, _))) => {
                let start = floor(low, most);
                write_bytes(start.as_bytes(), out);
                start.len() == low.len()
            }
            _ => write_number([], out),
        }
    }

    /// As [`Bounds::write_low`], of the greatest value.
    pub(super) fn write_high(&self, most: usize, out: &mut Vec<u8>) -> bool {
        match self {
            Bounds::Int32(Some((_, high))) => write_number(high.to_le_bytes(), out),
            Bounds::Int64(Some((_, high))) => write_number(high.to_le_bytes(), out),
            Bounds::Double(Some((_, high))) => write_number(high.to_le_bytes(), out),
            Bounds::Bool(Some((_, high))) => write_number([u8::from(*high)], out),
            Bounds::Text(Some((_, high))) => {
                let (start, raised) = ceiling(high, most);
                let Some(raised) = raised else {
                    write_bytes(start.as_bytes(), out);
                    return true;
                };
                varint::write((start.len() + raised.len_utf8()) as u64, out);
                out.extend_from_slice(start.as_bytes());
                out.extend_from_slice(raised.encode_utf8(&mut [0; 4]).as_bytes());
                false
            }
            _ => write_number([], out),
        }
    }
}

/// Appends bytes, fewer than 128, behind their number.
fn write_number<const N: usize>(bytes: [u8; N], out: &mut Vec<u8>) -> bool {
    out.push(N as u8);
    out.extend_from_slice(&bytes);
    true
}

/// The beginning of a text, no longer than `most` bytes: not above it.
fn floor(text: &str, most: usize) -> &str {
    let end = (0..=most.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or_default()).unwrap_or(text)
}

/// A text of about `most` bytes that is not below `text`: its beginning, in which the last character that has a next one
/// is raised to that. `None` in its place: the whole text.
fn ceiling(text: &str, most: usize) -> (&str, Option<char>) {
    let start = floor(text, most);
    if start.len() == text.len() {
        return (text, None);
    }
    for (at, character) in start.char_indices().rev() {
        let above = u32::from(character) + 1..=u32::from(char::MAX);
        if let Some(next) = above.into_iter().find_map(char::from_u32) {
            return (start.get(..at).unwrap_or_default(), Some(next));
        }
    }
    (text, None)
}

#[cfg(test)]
mod tests {
    use super::{super::thrift::read_bytes, *};
    use proptest::prelude::*;

    fn raised(text: &str, most: usize) -> String {
        let (start, raised) = ceiling(text, most);
        start.chars().chain(raised).collect()
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!((floor("中文", 4), raised("中文", 4)), ("中", "丮".to_owned()));
        assert_eq!(raised("a\u{10ffff}\u{10ffff}", 5), "b");
        assert_eq!(raised("\u{10ffff}\u{10ffff}", 5), "\u{10ffff}\u{10ffff}");
        assert_eq!(raised("\u{d7ff}x", 3), "\u{e000}");
    }

    proptest! {
        #[test]
        fn bounds_hold_every_text(texts in prop::collection::vec("\\PC{0,8}", 1..6), most in 1usize..12) {
            let each: Vec<Bounds> =
                texts.iter().map(|text| Bounds::Text(Some((text.clone(), text.clone())))).collect();
            let bounds = Bounds::of_all(each.iter());
            let (mut low, mut high) = (Vec::new(), Vec::new());
            let exact = (bounds.write_low(most, &mut low), bounds.write_high(most, &mut high));
            let (low, high) = (read_bytes(&mut low.as_slice()), read_bytes(&mut high.as_slice()));
            let (low, high) = (low.unwrap(), high.unwrap());
            for text in &texts {
                prop_assert!(low <= text.as_bytes() && text.as_bytes() <= high);
            }
            prop_assert!(std::str::from_utf8(high).is_ok());
            let is_there = |bound: &[u8]| texts.iter().any(|text| text.as_bytes() == bound);
            prop_assert!(is_there(low) || !exact.0);
            prop_assert!(is_there(high) || !exact.1);
        }
    }
}
