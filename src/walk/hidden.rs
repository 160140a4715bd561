//! Rows that no time filter finds, because their creation time is missing or unreadable.
//!
//! Where the server tells totals, the whole list and the list of all times have the same length when nothing is hidden; they are asked for
//! beside the windows. Else such rows stand at one of the two ends of the list when it is sorted by that time. Where neither settles it, the whole list is read by page numbers.

use super::{
    Answer, Journal, Key, Reader, Sink, Span,
    pages::{self, Asked},
};
use crate::source::{Clock, Order, Slice};

/// Long before and long after any ticket, in Unix seconds.
const ALL_TIMES: (i64, i64) = (0, 9_999_999_999);
/// Times that two totals are compared while rows come and go.
const MOST_LOOKS: u32 = 4;

/// What two totals tell of a list.
pub struct Counted {
    /// How many rows no time filter finds; `None` where the server does not tell.
    rows: Option<u64>,
    requests: u64,
}

/// Hands over what the windows could not find, or proves that there is nothing.
pub async fn find<R, E, S>(
    reader: &R,
    sink: &S,
    journal: &mut Journal,
    hidden: Counted,
    (per_page, workers): (u32, usize),
) -> Result<(), E>
where
    R: Reader<Error = E>,
    S: Sink<R::Rows, E>,
{
    journal.tally.pages += hidden.requests;
    let hidden = match hidden.rows {
        Some(0) => return Ok(()),
        hidden => hidden,
    };
    let asked = Asked {
        reader,
        sink,
        slice: Slice { by: Some(Clock::Created), ..Slice::default() },
        workers: workers.max(1),
        wanted: (Clock::Created, Span::default()),
        tells: false,
    };
    let mut timeless = 0;
    let mut sorted = true;
    for order in [Order::Asc, Order::Desc] {
        let (found, honoured) = end(&asked, journal, order, per_page).await?;
        timeless += found;
        sorted &= honoured;
    }
    if sorted && hidden.is_none_or(|hidden| timeless >= hidden) {
        return Ok(());
    }
    let mut whole = Journal::default();
    pages::walk(&Asked { slice: Slice::default(), ..asked }, &mut whole, per_page).await?;
    journal.absorb(whole);
    Ok(())
}

/// How many rows no time filter finds, by the server's totals.
pub async fn count<R: Reader<Error = E>, E>(reader: &R) -> Result<Counted, E> {
    let (from, to) = ALL_TIMES;
    let timed = Slice { by: Some(Clock::Created), from: Some(from), to: Some(to), ..Slice::default() };
    let mut requests = 0;
    let mut look = async |slice: &Slice| {
        requests += 1;
        Ok::<_, E>(reader.read(slice, 1, 1).await?.total)
    };
    let mut rows = None;
    let mut before = look(&Slice::default()).await?;
    for _ in 0..MOST_LOOKS {
        let Some(all) = before else { break };
        let Some(timed) = look(&timed).await? else { break };
        before = look(&Slice::default()).await?;
        if before == Some(all) {
            rows = all.checked_sub(timed);
            break;
        }
    }
    Ok(Counted { rows, requests })
}

/// Reads from one end until a row with a time comes. Gives the rows without, and whether the list was sorted as asked.
async fn end<R, E, S>(
    asked: &Asked<'_, R, S>,
    journal: &mut Journal,
    order: Order,
    per_page: u32,
) -> Result<(u64, bool), E>
where
    R: Reader<Error = E>,
    S: Sink<R::Rows, E>,
{
    let slice = Slice { order, ..asked.slice };
    let mut timeless = 0;
    for page in 1..=u32::MAX {
        let answer: Answer<R::Rows> = asked.reader.read(&slice, page, per_page).await?;
        let keys: Vec<Key> = answer.keys.clone();
        let known = journal.ids.len();
        asked.take(journal, answer).await?;
        let mut times: Vec<i64> = keys.iter().filter_map(|key| key.created).collect();
        timeless += (keys.len() - times.len()) as u64;
        if order == Order::Desc {
            times.reverse();
        }
        if keys.is_empty() || !times.is_empty() {
            return Ok((timeless, times.is_sorted()));
        }
        if page > 1 && journal.ids.len() == known {
            // The same rows over and over: nothing is proven here.
            return Ok((timeless, false));
        }
    }
    Ok((timeless, false))
}
