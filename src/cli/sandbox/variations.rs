//! What the world of a sandbox holds besides its size, and how its vendors behave where their documents are silent.

use crate::sandbox::{Options, Quirk, RetryAfter};

/// Off unless asked for.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Variations {
    /// When the world stands, in Unix seconds [default: now]
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub now: Option<i64>,

    /// A choice where the documents are silent; `list` shows all
    #[arg(long = "quirk", value_name = "NAME=VALUE")]
    pub quirks: Vec<String>,

    /// How a 429 names its wait
    #[arg(long, value_name = "FORM", value_enum)]
    pub retry_after: Option<RetryAfter>,

    /// Only ordinary tickets, none with an odd value
    #[arg(long)]
    pub plain: bool,

    /// More field definitions for each vendor
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub extra_fields: usize,

    /// Tickets of one second of creation, and of update
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub burst: usize,

    /// One description of this many bytes
    #[arg(long, value_name = "BYTES", default_value_t = 0, hide_default_value = true)]
    pub longest_description: usize,
}

impl Variations {
    /// The same as the sandbox's own options; what is common to all sandboxes stays as it is in `options`.
    pub fn apply(&self, options: Options) -> Result<Options, String> {
        let quirks = self
            .quirks
            .iter()
            .map(|text| text.parse::<Quirk>().map_err(|why| format!("--quirk {text}: {why}")));
        Ok(Options {
            now: self.now.or(options.now),
            quirks: quirks.collect::<Result<_, _>>()?,
            retry_after: self.retry_after.unwrap_or(options.retry_after),
            extra_fields: self.extra_fields,
            burst: self.burst,
            longest_description: self.longest_description,
            plain: self.plain,
            ..options
        })
    }
}
