//! The lists besides the whole one: what a user may wish for, and what of it a vendor has.

use std::fmt;

use super::{kf5, udesk};
use crate::{config::Kind, json::Json};

/// Some of the tickets, in no vendor's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// What the help desk's own search finds; each part that is given narrows it.
    Search { text: Option<String>, status: Option<String>, field_value: Option<String> },
    /// Tickets of the type problem.
    Problems,
    /// Tickets that hang on a problem ticket.
    IncidentsOf(u64),
    /// Tickets that an agent works on.
    AssignedTo(u64),
    /// Tickets of a filter kept at the source, as an agent sees it; without one, as the administrator does.
    Filter { id: u64, agent: Option<u64> },
    /// Tickets of the customer with this e-mail address.
    Customer(String),
}

/// A list that a vendor has, ready to be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// What it is, for messages.
    pub(super) title: String,
    pub(super) path: String,
    /// Pairs of the query besides the page; keys ascending.
    pub(super) query: Vec<(&'static str, String)>,
    /// JSON that is posted; without it the list is got.
    pub(super) body: Option<String>,
    /// Whether it comes in pages; if not, one answer is all of it.
    pub(super) is_paged: bool,
    /// Whether its rows are tickets as the whole list has them; if not, only their ids are to be taken from it.
    pub whole_rows: bool,
    /// Whether it takes the bounds and the order of a slice.
    pub takes_slices: bool,
}

impl Listing {
    pub(super) fn new(title: impl ToString, path: impl Into<String>) -> Self {
        Self {
            title: title.to_string(),
            path: path.into(),
            query: Vec::new(),
            body: None,
            is_paged: true,
            whole_rows: true,
            takes_slices: false,
        }
    }
}

/// The list of a vendor that gives what is wished for; `None` where it has none.
pub fn listing(kind: Kind, wish: &Wish) -> Option<Listing> {
    match kind {
        Kind::Kf5 => kf5::list::listing(wish),
        Kind::Udesk => udesk::list::listing(wish),
    }
}

/// The list of the filters that are kept at a source, as an agent sees them; `None` where the vendor documents none.
pub fn filters(kind: Kind, agent: Option<u64>) -> Option<Listing> {
    match kind {
        Kind::Kf5 => None,
        Kind::Udesk => Some(udesk::list::filters(agent)),
    }
}

/// Number and name of one of [`filters`].
pub fn filter(kind: Kind, json: &Json) -> Option<(u64, String)> {
    match kind {
        Kind::Kf5 => None,
        Kind::Udesk => udesk::list::filter(json),
    }
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.title)
    }
}

impl fmt::Display for Wish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wish::Search { .. } => f.write_str("the tickets that a search finds"),
            Wish::Problems => f.write_str("the problem tickets"),
            Wish::IncidentsOf(id) => write!(f, "the incidents of ticket {id}"),
            Wish::AssignedTo(id) => write!(f, "the tickets of agent {id}"),
            Wish::Filter { id, agent: None } => write!(f, "the tickets of filter {id}"),
            Wish::Filter { id, agent: Some(agent) } => {
                write!(f, "the tickets of filter {id} for agent {agent}")
            }
            // The address itself is personal, and messages are kept.
            Wish::Customer(_) => f.write_str("the tickets of the customer"),
        }
    }
}
