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
    listing::{self, Listing},
    memory::{self, Checkpoint},
    reading::{ReadError, Rows, TicketReader},
    source_run::{columns_now, mark, rewrite_all, take_out_moved},
    writer::Writer,
};
use crate::{
    config::SourceConfig,
    fetch::Client,
    fields::Catalog,
    lake::{FileForm, Lake},
    progress::Meter,
    source,
    walk::{Proof, Sink, Span},
};

/// A source with its definitions of now.
pub struct Afresh {
    pub client: Arc<Client>,
    layouts: Arc<Layouts>,
    catalog: Catalog,
    began: Timestamp,
    meter: Meter,
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
    let client = Arc::new(Client::new(config.clone()).map_err(ReadError::from)?);
    let paced = Arc::clone(&client);
    meter.watch(move || paced.pace.waiting().map(|waiting| waiting.until.into_std()));
    let began = Timestamp::now();
    let checkpoint = Checkpoint::load(lake, &config.name)?;
    let known = checkpoint.with(|memory| memory::known(lake, &config.name, memory))?;
    let catalog = fields::catalog(config, fields::read(&client).await?, &known, began);
    let meta = file_meta(config.kind);
    let layouts = Layouts::new(source::ticket(config.kind), meta, Arc::clone(&catalog.fields))?;
    Ok(Afresh { client, layouts: Arc::new(layouts), catalog, began, meter: meter.clone() })
}

impl Afresh {
    /// The form of the source's files, by the definitions and tickets read until now.
    pub fn form(&self) -> Arc<FileForm> {
        self.layouts.form()
    }

    /// Whether the definitions say something else than the lake's tables.
    pub fn definitions_differ(&self) -> bool {
        self.catalog.fields_differ || self.catalog.options_differ
    }

    fn reader(&self) -> TicketReader<'_> {
        TicketReader { client: &self.client, layouts: &self.layouts, meter: &self.meter }
    }

    /// Reads the whole list, as a first sync would, into `sink`.
    pub async fn read_all(&self, sink: &impl Sink<Rows, ReadError>) -> Result<Proof, ReadError> {
        // Nothing is written by partition here.
        let boundary = |second| second;
        let (range, began) = (Span::default(), self.began);
        let listing = Listing { range, done: &[], bookmark: None, began, boundary: &boundary };
        listing::created(&self.reader(), sink, &listing).await
    }

    /// Asks for tickets by id and hands what there is to `sink`; gives the ids that the source has.
    pub async fn read_ids(
        &self,
        ids: &[i64],
        sink: &impl Sink<Rows, ReadError>,
    ) -> Result<RoaringTreemap, ReadError> {
        self.reader().read_ids(ids, sink).await
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
            account.rewritten.extend(rewrite_all(lake, config, &self.layouts)?);
            checkpoint.with(|memory| memory.columns = Some(columns_now(&self.layouts)));
        }
        checkpoint.with(|memory| memory.fields_read_at = Some(self.began));
        checkpoint.commit()?;
        let files =
            account.wrote.files.len() + account.marked.len() + account.rewritten.len() + account.tables.len();
        Ok(BroughtIn { read: read?, marked: account.deleted, files: files as u64 })
    }
}
