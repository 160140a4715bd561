//! Reading one of a vendor's shorter lists.
//!
//! Not every document says whether such a list comes in pages. One that does not gives all of its rows for every page
//! number; it must not be taken for a list that repeats itself.

use std::sync::{Mutex, PoisonError};

use super::reading::{ReadError, Rows, TicketReader};
use crate::{
    source::{Ask, Listing, Slice},
    walk::{Answer, Key, Reader},
};

/// Reads pages of one list.
pub struct ListReader<'a> {
    tickets: TicketReader<'a>,
    listing: &'a Listing,
    first: Mutex<Option<First>>,
}

/// What the first answer of the list was.
#[derive(Clone)]
struct First {
    ids: Vec<Option<i64>>,
    /// Nothing in it said that there is more.
    may_be_all: bool,
    /// Whether other page numbers gave the same; `None` until one was looked at.
    is_all: Option<bool>,
}

impl<'a> ListReader<'a> {
    pub fn new(tickets: TicketReader<'a>, listing: &'a Listing) -> Self {
        Self { tickets, listing, first: Mutex::default() }
    }

    async fn ask(&self, slice: &Slice, page: u32, per_page: u32) -> Result<Answer<Rows>, ReadError> {
        let ask = Ask::Listed { listing: self.listing.clone(), slice: *slice, page, per_page };
        self.tickets.answer(&ask, None).await
    }

    /// Whether a later page that reads like the first is the first again, because the list knows no pages: then the
    /// page after it reads the same too.
    async fn is_all_again(
        &self,
        answer: &Answer<Rows>,
        slice: &Slice,
        page: u32,
        per_page: u32,
    ) -> Result<bool, ReadError> {
        let Some(first) = self.first() else { return Ok(false) };
        if !first.may_be_all || first.ids.is_empty() || first.ids != ids(&answer.keys) {
            return Ok(false);
        }
        if let Some(known) = first.is_all {
            return Ok(known);
        }
        let is_all = ids(&self.ask(slice, page.saturating_add(1), per_page).await?.keys) == first.ids;
        *self.lock() = Some(First { is_all: Some(is_all), ..first });
        Ok(is_all)
    }

    fn first(&self) -> Option<First> {
        self.lock().clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<First>> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader for ListReader<'_> {
    type Rows = Rows;
    type Error = ReadError;

    async fn read(&self, slice: &Slice, page: u32, per_page: u32) -> Result<Answer<Rows>, ReadError> {
        let answer = self.ask(slice, page, per_page).await?;
        if page > 1 {
            let again = self.is_all_again(&answer, slice, page, per_page).await?;
            return Ok(if again { Answer { total: answer.total, ..Answer::default() } } else { answer });
        }
        let rows = answer.keys.len() as u64;
        let may_be_all = answer.more != Some(true) && answer.total.is_none_or(|total| total == rows);
        let known = self.first().and_then(|first| first.is_all);
        *self.lock() = Some(First { ids: ids(&answer.keys), may_be_all, is_all: known });
        Ok(answer)
    }

    fn refusal(&self, why: &ReadError) -> Option<String> {
        self.tickets.refusal(why)
    }

    fn is_saturated(&self) -> bool {
        self.tickets.is_saturated()
    }
}

fn ids(keys: &[Key]) -> Vec<Option<i64>> {
    keys.iter().map(|key| key.id).collect()
}
