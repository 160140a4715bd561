//! The lake against a source: its whole list is read again, nothing written, and every ticket compared.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering::Relaxed},
};

use arrow::array::RecordBatch;
use roaring::RoaringTreemap;

use super::{
    blocking,
    check::SourceFiles,
    compare::{Compared, Ticket, compare},
    difference::{Against, Ids, Repaired},
    digest::digests,
    repair::Repair,
};
use crate::{
    batch::{BatchError, UPDATED_AT, id_values, instant, instants_of},
    config::SourceConfig,
    fetch::{Client, FetchError},
    lake::{self, Lake},
    progress::Meter,
    summary::Outcome,
    sync::{self, Afresh, Checkpoint, Ended, ReadError, Rows},
    walk::{Sink, Span},
};

/// What may be done about a difference.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    pub accept_deletes: bool,
    pub run_id: &'a str,
}

/// Compares one source, and repairs what differs where it is under repair.
pub async fn against(
    lake: &Lake,
    config: &SourceConfig,
    files: &SourceFiles,
    repair: Option<&Repair>,
    rules: Rules<'_>,
    meter: Meter,
) -> Against {
    let mut found = Against::begin();
    if let Err(why) = settle(lake, config, files, repair, rules, &meter, &mut found).await {
        found.refused = matches!(why, Ended::Read(ReadError::Fetch(FetchError::Credentials { .. })));
        found.error = Some(why.to_string());
    }
    meter.done();
    found.outcome = match &found.error {
        Some(_) => Outcome::Failed,
        None if found.is_settled() => Outcome::Complete,
        None => Outcome::Incomplete,
    };
    found
}

async fn settle(
    lake: &Lake,
    config: &SourceConfig,
    files: &SourceFiles,
    repair: Option<&Repair>,
    rules: Rules<'_>,
    meter: &Meter,
    found: &mut Against,
) -> Result<(), Ended> {
    if !lake::sources(lake)?.contains(&config.name) {
        found.error = Some("no ticket of it is in the lake yet; run `ticketlake sync`".to_owned());
        return Ok(());
    }
    let checkpoint = match &repair {
        Some(repair) => Arc::clone(&repair.checkpoint),
        None => Arc::new(Checkpoint::load(lake, &config.name, rules.run_id)?),
    };
    let source = ask(lake, config, &checkpoint, meter).await?;
    let compared = read_and_compare(lake, &source, files, rules, found).await;
    found.requests = source.client.counts.sent.load(Relaxed);
    let compared = compared?;
    found.definitions_differ = source.definitions_differ();
    found.missing = Ids::from(&compared.missing);
    found.stale = Ids::from(&compared.stale);
    found.stale_because = compared.because;
    found.extra = Ids::from(&compared.extra);
    found.newer = Ids::from(&compared.newer);
    let Some(repair) = repair else { return Ok(()) };
    let nothing = RoaringTreemap::new();
    let gone = if found.unconfirmed.is_none() { &compared.extra } else { &nothing };
    // The source's version is the truth, also where it is older: a help desk may have been restored from a backup.
    let again = &compared.missing | &compared.stale | &compared.newer;
    let differs = !again.is_empty() || !gone.is_empty() || found.definitions_differ;
    found.repaired = Some(match differs || repair.needs_source()? {
        true => repair.bring_in(&source, &again, gone, rules.accept_deletes).await?,
        false => Repaired { set_aside: repair.set_aside.clone(), ..Repaired::default() },
    });
    found.requests = source.client.counts.sent.load(Relaxed);
    Ok(())
}

/// A source to be asked, if it is the account that the lake knows.
pub async fn ask(
    lake: &Lake,
    config: &SourceConfig,
    checkpoint: &Checkpoint,
    meter: &Meter,
) -> Result<Afresh, Ended> {
    let client = Arc::new(Client::new(config.clone()).map_err(ReadError::from)?);
    sync::check_address(checkpoint, &client).await?;
    sync::read_afresh_with(lake, client, meter).await
}

async fn read_and_compare(
    lake: &Lake,
    source: &Afresh,
    files: &SourceFiles,
    rules: Rules<'_>,
    found: &mut Against,
) -> Result<Compared, Ended> {
    let seen = Seen::default();
    let proof = source.read_all(&seen).await?;
    found.unproven = proof.unproven;
    let compared = seen.compare(lake, source, files).await?;
    let (extra, live) = (compared.extra.len(), compared.live);
    let allowed = source.client.config.delete_brake;
    let compared = if extra as f64 > live as f64 * allowed && !rules.accept_deletes {
        found.unconfirmed = Some(format!(
            "{extra} of {live} tickets are not in the source's list, more than `delete_brake` ({}%) allows; they were \
             not asked for by id. If they were deleted, add --accept-deletes; if not, check the rights of the account",
            allowed * 100.0
        ));
        compared
    } else {
        let ids: Vec<i64> = compared.extra.iter().map(u64::cast_signed).collect();
        // The source still has some that the list did not show: they are compared like the others.
        let by_id = source.read_ids(&ids, &seen).await?;
        let mut compared = match by_id.found.is_empty() {
            true => compared,
            false => seen.compare(lake, source, files).await?,
        };
        // Of these the source says nothing.
        compared.extra -= by_id.unknown;
        compared
    };
    let inner = seen.inner();
    found.tickets = inner.tickets.len() as u64;
    if inner.unreadable > 0 {
        let what = format!(
            "{} tickets have an id that cannot be read; correct them at the source",
            inner.unreadable
        );
        found.unproven.get_or_insert(what);
    }
    Ok(compared)
}

/// What the source's list held: for each ticket its time and its digest.
#[derive(Default)]
struct Seen(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    tickets: HashMap<i64, Ticket>,
    unreadable: u64,
}

impl Seen {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn compare(&self, lake: &Lake, source: &Afresh, files: &SourceFiles) -> Result<Compared, Ended> {
        let (lake, name, schema) = (lake.clone(), files.name.clone(), source.file_schema());
        let keys = files.readable.clone();
        let tickets = std::mem::take(&mut self.inner().tickets);
        let (compared, tickets) = blocking(move || {
            let compared = compare(&lake, &name, &keys, &schema, &tickets);
            (compared, tickets)
        })
        .await;
        self.inner().tickets = tickets;
        Ok(compared?)
    }
}

impl Sink<Rows, ReadError> for Seen {
    async fn take(&self, rows: Rows, keep: &[bool]) -> Result<(), ReadError> {
        let Some(decoded) = rows.decoded else { return Ok(()) };
        let tickets = tickets(&decoded.batch).map_err(ReadError::arrow)?;
        let mut inner = self.inner();
        let nameless = decoded.ids.iter().zip(keep).filter(|(id, keep)| id.is_none() && **keep);
        inner.unreadable += nameless.count() as u64;
        for (id, ticket) in tickets {
            let known = inner.tickets.entry(id).or_insert(ticket);
            // As in the lake: an older copy never replaces a newer one, of equal ones the later reading counts.
            if ticket.updated_at.is_none() || ticket.updated_at >= known.updated_at {
                *known = ticket;
            }
        }
        Ok(())
    }

    async fn done(&self, _: Span) -> Result<(), ReadError> {
        Ok(())
    }
}

/// Time and digest of each row, by id.
pub(super) fn tickets(batch: &RecordBatch) -> Result<Vec<(i64, Ticket)>, BatchError> {
    let updated = instants_of(batch, UPDATED_AT);
    let rows = id_values(batch).iter().copied().zip(digests(batch)?).enumerate();
    Ok(rows.map(|(row, (id, digest))| (id, Ticket { updated_at: instant(updated, row), digest })).collect())
}
