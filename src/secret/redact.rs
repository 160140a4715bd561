//! Secrets in text that others wrote: what a server was sent it may give back, escaped in any way.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

const MASK: &str = "***";
/// How often escapes may stand within escapes: a JSON text in a JSON text in an HTML page, and one more.
const MAX_ESCAPES: usize = 4;
/// Characters of a secret that a text may end with, cut off within it; fewer tell nothing.
const MAX_REST: usize = 3;
/// Hex digits of a signature: MD5 or longer.
const SIGNATURE_DIGITS: usize = 32;
/// Characters of a token after `Bearer`; shorter words are prose.
const TOKEN_CHARS: usize = 16;

/// A character, and which bytes of the text stand for it.
#[derive(Clone, Copy)]
struct Piece {
    c: char,
    from: usize,
    to: usize,
}

struct Needle {
    chars: Vec<char>,
    is_base64: bool,
}

/// `text` without `secrets`, in plain or in Base64, escaped for addresses, HTML or JSON, or with other white space.
pub fn redact(text: &str, secrets: &[&str]) -> String {
    let needles: Vec<Needle> = secrets.iter().copied().flat_map(needles).collect();
    let mut spans = Vec::new();
    let mut pieces = pieces(text);
    for _ in 0..=MAX_ESCAPES {
        let kept: Vec<Piece> = pieces.iter().copied().filter(|piece| is_kept(piece.c)).collect();
        needles.iter().for_each(|needle| find(text, &kept, needle, &mut spans));
        let plainer = unescape(&pieces);
        // An escape is longer than what it stands for.
        if plainer.len() == pieces.len() {
            break;
        }
        pieces = plainer;
    }
    mask(text, spans)
}

/// `text` without what looks like a signature, or like the value of an `Authorization` header.
pub fn without_tokens(text: &str) -> String {
    let mut spans = Vec::new();
    let mut rest = 0;
    let is_token = |c: char| c.is_ascii_alphanumeric() || "+/=-_.~".contains(c);
    for word in text.split(|c| !is_token(c)) {
        let digits = word.split(|c: char| !c.is_ascii_hexdigit());
        for run in digits.filter(|run| run.len() >= SIGNATURE_DIGITS) {
            let from = run.as_ptr() as usize - text.as_ptr() as usize;
            spans.push((from, from + run.len()));
        }
        let from = word.as_ptr() as usize - text.as_ptr() as usize;
        if word.is_empty() {
            continue;
        }
        let before = text[rest..from].trim_end();
        let follows = |scheme: &str| {
            let start = before.len().checked_sub(scheme.len());
            start.and_then(|start| before.get(start..)).is_some_and(|end| end.eq_ignore_ascii_case(scheme))
        };
        let is_pair = || {
            let pair = STANDARD_NO_PAD.decode(word.trim_end_matches(['=', '.']));
            pair.is_ok_and(|pair| pair.contains(&b':'))
        };
        if follows("basic") && is_pair() || follows("bearer") && word.len() >= TOKEN_CHARS {
            spans.push((from, from + word.len()));
        }
        rest = from;
    }
    mask(text, spans)
}

/// What to look for: the secret as it is and without its own escapes, and its Base64 wherever it may stand in a longer text.
fn needles(secret: &str) -> Vec<Needle> {
    let mut plain = pieces(secret);
    let mut texts = vec![plain.clone()];
    for _ in 0..MAX_ESCAPES {
        plain = unescape(&plain);
    }
    texts.push(plain);
    let plain = texts.iter().map(|text| (text.iter().map(|piece| piece.c).collect(), false));
    let encoded = (0..3).flat_map(|shift| {
        let bytes = [&[0; 2][..shift.min(2)], secret.as_bytes()].concat();
        // Only those characters that no neighbour has a part in.
        let own = (shift * 8).div_ceil(6)..bytes.len() * 8 / 6;
        [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)]
            .map(|text| (text.get(own.clone()).unwrap_or_default().to_owned(), true))
    });
    let long = encoded.filter(|(text, _)| text.len() > MAX_REST);
    let all = plain.chain(long).map(|(text, is_base64): (String, bool)| Needle {
        chars: text.chars().filter(|c| is_kept(*c)).collect(),
        is_base64,
    });
    all.filter(|needle| !needle.chars.is_empty()).collect()
}

/// White space is often changed on the way, and `+` is a space in a form.
fn is_kept(c: char) -> bool {
    !(c.is_whitespace() || c.is_control() || c == '+')
}

fn find(text: &str, kept: &[Piece], needle: &Needle, spans: &mut Vec<(usize, usize)>) {
    for (at, first) in kept.iter().enumerate() {
        let rest = &kept[at..];
        let equal = rest.iter().zip(&needle.chars).take_while(|(piece, c)| piece.c == **c).count();
        let is_cut_off = equal == rest.len() && equal > MAX_REST;
        if equal < needle.chars.len() && !is_cut_off {
            continue;
        }
        let (mut from, mut to) = (first.from, rest[equal - 1].to);
        if needle.is_base64 {
            let is_base64 = |c: char| c.is_ascii_alphanumeric() || "+/-_".contains(c);
            from = text[..from].trim_end_matches(is_base64).len();
            to = text.len() - text[to..].trim_start_matches(|c| is_base64(c) || c == '=').len();
        }
        spans.push((from, to));
    }
}

fn mask(text: &str, mut spans: Vec<(usize, usize)>) -> String {
    spans.sort_unstable();
    let (mut out, mut done) = (String::with_capacity(text.len()), 0);
    for (from, to) in spans {
        if from >= done {
            out.push_str(&text[done..from]);
            out.push_str(MASK);
        }
        done = done.max(to);
    }
    out.push_str(&text[done..]);
    out
}

fn pieces(text: &str) -> Vec<Piece> {
    text.char_indices().map(|(from, c)| Piece { c, from, to: from + c.len_utf8() }).collect()
}

/// Every escape once replaced by what it stands for.
fn unescape(pieces: &[Piece]) -> Vec<Piece> {
    let mut out = Vec::with_capacity(pieces.len());
    let mut rest = pieces;
    while let [first, after @ ..] = rest {
        let Some((c, length)) = escaped(rest) else {
            out.push(*first);
            rest = after;
            continue;
        };
        let (escape, after) = rest.split_at(length);
        out.push(Piece { c, from: first.from, to: escape.last().map_or(first.to, |last| last.to) });
        rest = after;
    }
    out
}

/// The character that an escape at the beginning of `pieces` stands for, and the escape's length.
fn escaped(pieces: &[Piece]) -> Option<(char, usize)> {
    match (pieces.first()?.c, pieces.get(1)?.c) {
        ('%', _) | ('\\', 'x') => by_bytes(pieces),
        ('&', _) => entity(pieces),
        ('\\', 'u') => {
            let high = hex(pieces.get(2..6)?)?;
            let low = match pieces.get(6..12) {
                Some(next) if next[0].c == '\\' && next[1].c == 'u' => hex(&next[2..]),
                _ => None,
            };
            let pair = low.and_then(|low| char::decode_utf16([high as u16, low as u16]).next()?.ok());
            match pair {
                Some(c) if c as u32 > 0xFFFF => Some((c, 12)),
                _ => Some((char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER), 6)),
            }
        }
        ('\\', c @ ('"' | '\'' | '\\' | '/')) => Some((c, 2)),
        ('\\', 'b' | 'f' | 'n' | 'r' | 't') => Some((' ', 2)),
        _ => None,
    }
}

/// One character of UTF-8, each byte as `%C3` or `\xC3`.
fn by_bytes(pieces: &[Piece]) -> Option<(char, usize)> {
    let (mut bytes, mut length) = (Vec::new(), 0);
    while bytes.len() < 4 {
        let rest = &pieces[length..];
        let digits = match (rest.first().map(|piece| piece.c), rest.get(1).map(|piece| piece.c)) {
            (Some('%'), _) => 1..3,
            (Some('\\'), Some('x')) => 2..4,
            _ => break,
        };
        let Some(byte) = rest.get(digits.clone()).and_then(hex) else { break };
        bytes.push(byte as u8);
        length += digits.end;
        if let Ok(text) = str::from_utf8(&bytes) {
            return text.chars().next().map(|c| (c, length));
        }
    }
    let first = if pieces[0].c == '%' { 3 } else { 4 };
    (!bytes.is_empty()).then_some((char::REPLACEMENT_CHARACTER, first))
}

fn entity(pieces: &[Piece]) -> Option<(char, usize)> {
    let name: String = pieces[1..].iter().take(9).map(|piece| piece.c).take_while(|c| *c != ';').collect();
    let length = name.chars().count() + 2;
    if pieces.get(length - 1)?.c != ';' {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let c = match name.as_str() {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        _ => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix('x') {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => number.parse(),
            };
            char::from_u32(number.ok()?)?
        }
    };
    Some((c, length))
}

fn hex(pieces: &[Piece]) -> Option<u32> {
    pieces.iter().try_fold(0, |number, piece| Some(number * 16 + piece.c.to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    const SECRET: &str = "pä\"s\\s &w/ö<r>d'%41";

    /// What servers, proxies and pages make of a text.
    fn escape(text: &str, how: usize) -> String {
        let html = |text: &str| {
            text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
        };
        match how {
            0 => text.to_owned(),
            1 => form_urlencoded::byte_serialize(text.as_bytes()).collect(),
            2 => text.bytes().map(|byte| format!("%{byte:02x}")).collect(),
            3 => serde_json::Value::from(text).to_string(),
            4 => text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect(),
            5 => html(text).replace('\'', "&#39;"),
            6 => text.chars().map(|c| format!("&#x{:x};", c as u32)).collect(),
            7 => text.replace(' ', " \r\n\t"),
            _ => text.bytes().map(|byte| format!("\\x{byte:02X}")).collect(),
        }
    }

    proptest! {
        #[test]
        fn no_escape_hides_a_secret(
            secret in "[ -~äö长😀]{4,24}".prop_filter("not white", |text| text.chars().filter(|c| is_kept(*c)).count() > 3),
            inner in 0usize..9, outer in 0usize..9, lead in "[a-z=:, ]{0,4}",
        ) {
            let echo = escape(&escape(&format!("<{lead}{secret}>"), inner), outer);
            let redacted = redact(&echo, &[&secret]);
            prop_assert!(redacted.contains(MASK), "{} in {}", secret, echo);
            let encoded = format!("{lead} {}!", escape(&STANDARD.encode(format!("{lead}:{secret}")), outer));
            prop_assert!(redact(&encoded, &[&secret]).contains(MASK), "{} in {}", secret, encoded);
        }

        #[test]
        fn a_text_without_it_stays(text in "[ -~äö长]{0,60}") {
            prop_assert_eq!(redact(&text, &["q😀q😀"]), text.clone());
            without_tokens(&text);
        }
    }

    #[test]
    fn only_the_secret_goes() {
        for how in 0..9 {
            let echo = format!("before {} after", escape(SECRET, how).trim_matches('"'));
            assert_eq!(redact(&echo, &[SECRET]), "before *** after", "{how}");
        }
        let pair = STANDARD.encode(format!("a@b.c:{SECRET}"));
        assert_eq!(redact(&format!("auth={pair}; x"), &[SECRET]), "auth=***; x");
        assert_eq!(redact("a pä\"s\\s", &[SECRET]), "a ***");
        assert_eq!(redact("nothing", &["", " "]), "nothing");
    }

    #[test]
    fn signatures_and_headers_go() {
        let sign = "b48d4134e7d13839b09b5423e300c352";
        assert_eq!(without_tokens(&format!("sign%3D{sign} x-{sign}")), "sign%*** x-***");
        let pair = "YWdlbnRAZXhhbXBsZS5jb206cGFzcw==";
        for scheme in ["Basic ", "basic\t", "BASIC  "] {
            assert_eq!(without_tokens(&format!("{scheme}{pair}, x")), format!("{scheme}***, x"));
        }
        assert_eq!(without_tokens("Bearer ya29.a0AfH6SMBx-1_2"), "Bearer ***");
        let prose = "basic authentication failed, the bearer of bad news";
        assert_eq!(without_tokens(prose), prose);
    }
}
