//! One source of a run, from its definitions to its last commit.

use std::{sync::Arc, time::Instant};

use jiff::Timestamp;
use tokio::sync::watch;

use super::{
    account, fields,
    intake::{Intake, Received},
    layouts::{Layouts, file_meta},
    memory::{self, Memory},
    reading::{ReadError, TicketReader},
    writer::{Writer, Wrote},
};
use crate::{
    config::SourceConfig,
    fetch::{Client, FetchError},
    fields::Catalog,
    lake::{self, Lake, LakeError, Written, state},
    progress::Meter,
    source,
    summary::{Mode, Outcome, SourceSummary},
    walk::{self, Proof},
};

/// Tells a run that it should end; cheap to clone.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// A stop, and the way to ask for it.
    pub fn new() -> (watch::Sender<bool>, Self) {
        let (ask, asked) = watch::channel(false);
        (ask, Self(asked))
    }

    /// Returns when the run should end.
    pub async fn requested(&self) {
        let mut asked = self.0.clone();
        if asked.wait_for(|stop| *stop).await.is_err() {
            // Nobody is left who could ask.
            std::future::pending().await
        }
    }
}

/// How the work on a source ended.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error("{0}")]
    Unproven(String),
    #[error("interrupted")]
    Interrupted,
    #[error("another run has changed the state of source {0} meanwhile; run again")]
    Conflict(String),
}

impl Ended {
    /// The outcome that a run with such an end has.
    pub fn outcome(&self) -> Outcome {
        match self {
            Ended::Interrupted => Outcome::Interrupted,
            Ended::Read(ReadError::Fetch(FetchError::Credentials { .. })) => Outcome::Failed,
            Ended::Lake(_) => Outcome::Failed,
            Ended::Read(_) | Ended::Unproven(_) | Ended::Conflict(_) => Outcome::Incomplete,
        }
    }
}

/// Everything a source's run leaves to be told.
#[derive(Debug, Default)]
pub struct Account {
    pub catalog: Option<Catalog>,
    pub proof: Option<Proof>,
    pub wrote: Wrote,
    pub rewritten: Vec<Written>,
    pub tables: Vec<Written>,
    pub received: Received,
    pub cursor: Option<Timestamp>,
    pub commits: u64,
}

/// Reads a source whole into the lake.
pub async fn run(
    lake: &Lake,
    config: &SourceConfig,
    meter: Meter,
    stop: &Stop,
) -> (SourceSummary, Option<Ended>) {
    let began = Instant::now();
    let mut summary = SourceSummary::begin(&config.name, config.kind, Mode::Full);
    let mut account = Account::default();
    let ended = match Client::new(config.clone()) {
        Err(why) => Err(ReadError::from(why).into()),
        Ok(client) => {
            let ended = read_whole(lake, &client, &meter, stop, &mut account).await;
            summary.requests = account::requests(&client.counts);
            ended
        }
    };
    meter.done();
    account::settle(&mut summary, &account);
    summary.outcome = ended.as_ref().err().map_or(Outcome::Complete, Ended::outcome);
    summary.error = ended.as_ref().err().map(ToString::to_string);
    summary.seconds = began.elapsed().as_secs_f64();
    (summary, ended.err())
}

async fn read_whole(
    lake: &Lake,
    client: &Client,
    meter: &Meter,
    stop: &Stop,
    account: &mut Account,
) -> Result<(), Ended> {
    let config = &client.config;
    let began = Timestamp::now();
    let loaded = state::load::<Memory>(lake, &config.name)?;
    let (mut version, mut memory) = loaded.unwrap_or_default();
    let definitions = tokio::select! {
        read = fields::read(client) => read?,
        () = stop.requested() => return Err(Ended::Interrupted),
    };
    let known = memory::known(lake, &config.name, &memory)?;
    let catalog = account.catalog.insert(fields::catalog(config, definitions, &known, began));
    let layouts =
        Layouts::new(source::ticket(config.kind), file_meta(config.kind), Arc::clone(&catalog.fields))?;
    let layouts = Arc::new(layouts);
    account.tables = fields::write(lake, config, catalog)?;

    // From here on files may differ until the last one is rewritten; a run that dies in between must be noticed.
    let uniform = memory.columns.as_ref().is_some_and(|columns| *columns == lake_columns(&layouts));
    if !uniform && memory.columns.take().is_some() {
        commit(lake, config, &mut version, &memory, account)?;
    }

    let writer = Writer::start(lake.clone(), config.name.clone(), Arc::clone(&layouts));
    let intake = Intake::new(writer, lake.calendar());
    let reader = TicketReader { client, layouts: &layouts, meter };
    let walked = tokio::select! {
        walked = walk(&reader, &intake) => walked.map_err(Ended::from),
        () = stop.requested() => Err(Ended::Interrupted),
    };
    // What was read stands, whatever ended the reading.
    let (wrote, received) = intake.finish().await?;
    (account.wrote, account.received) = (wrote, received);
    let grown = lake_columns(&layouts);
    if memory.columns.as_ref() != Some(&grown) {
        account.rewritten = rewrite_all(lake, config, &layouts)?;
        memory.columns = Some(grown);
    }
    account.rewritten.extend(lake_is_readable(lake, config, &layouts)?);

    memory.fields_read_at = Some(began);
    let proven = walked.and_then(|proof| prove(account, proof));
    if proven.is_ok() {
        memory.full_at = Some(began);
        memory.cursor = cursor(memory.cursor, account.received.newest, began);
    }
    account.cursor = memory.cursor;
    commit(lake, config, &mut version, &memory, account)?;
    proven
}

/// Walks the ticket list in the way that the source allows.
async fn walk(reader: &TicketReader<'_>, intake: &Intake) -> Result<Proof, ReadError> {
    let config = &reader.client.config;
    let slice = source::Slice::default();
    let all = (source::Clock::Created, walk::Span::default());
    walk::pages(reader, intake, &slice, config.page_size, config.concurrency, all).await
}

/// The columns of the custom fields as files have them now.
fn lake_columns(layouts: &Layouts) -> Vec<crate::fields::KnownColumn> {
    crate::fields::known_columns(&layouts.layout().schema)
}

/// Completeness as it can be claimed, or why not.
fn prove(account: &mut Account, proof: Proof) -> Result<(), Ended> {
    let unproven = proof.unproven.clone();
    account.proof = Some(proof);
    match (account.received.unreadable, unproven) {
        (0, None) => Ok(()),
        (0, Some(why)) => Err(Ended::Unproven(why)),
        (count, _) => Err(Ended::Unproven(format!(
            "{count} tickets have an id that cannot be read and are not in the lake; correct them at the source"
        ))),
    }
}

/// The new cursor: what was seen, but never later than the start of the run, since a ticket may have changed behind
/// the reader; and never earlier than it was.
fn cursor(old: Option<Timestamp>, newest: Option<i64>, began: Timestamp) -> Option<Timestamp> {
    let seen = newest.and_then(|micros| Timestamp::from_microsecond(micros).ok()).map(|seen| seen.min(began));
    old.max(seen)
}

/// Brings every file of the source to the columns of now.
fn rewrite_all(lake: &Lake, config: &SourceConfig, layouts: &Layouts) -> Result<Vec<Written>, LakeError> {
    let form = layouts.form();
    let mut written = Vec::new();
    for key in lake::partitions(lake, &config.name)? {
        written.extend(lake::rewrite(lake, &config.name, key, &form)?);
    }
    Ok(written)
}

/// A source without tickets has one file without rows, so that a glob over it finds its columns.
fn lake_is_readable(
    lake: &Lake,
    config: &SourceConfig,
    layouts: &Layouts,
) -> Result<Option<Written>, LakeError> {
    if lake::partitions(lake, &config.name)?.is_empty() {
        return lake::put_empty(lake, &config.name, &layouts.form());
    }
    Ok(None)
}

fn commit(
    lake: &Lake,
    config: &SourceConfig,
    version: &mut u64,
    memory: &Memory,
    account: &mut Account,
) -> Result<(), Ended> {
    *version += 1;
    account.commits += 1;
    match state::commit(lake, &config.name, *version, memory)? {
        state::Committed::Done => Ok(()),
        state::Committed::Conflict => Err(Ended::Conflict(config.name.clone())),
    }
}
