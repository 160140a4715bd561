//! A secret is a value that cannot be printed by accident.

use std::fmt;

mod redact;

pub use redact::{redact, without_tokens};

/// A password, a token or a shared key. `Debug` and `Display` show `***`; only [`Secret::reveal`] gives the text.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps the text of a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that sends or signs with it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Keeps the memory of this process, which holds the secrets, out of a core file, on Linux: no part of it is dumped from
/// now on. Elsewhere the limit of the shell or the service decides.
pub fn keep_out_of_cores() {
    // Where the file is not there, no core is written by this name either.
    let _ = std::fs::write("/proc/self/coredump_filter", "0");
}
