//! A list that never comes to an end is given up: it must not hold a run for ever.

use std::sync::{Mutex, PoisonError};

use roaring::RoaringTreemap;
use tokio::sync::Notify;

use super::{Answer, Proof, Reader, Tally};
use crate::source::Slice;

/// Answers that a list may take beyond so many for each page of rows that it gave. An honest one needs about one for
/// each, one that moves with every answer some more.
const ANSWERS: u64 = 1_000;
const ANSWERS_PER_PAGE: u64 = 8;

/// A reader that stops answering when the list has taken too many answers.
pub(super) struct Limited<'a, R> {
    inner: &'a R,
    spent: Mutex<Spent>,
    over: Notify,
}

#[derive(Default)]
struct Spent {
    answers: u64,
    ids: RoaringTreemap,
    /// Rows of the largest answer.
    largest: u64,
}

impl<'a, R: Reader> Limited<'a, R> {
    pub(super) fn new(inner: &'a R) -> Self {
        Self { inner, spent: Mutex::default(), over: Notify::new() }
    }

    /// Waits for the walk, or for the limit.
    pub(super) async fn hold<E>(&self, walk: impl Future<Output = Result<Proof, E>>) -> Result<Proof, E> {
        tokio::select! {
            biased;
            walked = walk => walked,
            () = self.over.notified() => {
                let pages = self.spent.lock().unwrap_or_else(PoisonError::into_inner).answers;
                let why = format!("the list does not come to an end: {pages} answers were read");
                Ok(Proof { unproven: Some(why), tally: Tally { pages, ..Tally::default() } })
            }
        }
    }

    /// Whether one more answer may be asked for.
    fn may_ask(&self) -> bool {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.answers += 1;
        spent.answers <= ANSWERS + ANSWERS_PER_PAGE * (spent.ids.len() / spent.largest.max(1))
    }

    fn note(&self, answer: &Answer<R::Rows>) {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        spent.largest = spent.largest.max(answer.keys.len() as u64);
        spent.ids.extend(answer.keys.iter().filter_map(|key| key.id).map(i64::cast_unsigned));
    }
}

impl<R: Reader> Reader for Limited<'_, R> {
    type Rows = R::Rows;
    type Error = R::Error;

    async fn read(&self, slice: &Slice, page: u32, per_page: u32) -> Result<Answer<R::Rows>, R::Error> {
        if !self.may_ask() {
            self.over.notify_one();
            // The walk is dropped while it waits here.
            return std::future::pending().await;
        }
        let answer = self.inner.read(slice, page, per_page).await?;
        self.note(&answer);
        Ok(answer)
    }

    fn refusal(&self, why: &R::Error) -> Option<String> {
        self.inner.refusal(why)
    }

    fn is_saturated(&self) -> bool {
        self.inner.is_saturated()
    }
}
