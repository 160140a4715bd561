//! A source read afresh beside the lake: all of it without writing anything, or some tickets to be written again.

use std::sync::Arc;

use jiff::Timestamp;
use roaring::RoaringTreemap;

use super::{
    account::Account,
    buffer::RowBuffer,
    fields,
    list_reader::ListReader,
    reading::{ById, ReadError, Rows, TicketReader},
    source_run::{columns_now, rewrite_all},
    source_state::{self, Checkpoint},
    stop_reason::StopReason,
    strategy::{self, Scope},
    table_schema::{TableSchema, file_meta},
    writer::Writer,
};
use crate::{
    config::SourceConfig,
    fetch::Client,
    fields::{Catalog, CustomField, Fields, Known, Reading},
    lake::{FileSchema, Lake},
    mask,
    progress::Meter,
    source::{self, Ask, Clock, Listing, Slice},
    walk::{Proof, Reader, Sink, Span},
};

/// A source with its definitions of now.
pub struct Afresh {
    pub client: Arc<Client>,
    schema: Arc<TableSchema>,
    catalog: Catalog,
    began: Timestamp,
    meter: Meter,
}

/// The first page of the whole list, in numbers.
#[derive(Debug, Clone, Copy)]
pub struct FirstPage {
    pub rows: usize,
    /// Tickets whose id cannot be read.
    pub without_id: usize,
    /// Of the whole list, as the source says.
    pub total: Option<u64>,
}

/// What bringing tickets in did.
#[derive(Debug, Default)]
pub struct BroughtIn {
    /// Tickets that the source gave.
    pub read: RoaringTreemap,
    pub marked: u64,
    pub files: u64,
}

/// Reads the definitions and joins them with what the lake knows.
pub async fn begin(lake: &Lake, config: &SourceConfig, meter: &Meter) -> Result<Afresh, StopReason> {
    begin_with(lake, Arc::new(Client::new(config.clone()).map_err(ReadError::from)?), meter).await
}

/// As [`begin`], with a client that is there already.
pub async fn begin_with(lake: &Lake, client: Arc<Client>, meter: &Meter) -> Result<Afresh, StopReason> {
    let checkpoint = Checkpoint::load(lake, &client.config.name, "")?;
    let known = checkpoint.with(|state| source_state::known(lake, &client.config.name, state))?;
    begin_knowing(client, meter, &known).await
}

/// Reads the definitions of a source that no lake knows.
pub async fn begin_alone(config: &SourceConfig, meter: &Meter) -> Result<Afresh, StopReason> {
    let client = Arc::new(Client::new(config.clone()).map_err(ReadError::from)?);
    begin_knowing(client, meter, &Known::default()).await
}

async fn begin_knowing(client: Arc<Client>, meter: &Meter, known: &Known) -> Result<Afresh, StopReason> {
    let config = &client.config;
    let paced = Arc::clone(&client);
    meter.watch(move || paced.pace.waiting().map(|waiting| waiting.until.into_std()));
    let began = Timestamp::now();
    let catalog = fields::catalog(config, fields::read(&client).await?, known, began);
    let meta = file_meta(config.kind);
    let schema = TableSchema::new(source::ticket(config.kind), meta, Arc::clone(&catalog.fields))?;
    mask::check(&config.masks, &schema.layout().schema).map_err(ReadError::from)?;
    let client = Arc::clone(&client);
    Ok(Afresh { client, schema: Arc::new(schema), catalog, began, meter: meter.clone() })
}

impl Afresh {
    /// The schema of the source's files, by the definitions and tickets read until now.
    pub fn file_schema(&self) -> Arc<FileSchema> {
        self.schema.file_schema()
    }

    /// The custom fields, by the definitions and tickets read until now.
    pub fn fields(&self) -> Arc<Fields> {
        Arc::clone(&self.schema.layout().fields)
    }

    /// Whether the definitions say something else than the lake's tables.
    pub fn definitions_differ(&self) -> bool {
        self.catalog.fields_differ || self.catalog.options_differ
    }

    /// Definitions that the source has.
    pub fn defined(&self) -> u64 {
        self.catalog.defined
    }

    /// Fields whose values are paths of keys that nothing names.
    pub fn paths_without_labels(&self) -> Vec<String> {
        let unnamed = |field: &&CustomField| field.reading == Reading::KeyedPath && field.labels.is_empty();
        self.catalog.fields.iter().filter(unnamed).map(|field| field.name.clone()).collect()
    }

    /// Reads and decodes the first page of the whole list, as a sync would.
    pub async fn first_page(&self) -> Result<FirstPage, ReadError> {
        let answer = self.reader().read(&Slice::default(), 1, self.client.config.page_size).await?;
        let without_id = answer.keys.iter().filter(|key| key.id.is_none()).count();
        Ok(FirstPage { rows: answer.keys.len(), without_id, total: answer.total })
    }

    fn reader(&self) -> TicketReader<'_> {
        TicketReader {
            client: &self.client,
            schema: &self.schema,
            meter: &self.meter,
            gaps: None,
            totals: None,
        }
    }

    /// Reads the whole list, as a first sync would, into `sink`.
    pub async fn read_all(&self, sink: &impl Sink<Rows, ReadError>) -> Result<Proof, ReadError> {
        self.read_span((Clock::Created, Span::default()), sink).await
    }

    /// Reads the part of the whole list whose time lies in a span into `sink`. What lies outside is not kept.
    pub async fn read_span(
        &self,
        (by, range): (Clock, Span),
        sink: &impl Sink<Rows, ReadError>,
    ) -> Result<Proof, ReadError> {
        // Nothing is written by partition here.
        let partition = |second| second..second + 1;
        let scope = Scope {
            by,
            range,
            done: &[],
            bookmark: None,
            newest: None,
            began: self.began,
            partition: &partition,
        };
        strategy::tickets(&self.reader(), sink, &scope).await
    }

    /// Reads another list into `sink`; where it takes bounds, only what lies in a span.
    pub async fn read_list(
        &self,
        listing: &Listing,
        (by, range): (Clock, Span),
        sink: &impl Sink<Rows, ReadError>,
    ) -> Result<Proof, ReadError> {
        // Whether a bound belongs to the answer is not known: one second more on each side, and what is outside is not kept.
        let bounded = Slice {
            by: Some(by),
            from: range.from.map(|from| from.saturating_sub(1)),
            to: range.to.map(|to| to.saturating_add(1)),
            ..Slice::default()
        };
        let slice = if listing.takes_slices && range != Span::default() { bounded } else { Slice::default() };
        let reader = ListReader::new(self.reader(), listing);
        strategy::pages(&reader, &self.client.config, sink, slice, (by, range), None).await
    }

    /// Asks for tickets by id and hands what there is to `sink`.
    pub async fn read_ids(&self, ids: &[i64], sink: &impl Sink<Rows, ReadError>) -> Result<ById, ReadError> {
        self.reader().read_ids(ids, sink).await
    }

    /// Asks for one ticket and hands it to `sink`; gives its id where the source has it.
    pub async fn read_one(
        &self,
        id: i64,
        sink: &impl Sink<Rows, ReadError>,
    ) -> Result<RoaringTreemap, ReadError> {
        self.reader().read_some(&Ask::One(id), sink).await
    }

    /// Reads the tickets `again` by id into the lake, where the source's version counts even if it is older; marks those
    /// that are `gone`, and brings the field tables up to date. The cursor stays where it is.
    pub async fn bring_in(
        &self,
        checkpoint: &Arc<Checkpoint>,
        again: &[i64],
        gone: &RoaringTreemap,
    ) -> Result<BroughtIn, StopReason> {
        let config = &self.client.config;
        let differ = || checkpoint.with(|state| state.columns.as_ref() != Some(&columns_now(&self.schema)));
        if differ() {
            checkpoint.files_differ()?;
        }
        let mut account =
            Account { tables: fields::write(checkpoint, config, &self.catalog)?, ..Account::default() };
        checkpoint.table.replace_newer(true);
        let writer = Writer::start(Arc::clone(checkpoint), Arc::clone(&self.schema), true);
        let buffer = RowBuffer::new(writer, checkpoint.table.lake.calendar(), self.meter.clone());
        let read = self.read_ids(again, &buffer).await;
        let written;
        (account.wrote, account.received, written) = buffer.finish().await;
        written?;
        checkpoint.begin_writing()?;
        let schema = self.schema.file_schema();
        let at = Timestamp::now().as_microsecond();
        let (marked, files) = checkpoint.table.mark_deleted(gone, at, &schema)?;
        account.marked = files;
        if differ() {
            account.rewritten.extend(rewrite_all(checkpoint, &self.schema, &account.wrote)?);
        }
        if let Ok(read) = &read {
            checkpoint.reread_done(&(&read.found | gone));
        }
        checkpoint.with(|state| {
            state.columns = Some(columns_now(&self.schema));
            state.fields_read_at = Some(self.began);
            state.writing = false;
        });
        checkpoint.commit()?;
        let wrote = &account.wrote;
        let files = wrote.files.len() + wrote.moved.len() + account.marked.len();
        let files = files + account.rewritten.len() + account.tables.len();
        Ok(BroughtIn { read: read?.found, marked, files: files as u64 })
    }
}
