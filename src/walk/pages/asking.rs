//! One request for a page, and whether the list ends with what it gave.

use super::{Asked, SMALLEST_CAP, aim::Errand};
use crate::walk::{Answer, Reader, Sink, slots::Slot};

/// Where a list ends, as far as one answer tells.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    Here,
    Further,
    Capped,
}

/// Reads `told` = (total, pages, more). A short page alone is no end; `followed` tells whether the page after it held rows.
pub fn end(
    slot: Slot,
    rows: u64,
    (total, pages, more): (Option<u64>, Option<u64>, Option<bool>),
    followed: Option<bool>,
) -> End {
    let full = rows >= u64::from(slot.per_page);
    if rows == 0 {
        return if slot.page == 1 && total.unwrap_or(0) == 0 { End::Here } else { End::Further };
    }
    let reached = slot.start() + rows;
    match (followed, total) {
        (Some(true), _) => End::Capped,
        _ if full => End::Further,
        // A total that is too small is no reason to go on; one that is too large may be right the next time.
        (Some(false), Some(total)) if total > reached => End::Further,
        (Some(false), _) => End::Here,
        (None, Some(total)) if total == reached => End::Here,
        (None, None) if more == Some(false) || pages.is_some_and(|pages| u64::from(slot.page) >= pages) => {
            End::Here
        }
        (None, _) => End::Capped,
    }
}

/// An answer, and that to the page behind it where a short page is told to be the end by nothing else.
pub type Answers<R> = (Answer<R>, Option<Answer<R>>);

/// What came of an errand.
pub enum Landed<R> {
    Answers(Answers<R>),
    /// The server refuses this page, in its words.
    Refused(String),
}

/// Sends the request of an errand. A refusal is made sure of here, as part of the flight: whoever waited for that beside
/// other flights could wait for a slot that one of them was given and does not use.
pub async fn ask<R: Reader<Error = E>, S: Sink<R::Rows, E>, E>(
    asked: &Asked<'_, R, S>,
    errand: Errand,
) -> (Errand, Result<Landed<R::Rows>, E>) {
    let landed = match answers(asked, errand.slot).await {
        Ok(answers) => Ok(Landed::Answers(answers)),
        Err(why) => asked.refusal(errand.slot.page, why).await.map(Landed::Refused),
    };
    (errand, landed)
}

async fn answers<R: Reader<Error = E>, S, E>(
    asked: &Asked<'_, R, S>,
    slot: Slot,
) -> Result<Answers<R::Rows>, E> {
    let Slot { page, per_page } = slot;
    let answer = asked.reader.read(&asked.slice, page, per_page).await?;
    let short = !answer.keys.is_empty() && answer.keys.len() < per_page as usize;
    let reached = slot.start() + answer.keys.len() as u64;
    let told = match answer.total {
        Some(total) => total == reached,
        None => answer.more == Some(false) || answer.pages.is_some(),
    };
    if !short || told {
        return Ok((answer, None));
    }
    let beyond = asked.reader.read(&asked.slice, page.saturating_add(1), per_page).await?;
    let is_cap = beyond.keys.is_empty() && answer.keys.len() >= SMALLEST_CAP as usize;
    // What is deleted between the two answers pulls rows from behind the page into it.
    let answer = if is_cap { asked.reader.read(&asked.slice, page, per_page).await? } else { answer };
    Ok((answer, Some(beyond)))
}
