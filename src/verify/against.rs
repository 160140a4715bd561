//! The lake against a source: its whole list is read again, nothing written, and every ticket compared.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering::Relaxed},
};

use roaring::RoaringTreemap;

use super::{
    blocking,
    check::SourceFiles,
    difference::{Against, Difference, Repaired, Ticket, tickets},
    repair::Repair,
};
use crate::{
    config::SourceConfig,
    fetch::{Client, FetchError},
    lake::{self, Lake},
    progress::Meter,
    summary::Outcome,
    sync::{self, Afresh, Checkpoint, ReadError, Rows, StopReason},
    walk::{Sink, Span},
};

/// A source that is compared.
pub struct Comparison<'a> {
    pub lake: &'a Lake,
    pub config: &'a SourceConfig,
    pub files: &'a SourceFiles,
    /// Where what differs is put right.
    pub repair: Option<&'a Repair>,
    pub accept_deletes: bool,
    pub run_id: &'a str,
    pub meter: Meter,
}

/// A source to be asked, if it is the account that the lake knows.
pub async fn ask(
    lake: &Lake,
    config: &SourceConfig,
    checkpoint: &Checkpoint,
    meter: &Meter,
) -> Result<Afresh, StopReason> {
    let client = Arc::new(Client::new(config.clone()).map_err(ReadError::from)?);
    sync::check_address(checkpoint, &client).await?;
    sync::read_afresh_with(lake, client, meter).await
}

impl Comparison<'_> {
    /// Compares the source, and repairs what differs where it is under repair.
    pub async fn run(self) -> Against {
        let mut found = Against::default();
        if let Err(why) = self.settle(&mut found).await {
            found.refused = matches!(why, StopReason::Read(ReadError::Fetch(FetchError::Credentials { .. })));
            found.error = Some(why.to_string());
        }
        self.meter.done();
        found.outcome = match &found.error {
            Some(_) => Outcome::Failed,
            None if found.is_settled() => Outcome::Complete,
            None => Outcome::Incomplete,
        };
        found
    }

    async fn settle(&self, found: &mut Against) -> Result<(), StopReason> {
        if !lake::sources(self.lake)?.contains(&self.config.name) {
            found.error = Some("no ticket of it is in the lake yet; run `ticketlake sync`".to_owned());
            return Ok(());
        }
        let checkpoint = match self.repair {
            Some(repair) => Arc::clone(&repair.checkpoint),
            None => Arc::new(Checkpoint::load(self.lake, &self.config.name, self.run_id)?),
        };
        let source = ask(self.lake, self.config, &checkpoint, &self.meter).await?;
        let compared = self.compare(&source, found).await;
        found.requests = source.client.counts.sent.load(Relaxed);
        compared?;
        found.definitions_differ = source.definitions_differ();
        let Some(repair) = self.repair else { return Ok(()) };
        let Difference { missing, stale, extra, newer, .. } = &found.difference;
        let gone = if found.unconfirmed.is_none() { extra.0.clone() } else { RoaringTreemap::new() };
        // The source's version is the truth, also where it is older: a help desk may have been restored from a backup.
        let again = &missing.0 | &stale.0 | &newer.0;
        let differs = !again.is_empty() || !gone.is_empty() || found.definitions_differ;
        found.repaired = Some(match differs || repair.needs_source()? {
            true => repair.bring_in(&source, &again, &gone, self.accept_deletes).await?,
            false => Repaired { set_aside: repair.set_aside.clone(), ..Repaired::default() },
        });
        found.requests = source.client.counts.sent.load(Relaxed);
        Ok(())
    }

    async fn compare(&self, source: &Afresh, found: &mut Against) -> Result<(), StopReason> {
        let seen = Seen::default();
        found.unproven = source.read_all(&seen).await?.unproven;
        found.difference = self.difference(source, &seen).await?;
        let (extra, live) = (&found.difference.extra.0, found.difference.live);
        let allowed = self.config.delete_brake;
        if extra.len() as f64 > live as f64 * allowed && !self.accept_deletes {
            found.unconfirmed = Some(format!(
                "{} of {live} tickets are not in the source's list, more than `delete_brake` ({}%) allows; they were not \
                 asked for by id. If they were deleted, add --accept-deletes; if not, check the rights of the account",
                extra.len(),
                allowed * 100.0
            ));
        } else {
            let ids: Vec<i64> = extra.iter().map(u64::cast_signed).collect();
            // The source still has some that the list did not show: they are compared like the others.
            let by_id = source.read_ids(&ids, &seen).await?;
            if !by_id.found.is_empty() {
                found.difference = self.difference(source, &seen).await?;
            }
            // Of these the source says nothing.
            found.difference.extra.0 -= by_id.unknown;
        }
        let seen = seen.inner();
        found.tickets = seen.tickets.len() as u64;
        if seen.unreadable > 0 {
            let what = format!(
                "{} tickets have an id that cannot be read; correct them at the source",
                seen.unreadable
            );
            found.unproven.get_or_insert(what);
        }
        Ok(())
    }

    async fn difference(&self, source: &Afresh, seen: &Seen) -> Result<Difference, StopReason> {
        let (lake, name, keys) = (self.lake.clone(), self.config.name.clone(), self.files.readable.clone());
        let (schema, seen) = (source.file_schema(), seen.clone());
        let compare = move || Difference::between(&lake, &name, &keys, &schema, &seen.inner().tickets);
        Ok(blocking(compare).await?)
    }
}

/// What the source's list held.
#[derive(Default, Clone)]
struct Seen(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    tickets: HashMap<i64, Ticket>,
    unreadable: u64,
}

impl Seen {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink<Rows, ReadError> for Seen {
    async fn take(&self, rows: Rows, keep: &[bool]) -> Result<(), ReadError> {
        let Some(decoded) = rows.decoded else { return Ok(()) };
        let tickets = tickets(&decoded.batch).map_err(ReadError::arrow)?;
        let mut inner = self.inner();
        let unreadable = decoded.ids.iter().zip(keep).filter(|(id, keep)| id.is_none() && **keep);
        inner.unreadable += unreadable.count() as u64;
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
