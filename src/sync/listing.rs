//! How a source's list is read: in windows of time where the source can bound it by time, else by page numbers.

use jiff::Timestamp;

use super::reading::{ReadError, Rows, TicketReader};
use crate::{
    source::{self, Clock, Slice},
    walk::{self, Bookmark, ByNumber, ByTime, Proof, Sink, Span},
};

/// What is to be read.
pub struct Listing<'a> {
    /// By the time of creation, or of the change.
    pub range: Span,
    /// Spans that need not be read again.
    pub done: &'a [Span],
    /// How far an earlier run came where there are only page numbers.
    pub bookmark: Option<&'a Bookmark>,
    pub began: Timestamp,
    /// The start of the partition that holds a second.
    pub boundary: &'a dyn Fn(i64) -> i64,
}

/// Reads the tickets that were created within the range.
pub async fn created(
    reader: &TicketReader<'_>,
    sink: &impl Sink<Rows, ReadError>,
    listing: &Listing<'_>,
) -> Result<Proof, ReadError> {
    match source::filters_by_time(reader.client.config.kind) {
        true => by_time(reader, sink, Clock::Created, listing).await,
        false => by_number(reader, sink, Slice::default(), listing.range, listing.bookmark).await,
    }
}

/// Reads the tickets that changed within the range.
pub async fn changed(
    reader: &TicketReader<'_>,
    sink: &impl Sink<Rows, ReadError>,
    listing: &Listing<'_>,
) -> Result<Proof, ReadError> {
    by_time(reader, sink, Clock::Updated, listing).await
}

/// Reads the tickets that a filter of the source lists.
pub async fn filtered(
    reader: &TicketReader<'_>,
    sink: &impl Sink<Rows, ReadError>,
    filter: u64,
) -> Result<Proof, ReadError> {
    let slice = Slice { filter: Some(filter), ..Slice::default() };
    by_number(reader, sink, slice, Span::default(), None).await
}

async fn by_time(
    reader: &TicketReader<'_>,
    sink: &impl Sink<Rows, ReadError>,
    by: Clock,
    listing: &Listing<'_>,
) -> Result<Proof, ReadError> {
    let config = &reader.client.config;
    let plan = ByTime {
        by,
        range: listing.range,
        done: listing.done,
        per_page: config.page_size,
        workers: config.concurrency,
        now: listing.began.as_second(),
        boundary: listing.boundary,
    };
    walk::by_time(reader, sink, &plan).await
}

async fn by_number(
    reader: &TicketReader<'_>,
    sink: &impl Sink<Rows, ReadError>,
    slice: Slice,
    range: Span,
    bookmark: Option<&Bookmark>,
) -> Result<Proof, ReadError> {
    let config = &reader.client.config;
    let plan = ByNumber {
        slice,
        per_page: config.page_size,
        workers: config.concurrency,
        wanted: (Clock::Created, range),
        bookmark,
    };
    walk::pages(reader, sink, &plan).await
}
