//! A page of the ticket list: fetched, decoded, and known by its keys.

use std::sync::Arc;

use arrow::{
    array::{Array, AsArray, TimestampMicrosecondArray},
    datatypes::TimestampMicrosecondType,
};
use jiff::Timestamp;
use roaring::RoaringTreemap;

use super::{layouts::Layouts, memory::CommitError, unchanged::Unchanged};
use crate::{
    batch::BatchError,
    fetch::{Client, FetchError, fetch_as},
    json::Malformed,
    lake::{self, LakeError},
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
    /// For each element of the page its key where its row is in the lake as it was sent; such elements are not decoded.
    pub same: Vec<Option<Key>>,
    /// Bytes of the page as sent.
    pub bytes: usize,
}

/// Reads pages of one source.
pub struct TicketReader<'a> {
    pub client: &'a Client,
    pub layouts: &'a Layouts,
    pub meter: &'a Meter,
    /// Where there is something to compare with, and rows are to remember what they came from.
    pub unchanged: Option<&'a Unchanged>,
}

impl TicketReader<'_> {
    /// Fetches and decodes one page, and learns the fields that no definition names.
    async fn page(&self, ask: &Ask) -> Result<(Page, Rows), ReadError> {
        let (page, rows) = fetch_as(self.client, ask, |page| {
            let rows = self.decode(&page)?;
            Ok((page, rows))
        })
        .await?;
        let rows = rows.map_err(|why| ReadError::Decode {
            source_name: self.client.config.name.clone(),
            asked: ask.to_string(),
            why: why.to_string(),
        })?;
        if let Some(decoded) = &rows.decoded {
            self.layouts.learn(&decoded.undefined)?;
        }
        Ok((page, rows))
    }

    /// Decodes the tickets of a page, but for those whose rows are in the lake as they were sent.
    fn decode(&self, page: &Page) -> Result<Result<Rows, BatchError>, Malformed> {
        let (config, layout) = (&self.client.config, self.layouts.layout());
        let decoder = || Decoder::new(Arc::clone(&layout), config.timezone.clone(), page.rows.len());
        let mut decoding: Option<Decoder> = None;
        let mut same = Vec::with_capacity(page.rows.len());
        let mut digests = Vec::with_capacity(page.rows.len());
        for row in &page.rows {
            let bytes = page.body.get(row.clone()).unwrap_or_default();
            let malformed = |_| Malformed { at: row.start, expected: "UTF-8" };
            let ticket = simdutf8::basic::from_utf8(bytes).map_err(malformed)?;
            let digest = self.unchanged.map(|unchanged| unchanged.digest(config, &layout, ticket));
            let known = self.unchanged.zip(digest);
            let key = known.and_then(|(unchanged, digest)| unchanged.key(&layout, ticket, digest));
            if key.is_none() {
                decoding.get_or_insert_with(decoder).push(ticket)?;
                digests.extend(digest);
            }
            same.push(key);
        }
        let bytes = page.body.len();
        let Some(decoder) = decoding else { return Ok(Ok(Rows { decoded: None, same, bytes })) };
        let decoded = decoder.finish(Timestamp::now().as_microsecond()).map_err(BatchError::from);
        let decoded = decoded.and_then(|decoded| match self.unchanged {
            Some(unchanged) => {
                unchanged.decoded(decoded.ids.iter().flatten().copied());
                remembering(decoded, digests)
            }
            None => Ok(decoded),
        });
        Ok(decoded.map(|decoded| Rows { decoded: Some(decoded), same, bytes }))
    }

    /// Asks for tickets by id and hands what there is to `sink`; gives the ids that the source has.
    pub async fn read_ids(
        &self,
        ids: &[i64],
        sink: &impl Sink<Rows, ReadError>,
    ) -> Result<RoaringTreemap, ReadError> {
        let mut found = RoaringTreemap::new();
        for some in ids.chunks(source::most_ids(self.client.config.kind)) {
            let (_, rows) = self.page(&Ask::Ids(some.to_vec())).await?;
            found.extend(keys(&rows).iter().filter_map(|key| key.id).map(i64::cast_unsigned));
            let keep = vec![true; rows.same.len()];
            sink.take(rows, &keep).await?;
        }
        Ok(found)
    }
}

impl Reader for TicketReader<'_> {
    type Rows = Rows;
    type Error = ReadError;

    async fn read(&self, slice: &Slice, page: u32, per_page: u32) -> Result<Answer<Rows>, ReadError> {
        let ask = Ask::Tickets { slice: *slice, page, per_page };
        let (page, rows) = self.page(&ask).await?;
        if let (None, None, Some(total)) = (slice.from, slice.to, page.total) {
            self.meter.expect(total);
        }
        Ok(Answer {
            keys: keys(&rows),
            total: page.total,
            pages: page.pages,
            more: page.more,
            rows,
        })
    }

    fn is_saturated(&self) -> bool {
        self.client.pace.waiting().is_some()
    }
}

/// Puts its digest to each row, but for those that hold rescued values: these are counted whenever they are read.
fn remembering(decoded: Decoded, digests: Vec<u64>) -> Result<Decoded, BatchError> {
    let with_id = decoded.ids.iter().zip(digests).filter(|(id, _)| id.is_some());
    let mut digests: Vec<Option<u64>> = with_id.map(|(_, digest)| Some(digest)).collect();
    for (row, _) in &decoded.rescued {
        if let Some(digest) = digests.get_mut(*row) {
            *digest = None;
        }
    }
    let batch = lake::carry(&decoded.batch, digests)?;
    Ok(Decoded { batch, ..decoded })
}

/// The key of each element of the page, those without an id included.
fn keys(rows: &Rows) -> Vec<Key> {
    let batch = rows.decoded.as_ref().map(|decoded| &decoded.batch);
    let times = |name| batch?.column_by_name(name)?.as_primitive_opt::<TimestampMicrosecondType>();
    let (created, updated) = (times("created_at"), times("updated_at"));
    let second = |times: Option<&TimestampMicrosecondArray>, row: usize| {
        times.filter(|times| times.is_valid(row)).map(|times| times.value(row).div_euclid(1_000_000))
    };
    let mut decoded = rows.decoded.iter().flat_map(|decoded| &decoded.ids);
    let mut row = 0;
    let mut key = |same: &Option<Key>| {
        if let Some(key) = same {
            return *key;
        }
        let Some(id) = decoded.next().copied().flatten() else { return Key::default() };
        let key = Key { id: Some(id), created: second(created, row), updated: second(updated, row) };
        row += 1;
        key
    };
    rows.same.iter().map(&mut key).collect()
}
