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
    #[inline]
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
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// Whether the text is `other`, without a copy where nothing is escaped.
    #[inline]
    pub fn is(&self, other: &str) -> bool {
        if self.escaped { self.decoded() == other } else { self.raw == other }
    }
}

/// The first quote, backslash or control character among some bytes; 16 if there is none.
#[inline]
fn first_special(bytes: &[u8; 16]) -> usize {
    let bytes = u8x16::new(*bytes);
    let control = bytes.min(u8x16::splat(0x1f)).simd_eq(bytes);
    let special = control | bytes.simd_eq(u8x16::splat(b'"')) | bytes.simd_eq(u8x16::splat(b'\\'));
    (special.to_bitmask() | 1 << 16).trailing_zeros() as usize
}

/// Reads a string whose opening quote stands before `start`; gives it and the offset behind its closing quote.
#[inline]
pub(super) fn scan(text: &str, start: usize) -> Result<(Text<'_>, usize), Malformed> {
    let bytes = text.as_bytes();
    // Most strings are short and have no escapes.
    if let Some(some) = bytes.get(start..).and_then(<[u8]>::first_chunk) {
        let end = start + first_special(some);
        if bytes.get(end) == Some(&b'"') {
            return Ok((Text { raw: &text[start..end], escaped: false }, end + 1));
        }
    }
    scan_long(text, start)
}

fn scan_long(text: &str, start: usize) -> Result<(Text<'_>, usize), Malformed> {
    let bytes = text.as_bytes();
    let (mut at, mut escaped) = (start, false);
    loop {
        // One escape mostly follows another: whole texts of Chinese are sent as escapes.
        while bytes.get(at) != Some(&b'\\')
            && let Some(some) = bytes.get(at..).and_then(<[u8]>::first_chunk)
        {
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
        Some(b'u') if unit(bytes, at).is_some() => Ok(6),
        _ => Err(Malformed { at, expected: "an escape" }),
    }
}

/// The 16 bits of the escape `\uXXXX` that begins at an offset.
fn unit(bytes: &[u8], at: usize) -> Option<u32> {
    let [b'\\', b'u', digits @ ..] = bytes.get(at..)?.first_chunk::<6>()? else { return None };
    let digit = |value, digit: &u8| Some(value << 4 | char::from(*digit).to_digit(16)?);
    digits.iter().try_fold(0, digit)
}

fn unescape(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let bytes = raw.as_bytes();
    let (mut at, mut plain) = (0, 0);
    while let Some(byte) = bytes.get(at) {
        if *byte != b'\\' {
            at += 1;
            continue;
        }
        out.push_str(&raw[plain..at]);
        let (character, length) = match bytes.get(at + 1) {
            Some(b'b') => ('\u{8}', 2),
            Some(b'f') => ('\u{c}', 2),
            Some(b'n') => ('\n', 2),
            Some(b'r') => ('\r', 2),
            Some(b't') => ('\t', 2),
            Some(b'u') => code_point(bytes, at),
            other => (other.map_or(char::REPLACEMENT_CHARACTER, |byte| char::from(*byte)), 2),
        };
        out.push(character);
        (at, plain) = (at + length, at + length);
    }
    out.push_str(raw.get(plain..).unwrap_or_default());
    out
}

/// The character that begins with the unit at an offset, and how many bytes it takes.
fn code_point(bytes: &[u8], at: usize) -> (char, usize) {
    let Some(first) = unit(bytes, at) else { return (char::REPLACEMENT_CHARACTER, 6) };
    if (0xd800..0xdc00).contains(&first)
        && let Some(second) = unit(bytes, at + 6)
        && (0xdc00..0xe000).contains(&second)
    {
        let pair = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        return (char::from_u32(pair).unwrap_or(char::REPLACEMENT_CHARACTER), 12);
    }
    (char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), 6)
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
    // What lies between is as it must be.
    let (mut at, mut copied) = (0, 0);
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => {
                out.push_str(&text[copied..at]);
                at += 1;
                copied = at;
            }
            b'"' => {
                let Ok((string, end)) = scan(text, at + 1) else { return };
                if string.escaped {
                    out.push_str(&text[copied..at]);
                    string.write_compact(out);
                    copied = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    out.push_str(&text[copied..]);
}
