//! A run is reconciled by count: how many tickets the source says it has, against the lake.
//!
//! There is a difference only where the lake's number, with what is known to differ, lies outside the totals before and
//! after the reading. Then the spans of creation whose counts differ are read again, or everything where the source
//! cannot count spans. What differs after that is told, remembered, and taken into account by the next run.

use std::sync::{Mutex, MutexGuard, PoisonError};

use roaring::RoaringTreemap;

use super::{
    deletions,
    reading::{ReadError, TicketReader},
    stop_reason::StopReason,
    strategy::{self, Scope},
    walks::{Walked, Walks},
};
use crate::{
    fetch::FetchError,
    lake::Partition,
    plan::{Because, Reading},
    source::{self, Clock, Order, Slice},
    walk::{Reader, Span},
};

/// Requests for counts in one run.
const MOST_COUNTS: usize = 100;

/// What the source says of the length of its whole list, as answers come by.
#[derive(Debug, Default)]
pub struct Totals(Mutex<Option<Seen>>);

#[derive(Debug, Clone, Copy)]
struct Seen {
    least: u64,
    most: u64,
    last: u64,
}

impl Totals {
    fn seen(&self) -> MutexGuard<'_, Option<Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn note(&self, total: u64) {
        let mut seen = self.seen();
        let known = seen.unwrap_or(Seen { least: total, most: total, last: total });
        *seen = Some(Seen { least: known.least.min(total), most: known.most.max(total), last: total });
    }

    /// The last one.
    pub fn last(&self) -> Option<u64> {
        self.seen().map(|seen| seen.last)
    }

    /// By how much the source has more than the lake, where that lies outside all that was told.
    fn difference(&self, lake: i64) -> i64 {
        let Some(Seen { least, most, .. }) = *self.seen() else { return 0 };
        let (least, most) = (least.cast_signed(), most.cast_signed());
        if lake < least { least - lake } else { (most - lake).min(0) }
    }
}

/// Tickets of the lake that begin in a span of creation, by partition.
type Counts = Vec<(i64, u64)>;

impl Walks<'_> {
    /// Asks for the length of the whole list. A source that does not tell it, or refuses, is not compared.
    pub async fn ask_total(&self) -> Result<(), StopReason> {
        match self.reader.read(&Slice::default(), 1, 1).await {
            Ok(_) => Ok(()),
            Err(
                why @ ReadError::Fetch(
                    FetchError::GaveUp { status: Some(_), .. } | FetchError::Refused { .. },
                ),
            ) => {
                tracing::debug!(source = self.config().name, "no total: {why}");
                Ok(())
            }
            Err(why) => Err(why.into()),
        }
    }

    fn live(&self) -> u64 {
        self.checkpoint.table.manifest(|manifest| manifest.live())
    }

    /// The lake's number as the source would count it, without the tickets that will be marked.
    fn expected(&self, gone: &RoaringTreemap) -> i64 {
        let marked = self.checkpoint.table.manifest(|manifest| {
            let live = manifest
                .partitions
                .values()
                .map(|partition| (&partition.ids - &partition.deleted).intersection_len(gone));
            live.sum::<u64>()
        });
        let known = self.checkpoint.with(|state| state.known_difference);
        self.live().cast_signed() - marked.cast_signed() + known
    }

    /// Ends the run where the source counts half of what the lake has, or less: nothing that it shows is believed.
    pub fn believe_total(&self) -> Result<(), StopReason> {
        let (Some(total), live) = (self.totals.last(), self.live()) else { return Ok(()) };
        match super::volume::whole(live.saturating_sub(total), live) && !self.task.accepts_few() {
            true => Err(self.few(format!("it counts {total} tickets, the lake has {live}"))),
            false => Ok(()),
        }
    }

    /// After the changes were read: what the list of changes does not show.
    pub async fn reconcile(&self, mut walked: Walked) -> Result<Walked, StopReason> {
        if !walked.proof.is_complete() || self.totals.last().is_none() {
            return Ok(walked);
        }
        self.recorder.buffer.settle().await?;
        if self.totals.difference(self.expected(&walked.gone)) == 0 {
            return Ok(walked);
        }
        self.ask_total().await?;
        let difference = self.totals.difference(self.expected(&walked.gone));
        if difference == 0 {
            return Ok(walked);
        }
        tracing::info!(
            source = self.config().name,
            "the source counts {} tickets, {} {} than the lake: looking for them",
            self.totals.last().unwrap_or_default(),
            difference.abs(),
            if difference > 0 { "more" } else { "fewer" }
        );
        let spans = match source::filters_by_time(self.config().kind) {
            true => self.differing().await?,
            false => Vec::new(),
        };
        if spans.is_empty() {
            let whole = self.walk(Reading::Whole { because: Because::Counts }).await?;
            walked = Walked { proof: walked.proof.and(whole.proof), gone: walked.gone | whole.gone, ..whole };
        }
        for span in spans {
            walked = self.read_span_again(span, walked).await?;
        }
        self.recorder.buffer.settle().await?;
        self.remember_difference(&walked).await?;
        Ok(walked)
    }

    /// What still differs although the list was read to its end is told and remembered.
    pub async fn remember_difference(&self, walked: &Walked) -> Result<(), StopReason> {
        if !walked.proof.is_complete() || self.totals.last().is_none() {
            return Ok(());
        }
        self.recorder.buffer.settle().await?;
        let without = |walks: &Self| {
            walks.expected(&walked.gone) - walks.checkpoint.with(|state| state.known_difference)
        };
        if self.totals.difference(without(self)) != 0 {
            self.ask_total().await?;
        }
        let difference = self.totals.difference(without(self));
        if difference != 0 {
            tracing::warn!(
                source = self.config().name,
                "the source counts {} tickets, its list was read to the end and the lake has {}; the difference is remembered",
                self.totals.last().unwrap_or_default(),
                without(self)
            );
        }
        self.checkpoint.with(|state| state.known_difference = difference);
        Ok(())
    }

    /// Reads what was created in a span again, and looks for what is gone from it.
    async fn read_span_again(&self, span: Span, walked: Walked) -> Result<Walked, StopReason> {
        let partition = self.partition();
        let scope = Scope { newest: None, ..self.scope(span, &[], &partition) };
        let buffer = self.recorder.buffer;
        let proof = strategy::tickets(self.reader, buffer, &scope).await?;
        buffer.settle().await?;
        let missing = match proof.is_complete() {
            true => deletions::missing(self.checkpoint, span, &buffer.met())? - &walked.gone,
            false => RoaringTreemap::new(),
        };
        let gone = self.confirmed(missing, None).await?;
        Ok(Walked { proof: walked.proof.and(proof), gone: walked.gone | gone, ..walked })
    }

    /// The spans of creation whose counts differ, found by halving; those that were not counted as far as that are given
    /// as they are.
    async fn differing(&self) -> Result<Vec<Span>, StopReason> {
        let calendar = self.lake.calendar();
        let live = |partition: &Partition| (&partition.ids - &partition.deleted).len();
        let mut counts: Counts = self.checkpoint.table.manifest(|manifest| {
            let dated = manifest.partitions.iter().filter_map(|(key, partition)| {
                Some((calendar.span(*key)?.start.div_euclid(1_000_000), live(partition)))
            });
            dated.collect()
        });
        counts.sort_unstable();
        let mut found = Vec::new();
        let mut asked = 0;
        let mut left = vec![(0, counts.len(), Span::default(), None::<u64>)];
        while let Some((first, end, span, known)) = left.pop() {
            let lake: u64 = counts[first..end].iter().map(|(_, live)| live).sum();
            let count = match known {
                Some(known) => Some(known),
                None if asked < MOST_COUNTS => {
                    asked += 1;
                    count(self.reader, span).await?
                }
                None => {
                    found.push(span);
                    continue;
                }
            };
            let Some(count) = count else { return Ok(Vec::new()) };
            if count == lake {
                continue;
            }
            if end - first < 2 || count.max(lake) <= u64::from(self.config().page_size) {
                found.push(span);
                continue;
            }
            let middle = first + (end - first) / 2;
            let at = Some(counts[middle].0);
            let (early, late) = (Span { to: at, ..span }, Span { from: at, ..span });
            left.push((middle, end, late, None));
            left.push((first, middle, early, None));
        }
        Ok(found)
    }
}

/// How many tickets the source says were created within a span.
async fn count(reader: &TicketReader<'_>, span: Span) -> Result<Option<u64>, ReadError> {
    // Long before and long after any ticket: rows without a time of creation are in neither number.
    let (from, to) = (span.from.unwrap_or(0), span.to.map_or(9_999_999_999, |to| to.saturating_sub(1)));
    let slice =
        Slice { by: Some(Clock::Created), from: Some(from), to: Some(to), order: Order::Asc, filter: None };
    Ok(reader.read(&slice, 1, 1).await?.total)
}
