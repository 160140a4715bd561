//! Where the vendors' documents are silent: choices of a server that a client must cope with, as data.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use xxhash_rust::xxh3::xxh3_64;

use super::store::Ticket;

/// Every choice: its name, what it takes, and what it does.
pub const TABLE: [(&str, &str, &str); 20] = [
    ("envelope", "full|bare|count|next_page", "kf5: which paging keys a list has"),
    ("start_exclusive", "true", "kf5: `…_start` leaves out its own second"),
    ("end_exclusive", "true", "kf5: `…_end` leaves out its own second"),
    ("page_cap", "N", "rows of a page at most, whatever `per_page` asks for"),
    ("fields_cap", "N", "kf5: definitions of a page at most"),
    ("max_page", "N", "pages beyond it are refused"),
    ("break_page", "N", "from it on the list of all tickets answers 500"),
    ("repeat_page", "N", "it has the rows of the page before"),
    ("order", "id|id_desc|created_desc|updated_desc|shuffled", "of lists, whatever was asked for"),
    ("count", "N", "what lists give as the number of all rows"),
    ("next_host", "URL", "kf5: what `next_page` and `previous_page` name"),
    ("unpaged", "true", "kf5: problems and incidents come whole"),
    ("subject", "true", "kf5: they have a `subject`, as in the samples"),
    ("show_cap", "N", "kf5: `show_many` answers so many of the ids"),
    ("limit_in_body", "true", "udesk: over the limit is a 200 that says so"),
    ("absent", "NAME,…", "kf5: 404 for users, groups, organizations, exports, slax, imports"),
    ("forbidden", "NAME,…", "kf5: 403 for the same"),
    ("tags", "true", "udesk: tickets have `tags`, once they were given any"),
    ("filter_since", "SECOND", "udesk: filter 12 lists what was updated since"),
    ("filter_agent", "ID", "udesk: only this agent may use filter 12"),
];

/// The table as text, one choice a line.
pub fn help() -> String {
    let line = |(name, takes, does): (&str, &str, &str)| format!("{:<50}{does}\n", format!("{name}={takes}"));
    TABLE.into_iter().map(line).collect()
}

/// A choice as a person writes it: `NAME=VALUE`, with `kf5.` or `udesk.` before it for one vendor only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quirk {
    vendor: Option<String>,
    name: String,
    value: Value,
}

impl FromStr for Quirk {
    type Err = String;

    fn from_str(text: &str) -> Result<Quirk, String> {
        let (key, value) = text.split_once('=').unwrap_or((text, "true"));
        let (vendor, name) = match key.split_once('.') {
            Some((vendor @ ("kf5" | "udesk"), name)) => (Some(vendor.to_owned()), name),
            _ => (None, key),
        };
        let value = match name {
            "absent" | "forbidden" => value.split(',').collect(),
            "filter_agent" | "next_host" => Value::from(value),
            _ => serde_json::from_str(value).unwrap_or_else(|_| Value::from(value)),
        };
        let quirk = Quirk { vendor, name: name.to_owned(), value };
        Quirks::default().with("", std::slice::from_ref(&quirk))?;
        Ok(quirk)
    }
}

impl Quirks {
    /// These choices, and of `more` those that are for a vendor.
    pub fn with(&self, vendor: &str, more: &[Quirk]) -> Result<Quirks, String> {
        let is_meant =
            |quirk: &&Quirk| vendor.is_empty() || quirk.vendor.as_deref().is_none_or(|of| of == vendor);
        let pairs = more.iter().filter(is_meant).map(|quirk| (quirk.name.clone(), quirk.value.clone()));
        let mut all = match serde_json::to_value(self) {
            Ok(Value::Object(all)) => all,
            _ => serde_json::Map::new(),
        };
        all.extend(pairs);
        serde_json::from_value(Value::Object(all)).map_err(|why| why.to_string())
    }
}

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ListOrder {
    Id,
    IdDesc,
    CreatedDesc,
    UpdatedDesc,
    /// Without any order, but the same each time.
    Shuffled,
}

impl ListOrder {
    /// By what tickets are compared.
    pub fn place_of(self, card: &Ticket) -> (i128, u64) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_choice() {
        let Ok(Value::Object(all)) = serde_json::to_value(Quirks::default()) else { panic!() };
        let mut known: Vec<&str> =
            all.keys().map(String::as_str).filter(|name| *name != "filter_id").collect();
        let mut told: Vec<&str> = TABLE.iter().map(|(name, _, _)| *name).collect();
        known.sort_unstable();
        told.sort_unstable();
        assert_eq!(told, known);
        assert!(help().lines().all(|line| line.chars().count() <= 125), "{}", help());
    }

    #[test]
    fn choices_are_read_or_refused() {
        let given: Vec<Quirk> = ["page_cap=30", "udesk.order=updated_desc", "unpaged", "absent=users,groups"]
            .map(|text| text.parse().unwrap())
            .to_vec();
        let kf5 = Quirks::default().with("kf5", &given).unwrap();
        assert_eq!((kf5.page_cap, kf5.order, kf5.unpaged), (Some(30), None, true));
        assert_eq!(kf5.absent, ["users", "groups"]);
        assert_eq!(Quirks::default().with("udesk", &given).unwrap().order, Some(ListOrder::UpdatedDesc));
        assert!("pagecap=3".parse::<Quirk>().unwrap_err().contains("page_cap"));
        assert!("order=sideways".parse::<Quirk>().is_err());
    }
}
