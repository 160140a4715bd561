//! One JSON value as the value of a column's type.

use std::borrow::Cow;

use crate::{
    json::Json,
    when::{self, Clock, Read},
};

/// What a value gives for a column.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<T> {
    Value(T),
    Null,
    /// Not of the column's type: the cell is null and the raw value is rescued.
    Unfit,
}

impl<T> Cell<T> {
    fn of(value: Option<T>) -> Self {
        value.map_or(Cell::Unfit, Cell::Value)
    }

    /// Hands a value on; null and unfit stay what they are.
    pub fn map<U>(self, each: impl FnOnce(T) -> U) -> Cell<U> {
        match self {
            Cell::Value(value) => Cell::Value(each(value)),
            Cell::Null => Cell::Null,
            Cell::Unfit => Cell::Unfit,
        }
    }
}

impl<T> From<Read<T>> for Cell<T> {
    fn from(read: Read<T>) -> Self {
        match read {
            Read::Value(value) => Cell::Value(value),
            Read::Zero => Cell::Null,
            Read::Unreadable => Cell::Unfit,
        }
    }
}

/// Reads what is written as a text or a number; `""` and null are null.
fn written<'a, T>(json: &Json<'a>, read: impl FnOnce(&str) -> Cell<T>) -> Cell<T> {
    match json {
        Json::Null => Cell::Null,
        Json::Text(text) if text.is_empty() => Cell::Null,
        Json::Text(text) => read(&text.decoded()),
        Json::Number(number) => read(number),
        Json::Bool(_) | Json::Object(_) | Json::List(_) => Cell::Unfit,
    }
}

/// A text column keeps `""`; numbers and booleans are their text.
pub fn text<'a>(json: &Json<'a>) -> Cell<Cow<'a, str>> {
    match json {
        Json::Null => Cell::Null,
        other => Cell::of(other.scalar_text()),
    }
}

/// A coded column is a text column in which `""` is null.
pub fn code<'a>(json: &Json<'a>) -> Cell<Cow<'a, str>> {
    match text(json) {
        Cell::Value(value) if value.is_empty() => Cell::Null,
        cell => cell,
    }
}

/// `[+-]?[0-9]+` in the range of 64 bits.
pub fn integer(json: &Json) -> Cell<i64> {
    written(json, |text| Cell::of(text.parse().ok()))
}

/// `[+-]?[0-9]+` in the range of 8 bits.
pub fn small_integer(json: &Json) -> Cell<i8> {
    written(json, |text| Cell::of(text.parse().ok()))
}

/// A finite decimal number.
pub fn decimal(json: &Json) -> Cell<f64> {
    written(json, |text| {
        let number = is_decimal(text).then(|| text.parse().ok()).flatten();
        Cell::of(number.filter(|n: &f64| n.is_finite()))
    })
}

/// `[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?`
fn is_decimal(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let unsigned = |text: &'_ str| -> usize { usize::from(text.starts_with(['+', '-'])) };
    let text = &text[unsigned(text)..];
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    digits(whole) && fraction.is_none_or(digits) && exponent.is_none_or(|e| digits(&e[unsigned(e)..]))
}

/// `true`/`false`, `1`/`0`, as themselves or as text.
pub fn boolean(json: &Json) -> Cell<bool> {
    match json {
        Json::Bool(value) => Cell::Value(*value),
        other => written(other, |text| match text {
            "true" | "1" => Cell::Value(true),
            "false" | "0" => Cell::Value(false),
            _ => Cell::Unfit,
        }),
    }
}

/// Microseconds since 1970.
pub fn instant(json: &Json, clock: &Clock) -> Cell<i64> {
    written(json, |text| clock.instant(text).into())
}

/// Days since 1970.
pub fn date(json: &Json) -> Cell<i32> {
    written(json, |text| when::date(text).into())
}

/// Microseconds since midnight.
pub fn time_of_day(json: &Json) -> Cell<i64> {
    written(json, |text| Cell::of(when::time_of_day(text)))
}

/// A list of integers; `""` inside is null, one unreadable element makes the whole list unfit.
pub fn integers(json: &Json) -> Cell<Vec<Option<i64>>> {
    list(json, |element| match integer(element) {
        Cell::Value(value) => Some(Some(value)),
        Cell::Null => Some(None),
        Cell::Unfit => None,
    })
}

/// A list of texts; `""` inside stays, one unreadable element makes the whole list unfit.
pub fn texts<'a>(json: &Json<'a>) -> Cell<Vec<Option<Cow<'a, str>>>> {
    list(json, |element| match text(element) {
        Cell::Value(value) => Some(Some(value)),
        Cell::Null => Some(None),
        Cell::Unfit => None,
    })
}

fn list<'a, T>(json: &Json<'a>, read: impl Fn(&Json<'a>) -> Option<T>) -> Cell<Vec<T>> {
    match json {
        Json::Null => Cell::Null,
        Json::Text(text) if text.is_empty() => Cell::Null,
        Json::List(_) => Cell::of(json.elements().iter().map(read).collect()),
        _ => Cell::Unfit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Json<'_> {
        Json::parse(text).unwrap()
    }

    #[test]
    fn integers_are_exact_and_strict() {
        assert_eq!(integer(&json("9007199254740993")), Cell::Value(9_007_199_254_740_993));
        assert_eq!(integer(&json("\"+12\"")), Cell::Value(12));
        assert_eq!(integer(&json("\"\"")), Cell::Null);
        for unfit in ["1.0", "1e3", "\" 1\"", "true", "9223372036854775808", "\"１\"", "[]", "\"-\""] {
            assert_eq!(integer(&json(unfit)), Cell::Unfit, "{unfit}");
        }
    }

    #[test]
    fn decimals_follow_the_pattern() {
        assert_eq!(decimal(&json("\"13.33\"")), Cell::Value(13.33));
        assert_eq!(decimal(&json("-1.5E+3")), Cell::Value(-1500.0));
        for unfit in [
            "\".5\"",
            "\"1.\"",
            "\"inf\"",
            "\"nan\"",
            "\"1e999\"",
            "\"1_0\"",
            "\"1,5\"",
            "false",
            "\"+\"",
            "\"1e\"",
        ] {
            assert_eq!(decimal(&json(unfit)), Cell::Unfit, "{unfit}");
        }
    }

    #[test]
    fn booleans_in_all_their_spellings() {
        for (text, value) in
            [("true", true), ("1", true), ("\"1\"", true), ("\"false\"", false), ("0", false)]
        {
            assert_eq!(boolean(&json(text)), Cell::Value(value), "{text}");
        }
        for unfit in ["2", "\"yes\"", "1.0", "\"True\""] {
            assert_eq!(boolean(&json(unfit)), Cell::Unfit, "{unfit}");
        }
    }

    #[test]
    fn lists_keep_nulls_and_are_rescued_whole() {
        assert_eq!(integers(&json("[1,\"2\",null,\"\"]")), Cell::Value(vec![Some(1), Some(2), None, None]));
        assert_eq!(integers(&json("[1,\"x\"]")), Cell::Unfit);
        assert_eq!(texts(&json("[\"\",1.0,true,null]")).map_len(), Some(4));
        assert_eq!(texts(&json("[[]]")), Cell::Unfit);
        assert_eq!(texts(&json("\"a\"")), Cell::Unfit);
        assert_eq!(texts(&json("{}")), Cell::Unfit);
    }

    impl<T> Cell<Vec<T>> {
        fn map_len(&self) -> Option<usize> {
            if let Cell::Value(list) = self { Some(list.len()) } else { None }
        }
    }
}
