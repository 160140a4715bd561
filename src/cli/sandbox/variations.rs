//! What the vendors leave undocumented, as options: a client should bear every answer.

use clap::ValueEnum;

use crate::sandbox::{Envelope, ListOrder, Options, Quirks, RetryAfter};

/// Off unless asked for.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Where the vendors' documents are silent")]
pub struct Variations {
    /// The moment at which the world stands, in Unix seconds [default: the real time]
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    pub now: Option<i64>,

    /// KF5: lists without `count`, `next_page` and `previous_page`
    #[arg(long)]
    pub bare_envelope: bool,

    /// KF5: time filters leave out the bounds themselves
    #[arg(long)]
    pub exclusive_bounds: bool,

    /// KF5: how `Retry-After` is written [default: seconds]
    #[arg(long, value_name = "FORM", value_enum)]
    pub retry_after: Option<RetryAfter>,

    /// Udesk: the order of ticket lists [default: id]
    #[arg(long, value_name = "ORDER", value_enum)]
    pub udesk_order: Option<ListOrder>,

    /// Udesk: how a request over the limit is refused [default: status]
    #[arg(long, value_name = "FORM", value_enum)]
    pub udesk_refusal: Option<Refusal>,

    /// Quietly lower a greater `per_page` to this
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub page_cap: Option<u64>,

    /// Refuse pages beyond this one
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_page: Option<u64>,

    /// More field definitions than the usual ones, for each vendor
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub extra_fields: usize,

    /// So many tickets created in one second, and as many updated in one
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub burst: usize,

    /// One description of this many bytes
    #[arg(long, value_name = "BYTES", default_value_t = 0)]
    pub longest_description: usize,

    /// Only ordinary tickets, none with an odd value: for programs that choke on those
    #[arg(long)]
    pub plain: bool,
}

/// A refusal by status or by body.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Refusal {
    /// Status 429
    Status,
    /// Status 200, and the body says so
    Body,
}

impl Variations {
    /// The same as the sandbox's own options; what is common to all sandboxes stays as it is in `options`.
    pub fn apply(&self, options: Options) -> Options {
        Options {
            now: self.now.or(options.now),
            quirks: Quirks {
                envelope: if self.bare_envelope { Envelope::Bare } else { Envelope::Full },
                start_exclusive: self.exclusive_bounds,
                end_exclusive: self.exclusive_bounds,
                page_cap: self.page_cap,
                max_page: self.max_page,
                limit_in_body: matches!(self.udesk_refusal, Some(Refusal::Body)),
                ..options.quirks
            },
            udesk_order: self.udesk_order,
            retry_after: self.retry_after.unwrap_or(options.retry_after),
            extra_fields: self.extra_fields,
            burst: self.burst,
            longest_description: self.longest_description,
            plain: self.plain,
            ..options
        }
    }
}
