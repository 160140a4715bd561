//! The ways to read a source: all of it, a window of it, what changed, what a filter lists; and what is gone from it.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use roaring::RoaringTreemap;

use super::{
    deletions,
    ended::Ended,
    intake::Intake,
    memory::{Checkpoint, Unfinished, add_span},
    reading::{ReadError, Rows, TicketReader},
    source_run::Task,
    suspicion,
};
use crate::{
    config::SourceConfig,
    lake::{self, Calendar, Lake, LakeError},
    plan::Reading,
    source::{self, Clock, Order, Slice},
    walk::{self, ByTime, Proof, Reader, Sink, Span},
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
    pub reader: &'a TicketReader<'a>,
    pub intake: &'a Intake,
    pub checkpoint: &'a Checkpoint,
    pub task: Task,
    pub began: Timestamp,
    pub fresh: Mutex<Fresh>,
}

/// Spans that are read and not yet remembered.
pub struct Fresh {
    spans: Vec<Span>,
    /// Tickets met, and the time, at the last commit.
    met: u64,
    since: Instant,
}

impl Default for Fresh {
    fn default() -> Self {
        Self { spans: Vec::new(), met: 0, since: Instant::now() }
    }
}

/// Tickets and time between two commits of a long reading: what a killed run reads again at most.
const COMMIT_ROWS: u64 = 20_000;
const COMMIT_AFTER: Duration = Duration::from_secs(30);

impl Walks<'_> {
    fn config(&self) -> &SourceConfig {
        &self.reader.client.config
    }

    /// Reads as decided.
    pub async fn walk(&self, reading: Reading) -> Result<Walked, Ended> {
        let changes =
            |proof, horizon| Walked { proof, horizon, whole_since: None, gone: RoaringTreemap::new() };
        match reading {
            Reading::Whole { .. } => self.walk_created().await,
            Reading::Since(since) => {
                let horizon = self.horizon().await?;
                let range = Span { from: Some(since.as_second()), to: None };
                let proof = self.by_time(Clock::Updated, range, &[], self.intake).await?;
                self.believe_changes(Some(since))?;
                Ok(changes(proof, horizon))
            }
            Reading::Filter(filter) => {
                let slice = Slice { filter: Some(filter), ..Slice::default() };
                let proof = self.pages(slice, Span::default()).await?;
                self.believe_changes(None)?;
                Ok(changes(proof, None))
            }
        }
    }

    /// Ends the run where what was read is far less than the lake's history suggests; `since` bounds a list of changes,
    /// a filter's list has no bound.
    fn believe_changes(&self, since: Option<Timestamp>) -> Result<(), Ended> {
        let name = &self.config().name;
        if self.task.accepts_few() {
            return Ok(());
        }
        let (read, history) = (self.intake.count(), suspicion::history(self.lake, name)?);
        let usual = suspicion::usual(&history);
        let why = match since {
            Some(_) if !suspicion::is_few(read, &history) => None,
            Some(since) => {
                let met = self.intake.met();
                let (known, unmet) = suspicion::known_since(self.lake, name, since.as_second(), &met)?;
                suspicion::changes(&history, known, unmet).then(|| {
                    format!(
                        "it lists {read} tickets as changed since {since}, and of {known} that the lake knows to have \
                         changed since then {unmet} are not among them; half of the last runs read {usual} or more"
                    )
                })
            }
            None => suspicion::filter(read, &history).then(|| {
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

    fn few(&self, why: String) -> Ended {
        Ended::Few { source_name: self.config().name.clone(), why, command: self.task.name() }
    }

    /// Reads a window that is this worker's alone; nothing is remembered, and nothing looked for that is gone.
    pub async fn walk_window(&self, range: Span) -> Result<Walked, Ended> {
        let horizon = self.horizon().await?;
        let proof = self.by_time(Clock::Created, range, &[], self.intake).await?;
        Ok(Walked { proof, horizon, whole_since: None, gone: RoaringTreemap::new() })
    }

    /// Reads by the time of creation: everything, or a backfill's window; then looks for what is gone.
    async fn walk_created(&self) -> Result<Walked, Ended> {
        let range = self.range();
        let unfinished = self.begin(range).await?;
        let proof = if source::filters_by_time(self.config().kind) {
            let recorder = Recorder { walks: self, range };
            self.by_time(Clock::Created, range, &unfinished.read(), &recorder).await?
        } else {
            self.pages(Slice::default(), range).await?
        };
        let gone = match proof.is_complete() && unfinished.reconcile {
            true => self.gone(range).await?,
            false => RoaringTreemap::new(),
        };
        let whole_since = (range == Span::default()).then_some(unfinished.began);
        let horizon = whole_since.and(unfinished.horizon);
        Ok(Walked { proof, horizon, whole_since, gone })
    }

    /// The reading of this range that an earlier run left, or a new one.
    async fn begin(&self, range: Span) -> Result<Unfinished, Ended> {
        // One that came nowhere may be old: what it would look for has changed.
        let left =
            self.checkpoint.with(|memory| memory.unfinished(range).filter(|u| !u.done.is_empty()).cloned());
        if let Some(unfinished) = left {
            tracing::info!(source = self.config().name, began = %unfinished.began, "going on with a reading that was left");
            return Ok(unfinished);
        }
        let unfinished = Unfinished {
            range,
            began: self.began,
            horizon: self.horizon().await?,
            reconcile: !lake::partitions(self.lake, &self.config().name)?.is_empty(),
            done: Vec::new(),
            missing: Vec::new(),
        };
        self.checkpoint.with(|memory| {
            memory.unfinished.retain(|other| other.range != range);
            memory.unfinished.push(unfinished.clone());
        });
        Ok(unfinished)
    }

    /// The newest change at the source now, but not later than this run's start by our clock: data that was seen, not
    /// trusted further than the clock. `None` where the source cannot tell.
    async fn horizon(&self) -> Result<Option<Timestamp>, Ended> {
        if !source::filters_by_time(self.config().kind) {
            return Ok(None);
        }
        let slice = Slice { by: Some(Clock::Updated), order: Order::Desc, ..Slice::default() };
        let answer = self.reader.read(&slice, 1, 1).await?;
        let newest = answer.keys.iter().filter_map(|key| key.updated).max();
        Ok(newest.and_then(|second| Timestamp::from_second(second).ok()).map(|newest| newest.min(self.began)))
    }

    /// Remembers the spans that are read, and which of the lake's tickets were not met in them. Their rows must be in
    /// the lake before the memory is committed.
    pub fn note_fresh(&self, range: Span) -> Result<(), LakeError> {
        let spans = {
            let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut fresh.spans)
        };
        let reconcile = self.checkpoint.with(|memory| memory.unfinished(range).is_some_and(|u| u.reconcile));
        let met = if reconcile { self.intake.met() } else { RoaringTreemap::new() };
        for span in spans {
            let missing = match reconcile {
                true => deletions::missing(self.lake, &self.config().name, span, &met)?,
                false => Vec::new(),
            };
            self.checkpoint.with(|memory| {
                if let Some(unfinished) = memory.unfinished(range) {
                    unfinished.add(span, missing);
                }
            });
        }
        Ok(())
    }

    /// The range that the task reads by time of creation.
    pub fn range(&self) -> Span {
        match self.task {
            Task::Sync { .. } | Task::Finish { .. } => Span::default(),
            Task::Backfill { range, .. } | Task::Window { range } => range,
        }
    }

    async fn by_time(
        &self,
        by: Clock,
        range: Span,
        done: &[Span],
        sink: &impl Sink<Rows, ReadError>,
    ) -> Result<Proof, ReadError> {
        let calendar = std::cell::RefCell::new(self.lake.calendar());
        let boundary = |second| start_of_partition(&mut calendar.borrow_mut(), second);
        let config = self.config();
        let plan = ByTime {
            by,
            range,
            done,
            per_page: config.page_size,
            workers: config.concurrency,
            now: self.began.as_second(),
            boundary: &boundary,
        };
        walk::by_time(self.reader, sink, &plan).await
    }

    async fn pages(&self, slice: Slice, range: Span) -> Result<Proof, ReadError> {
        let config = self.config();
        let wanted = (Clock::Created, range);
        walk::pages(self.reader, self.intake, &slice, config.page_size, config.concurrency, wanted).await
    }

    /// The tickets of the lake that are gone from the source: missed by the reading and by asking for each.
    async fn gone(&self, range: Span) -> Result<RoaringTreemap, Ended> {
        let name = &self.config().name;
        self.note_fresh(range)?;
        let (mut missing, done) = self.checkpoint.with(|memory| {
            let unfinished = memory.unfinished(range);
            unfinished.map(|u| (u.missing.clone(), u.done.clone())).unwrap_or_default()
        });
        let met = self.intake.met();
        for span in walk::left(range, &done) {
            missing.extend(deletions::missing(self.lake, name, span, &met)?);
        }
        if range == Span::default() {
            missing.extend(deletions::missing_undated(self.lake, name, &met)?);
        }
        missing.sort_unstable();
        missing.dedup();
        missing.retain(|id| !met.contains(id.cast_unsigned()));
        if missing.is_empty() {
            return Ok(RoaringTreemap::new());
        }
        let live = deletions::live(self.lake, name)?;
        if !self.task.accepts_deletes() {
            let here = match range == Span::default() {
                true => live,
                false => deletions::missing(self.lake, name, range, &RoaringTreemap::new())?.len() as u64,
            };
            if suspicion::whole(missing.len() as u64, here) {
                let missing = missing.len();
                return Err(self
                    .few(format!("{missing} of the {here} tickets that the lake has there were not shown")));
            }
        }
        let share = missing.len() as f64 / live.max(1) as f64;
        if share > self.config().delete_brake && !self.task.accepts_deletes() {
            return Err(Ended::Brake {
                source_name: name.clone(),
                missing: missing.len() as u64,
                live,
                allowed: self.config().delete_brake,
                command: self.task.name(),
            });
        }
        Ok(deletions::confirm(self.reader, self.intake, &missing).await?)
    }
}

/// Unix seconds at which the partition of `second` starts.
fn start_of_partition(calendar: &mut Calendar, second: i64) -> i64 {
    let key = calendar.key(second.checked_mul(1_000_000));
    calendar.span(key).map_or(second, |span| span.start.div_euclid(1_000_000))
}

/// Takes rows in and notes which spans of time are read; commits them now and then, so that a later run need not
/// read them again.
struct Recorder<'a> {
    walks: &'a Walks<'a>,
    range: Span,
}

impl Sink<Rows, ReadError> for Recorder<'_> {
    async fn take(&self, rows: Rows, keep: &[bool]) -> Result<(), ReadError> {
        self.walks.intake.take(rows, keep).await
    }

    async fn done(&self, span: Span) -> Result<(), ReadError> {
        let walks = self.walks;
        let met = walks.intake.count();
        let due = {
            let mut fresh = walks.fresh.lock().unwrap_or_else(PoisonError::into_inner);
            add_span(&mut fresh.spans, span);
            let due = met >= fresh.met + COMMIT_ROWS || fresh.since.elapsed() >= COMMIT_AFTER;
            if due {
                (fresh.met, fresh.since) = (met, Instant::now());
            }
            due
        };
        if due {
            walks.intake.settle().await?;
            walks.note_fresh(self.range)?;
            walks.checkpoint.commit()?;
        }
        Ok(())
    }
}
