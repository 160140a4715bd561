//! Where the vendors' documents are silent: choices of a server that a client must cope with, as data.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::shelf::Card;

/// Every choice, with the plainest reading as its default. `PUT /__control/VENDOR/quirks` takes them by these names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quirks {
    /// KF5: which paging keys a list has.
    pub envelope: Envelope,
    /// KF5: `…_start` leaves out its own second.
    pub start_exclusive: bool,
    /// KF5: `…_end` leaves out its own second.
    pub end_exclusive: bool,
    /// Rows of a page at most, whatever `per_page` asks for.
    pub page_cap: Option<u64>,
    /// KF5: definitions of a page at most.
    pub fields_cap: Option<u64>,
    /// Pages beyond this one are refused.
    pub max_page: Option<u64>,
    /// From this page on, the list of all tickets answers 500.
    pub break_page: Option<u64>,
    /// This page is answered with the rows of the one before.
    pub repeat_page: Option<u64>,
    /// The order of lists, whatever was asked for.
    pub order: Option<ListOrder>,
    /// What lists give as the number of all rows.
    pub count: Option<u64>,
    /// KF5: the address that `next_page` and `previous_page` name, as `https://other.example`.
    pub next_host: Option<String>,
    /// KF5: problems and incidents come whole, without paging keys.
    pub unpaged: bool,
    /// KF5: problems and incidents have a `subject` in place of a `title`, as in the vendor's samples.
    pub subject: bool,
    /// KF5: `show_many` answers so many of the ids.
    pub show_cap: Option<usize>,
    /// Udesk: a request over the limit is a 200 whose body says so.
    pub limit_in_body: bool,
    /// KF5: endpoints that answer 404: users, groups, organizations, exports, slax, imports.
    pub absent: Vec<String>,
    /// KF5: endpoints of the same names that answer 403.
    pub forbidden: Vec<String>,
    /// Udesk: tickets have `tags`, once they were given any.
    pub tags: bool,
    /// Udesk: filter 12 has this number.
    pub filter_id: Option<u64>,
    /// Udesk: filter 12 lists what was updated from this Unix second on, newest first.
    pub filter_since: Option<i64>,
    /// Udesk: only this agent may use filter 12.
    pub filter_agent: Option<String>,
}

/// Which paging keys a list of KF5 has; the documents show none, the samples of others all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Envelope {
    #[default]
    Full,
    /// Neither count nor links.
    Bare,
    /// Only `count`.
    Count,
    /// Only `next_page` and `previous_page`.
    NextPage,
}

/// An order of lists that nobody asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum ListOrder {
    #[serde(alias = "id_asc")]
    Id,
    IdDesc,
    CreatedDesc,
    UpdatedDesc,
    /// Without any order, but the same each time.
    Shuffled,
}

impl ListOrder {
    /// By what tickets are compared.
    pub fn place_of(self, card: &Card) -> (i128, u64) {
        let newest_first = |second: Option<i64>| -i128::from(second.unwrap_or(0));
        let first = match self {
            ListOrder::Id => 0,
            ListOrder::IdDesc => -i128::from(card.id),
            ListOrder::CreatedDesc => newest_first(card.created),
            ListOrder::UpdatedDesc => newest_first(card.updated),
            ListOrder::Shuffled => i128::from(xxh3_64(&card.id.to_le_bytes())),
        };
        (first, card.id)
    }
}
