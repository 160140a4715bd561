//! What is sent to a help desk, and what its answer means. Nothing here touches the network: a vendor is two pure functions.
//!
//! Adding a vendor: one file below this one, one in the sandbox, one line in the conformance tests.

use std::{fmt, ops::Range, time::Duration};

use bytes::Bytes;
use jiff::Timestamp;
use reqwest::{Url, header::HeaderMap};

use crate::{
    config::{Credentials, Kind, SourceConfig},
    fields::{Definition, Reading},
    json::Json,
    secret::{self, Secret},
    ticket::{self, Mapping},
};

mod definition;
mod envelope;
mod excerpt;
mod kf5;
mod later;
mod list;
mod udesk;

pub use envelope::Element;
pub use excerpt::excerpt;
pub use list::{Listing, Wish, filter, filters, listing};

/// One thing a source can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// A page of the custom-field definitions.
    Fields { page: u32, per_page: u32 },
    /// A page of the ticket list.
    Tickets { slice: Slice, page: u32, per_page: u32 },
    /// A page of another list.
    Listed { listing: Listing, slice: Slice, page: u32, per_page: u32 },
    /// One ticket by id. One that is gone is missing from the answer.
    One(i64),
    /// Tickets by id, at most [`most_ids`] of them. Those that are gone are missing from the answer, or make it a refusal.
    Ids(Vec<i64>),
    /// Who we are logged in as; only where [`tells_account`].
    Account,
}

/// Who we are logged in as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The source's own word.
    pub role: String,
    /// Whether that role may see every ticket.
    pub sees_all: bool,
}

/// The part of the ticket list that is meant, and its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slice {
    /// The time that bounds and sorts; without it the list is whole and in the source's own order.
    pub by: Option<Clock>,
    /// Unix seconds. Whether the bound itself belongs to the answer is the server's secret.
    pub from: Option<i64>,
    /// Unix seconds, see `from`.
    pub to: Option<i64>,
    pub order: Order,
    /// A ticket filter kept at the source.
    pub filter: Option<u64>,
}

/// The time of a ticket that a slice goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    Created,
    Updated,
}

/// Oldest first, or newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    #[default]
    Asc,
    Desc,
}

/// One GET, or one POST that only reads. Neither `Debug` nor `Display` shows a signature or a credential.
#[derive(Clone)]
pub struct Request {
    url: Url,
    basic: Option<(String, Secret)>,
    json: Option<String>,
}

impl Request {
    /// The address, signature included: for the sender only, never for a message.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// User and password of Basic authentication.
    pub fn basic(&self) -> Option<(&str, &Secret)> {
        self.basic.as_ref().map(|(user, password)| (user.as_str(), password))
    }

    /// What is posted; without it the request is a GET.
    pub fn json(&self) -> Option<&str> {
        self.json.as_deref()
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = if self.json.is_some() { "POST" } else { "GET" };
        write!(f, "{method} {}", secret::without_tokens(self.url.as_str()))
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Request({self})")
    }
}

/// What came back, as it came.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    pub status: u16,
    pub headers: &'a HeaderMap,
    pub body: &'a Bytes,
    pub received: Timestamp,
}

/// What a reply means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<T = Page> {
    Page(T),
    /// No page this time, but it may heal. `throttled`: we asked too often; `after`: how long the server wants to be left alone.
    Later {
        why: String,
        throttled: bool,
        after: Option<Duration>,
    },
    /// HTTP 403: a firewall's or a limit's word as often as the account's.
    Forbidden {
        why: String,
        after: Option<Duration>,
    },
    /// Asking again will not help.
    Refused(Refusal),
}

/// Why asking again will not help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    Credentials { why: String },
    Request { why: String },
}

/// A page of a list: the body, and where in it each element lies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    pub body: Bytes,
    /// The byte range of each element's JSON, in the order sent. An element may be anything, not only an object.
    pub rows: Vec<Range<usize>>,
    /// Rows of the whole list, as the server says.
    pub total: Option<u64>,
    /// Pages of the whole list at this page size, as the server says.
    pub pages: Option<u64>,
    /// Whether the server says that more follows; `None` when it does not say.
    pub more: Option<bool>,
}

/// Where each key of a ticket goes.
pub fn ticket(kind: Kind) -> &'static Mapping {
    match kind {
        Kind::Kf5 => &kf5::ticket::TICKET,
        Kind::Udesk => &udesk::ticket::TICKET,
    }
}

/// Where a column's value comes from in a ticket of the vendor of this short name, in words; `None` where it has no such
/// thing.
pub fn origin(kind: &str, column: &str) -> Option<String> {
    let kind = Kind::ALL.into_iter().find(|known| known.name() == kind)?;
    Some(ticket::origin(ticket(kind), column)?.text())
}

/// The vendor's words for types of custom fields, and how their values are read.
pub fn field_types(kind: Kind) -> &'static [(&'static str, Reading)] {
    match kind {
        Kind::Kf5 => kf5::fields::TYPES,
        Kind::Udesk => udesk::fields::TYPES,
    }
}

/// Reads one custom-field definition; `None` where it does not say which field it defines.
pub fn definition(config: &SourceConfig, json: &Json) -> Option<Definition> {
    match config.kind {
        Kind::Kf5 => kf5::fields::definition(json),
        Kind::Udesk => udesk::fields::definition(json, config.cascades.as_ref()),
    }
}

/// How many ids one [`Ask::Ids`] may name.
pub fn most_ids(kind: Kind) -> usize {
    match kind {
        Kind::Kf5 => kf5::MOST_IDS,
        Kind::Udesk => udesk::MOST_IDS,
    }
}

/// Whether the ticket list can be bounded by time.
pub fn filters_by_time(kind: Kind) -> bool {
    match kind {
        Kind::Kf5 => true,
        Kind::Udesk => false,
    }
}

/// Whether the source can be asked who we are logged in as.
pub fn tells_account(kind: Kind) -> bool {
    match kind {
        Kind::Kf5 => true,
        // A signature speaks for the company, not for a person.
        Kind::Udesk => false,
    }
}

/// Who we are, by the element of an answer to [`Ask::Account`]; `None` where it does not say.
pub fn account(kind: Kind, json: &Json) -> Option<Account> {
    match kind {
        Kind::Kf5 => kf5::account(json),
        Kind::Udesk => None,
    }
}

/// The server's own clock, to the second, where an answer tells it.
pub fn server_time(headers: &HeaderMap) -> Option<Timestamp> {
    later::server_time(headers)
}

/// The request for `ask`. Made anew for each attempt, for it may hold a signature.
pub fn request(config: &SourceConfig, ask: &Ask) -> Request {
    let (path, query) = match config.kind {
        Kind::Kf5 => kf5::target(ask),
        Kind::Udesk => udesk::target(ask),
    };
    let mut url = config.base_url.clone();
    url.set_path(&path);
    let (query, basic) = match &config.credentials {
        Credentials::Password { email, password } => (query, Some((email.clone(), password.clone()))),
        Credentials::Token { email, token } => (query, Some((format!("{email}/token"), token.clone()))),
        Credentials::Signed { secret } => (udesk::signed(&query, secret), None),
    };
    url.set_query((!query.is_empty()).then_some(query.as_str()));
    let json = match ask {
        Ask::Listed { listing, .. } => listing.body.clone(),
        _ => None,
    };
    Request { url, basic, json }
}

/// What `reply` to `ask` means. Each element of its list is read by `element` on the way; what that makes of them is of use
/// only where the verdict is a page. Reasons are short, on one line, and free of secrets.
pub fn judge(config: &SourceConfig, ask: &Ask, reply: Reply<'_>, element: &mut Element) -> Verdict {
    if let (404 | 410, Ask::One(_)) = (reply.status, ask) {
        return Verdict::Page(Page::default());
    }
    let verdict = match config.kind {
        Kind::Kf5 => kf5::judge(ask, reply, element),
        Kind::Udesk => udesk::judge(config, ask, reply, element),
    };
    verdict.unwrap_or_else(|| later::by_status(config, reply))
}

impl fmt::Display for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ask::Fields { page, .. } => write!(f, "page {page} of the ticket fields"),
            Ask::Tickets { slice, page, per_page } => {
                write!(f, "page {page} (of {per_page} rows) of the tickets{slice}")
            }
            Ask::Listed { listing, page, per_page, .. } => {
                write!(f, "page {page} (of {per_page} rows) of {listing}")
            }
            Ask::One(id) => write!(f, "ticket {id}"),
            Ask::Ids(ids) => match ids.as_slice() {
                [id] => write!(f, "ticket {id}"),
                ids => write!(
                    f,
                    "{} tickets by id, the first is {}",
                    ids.len(),
                    ids.first().copied().unwrap_or_default()
                ),
            },
            Ask::Account => f.write_str("the account"),
        }
    }
}

impl fmt::Display for Slice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(filter) = self.filter {
            write!(f, " of filter {filter}")?;
        }
        let Some(by) = self.by else { return Ok(()) };
        f.write_str(match by {
            Clock::Created => " created",
            Clock::Updated => " updated",
        })?;
        let instant = |second: i64| {
            Timestamp::from_second(second).map_or_else(|_| second.to_string(), |t| t.to_string())
        };
        match (self.from, self.to) {
            (None, None) => f.write_str(" at any time"),
            (Some(from), None) => write!(f, " since {}", instant(from)),
            (None, Some(to)) => write!(f, " before {}", instant(to)),
            (Some(from), Some(to)) => write!(f, " from {} to {}", instant(from), instant(to)),
        }
    }
}

#[cfg(test)]
pub(crate) mod fixture {
    //! Sources as a user might configure them.

    use super::*;
    use jiff::tz::TimeZone;

    pub fn kf5() -> SourceConfig {
        source(
            Kind::Kf5,
            Credentials::Password { email: "agent@example.com".into(), password: Secret::new("pa\"ss") },
        )
    }

    pub fn udesk() -> SourceConfig {
        source(Kind::Udesk, Credentials::Signed { secret: Secret::new("99d80d18b0b9a994a8d0283e830e5099") })
    }

    fn source(kind: Kind, credentials: Credentials) -> SourceConfig {
        SourceConfig {
            name: "shop".into(),
            kind,
            base_url: "http://127.0.0.1:9".parse().unwrap(),
            credentials,
            timezone: TimeZone::UTC,
            rate: None,
            concurrency: 4,
            page_size: 100,
            timeout: Duration::from_secs(5),
            max_retries: 8,
            overlap: Duration::ZERO,
            reconcile_every: Duration::ZERO,
            delete_brake: 0.05,
            incremental_filter: None,
            cascades: None,
            masks: crate::config::Masks::default(),
            rating_scale: Default::default(),
        }
    }

    pub fn judged(config: &SourceConfig, ask: &Ask, status: u16, body: &str) -> Verdict {
        let body = Bytes::copy_from_slice(body.as_bytes());
        judge(
            config,
            ask,
            Reply { status, headers: &HeaderMap::new(), body: &body, received: Timestamp::UNIX_EPOCH },
            &mut |cursor| cursor.skip(),
        )
    }
}
