//! What of a long reading a later run need not read again: noted while rows come in, committed now and then.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use roaring::RoaringTreemap;

use super::{
    deletions,
    intake::Intake,
    memory::{Checkpoint, add_span},
    reading::{ReadError, Rows},
};
use crate::{
    lake::{Lake, LakeError},
    walk::{Bookmark, Reached, Sink, Span, left},
};

/// Tickets and time between two commits of a long reading.
const COMMIT_ROWS: u64 = 20_000;
const COMMIT_AFTER: Duration = Duration::from_secs(30);
/// How many times longer than the writing of everything that waits the reading before it must have taken: partitions
/// that are not complete are written again later.
const WRITING_SHARE: u32 = 10;

/// Takes the rows of a reading in, and remembers how far it is.
pub struct Recorder<'a> {
    pub lake: &'a Lake,
    pub source: &'a str,
    pub intake: &'a Intake,
    pub checkpoint: &'a Checkpoint,
    /// What is read, by the time of creation.
    pub range: Span,
    fresh: Mutex<Fresh>,
}

/// What is read and not yet remembered.
struct Fresh {
    spans: Vec<Span>,
    reached: Option<Reached>,
    /// The rows that this run met, wanted or not, and those of the runs that it goes on from.
    ids: RoaringTreemap,
    earlier: RoaringTreemap,
    /// Tickets taken in, and the time, at the last commit.
    count: u64,
    since: Instant,
    /// When everything that waited was written last, and how long that took.
    settled: Instant,
    settling: Duration,
}

impl Fresh {
    /// Whether partitions that are not complete are to be written too. A list of page numbers is remembered as a whole.
    fn is_everything_due(&self) -> bool {
        let pause = COMMIT_AFTER.max(self.settling * WRITING_SHARE);
        self.reached.is_some() || self.settled.elapsed() >= pause
    }
}

impl<'a> Recorder<'a> {
    /// Nothing is read yet.
    pub fn new(
        lake: &'a Lake,
        source: &'a str,
        intake: &'a Intake,
        checkpoint: &'a Checkpoint,
        range: Span,
    ) -> Self {
        let fresh = Fresh {
            spans: Vec::new(),
            reached: None,
            ids: RoaringTreemap::new(),
            earlier: RoaringTreemap::new(),
            count: 0,
            since: Instant::now(),
            settled: Instant::now(),
            settling: Duration::ZERO,
        };
        Self { lake, source, intake, checkpoint, range, fresh: Mutex::new(fresh) }
    }

    fn fresh(&self) -> MutexGuard<'_, Fresh> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reading goes on from there.
    pub fn go_on(&self, bookmark: &Bookmark) {
        self.fresh().earlier = bookmark.ids.clone();
    }

    /// What earlier runs read is forgotten; gives what this one read by page numbers.
    pub fn forget_earlier(&self) -> Option<Bookmark> {
        let mut fresh = self.fresh();
        fresh.earlier.clear();
        let reached = fresh.reached.take().filter(|reached| !reached.fresh.is_empty())?;
        let reached = Reached { stretches: reached.fresh.clone(), ..reached };
        Some(Bookmark { reached, ids: fresh.ids.clone() })
    }

    /// The tickets that the source was seen to have, by this run and those that it goes on from.
    pub fn met(&self) -> RoaringTreemap {
        let fresh = self.fresh();
        &fresh.ids | &fresh.earlier
    }

    /// Brings everything that came in into the lake, then the memory up to what is read, and to which of the lake's
    /// tickets were not met: whoever commits the memory meanwhile commits nothing that is not there.
    pub async fn note(&self) -> Result<(), ReadError> {
        self.intake.settle().await?;
        Ok(self.note_without(&[])?)
    }

    /// The memory alone, but for the times of which rows still wait.
    fn note_without(&self, waiting: &[Span]) -> Result<(), LakeError> {
        let (spans, pages) = {
            let mut fresh = self.fresh();
            let reached = fresh.reached.clone().filter(|reached| !reached.stretches.is_empty());
            let pages = reached.map(|reached| Bookmark { reached, ids: &fresh.ids | &fresh.earlier });
            let read = std::mem::take(&mut fresh.spans);
            let written: Vec<Span> = read.iter().flat_map(|span| left(*span, waiting)).collect();
            fresh.spans = read.iter().flat_map(|span| left(*span, &written)).collect();
            (written, pages)
        };
        let reconcile =
            self.checkpoint.with(|memory| memory.unfinished(self.range).is_some_and(|u| u.reconcile));
        let met = if reconcile { self.intake.met() } else { RoaringTreemap::new() };
        for span in spans {
            let missing = match reconcile {
                true => deletions::missing(self.lake, self.source, span, &met)?,
                false => Vec::new(),
            };
            self.checkpoint.with(|memory| {
                if let Some(unfinished) = memory.unfinished(self.range) {
                    unfinished.add(span, missing);
                }
            });
        }
        self.checkpoint.with(|memory| {
            if let Some(unfinished) = memory.unfinished(self.range) {
                unfinished.pages = pages.or(unfinished.pages.take());
            }
        });
        Ok(())
    }

    /// Makes what is read durable when enough came in since that was done last.
    async fn commit_now_and_then(&self) -> Result<(), ReadError> {
        let count = self.intake.count();
        let (due, everything) = {
            let mut fresh = self.fresh();
            let due = count >= fresh.count + COMMIT_ROWS || fresh.since.elapsed() >= COMMIT_AFTER;
            if due {
                (fresh.count, fresh.since) = (count, Instant::now());
            }
            (due, fresh.is_everything_due())
        };
        if !due {
            return Ok(());
        }
        if everything {
            let began = Instant::now();
            self.note().await?;
            let mut fresh = self.fresh();
            (fresh.settled, fresh.settling) = (Instant::now(), began.elapsed());
        } else {
            let waiting = self.intake.settle_complete().await?;
            self.note_without(&waiting)?;
        }
        Ok(self.checkpoint.commit()?)
    }
}

impl Sink<Rows, ReadError> for Recorder<'_> {
    async fn take(&self, rows: Rows, keep: &[bool]) -> Result<(), ReadError> {
        let ids = rows.ids();
        self.fresh().ids.extend(ids.map(|id| id.cast_unsigned()));
        self.intake.take(rows, keep).await
    }

    async fn done(&self, span: Span) -> Result<(), ReadError> {
        add_span(&mut self.fresh().spans, span);
        self.intake.passed(span).await?;
        self.commit_now_and_then().await
    }

    async fn reached(&self, reached: &Reached) -> Result<(), ReadError> {
        self.fresh().reached = Some(reached.clone());
        self.commit_now_and_then().await
    }
}
