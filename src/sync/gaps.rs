//! Tickets that cannot be read: what a page holds beside them is read in smaller pages, and what is left is a gap.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{
    reading::{Part, ReadError, Rows, TicketReader},
    source_run::Task,
    source_state::Checkpoint,
    stop_reason::StopReason,
};
use crate::{
    fetch::FetchError,
    source::{Ask, Clock, Order, Slice},
    summary::Gap,
    walk::{Answer, Key, Slot, Span, reaching},
};

/// So many gaps in one run are no bad tickets: the source is not well.
const MOST_GAPS: usize = 20;
/// Retries of a page while a page that failed is narrowed.
const RETRIES: u32 = 1;
/// Halvings without a single answer after which smaller pages are no help.
const MOST_SILENT_LEVELS: u32 = 3;

/// A gap, as the state keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenGap {
    #[serde(flatten)]
    pub gap: Gap,
    /// Somebody knows of it: it makes no run incomplete.
    #[serde(default)]
    pub accepted: bool,
}

/// The gaps that a run meets; each is in the state before the next commit.
pub struct Gaps<'a> {
    checkpoint: &'a Checkpoint,
    met: Mutex<Vec<Gap>>,
    /// Rows of one page of the source's lists, as pages are counted in a gap.
    per_page: u32,
}

impl<'a> Gaps<'a> {
    pub fn new(checkpoint: &'a Checkpoint, per_page: u32) -> Self {
        Self { checkpoint, met: Mutex::default(), per_page: per_page.max(1) }
    }

    fn met(&self) -> MutexGuard<'_, Vec<Gap>> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, gap: Gap) -> Result<(), ReadError> {
        tracing::warn!(source = &*self.checkpoint.table.source, "{}", gap.describe());
        let mut met = self.met();
        if let Some(known) = met.iter_mut().find(|known| known.meets(&gap)) {
            known.narrow(&gap);
        } else {
            met.push(gap.clone());
        }
        let count = met.len();
        drop(met);
        self.checkpoint.with(|state| match state.gaps.iter_mut().find(|known| known.gap.meets(&gap)) {
            Some(known) => known.gap.narrow(&gap),
            None => state.gaps.push(OpenGap { gap, accepted: false }),
        });
        match count > MOST_GAPS {
            true => Err(ReadError::Gaps { source_name: self.checkpoint.table.source.to_string(), count }),
            false => Ok(()),
        }
    }

    /// Gaps of earlier runs that can be asked for by themselves: by time, and the span of each.
    pub fn to_try(&self) -> Vec<(Clock, Span)> {
        let clock = |by: &str| match by {
            "created" => Some(Clock::Created),
            "updated" => Some(Clock::Updated),
            _ => None,
        };
        let second = |time: Option<Timestamp>| time.map(Timestamp::as_second);
        self.checkpoint.with(|state| {
            let spans = state.gaps.iter().filter_map(|open| {
                let (from, to) = (second(open.gap.from), second(open.gap.to));
                Some((clock(&open.gap.by)?, Span { from, to: to.map(|to| to.saturating_add(1)) }))
            });
            spans.collect()
        })
    }

    /// A part of a list was read: what lay in it, and did not fail now, is closed.
    pub fn passed(&self, by: Clock, span: Span) {
        let met = self.met().clone();
        let word = word(by);
        let within = |gap: &Gap| {
            let starts = span.from.is_none_or(|from| gap.from.is_some_and(|at| from <= at.as_second()));
            let ends = span.to.is_none_or(|to| gap.to.is_some_and(|at| at.as_second() < to));
            gap.by == word && starts && ends
        };
        self.checkpoint.with(|state| {
            state.gaps.retain(|open| !within(&open.gap) || met.iter().any(|gap| gap.meets(&open.gap)));
        });
    }

    /// Everything was read, from the start of the list to its end: only what failed now is open.
    pub fn passed_all(&self) {
        let met = self.met().clone();
        self.checkpoint.with(|state| {
            state.gaps.retain(|open| met.iter().any(|gap| gap.meets(&open.gap)));
        });
    }
}

/// Whether nothing is left open that nobody knows of.
pub fn none_open(open: &[Gap], source: &str, task: Task) -> Result<(), StopReason> {
    match open.first() {
        None => Ok(()),
        Some(first) => Err(StopReason::Gaps {
            source_name: source.to_owned(),
            count: open.len(),
            first: first.describe(),
            command: task.name(),
        }),
    }
}

fn word(by: Clock) -> &'static str {
    match by {
        Clock::Created => "created",
        Clock::Updated => "updated",
    }
}

/// Whether it may be the page's rows that cannot be read, not the source.
fn is_of_page(why: &ReadError) -> bool {
    match why {
        ReadError::Fetch(FetchError::GaveUp { status, .. }) => *status != Some(429),
        ReadError::Fetch(FetchError::Refused { .. }) | ReadError::Decode { .. } => true,
        _ => false,
    }
}

/// Whether there was no answer at all.
fn is_silence(why: &ReadError) -> bool {
    matches!(why, ReadError::Fetch(FetchError::GaveUp { status: None, .. }))
}

/// What was read around a bad place, by the offset of its first row.
struct Piece {
    keys: Vec<Key>,
    rows: Rows,
    /// Rows of the page that stand before.
    skip: usize,
}

/// What the smaller answers say of the whole list.
#[derive(Default)]
struct Told {
    answered: bool,
    total: Option<u64>,
    more: Option<bool>,
    /// The offset behind the last row.
    end: Option<u64>,
}

impl TicketReader<'_> {
    /// Reads a page in smaller ones down to one row, where it cannot be read whole.
    pub(super) async fn read_around(
        &self,
        gaps: &Gaps<'_>,
        slice: &Slice,
        slot: Slot,
        why: ReadError,
    ) -> Result<Answer<Rows>, ReadError> {
        if !is_of_page(&why) {
            return Err(why);
        }
        let mut pieces = BTreeMap::new();
        let mut told = Told::default();
        let mut left = vec![(slot.start(), slot.end())];
        let (mut size, mut level, mut last) = (slot.per_page, 0, why.to_string());
        while !left.is_empty() && size > 1 {
            (size, level) = (size / 2, level + 1);
            let mut failed = Vec::new();
            let mut silent = 0;
            for (mut start, end) in left {
                while start < end && told.end.is_none_or(|end| start < end) {
                    let Some(page) = reaching(start, size, None) else { return Err(why) };
                    let until = page.end().min(end);
                    match self.smaller(slice, page).await {
                        Ok(answer) => {
                            let rows = answer.keys.len();
                            told.note(&answer, page);
                            if rows < page.per_page as usize {
                                if answer.more == Some(true)
                                    || answer.total.is_some_and(|total| total > page.start() + rows as u64)
                                {
                                    // Pages are smaller than asked for: their places are not what they seem.
                                    return Err(why);
                                }
                                told.end = Some(page.start() + rows as u64);
                            }
                            let skip = ((start - page.start()) as usize).min(rows);
                            let keep = ((until - start) as usize).min(rows - skip);
                            let keys = answer.keys[skip..skip + keep].to_vec();
                            pieces.insert(start, Piece { keys, rows: answer.rows, skip });
                        }
                        Err(cause) if is_of_page(&cause) => {
                            silent += u32::from(is_silence(&cause));
                            last = cause.to_string();
                            failed.push((start, until));
                        }
                        Err(cause) => return Err(cause),
                    }
                    start = until;
                }
            }
            let is_deaf = silent as usize == failed.len() || level == MOST_SILENT_LEVELS;
            if !told.answered && is_deaf {
                return Err(why);
            }
            left = failed;
        }
        if !told.answered {
            let next = Slot { page: slot.page.saturating_add(1), per_page: 1 };
            match self.smaller(slice, next).await {
                Ok(answer) => told.note(&answer, next),
                Err(_) => return Err(why),
            }
        }
        let holes: Vec<u64> = left
            .iter()
            .flat_map(|(start, end)| *start..*end)
            .filter(|at| told.end.is_none_or(|end| *at < end))
            .collect();
        self.joined(gaps, slice, slot, (pieces, holes), told, &last)
    }

    async fn smaller(&self, slice: &Slice, slot: Slot) -> Result<Answer<Rows>, ReadError> {
        let ask = Ask::Tickets { slice: *slice, page: slot.page, per_page: slot.per_page };
        self.answer(&ask, Some(RETRIES)).await
    }

    /// The pieces as one answer, a row without an id in each hole.
    fn joined(
        &self,
        gaps: &Gaps<'_>,
        slice: &Slice,
        slot: Slot,
        (mut pieces, holes): (BTreeMap<u64, Piece>, Vec<u64>),
        told: Told,
        why: &str,
    ) -> Result<Answer<Rows>, ReadError> {
        let time = |key: &Key| match slice.by {
            Some(Clock::Created) => key.created,
            Some(Clock::Updated) => key.updated,
            None => None,
        };
        for at in holes {
            let before =
                pieces.range(..at).next_back().and_then(|(_, piece)| piece.keys.iter().rev().find_map(time));
            let after = pieces.range(at..).find_map(|(_, piece)| piece.keys.iter().find_map(time));
            let (from, to) = match slice.order {
                Order::Desc => (after.or(slice.from), before.or(slice.to)),
                _ => (before.or(slice.from), after.or(slice.to)),
            };
            // A question for the length of a list meets what a reading of it meets.
            if slot.per_page > 1 {
                let moment =
                    |second: Option<i64>| second.and_then(|second| Timestamp::from_second(second).ok());
                gaps.add(Gap {
                    by: slice.by.map_or("page", word).to_owned(),
                    from: moment(from.filter(|_| slice.by.is_some())),
                    to: moment(to.filter(|_| slice.by.is_some())),
                    page: slice.by.is_none().then_some(at / u64::from(gaps.per_page) + 1),
                    ids: Vec::new(),
                    why: why.to_owned(),
                })?;
            }
            let near = before.or(after).or(slice.from);
            let key = Key { id: None, created: near, updated: near };
            pieces.insert(at, Piece { keys: vec![key], rows: Rows::default(), skip: 0 });
        }
        let mut keys = Vec::new();
        let mut parts = Vec::new();
        for (_, piece) in pieces {
            parts.push(Part { rows: piece.rows, skip: piece.skip, keys: piece.keys.len() });
            keys.extend(piece.keys);
        }
        let end = slot.start() + keys.len() as u64;
        let more = told.total.map(|total| total > end).or(told.more);
        let pages = told.total.map(|total| total.div_ceil(u64::from(slot.per_page.max(1))));
        Ok(Answer { keys, total: told.total, pages, more, rows: Rows { parts, ..Rows::default() } })
    }
}

impl Told {
    fn note(&mut self, answer: &Answer<Rows>, slot: Slot) {
        self.answered = true;
        self.total = answer.total.or(self.total);
        if self.total.is_none() {
            self.more = answer.more.filter(|_| answer.keys.len() == slot.per_page as usize).or(self.more);
        }
    }
}
