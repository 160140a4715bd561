//! A page of the ticket list: fetched, decoded, and known by its keys.

use arrow::error::ArrowError;
use roaring::RoaringTreemap;
use tracing::Instrument;

use super::{
    decoding::Decoding, gaps::Gaps, reconcile::Totals, source_state::CommitError, table_schema::TableSchema,
};
use crate::{
    batch::{instant, instants_of},
    fetch::{Client, FetchError, fetch_with},
    lake::LakeError,
    mask::{self, MaskError},
    progress::Meter,
    source::{self, Ask, Page, Slice},
    ticket::Decoded,
    walk::{Answer, Key, Reader, Sink, Slot},
};

/// Tickets asked for alone that may fail.
const MOST_FAILED: u64 = 20;

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
    #[error(
        "source {source_name}: {count} tickets or more cannot be read; what was read is in the lake, and the next run goes on from there"
    )]
    Gaps { source_name: String, count: usize },
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
    /// What was read around tickets that cannot be read, in place of the page.
    pub parts: Vec<Part>,
}

/// A part of a page, read as a page of its own.
pub struct Part {
    pub rows: Rows,
    /// Rows of it that stand before those that were meant.
    pub skip: usize,
    /// Rows that were meant; of one that cannot be read there is only the place.
    pub keys: usize,
}

impl Rows {
    /// The ids of the page's tickets.
    pub fn ids(&self) -> impl Iterator<Item = i64> + '_ {
        let parts = self.parts.iter().filter_map(|part| part.rows.decoded.as_ref());
        self.decoded.iter().chain(parts).flat_map(|decoded| decoded.ids.iter().copied().flatten())
    }
}

/// Reads pages of one source.
pub struct TicketReader<'a> {
    pub client: &'a Client,
    pub schema: &'a TableSchema,
    pub meter: &'a Meter,
    /// Where tickets that cannot be read are noted; without it a page that fails ends the reading.
    pub gaps: Option<&'a Gaps<'a>>,
    /// Where the length of the whole list is noted.
    pub totals: Option<&'a Totals>,
}

impl TicketReader<'_> {
    /// Fetches and decodes one page, and learns the fields that no definition names.
    async fn page(&self, ask: &Ask, retries: Option<u32>) -> Result<(Page, Rows), ReadError> {
        let config = &self.client.config;
        let begin = || Decoding::new(self.schema.layout(), config.timezone.clone());
        let (page, read) = fetch_with(self.client, ask, begin, retries).await?;
        let failed = |why: ArrowError| ReadError::Decode {
            source_name: config.name.clone(),
            asked: ask.to_string(),
            why: why.to_string(),
        };
        let mut rows = read.map_err(failed)?;
        let Some(decoded) = &mut rows.decoded else { return Ok((page, rows)) };
        // From here on nobody sees what is masked.
        mask::check(&config.masks, &decoded.batch.schema())?;
        let batch = mask::apply(&config.masks, source::ticket(config.kind), decoded.batch.clone());
        decoded.batch = batch.map_err(failed)?;
        self.schema.learn(&decoded.undefined)?;
        Ok((page, rows))
    }

    /// A page, and what is known of its list.
    pub async fn answer(&self, ask: &Ask, retries: Option<u32>) -> Result<Answer<Rows>, ReadError> {
        let (page, rows) = self.page(ask, retries).await?;
        Ok(Answer { keys: keys(&rows), total: page.total, pages: page.pages, more: page.more, rows })
    }

    /// Asks for tickets by id and hands what there is to `sink`.
    ///
    /// A refusal of several is none of each, and a ticket that an answer leaves out need not be gone: both are asked for in
    /// smaller numbers, down to one by one.
    pub async fn read_ids(&self, ids: &[i64], sink: &impl Sink<Rows, ReadError>) -> Result<ById, ReadError> {
        let mut by_id = ById::default();
        let most = source::most_ids(self.client.config.kind);
        let mut left: Vec<Vec<i64>> = ids.chunks(most).rev().map(<[i64]>::to_vec).collect();
        while let Some(some) = left.pop() {
            if let [id] = some.as_slice() {
                match self.read_some(&Ask::One(*id), sink).await {
                    Ok(found) => by_id.found |= found,
                    Err(why) => by_id.refuse(*id, why)?,
                }
                continue;
            }
            match self.read_some(&Ask::Ids(some.clone()), sink).await {
                Ok(found) => {
                    let is_missing = |id: &&i64| !found.contains(id.cast_unsigned());
                    let missing: Vec<i64> = some.iter().filter(is_missing).copied().collect();
                    by_id.found |= found;
                    left.extend(self.left_out(&missing, &mut by_id, sink).await?);
                }
                Err(why) if ById::is_of_ticket(&why) => {
                    let (first, second) = some.split_at(some.len() / 2);
                    left.extend([second.to_vec(), first.to_vec()]);
                }
                Err(why) => return Err(why),
            }
        }
        if let Some((id, why)) = &by_id.first_refused {
            tracing::warn!(
                source = self.client.config.name,
                "the source refuses to say whether it has {} of the tickets asked for, the first is {id} ({why}); they stay as they are",
                by_id.unknown.len()
            );
        }
        Ok(by_id)
    }

    /// Asks for the first and the last ticket that an answer left out. If either is there, the answer was not whole: all
    /// between are to be asked for alone.
    async fn left_out(
        &self,
        missing: &[i64],
        by_id: &mut ById,
        sink: &impl Sink<Rows, ReadError>,
    ) -> Result<Vec<Vec<i64>>, ReadError> {
        let (ends, between) = match missing {
            [] => return Ok(Vec::new()),
            [id] => (vec![*id], &[][..]),
            [first, between @ .., last] => (vec![*first, *last], between),
        };
        let mut is_whole = true;
        for id in ends {
            match self.read_some(&Ask::One(id), sink).await {
                Ok(found) => {
                    is_whole &= found.is_empty();
                    by_id.found |= found;
                }
                Err(why) => {
                    is_whole = false;
                    by_id.refuse(id, why)?;
                }
            }
        }
        let alone = if is_whole { &[][..] } else { between };
        Ok(alone.iter().rev().map(|id| vec![*id]).collect())
    }

    /// Hands the tickets of one answer to `sink`; gives their ids.
    pub async fn read_some(
        &self,
        ask: &Ask,
        sink: &impl Sink<Rows, ReadError>,
    ) -> Result<RoaringTreemap, ReadError> {
        let (_, rows) = self.page(ask, None).await?;
        let found = keys(&rows).iter().filter_map(|key| key.id).map(i64::cast_unsigned).collect();
        let keep = vec![true; rows.decoded.as_ref().map_or(0, |decoded| decoded.ids.len())];
        sink.take(rows, &keep).await?;
        Ok(found)
    }
}

/// What a source says of tickets that were asked for by id; those in neither set are gone.
#[derive(Debug, Default)]
pub struct ById {
    pub found: RoaringTreemap,
    /// It refuses to say: nothing is known of them.
    pub unknown: RoaringTreemap,
    first_refused: Option<(i64, String)>,
    /// Those that failed, without a refusal.
    failed: u64,
}

impl ById {
    /// Whether that may be said of one ticket, or of several because of one.
    fn is_of_ticket(why: &ReadError) -> bool {
        match why {
            ReadError::Fetch(FetchError::GaveUp { status, .. }) => !matches!(status, None | Some(429)),
            ReadError::Fetch(FetchError::Refused { .. }) | ReadError::Decode { .. } => true,
            _ => false,
        }
    }

    fn refuse(&mut self, id: i64, why: ReadError) -> Result<(), ReadError> {
        let has_failed = !matches!(why, ReadError::Fetch(FetchError::Refused { .. }));
        self.failed += u64::from(has_failed);
        // So many failures are no matter of single tickets.
        if !Self::is_of_ticket(&why) || self.failed > MOST_FAILED {
            return Err(why);
        }
        self.unknown.insert(id.cast_unsigned());
        let why = match why {
            ReadError::Fetch(FetchError::Refused { why, .. } | FetchError::GaveUp { why, .. }) => why,
            other => other.to_string(),
        };
        self.first_refused.get_or_insert((id, why));
        Ok(())
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
        let answer = match (self.answer(&ask, None).instrument(span).await, self.gaps) {
            (Err(why), Some(gaps)) => self.read_around(gaps, slice, Slot { page, per_page }, why).await?,
            (answer, _) => answer?,
        };
        if let (None, None, Some(total)) = (slice.from, slice.to, answer.total) {
            self.meter.expect(total);
            if let (None, None, Some(totals)) = (slice.by, slice.filter, self.totals) {
                totals.note(total);
            }
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

/// The key of each element of the page, those without an id included.
pub fn keys(rows: &Rows) -> Vec<Key> {
    let Some(decoded) = &rows.decoded else { return Vec::new() };
    let times = |name| instants_of(&decoded.batch, name);
    let (created, updated) = (times("created_at"), times("updated_at"));
    let second = |times, row| instant(times, row).map(|time| time.div_euclid(1_000_000));
    let mut row = 0;
    let mut key = |id: &Option<i64>| {
        let Some(id) = *id else { return Key::default() };
        let key = Key { id: Some(id), created: second(created, row), updated: second(updated, row) };
        row += 1;
        key
    };
    decoded.ids.iter().map(&mut key).collect()
}
