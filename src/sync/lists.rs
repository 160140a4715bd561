//! How a source's list is read: in windows of time where the source can bound it by time, else by page numbers.

use jiff::Timestamp;

use super::reading::{ReadError, Rows, TicketReader};
use crate::{
    config::SourceConfig,
    source::{self, Clock, Slice},
    walk::{self, Bookmark, ByNumber, ByTime, Proof, Reader, Sink, Span},
};

/// What is to be read.
pub struct Extent<'a> {
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
    extent: &Extent<'_>,
) -> Result<Proof, ReadError> {
    timed(reader, sink, Clock::Created, extent).await
}

/// Reads the tickets that changed within the range.
pub async fn changed(
    reader: &TicketReader<'_>,
    sink: &impl Sink<Rows, ReadError>,
    extent: &Extent<'_>,
) -> Result<Proof, ReadError> {
    timed(reader, sink, Clock::Updated, extent).await
}

/// Reads the tickets whose time, of the kind that `by` names, lies in the range.
pub async fn timed(
    reader: &TicketReader<'_>,
    sink: &impl Sink<Rows, ReadError>,
    by: Clock,
    extent: &Extent<'_>,
) -> Result<Proof, ReadError> {
    let config = &reader.client.config;
    if source::filters_by_time(config.kind) {
        return by_time(reader, sink, by, extent).await;
    }
    let plan =
        ByNumber { bookmark: extent.bookmark, ..by_number(config, Slice::default(), (by, extent.range)) };
    walk::pages(reader, sink, &plan).await
}

/// Reads the tickets that a filter of the source lists.
pub async fn filtered(
    reader: &TicketReader<'_>,
    sink: &impl Sink<Rows, ReadError>,
    filter: u64,
) -> Result<Proof, ReadError> {
    let slice = Slice { filter: Some(filter), ..Slice::default() };
    numbered(&reader.client.config, reader, sink, slice, (Clock::Created, Span::default())).await
}

/// Reads a list by page numbers; rows outside `wanted` are not kept.
pub async fn numbered(
    config: &SourceConfig,
    reader: &impl Reader<Rows = Rows, Error = ReadError>,
    sink: &impl Sink<Rows, ReadError>,
    slice: Slice,
    wanted: (Clock, Span),
) -> Result<Proof, ReadError> {
    walk::pages(reader, sink, &by_number(config, slice, wanted)).await
}

async fn by_time(
    reader: &TicketReader<'_>,
    sink: &impl Sink<Rows, ReadError>,
    by: Clock,
    extent: &Extent<'_>,
) -> Result<Proof, ReadError> {
    let config = &reader.client.config;
    let plan = ByTime {
        by,
        range: extent.range,
        done: extent.done,
        per_page: config.page_size,
        workers: config.concurrency,
        now: extent.began.as_second(),
        boundary: extent.boundary,
    };
    walk::by_time(reader, sink, &plan).await
}

fn by_number(config: &SourceConfig, slice: Slice, wanted: (Clock, Span)) -> ByNumber<'static> {
    ByNumber { slice, per_page: config.page_size, workers: config.concurrency, wanted, bookmark: None }
}
