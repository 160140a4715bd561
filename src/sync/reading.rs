//! A page of the ticket list: fetched, decoded, and known by its keys.

use arrow::{
    array::{Array, AsArray, TimestampMicrosecondArray},
    datatypes::TimestampMicrosecondType,
};
use jiff::Timestamp;
use roaring::RoaringTreemap;
use tracing::Instrument;

use super::{layouts::Layouts, memory::CommitError};
use crate::{
    fetch::{Client, FetchError, fetch},
    lake::LakeError,
    mask::{self, MaskError},
    progress::Meter,
    source::{self, Ask, Page, Slice},
    ticket::{Decoded, Decoder},
    walk::{Answer, Key, Reader, Sink},
};

/// Why reading a source ended early.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error("source {source_name}: {asked} cannot be decoded: {why}")]
    Decode { source_name: String, asked: String, why: String },
    #[error("source {source_name}: the field definitions cannot be read whole: {why}")]
    Fields { source_name: String, why: String },
    #[error(transparent)]
    Mask(#[from] MaskError),
    #[error("rows cannot be sorted into partitions: {0}")]
    Rows(String),
    /// The writer ended first, and knows why.
    #[error("writing has stopped")]
    Stopped,
}

impl ReadError {
    /// A fault of the program in handling batches.
    pub fn arrow(why: impl std::fmt::Display) -> Self {
        Self::Rows(why.to_string())
    }
}

/// The rows of one page.
#[derive(Default)]
pub struct Rows {
    pub decoded: Option<Decoded>,
    /// Bytes of the page as sent.
    pub bytes: usize,
}

/// Reads pages of one source.
pub struct TicketReader<'a> {
    pub client: &'a Client,
    pub layouts: &'a Layouts,
    pub meter: &'a Meter,
}

impl TicketReader<'_> {
    /// Fetches and decodes one page, and learns the fields that no definition names.
    async fn page(&self, ask: &Ask) -> Result<(Page, Decoded), ReadError> {
        let page = fetch(self.client, ask).await?;
        let decoded = decode(self.client, self.layouts, ask, &page)?;
        self.layouts.learn(&decoded.undefined)?;
        Ok((page, decoded))
    }

    /// A page, and what is known of its list.
    pub async fn answer(&self, ask: &Ask) -> Result<Answer<Rows>, ReadError> {
        let (page, decoded) = self.page(ask).await?;
        Ok(Answer {
            keys: keys(&decoded),
            total: page.total,
            pages: page.pages,
            more: page.more,
            rows: Rows { bytes: page.body.len(), decoded: Some(decoded) },
        })
    }

    /// Asks for tickets by id and hands what there is to `sink`; gives the ids that the source has.
    pub async fn read_ids(
        &self,
        ids: &[i64],
        sink: &impl Sink<Rows, ReadError>,
    ) -> Result<RoaringTreemap, ReadError> {
        let mut found = RoaringTreemap::new();
        for some in ids.chunks(source::most_ids(self.client.config.kind)) {
            let ask = match some {
                [id] => Ask::One(*id),
                some => Ask::Ids(some.to_vec()),
            };
            found |= self.read_some(&ask, sink).await?;
        }
        Ok(found)
    }

    /// Hands the tickets of one answer to `sink`; gives their ids.
    pub async fn read_some(
        &self,
        ask: &Ask,
        sink: &impl Sink<Rows, ReadError>,
    ) -> Result<RoaringTreemap, ReadError> {
        let (page, decoded) = self.page(ask).await?;
        let found = decoded.ids.iter().flatten().map(|id| id.cast_unsigned()).collect();
        let keep = vec![true; decoded.ids.len()];
        sink.take(Rows { bytes: page.body.len(), decoded: Some(decoded) }, &keep).await?;
        Ok(found)
    }
}

impl Reader for TicketReader<'_> {
    type Rows = Rows;
    type Error = ReadError;

    async fn read(&self, slice: &Slice, page: u32, per_page: u32) -> Result<Answer<Rows>, ReadError> {
        let window = slice.to_string();
        let window = if window.is_empty() { "all" } else { window.trim_start() };
        let span = tracing::error_span!("page", window, page);
        let ask = Ask::Tickets { slice: *slice, page, per_page };
        let answer = self.answer(&ask).instrument(span).await?;
        if let (None, None, Some(total)) = (slice.from, slice.to, answer.total) {
            self.meter.expect(total);
        }
        Ok(answer)
    }

    fn refusal(&self, why: &ReadError) -> Option<String> {
        match why {
            ReadError::Fetch(FetchError::Refused { why, .. }) => Some(why.clone()),
            // Some servers refuse with a message in an answer that looks like a success.
            ReadError::Fetch(FetchError::GaveUp { status: Some(200..=299), why, .. }) => Some(why.clone()),
            _ => None,
        }
    }

    fn is_saturated(&self) -> bool {
        self.client.pace.waiting().is_some()
    }
}

/// Decodes the tickets of a page.
fn decode(client: &Client, layouts: &Layouts, ask: &Ask, page: &Page) -> Result<Decoded, ReadError> {
    let failed = |why: String| ReadError::Decode {
        source_name: client.config.name.clone(),
        asked: ask.to_string(),
        why,
    };
    let mut decoder = Decoder::new(layouts.layout(), client.config.timezone.clone(), page.rows.len());
    for row in &page.rows {
        let bytes = page.body.get(row.clone()).unwrap_or_default();
        let text = std::str::from_utf8(bytes).map_err(|why| failed(why.to_string()))?;
        decoder.push(text).map_err(|why| failed(why.to_string()))?;
    }
    let decoded = decoder.finish(Timestamp::now().as_microsecond());
    let mut decoded = decoded.map_err(|why| failed(why.to_string()))?;
    // From here on nobody sees what is masked.
    mask::check(&client.config.masks, &decoded.batch.schema())?;
    let batch = mask::apply(&client.config.masks, source::ticket(client.config.kind), decoded.batch);
    decoded.batch = batch.map_err(|why| failed(why.to_string()))?;
    Ok(decoded)
}

/// The key of each element of the page, those without an id included.
fn keys(decoded: &Decoded) -> Vec<Key> {
    let times = |name| decoded.batch.column_by_name(name)?.as_primitive_opt::<TimestampMicrosecondType>();
    let (created, updated) = (times("created_at"), times("updated_at"));
    let second = |times: Option<&TimestampMicrosecondArray>, row: usize| {
        times.filter(|times| times.is_valid(row)).map(|times| times.value(row).div_euclid(1_000_000))
    };
    let mut row = 0;
    let key = |id: &Option<i64>| {
        let Some(id) = *id else { return Key::default() };
        let key = Key { id: Some(id), created: second(created, row), updated: second(updated, row) };
        row += 1;
        key
    };
    decoded.ids.iter().map(key).collect()
}
