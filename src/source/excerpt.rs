//! What of an answer may be shown to a person: little, on one line, and nothing secret.

use crate::config::{Credentials, SourceConfig};

/// Characters of an answer that a message quotes at most.
const MOST_CHARS: usize = 200;
/// Bytes of an answer that are looked at: more than enough for the quote.
const MOST_BYTES: usize = 16 << 10;
/// Hex digits of a signature.
const SIGN_DIGITS: usize = 32;

/// The beginning of `body` on one line, secrets and signatures cut out.
pub fn excerpt(config: &SourceConfig, body: &[u8]) -> String {
    let head = String::from_utf8_lossy(body.get(..MOST_BYTES).unwrap_or(body));
    let line = head.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = clean(config, &line);
    match line.char_indices().nth(MOST_CHARS - 1) {
        Some((end, _)) if line.chars().nth(MOST_CHARS).is_some() => format!("{}…", &line[..end]),
        _ if line.is_empty() => "an empty body".into(),
        _ => line,
    }
}

/// `text` without the source's secrets, without anything that looks like a signature or an `Authorization` value.
pub fn clean(config: &SourceConfig, text: &str) -> String {
    let secret = match &config.credentials {
        Credentials::Password { password: secret, .. }
        | Credentials::Token { token: secret, .. }
        | Credentials::Signed { secret } => secret.reveal(),
    };
    let mut text = text.to_owned();
    if !secret.is_empty() {
        let escaped = serde_json::Value::from(secret).to_string();
        text = text.replace(escaped.trim_matches('"'), "***").replace(secret, "***");
    }
    cut_basic(&cut_signs(&text))
}

/// `text` with every run of hex digits as long as a signature replaced.
pub fn cut_signs(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let run = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        let (digits, after) = rest.split_at(run);
        out.push_str(if run >= SIGN_DIGITS { "***" } else { digits });
        let plain = after.find(|c: char| c.is_ascii_hexdigit()).unwrap_or(after.len());
        let (between, next) = after.split_at(plain);
        out.push_str(between);
        rest = next;
    }
    out
}

/// A server that echoes our headers must not bring the password into a log.
fn cut_basic(text: &str) -> String {
    let mut parts = text.split("Basic ");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end =
            part.find(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c))).unwrap_or(part.len());
        out.push_str("Basic ");
        out.push_str(if end >= 8 { "***" } else { part.get(..end).unwrap_or_default() });
        out.push_str(part.get(end..).unwrap_or_default());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::fixture::{kf5, udesk};

    #[test]
    fn quotes_are_short_single_lines() {
        let long = "一二\r\n三".repeat(400);
        let quote = excerpt(&kf5(), long.as_bytes());
        assert_eq!(quote.chars().count(), MOST_CHARS);
        assert!(!quote.contains('\n') && quote.ends_with('…'));
        assert_eq!(excerpt(&kf5(), b" \n"), "an empty body");
    }

    #[test]
    fn secrets_are_cut_out() {
        let echo = r#"{"url":"/t?page=1&sign=b48d4134e7d13839b09b5423e300c352","key":"99d80d18b0b9a994a8d0283e830e5099"}"#;
        let quote = excerpt(&udesk(), echo.as_bytes());
        assert_eq!(quote, r#"{"url":"/t?page=1&sign=***","key":"***"}"#);
        let echo = r#"pa"ss pa\"ss Authorization: Basic YWdlbnRAZXhhbXBsZS5jb20= end"#;
        assert_eq!(excerpt(&kf5(), echo.as_bytes()), "*** *** Authorization: Basic *** end");
    }
}
