//! What of an answer may be shown to a person: little, on one line, and nothing secret.

use crate::{
    config::{Credentials, SourceConfig},
    secret::{redact, without_tokens},
};

/// Characters of an answer that a message quotes at most.
const MOST_CHARS: usize = 200;
/// Bytes of an answer that are looked at: more than enough for the quote.
const MOST_BYTES: usize = 16 << 10;

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
fn clean(config: &SourceConfig, text: &str) -> String {
    let (user, secret) = match &config.credentials {
        Credentials::Password { email, password } => (email.clone(), password),
        Credentials::Token { email, token } => (format!("{email}/token"), token),
        Credentials::Signed { secret } => (String::new(), secret),
    };
    let pair = format!("{user}:{}", secret.reveal());
    without_tokens(&redact(text, &[&pair, secret.reveal()]))
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
        let echo = r#"pa"ss pa\"ss Authorization: Basic YWdlbnRAZXhhbXBsZS5jb206cGEic3M= end"#;
        assert_eq!(excerpt(&kf5(), echo.as_bytes()), "*** *** Authorization: Basic *** end");
        let echo = "pa&quot;ss pa%22ss pa\\u0022ss YWdlbnRAZXhhbXBsZS5jb206cGEic3M= basic cHJveHk6d29yZA==";
        assert_eq!(excerpt(&kf5(), echo.as_bytes()), "*** *** *** *** basic ***");
    }
}
