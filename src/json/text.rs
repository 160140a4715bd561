//! Strings inside JSON: finding their end, undoing and writing escapes.

use std::borrow::Cow;

use wide::u8x16;

use super::Malformed;

/// A string of a JSON text, not yet unescaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    raw: &'a str,
    escaped: bool,
}

impl<'a> Text<'a> {
    /// The text itself; half a surrogate pair becomes U+FFFD.
    pub fn decoded(&self) -> Cow<'a, str> {
        if self.escaped { Cow::Owned(unescape(self.raw)) } else { Cow::Borrowed(self.raw) }
    }

    /// Appends the text as a JSON string with no needless escapes.
    pub(super) fn write_compact(&self, out: &mut String) {
        if self.escaped {
            return write_text(&self.decoded(), out);
        }
        out.push('"');
        out.push_str(self.raw);
        out.push('"');
    }

    /// Whether nothing stands between the quotes.
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// Whether the text is `other`, without a copy where nothing is escaped.
    pub fn is(&self, other: &str) -> bool {
        if self.escaped { self.decoded() == other } else { self.raw == other }
    }
}

/// The first quote, backslash or control character among some bytes; 16 if there is none.
fn first_special(bytes: &[u8; 16]) -> usize {
    let bytes = u8x16::new(*bytes);
    let control = bytes.min(u8x16::splat(0x1f)).simd_eq(bytes);
    let special = control | bytes.simd_eq(u8x16::splat(b'"')) | bytes.simd_eq(u8x16::splat(b'\\'));
    (special.to_bitmask() | 1 << 16).trailing_zeros() as usize
}

/// Reads a string whose opening quote stands before `start`; gives it and the offset behind its closing quote.
pub(super) fn scan(text: &str, start: usize) -> Result<(Text<'_>, usize), Malformed> {
    let bytes = text.as_bytes();
    let (mut at, mut escaped) = (start, false);
    loop {
        while let Some(some) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
            let plain = first_special(some);
            at += plain;
            if plain < some.len() {
                break;
            }
        }
        match bytes.get(at) {
            Some(b'"') => return Ok((Text { raw: &text[start..at], escaped }, at + 1)),
            Some(b'\\') => {
                escaped = true;
                at += escape_length(bytes, at)?;
            }
            Some(0x20..) => at += 1,
            Some(_) => return Err(Malformed { at, expected: "an escaped control character" }),
            None => return Err(Malformed { at, expected: "the end of a string" }),
        }
    }
}

fn escape_length(bytes: &[u8], at: usize) -> Result<usize, Malformed> {
    match bytes.get(at + 1) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(2),
        Some(b'u') if bytes.get(at + 2..at + 6).is_some_and(|d| d.iter().all(u8::is_ascii_hexdigit)) => Ok(6),
        _ => Err(Malformed { at, expected: "an escape" }),
    }
}

fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let escape = rest.as_bytes()[at + 1];
        rest = &rest[at + 2..];
        match escape {
            b'b' => out.push('\u{8}'),
            b'f' => out.push('\u{c}'),
            b'n' => out.push('\n'),
            b'r' => out.push('\r'),
            b't' => out.push('\t'),
            b'u' => {
                let (character, length) = code_point(rest);
                out.push(character);
                rest = &rest[length..];
            }
            other => out.push(char::from(other)),
        }
    }
    out.push_str(rest);
    out
}

/// The character of the digits behind `\u`, and how many bytes they and a second half take.
fn code_point(digits: &str) -> (char, usize) {
    let unit = |from: usize| digits.get(from..from + 4).and_then(|d| u32::from_str_radix(d, 16).ok());
    let Some(first) = unit(0) else { return (char::REPLACEMENT_CHARACTER, 0) };
    if (0xd800..0xdc00).contains(&first)
        && digits.get(4..6) == Some("\\u")
        && let Some(second) = unit(6)
        && (0xdc00..0xe000).contains(&second)
    {
        let pair = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(pair).unwrap_or(char::REPLACEMENT_CHARACTER), 10);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 4)
}

/// Appends `text` as a JSON string with no needless escapes.
pub fn write_text(text: &str, out: &mut String) {
    out.push('"');
    let mut start = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[start..at]);
        start = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x8 => out.push_str("\\b"),
            0xc => out.push_str("\\f"),
            other => out.push_str(&format!("\\u{other:04x}")),
        }
    }
    out.push_str(&text[start..]);
    out.push('"');
}

/// Appends checked JSON without white space and needless escapes.
pub(super) fn compact(text: &str, out: &mut String) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => {}
            b'"' => {
                let Ok((string, end)) = scan(text, at) else { return };
                string.write_compact(out);
                at = end;
            }
            other => out.push(char::from(other)),
        }
    }
}
