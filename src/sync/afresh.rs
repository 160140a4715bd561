//! A source read afresh beside the lake: all of it without writing anything, or some tickets to be written again.

use std::sync::Arc;

use jiff::Timestamp;
use roaring::RoaringTreemap;

use super::{
    account::Account,
    ended::Ended,
    fields,
    intake::Intake,
    layouts::{Layouts, file_meta},
    listed::ListReader,
    memory::{self, Checkpoint},
    reading::{ReadError, Rows, TicketReader},
    source_run::{columns_now, mark, rewrite_all, take_out_moved},
    ways::{self, Scope},
    writer::Writer,
};
use crate::{
    config::SourceConfig,
    fetch::Client,
    fields::{Catalog, CustomField, Fields, Known, Reading},
    lake::{FileForm, Lake},
    mask,
    progress::Meter,
    source::{self, Ask, Clock, Listing, Slice},
    walk::{Proof, Reader, Sink, Span},
};

/// A source with its definitions of now.
pub struct Afresh {
    pub client: Arc<Client>,
    layouts: Arc<Layouts>,
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
pub async fn begin(lake: &Lake, config: &SourceConfig, meter: &Meter) -> Result<Afresh, Ended> {
    begin_with(lake, Arc::new(Client::new(config.clone()).map_err(ReadError::from)?), meter).await
}

/// As [`begin`], with a client that is there already.
pub async fn begin_with(lake: &Lake, client: Arc<Client>, meter: &Meter) -> Result<Afresh, Ended> {
    let checkpoint = Checkpoint::load(lake, &client.config.name)?;
    let known = checkpoint.with(|memory| memory::known(lake, &client.config.name, memory))?;
    begin_knowing(client, meter, &known).await
}

/// Reads the definitions of a source that no lake knows.
pub async fn begin_alone(config: &SourceConfig, meter: &Meter) -> Result<Afresh, Ended> {
    let client = Arc::new(Client::new(config.clone()).map_err(ReadError::from)?);
    begin_knowing(client, meter, &Known::default()).await
}

async fn begin_knowing(client: Arc<Client>, meter: &Meter, known: &Known) -> Result<Afresh, Ended> {
    let config = &client.config;
    let paced = Arc::clone(&client);
    meter.watch(move || paced.pace.waiting().map(|waiting| waiting.until.into_std()));
    let began = Timestamp::now();
    let catalog = fields::catalog(config, fields::read(&client).await?, known, began);
    let meta = file_meta(config.kind);
    let layouts = Layouts::new(source::ticket(config.kind), meta, Arc::clone(&catalog.fields))?;
    mask::check(&config.masks, &layouts.layout().schema).map_err(ReadError::from)?;
    let client = Arc::clone(&client);
    Ok(Afresh { client, layouts: Arc::new(layouts), catalog, began, meter: meter.clone() })
}

impl Afresh {
    /// The form of the source's files, by the definitions and tickets read until now.
    pub fn form(&self) -> Arc<FileForm> {
        self.layouts.form()
    }

    /// The custom fields, by the definitions and tickets read until now.
    pub fn fields(&self) -> Arc<Fields> {
        Arc::clone(&self.layouts.layout().fields)
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
        TicketReader { client: &self.client, layouts: &self.layouts, meter: &self.meter, unchanged: None }
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
        ways::tickets(&self.reader(), sink, &scope).await
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
        ways::pages(&reader, &self.client.config, sink, slice, (by, range), None).await
    }

    /// Asks for tickets by id and hands what there is to `sink`; gives the ids that the source has.
    pub async fn read_ids(
        &self,
        ids: &[i64],
        sink: &impl Sink<Rows, ReadError>,
    ) -> Result<RoaringTreemap, ReadError> {
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

    /// Reads the tickets `again` by id into the lake, marks those that are `gone`, and brings the field tables up to
    /// date. The cursor stays where it is.
    pub async fn bring_in(
        &self,
        lake: &Lake,
        again: &[i64],
        gone: &RoaringTreemap,
    ) -> Result<BroughtIn, Ended> {
        let config = &self.client.config;
        let checkpoint = Arc::new(Checkpoint::load(lake, &config.name)?);
        let differ =
            || checkpoint.with(|memory| memory.columns.as_ref() != Some(&columns_now(&self.layouts)));
        if differ() {
            checkpoint.files_differ()?;
        }
        let mut account =
            Account { tables: fields::write(lake, config, &self.catalog)?, ..Account::default() };
        let known = Some(i64::MAX);
        let (name, noted) = (config.name.clone(), Arc::clone(&checkpoint));
        let writer = Writer::start(lake.clone(), name, Arc::clone(&self.layouts), known, noted);
        let intake = Intake::new(writer, lake.calendar(), self.meter.clone(), config.concurrency);
        let read = self.read_ids(again, &intake).await;
        let written;
        (account.wrote, account.received, written) = intake.finish().await;
        written?;
        take_out_moved(lake, config, &self.layouts, &mut account)?;
        mark(lake, config, gone, &self.layouts, &mut account)?;
        if differ() {
            account.rewritten.extend(rewrite_all(lake, config, &self.layouts, &account.wrote)?);
            checkpoint.with(|memory| memory.columns = Some(columns_now(&self.layouts)));
        }
        checkpoint.with(|memory| memory.fields_read_at = Some(self.began));
        checkpoint.commit()?;
        let files =
            account.wrote.files.len() + account.marked.len() + account.rewritten.len() + account.tables.len();
        Ok(BroughtIn { read: read?, marked: account.deleted, files: files as u64 })
    }
}
