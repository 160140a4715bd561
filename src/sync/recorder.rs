//! What of a long reading a later run need not read again: noted while rows come in, committed now and then.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use roaring::RoaringTreemap;

use super::{
    buffer::RowBuffer,
    deletions,
    reading::{ReadError, Rows},
    source_state::{Checkpoint, add_span},
};
use crate::walk::{Bookmark, Reached, Sink, Span};

/// Time between two commits of a long reading.
const COMMIT_AFTER: Duration = Duration::from_secs(30);
/// Commits take at most a hundredth of the run: how many times longer than the last one the reading before the next takes.
const COMMIT_SHARE: u32 = 100;

/// Takes the rows of a reading in, and remembers how far it is.
pub struct Recorder<'a> {
    pub buffer: &'a RowBuffer,
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
    /// When the last commit ended, and how long it took.
    committed: Instant,
    took: Duration,
}

impl<'a> Recorder<'a> {
    /// Nothing is read yet.
    pub fn new(buffer: &'a RowBuffer, checkpoint: &'a Checkpoint, range: Span) -> Self {
        let fresh = Fresh {
            spans: Vec::new(),
            reached: None,
            ids: RoaringTreemap::new(),
            earlier: RoaringTreemap::new(),
            committed: Instant::now(),
            took: Duration::ZERO,
        };
        Self { buffer, checkpoint, range, fresh: Mutex::new(fresh) }
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

    /// Brings everything that came in into the lake, then the state up to what is read, and to which of the lake's
    /// tickets were not met: whoever commits the state meanwhile commits nothing that is not there.
    pub async fn note(&self) -> Result<(), ReadError> {
        self.buffer.settle().await?;
        let (spans, pages) = {
            let mut fresh = self.fresh();
            let reached = fresh.reached.clone().filter(|reached| !reached.stretches.is_empty());
            let pages = reached.map(|reached| Bookmark { reached, ids: &fresh.ids | &fresh.earlier });
            (std::mem::take(&mut fresh.spans), pages)
        };
        let reconcile =
            self.checkpoint.with(|state| state.unfinished(self.range).is_some_and(|u| u.reconcile));
        let met = if reconcile { self.buffer.met() } else { RoaringTreemap::new() };
        for span in spans {
            let missing = match reconcile {
                true => deletions::missing(self.checkpoint, span, &met)?,
                false => RoaringTreemap::new(),
            };
            self.checkpoint.with(|state| {
                if let Some(unfinished) = state.unfinished(self.range) {
                    unfinished.add(span, missing.iter().map(u64::cast_signed));
                }
            });
        }
        self.checkpoint.with(|state| {
            if let Some(unfinished) = state.unfinished(self.range) {
                unfinished.pages = pages.or(unfinished.pages.take());
            }
        });
        Ok(())
    }

    /// Makes what is read durable when enough time has passed since that was done last.
    async fn commit_when_due(&self) -> Result<(), ReadError> {
        let began = {
            let mut fresh = self.fresh();
            if fresh.committed.elapsed() < COMMIT_AFTER.max(fresh.took * COMMIT_SHARE) {
                return Ok(());
            }
            // Other workers of this run go on meanwhile.
            fresh.committed = Instant::now();
            fresh.committed
        };
        self.note().await?;
        self.checkpoint.commit()?;
        let mut fresh = self.fresh();
        (fresh.committed, fresh.took) = (Instant::now(), began.elapsed());
        Ok(())
    }
}

impl Sink<Rows, ReadError> for Recorder<'_> {
    async fn take(&self, rows: Rows, keep: &[bool]) -> Result<(), ReadError> {
        let ids = rows.ids();
        self.fresh().ids.extend(ids.map(|id| id.cast_unsigned()));
        self.buffer.take(rows, keep).await
    }

    async fn done(&self, span: Span) -> Result<(), ReadError> {
        add_span(&mut self.fresh().spans, span);
        self.buffer.passed(span).await?;
        self.commit_when_due().await
    }

    async fn reached(&self, reached: &Reached) -> Result<(), ReadError> {
        self.fresh().reached = Some(reached.clone());
        self.commit_when_due().await
    }
}
