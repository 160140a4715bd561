//! How a source's tickets are read: in windows of time where its list can be bounded by time, else by page numbers.

use std::ops::Range;

use jiff::Timestamp;

use super::reading::{ReadError, Rows, TicketReader};
use crate::{
    config::SourceConfig,
    source::{self, Clock, Slice},
    walk::{self, Bookmark, ByNumber, ByTime, Proof, Reader, Sink, Span},
};

/// Partitions of so many rows grow while they are read, since they do not wait in memory until they are whole; of several
/// that grow side by side each would be written many times.
const LARGE_PARTITION: f64 = 16_384.0;

/// What of the whole list is to be read.
pub struct Scope<'a> {
    /// What `range` bounds.
    pub by: Clock,
    pub range: Span,
    /// Spans that need not be read again.
    pub done: &'a [Span],
    /// How far an earlier run came where there are only page numbers.
    pub bookmark: Option<&'a Bookmark>,
    /// The newest change, where the source told it before.
    pub newest: Option<Timestamp>,
    pub began: Timestamp,
    /// The seconds of the partition that holds a second.
    pub partition: &'a dyn Fn(i64) -> Range<i64>,
}

/// Reads the tickets of a scope.
pub async fn tickets(
    reader: &TicketReader<'_>,
    sink: &impl Sink<Rows, ReadError>,
    scope: &Scope<'_>,
) -> Result<Proof, ReadError> {
    let config = &reader.client.config;
    let &Scope { by, range, done, bookmark, newest, began, partition } = scope;
    if !source::filters_by_time(config.kind) {
        return pages(reader, config, sink, Slice::default(), (by, range), bookmark).await;
    }
    let plan = ByTime {
        by,
        range,
        done,
        newest: newest.filter(|_| by == Clock::Updated).map(Timestamp::as_second),
        per_page: config.page_size,
        workers: config.concurrency,
        now: began.as_second(),
        partition,
        large: LARGE_PARTITION,
    };
    walk::by_time(reader, sink, &plan).await
}

/// Reads the tickets that a filter of the source lists.
pub async fn filtered(
    reader: &TicketReader<'_>,
    sink: &impl Sink<Rows, ReadError>,
    filter: u64,
) -> Result<Proof, ReadError> {
    let slice = Slice { filter: Some(filter), ..Slice::default() };
    pages(reader, &reader.client.config, sink, slice, (Clock::Created, Span::default()), None).await
}

/// Reads a list by page numbers; rows outside `wanted` are not kept.
pub async fn pages(
    reader: &impl Reader<Rows = Rows, Error = ReadError>,
    config: &SourceConfig,
    sink: &impl Sink<Rows, ReadError>,
    slice: Slice,
    wanted: (Clock, Span),
    bookmark: Option<&Bookmark>,
) -> Result<Proof, ReadError> {
    let (per_page, workers) = (config.page_size, config.concurrency);
    walk::pages(reader, sink, &ByNumber { slice, per_page, workers, wanted, bookmark }).await
}
