//! The watermark: the newest change at the source before anything else is read. What changed before it, the run reads.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    decoding::Decoding,
    reading::{ReadError, keys},
    table_schema::{TableSchema, file_meta},
};
use crate::{
    fetch::{Client, FetchError, fetch_as, fetch_with},
    fields::Fields,
    source::{self, Ask, Clock, Order, Slice},
};

/// The newest change at the source, but not later than `now`: data that was seen, not trusted further than the clock.
/// `None` where the source cannot tell. No definition is needed: it is asked while these are read.
pub async fn read(client: &Client, now: Timestamp) -> Result<Option<Timestamp>, ReadError> {
    let config = &client.config;
    if !source::filters_by_time(config.kind) {
        return Ok(None);
    }
    let meta = file_meta(config.kind);
    let layout = TableSchema::new(source::ticket(config.kind), meta, Arc::new(Fields::default()))?.layout();
    let slice = Slice { by: Some(Clock::Updated), order: Order::Desc, ..Slice::default() };
    let ask = Ask::Tickets { slice, page: 1, per_page: 1 };
    let begin = || Decoding::new(Arc::clone(&layout), config.timezone.clone());
    let (_, read) = match fetch_as(client, &ask, begin).await {
        Ok(read) => read,
        // The newest ticket may be one that cannot be read: the one before it is a watermark too.
        Err(why @ (FetchError::GaveUp { status: Some(_), .. } | FetchError::Refused { .. })) => {
            let next = Ask::Tickets { slice, page: 2, per_page: 1 };
            fetch_with(client, &next, begin, Some(1)).await.map_err(|_| why)?
        }
        Err(why) => return Err(why.into()),
    };
    let rows = read.map_err(ReadError::arrow)?;
    let newest = keys(&rows).iter().filter_map(|key| key.updated).max();
    Ok(newest.and_then(|second| Timestamp::from_second(second).ok()).map(|newest| newest.min(now)))
}
