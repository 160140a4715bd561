//! The ways to read a source: all of it, a window of it, what changed, what a filter lists; and what is gone from it.

use std::{cell::RefCell, ops::Range};

use jiff::Timestamp;
use roaring::RoaringTreemap;

use super::{
    deletions,
    gaps::Gaps,
    reading::{ReadError, TicketReader},
    reconcile::Totals,
    recorder::Recorder,
    source_run::Task,
    source_state::{Checkpoint, SourceState, Unfinished},
    stop_reason::StopReason,
    strategy::{self, Scope},
    volume,
};
use crate::{
    config::SourceConfig,
    fetch::FetchError,
    lake::{Calendar, Lake},
    plan::Reading,
    source::{self, Clock},
    walk::{self, Proof, Span},
};

/// What a finished reading lets the source remember.
pub struct Walked {
    pub proof: Proof,
    /// Everything that changed before is read.
    pub horizon: Option<Timestamp>,
    /// When the reading of everything began.
    pub whole_since: Option<Timestamp>,
    /// Tickets to mark as deleted.
    pub gone: RoaringTreemap,
}

/// Everything that reading a source needs.
pub struct Walks<'a> {
    pub lake: &'a Lake,
    pub gaps: &'a Gaps<'a>,
    pub totals: &'a Totals,
    pub reader: &'a TicketReader<'a>,
    pub recorder: &'a Recorder<'a>,
    pub checkpoint: &'a Checkpoint,
    pub task: Task,
    pub began: Timestamp,
    /// The newest change that the source told before anything was read.
    pub horizon: Option<Timestamp>,
}

impl Walks<'_> {
    pub(super) fn config(&self) -> &SourceConfig {
        &self.reader.client.config
    }

    /// Reads as decided.
    pub async fn walk(&self, reading: Reading) -> Result<Walked, StopReason> {
        let changes =
            |proof, horizon| Walked { proof, horizon, whole_since: None, gone: RoaringTreemap::new() };
        match reading {
            Reading::Whole { .. } => self.walk_created().await,
            Reading::Since(since) => {
                let horizon = self.horizon;
                let range = Span { from: Some(since.as_second()), to: None };
                let partition = self.partition();
                let scope = Scope { by: Clock::Updated, ..self.scope(range, &[], &partition) };
                let proof = strategy::tickets(self.reader, self.recorder.buffer, &scope).await?;
                if proof.is_complete() {
                    self.gaps.passed(Clock::Updated, range);
                }
                self.believe_changes(Some(since), horizon)?;
                Ok(changes(proof, horizon))
            }
            Reading::Filter(filter) => {
                let proof = strategy::filtered(self.reader, self.recorder.buffer, filter).await?;
                self.believe_changes(None, None)?;
                Ok(changes(proof, None))
            }
        }
    }

    /// Tries what earlier runs could not read.
    pub async fn try_gaps(&self) -> Result<(), StopReason> {
        let partition = self.partition();
        for (by, span) in self.gaps.to_try() {
            let scope = Scope { by, newest: None, ..self.scope(span, &[], &partition) };
            match strategy::tickets(self.reader, self.recorder.buffer, &scope).await {
                Ok(proof) if proof.is_complete() => self.gaps.passed(by, span),
                Ok(_) => {}
                // Whatever else there is to read does not wait for it.
                Err(why @ ReadError::Fetch(FetchError::GaveUp { .. } | FetchError::Refused { .. })) => {
                    tracing::warn!(source = self.config().name, "what could not be read before: {why}");
                }
                Err(why) => return Err(why.into()),
            }
        }
        Ok(())
    }

    /// Ends the run where what was read is far less than the lake's history suggests; `since` bounds a list of changes,
    /// a filter's list has no bound. `newest` is the newest change that the source tells.
    fn believe_changes(&self, since: Option<Timestamp>, newest: Option<Timestamp>) -> Result<(), StopReason> {
        let name = &self.config().name;
        if self.task.accepts_few() {
            return Ok(());
        }
        let (read, history) = (self.recorder.buffer.count(), volume::history(self.lake, name)?);
        let usual = volume::usual(&history);
        let why = match since {
            Some(_) if !volume::is_few(read, &history) => None,
            Some(since) => {
                let met = self.recorder.buffer.met();
                let (known, unmet) = volume::known_since(self.checkpoint, since.as_second(), &met)?;
                let ends_before = newest.is_some_and(|newest| newest <= since);
                volume::changes(&history, known, unmet, ends_before).then(|| {
                    format!(
                        "it lists {read} tickets as changed since {since}, and of {known} that the lake knows to have \
                         changed since then {unmet} are not among them; half of the last runs read {usual} or more"
                    )
                })
            }
            None => volume::filter(read, &history).then(|| {
                format!(
                    "its filter lists {read} tickets, where half of the last {} runs read {usual} or more",
                    history.len()
                )
            }),
        };
        match why {
            Some(why) => Err(self.few(why)),
            None => Ok(()),
        }
    }

    pub(super) fn few(&self, why: String) -> StopReason {
        StopReason::Few { source_name: self.config().name.clone(), why, command: self.task.name() }
    }

    /// Reads a window that is this worker's alone; nothing is remembered, and nothing looked for that is gone.
    pub async fn walk_window(&self, range: Span) -> Result<Walked, StopReason> {
        let partition = self.partition();
        let proof =
            strategy::tickets(self.reader, self.recorder.buffer, &self.scope(range, &[], &partition)).await?;
        Ok(Walked { proof, horizon: self.horizon, whole_since: None, gone: RoaringTreemap::new() })
    }

    /// Reads by the time of creation: everything, or a backfill's window; then looks for what is gone.
    async fn walk_created(&self) -> Result<Walked, StopReason> {
        let range = self.recorder.range;
        let unfinished = self.begin(range)?;
        let (done, partition) = (unfinished.read(), self.partition());
        let bookmark = unfinished.pages.as_ref();
        let scope = Scope { bookmark, ..self.scope(range, &done, &partition) };
        bookmark.inspect(|bookmark| self.recorder.go_on(bookmark));
        let mut proof = strategy::tickets(self.reader, self.recorder, &scope).await?;
        proof = self.walk_changes_meanwhile(range, &unfinished, proof).await?;
        let later = bookmark.and(self.checkpoint.with(|state| freshening(state, self.config(), self.task)));
        match later {
            Some(Freshening::Filter(filter)) => {
                proof = proof.and(strategy::filtered(self.reader, self.recorder.buffer, filter).await?);
            }
            Some(Freshening::SecondLap) => {
                if let Some(lap) = self.recorder.forget_earlier() {
                    let scope = Scope { bookmark: Some(&lap), ..scope };
                    proof = proof.and(strategy::tickets(self.reader, self.recorder, &scope).await?);
                }
            }
            None => {}
        }
        let is_by_time = source::filters_by_time(self.config().kind);
        match proof.is_complete() {
            true if range != Span::default() => self.gaps.passed(Clock::Created, range),
            // What an earlier run read of a list with page numbers only may hold gaps that this one did not try.
            true if is_by_time || bookmark.is_none() => self.gaps.passed_all(),
            _ => {}
        }
        let gone = match proof.is_complete() && unfinished.reconcile {
            true => self.gone(range).await?,
            false => RoaringTreemap::new(),
        };
        let whole_since = (range == Span::default()).then_some(unfinished.began);
        let horizon = whole_since.and(unfinished.horizon);
        Ok(Walked { proof, horizon, whole_since, gone })
    }

    /// What changed since the watermark, before a full read or the rest of one: nothing waits for that.
    pub async fn walk_changes_first(&self) -> Result<(), StopReason> {
        let by_time = source::filters_by_time(self.config().kind);
        let cursor = self.checkpoint.with(|state| state.cursor.filter(|_| by_time && !state.replacing));
        let Some(cursor) = cursor else { return Ok(()) };
        let since = cursor.checked_sub(self.config().overlap).unwrap_or(Timestamp::MIN);
        let walked = self.walk(Reading::Since(since)).await?;
        if walked.proof.is_complete() {
            self.recorder.buffer.settle().await?;
            self.checkpoint.with(|state| state.cursor = state.cursor.max(walked.horizon));
            self.checkpoint.commit()?;
        }
        Ok(())
    }

    /// A ticket whose time of creation changed while windows of it were read may have been in none of them: a list of
    /// changes shows it.
    async fn walk_changes_meanwhile(
        &self,
        range: Span,
        unfinished: &Unfinished,
        proof: Proof,
    ) -> Result<Proof, StopReason> {
        let by_time = source::filters_by_time(self.config().kind) && range == Span::default();
        let Some(began) = unfinished.horizon.filter(|_| by_time && proof.is_complete()) else {
            return Ok(proof);
        };
        let overlap = self.config().overlap.as_secs().min(i64::MAX.unsigned_abs()).cast_signed();
        let changed = Span { from: Some(began.as_second().saturating_sub(overlap)), to: None };
        let partition = self.partition();
        let scope = Scope { by: Clock::Updated, newest: None, ..self.scope(changed, &[], &partition) };
        let changes = strategy::tickets(self.reader, self.recorder.buffer, &scope).await?;
        // Whatever the list of changes does not prove, the full read has proven of tickets whose creation stays.
        Ok(proof.and(Proof { unproven: None, ..changes }))
    }

    /// The reading of this range that an earlier run left, or a new one.
    fn begin(&self, range: Span) -> Result<Unfinished, StopReason> {
        // Whoever asks for a full read wants all of it read, whatever earlier runs have read.
        let is_asked = matches!(self.task, Task::Sync { whole: true, .. });
        let left = self.checkpoint.with(|state| state.left_over(range).cloned()).filter(|_| !is_asked);
        if let Some(unfinished) = left {
            tracing::info!(source = self.config().name, "resuming the full read begun {}", unfinished.began);
            return Ok(unfinished);
        }
        let unfinished = Unfinished {
            range,
            began: self.began,
            horizon: self.horizon,
            reconcile: self.checkpoint.table.manifest(|manifest| manifest.rows() > 0),
            done: Vec::new(),
            missing: Vec::new(),
            pages: None,
        };
        self.checkpoint.with(|state| {
            state.unfinished.retain(|other| other.range != range);
            state.unfinished.push(unfinished.clone());
            // Changes from here on are read by each run, however long the rest takes.
            if range == Span::default() && state.cursor.is_none() {
                state.cursor = self.horizon;
            }
        });
        Ok(unfinished)
    }

    /// Gives the seconds of the partition that holds a second.
    pub(super) fn partition(&self) -> impl Fn(i64) -> Range<i64> + use<> {
        let calendar = RefCell::new(self.lake.calendar());
        move |second| seconds_of_partition(&mut calendar.borrow_mut(), second)
    }

    pub(super) fn scope<'a>(
        &self,
        range: Span,
        done: &'a [Span],
        partition: &'a dyn Fn(i64) -> Range<i64>,
    ) -> Scope<'a> {
        Scope {
            by: Clock::Created,
            range,
            done,
            bookmark: None,
            newest: self.horizon,
            began: self.began,
            partition,
        }
    }

    /// The tickets of the lake that are gone from the source: missed by the reading and by asking for each.
    async fn gone(&self, range: Span) -> Result<RoaringTreemap, StopReason> {
        self.recorder.note().await?;
        let (missing, done) = self.checkpoint.with(|state| {
            let unfinished = state.unfinished(range);
            unfinished.map(|u| (u.missing.clone(), u.done.clone())).unwrap_or_default()
        });
        let met = self.recorder.met() | self.recorder.buffer.met();
        let mut missing: RoaringTreemap = missing.into_iter().map(i64::cast_unsigned).collect();
        for span in walk::left(range, &done) {
            missing |= deletions::missing(self.checkpoint, span, &met)?;
        }
        if range == Span::default() {
            missing |= deletions::missing_undated(self.checkpoint, &met);
        }
        self.confirmed(missing - met, Some(range)).await
    }

    /// Those of the tickets that were missed which are gone when asked for by id, as far as so many are believed. `range`:
    /// what was read, where the share of what the lake has there says something.
    pub(super) async fn confirmed(
        &self,
        missing: RoaringTreemap,
        range: Option<Span>,
    ) -> Result<RoaringTreemap, StopReason> {
        if missing.is_empty() {
            return Ok(RoaringTreemap::new());
        }
        let live = self.checkpoint.table.manifest(|manifest| manifest.live());
        if let Some(range) = range.filter(|_| !self.task.accepts_deletes()) {
            let here = match range == Span::default() {
                true => live,
                false => deletions::live_within(self.checkpoint, range)?.len(),
            };
            if volume::whole(missing.len(), here) {
                let missing = missing.len();
                return Err(self
                    .few(format!("{missing} of the {here} tickets that the lake has there were not shown")));
            }
        }
        let share = missing.len() as f64 / live.max(1) as f64;
        if share > self.config().delete_brake && !self.task.accepts_deletes() {
            return Err(StopReason::Brake {
                source_name: self.config().name.clone(),
                missing: missing.len(),
                live,
                allowed: self.config().delete_brake,
                command: self.task.name(),
            });
        }
        let ids: Vec<i64> = missing.iter().map(u64::cast_signed).collect();
        Ok(deletions::confirm(self.reader, self.recorder.buffer, &ids).await?)
    }
}

/// How a reading by page numbers that goes on from an earlier run finds what changed since in the part read before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshening {
    /// The source lists it.
    Filter(u64),
    /// Only by reading that part again, after what was left: then each part gets its turn however short the nights.
    SecondLap,
}

/// What such a run has to do besides. A first reading and a backfill leave changes to the next run.
pub fn freshening(state: &SourceState, config: &SourceConfig, task: Task) -> Option<Freshening> {
    match (task, config.incremental_filter) {
        (Task::Backfill { .. } | Task::Window { .. }, _) => None,
        (Task::Sync { .. } | Task::Finish { .. }, Some(filter)) => Some(Freshening::Filter(filter)),
        (Task::Sync { .. } | Task::Finish { .. }, None) => {
            state.whole_at.is_some().then_some(Freshening::SecondLap)
        }
    }
}

/// The Unix seconds of the partition that holds one.
fn seconds_of_partition(calendar: &mut Calendar, second: i64) -> Range<i64> {
    let key = calendar.key(second.checked_mul(1_000_000));
    let alone = second..second.saturating_add(1);
    calendar.span(key).map_or(alone, |span| span.start.div_euclid(1_000_000)..span.end.div_euclid(1_000_000))
}
