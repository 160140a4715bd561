//! What stands in place of a value.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::{config::Method, secret::Secret};

/// Tells that there was a value.
const REDACTED: &str = "***";
const HASH_DIGITS: usize = 64;

/// Covers values, each by a method.
pub struct Cover {
    hmac: Hmac<Sha256>,
    /// What looks like a mask is one.
    sparing: bool,
}

impl Cover {
    /// Hashes are keyed with `key`; the configuration sees that there is one where it is needed.
    pub fn new(key: Option<&Secret>) -> Self {
        let key = key.map_or("", Secret::reveal);
        // A key of any length is taken: a long one is hashed first, as the method says.
        let hmac = Hmac::new_from_slice(key.as_bytes()).unwrap_or_else(|_| Hmac::new(&Default::default()));
        Self { hmac, sparing: false }
    }

    /// The same, for values of which some are covered already.
    pub fn sparing_masks(self) -> Self {
        Self { sparing: true, ..self }
    }

    /// HMAC-SHA-256 over the UTF-8 text, as 64 small hex digits.
    pub fn hash(&self, text: &str) -> String {
        let mut hmac = self.hmac.clone();
        hmac.update(text.as_bytes());
        hmac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What stands in place of a text; `None` is null.
    pub fn text(&self, text: &str, method: Method) -> Option<String> {
        let is_hash = || {
            text.len() == HASH_DIGITS
                && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        match method {
            Method::Drop => None,
            Method::Hash if self.sparing && (text == REDACTED || is_hash()) => Some(text.to_owned()),
            Method::Hash => Some(self.hash(text)),
            Method::Redact => Some(REDACTED.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_that_of_the_standard() {
        // RFC 4231, test case 2.
        let cover = Cover::new(Some(&Secret::new("Jefe")));
        assert_eq!(
            cover.hash("what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        let long = Cover::new(Some(&Secret::new("k".repeat(500))));
        assert_ne!(long.hash("a"), cover.hash("a"));
    }

    #[test]
    fn a_mask_is_not_masked_again() {
        let (fresh, again) = (Cover::new(None), Cover::new(None).sparing_masks());
        let hash = fresh.text("a@b.cn", Method::Hash).unwrap();
        assert_ne!(fresh.text(&hash, Method::Hash).unwrap(), hash);
        assert_eq!(again.text(&hash, Method::Hash).unwrap(), hash);
        assert_eq!(again.text("***", Method::Hash).unwrap(), "***");
        assert_eq!(again.text("a@b.cn", Method::Hash).unwrap(), hash);
        assert_eq!(again.text(&hash, Method::Redact).unwrap(), "***");
        assert_eq!(again.text(&hash, Method::Drop), None);
    }
}
