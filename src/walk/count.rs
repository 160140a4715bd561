//! The last resort, for lists without an order or with pages of a size that we cannot choose: read all pages, and count.
//!
//! A pass proves itself when the list kept its length all the time and as many different rows were found; without a length, when two passes
//! in a row were alike to the last row. Else the list is read again, and in the end the doubt is told.

use std::collections::HashSet;

use futures::{StreamExt, stream};

use super::{
    Journal, Reader, Sink,
    pages::{Asked, too_deep},
    totals::{contradiction, tolerated},
};

const MOST_PASSES: u32 = 3;
/// Pages in a row that may hold mostly rows of before; a server that repeats itself would be read for ever.
const MOST_STALE: u32 = 4;

/// Reads all pages of `size` rows, up to [`MOST_PASSES`] times.
pub async fn count<R, E, S>(asked: &Asked<'_, R, S>, journal: &mut Journal, size: u32) -> Result<(), E>
where
    R: Reader<Error = E>,
    S: Sink<R::Rows, E>,
{
    let mut before: Option<Pass> = None;
    for number in 1..=MOST_PASSES {
        let pass = pass(asked, journal, size).await?;
        if let Some((page, why)) = &pass.refused {
            // Reading once more would end there too.
            journal.doubt(too_deep(page - 1, size, why));
            return Ok(());
        }
        let still = before.as_ref().is_some_and(|before| before.rows == pass.rows);
        let found = pass.ids.len() as u64 + pass.nameless;
        match pass.total {
            Total::Constant(total) if total == found && !pass.repeats => return Ok(()),
            Total::Unknown if still && !pass.repeats => return Ok(()),
            // A length that is wrong by a few, for good, is no reason for doubt.
            Total::Constant(total) if still && !pass.repeats && total.abs_diff(found) <= tolerated(total) => return Ok(()),
            // Reading once more cannot mend a length that is constant and wrong.
            Total::Constant(total) if still => {
                journal.doubt(contradiction(total, found));
                return Ok(());
            }
            _ if number == MOST_PASSES => journal.doubt(format!(
                "the list has no order that can be relied on and changed while it was read; {found} rows were found; run again when less changes"
            )),
            _ => {
                journal.tally.shifts_detected += 1;
                journal.tally.pages_reread += pass.rows.len() as u64;
            }
        }
        before = Some(pass);
    }
    Ok(())
}

struct Pass {
    ids: HashSet<i64>,
    nameless: u64,
    /// The ids of each page.
    rows: Vec<Vec<Option<i64>>>,
    total: Total,
    /// The server gave pages again and again.
    repeats: bool,
    /// The page that it refused, and what it said.
    refused: Option<(u32, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Total {
    Unknown,
    Constant(u64),
    Moving,
}

async fn pass<R, E, S>(asked: &Asked<'_, R, S>, journal: &mut Journal, size: u32) -> Result<Pass, E>
where
    R: Reader<Error = E>,
    S: Sink<R::Rows, E>,
{
    let mut pass = Pass {
        ids: HashSet::new(),
        nameless: 0,
        rows: Vec::new(),
        total: Total::Unknown,
        repeats: false,
        refused: None,
    };
    let read = |page: u32| asked.reader.read(&asked.slice, page, size);
    let first = read(1).await?;
    let (length, rows) = (first.total.unwrap_or(0), first.keys.len() as u64);
    let expected = length.checked_div(rows).map_or(0, |pages| u32::try_from(pages).unwrap_or(u32::MAX));
    let mut more = rows > 0;
    pass.note(first.total, first.keys.iter().map(|key| key.id).collect());
    asked.take(journal, first).await?;
    // The page where rows may still be by the length, and one after it, are read in any case.
    // A refusal is made sure of here: beside other requests under way, one could wait for a slot that they do not use.
    let numbered = async |page| match read(page).await {
        Ok(answer) => (page, Ok(answer)),
        Err(why) => (page, Err(asked.refusal(page, why).await)),
    };
    let mut answers = stream::iter((2..=expected).map(numbered)).buffered(asked.workers);
    while let Some((page, answer)) = answers.next().await {
        let answer = match answer {
            Ok(answer) => answer,
            Err(said) => {
                pass.refused = Some((page, said?));
                return Ok(pass);
            }
        };
        more = !answer.keys.is_empty();
        pass.note(answer.total, answer.keys.iter().map(|key| key.id).collect());
        asked.take(journal, answer).await?;
    }
    let (mut page, mut stale) = (expected.max(1), 0);
    while more && page < u32::MAX {
        page += 1;
        let answer = match read(page).await {
            Ok(answer) => answer,
            Err(why) => {
                pass.refused = Some((page, asked.refusal(page, why).await?));
                return Ok(pass);
            }
        };
        let rows = answer.keys.len();
        more = rows > 0;
        let fresh = pass.note(answer.total, answer.keys.iter().map(|key| key.id).collect());
        asked.take(journal, answer).await?;
        stale = if fresh * 2 < rows { stale + 1 } else { 0 };
        if stale == MOST_STALE || more && fresh == 0 {
            pass.repeats = true;
            break;
        }
    }
    Ok(pass)
}

impl Pass {
    /// Gives how many rows of the page this pass had not seen.
    fn note(&mut self, total: Option<u64>, ids: Vec<Option<i64>>) -> usize {
        self.total = match (total, self.total) {
            (None, known) => known,
            (Some(total), Total::Unknown) if self.rows.is_empty() => Total::Constant(total),
            (Some(total), Total::Constant(before)) if total == before => Total::Constant(total),
            (Some(_), _) => Total::Moving,
        };
        let mut fresh = 0;
        for id in &ids {
            match id {
                Some(id) => fresh += usize::from(self.ids.insert(*id)),
                None => self.nameless += 1,
            }
        }
        self.rows.push(ids);
        fresh
    }
}
