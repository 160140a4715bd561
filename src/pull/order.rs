//! What is ordered: which tickets, and in which form.

use super::{format::Format, narrow::Narrow};
use crate::{source::Listing, walk::Span};

/// An extract, as it is wanted.
#[derive(Debug, Clone)]
pub struct Order {
    pub which: Which,
    /// By creation and by last change.
    pub created: Span,
    pub updated: Span,
    /// A custom field, by any of its names, and its value.
    pub field: Option<(String, String)>,
    pub format: Format,
    /// Text that Excel reads without harm, in place of text as it is.
    pub for_excel: bool,
    /// The options that name the tickets, for messages.
    pub options: &'static str,
}

/// The tickets that are wanted.
#[derive(Debug, Clone)]
pub enum Which {
    All,
    Ids(Vec<i64>),
    Listed(Listing),
    /// Those of the filter of this name.
    FilterNamed {
        name: String,
        agent: Option<u64>,
    },
}

impl Order {
    pub(super) fn narrow(&self) -> Narrow {
        Narrow { created: self.created, updated: self.updated, field: None }
    }
}
