//! The state of a source from run to run, and how it is committed: together with the manifest of its files.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use roaring::RoaringTreemap;
use serde::{Deserialize, Serialize};

use super::gaps::OpenGap;
use crate::{
    columns::{TICKET_FIELD_OPTIONS, TICKET_FIELDS},
    fields::{Known, KnownColumn, field_names, known_columns, rows::from_batch, widen},
    lake::{self, Lake, LakeError, LostRows, Manifest, Move, MoveLog, PartitionKey, TicketTable, state},
    walk::{Bookmark, Span},
};

/// The state of a source, kept as JSON beside the lake's tables.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceState {
    /// Whose tickets these are; `None` in a lake of an earlier version.
    pub account: Option<Account>,
    /// The custom columns that every file has; `None` while files may differ, as after a run that crashed.
    pub columns: Option<Vec<KnownColumn>>,
    /// When the field definitions were last read.
    pub fields_read_at: Option<Timestamp>,
    /// Everything that changed at the source before this moment is in the lake.
    pub cursor: Option<Timestamp>,
    /// When the last complete full read began.
    pub whole_at: Option<Timestamp>,
    /// When the last run began that left nothing open.
    pub complete_at: Option<Timestamp>,
    /// Full reads and backfills that have begun and are not finished.
    pub unfinished: Vec<Unfinished>,
    /// The mask that rows are written with; `None` where no mask ever was.
    pub masked: Option<Masked>,
    /// A run is writing files, or crashed while it did: files may be newer than the manifest.
    pub writing: bool,
    /// Moves that have begun: a crash may have left the copy in the partition that the tickets leave.
    pub moves: Vec<Move>,
    /// Tickets whose rows were lost, or changed by somebody else: they must be read again.
    #[serde(with = "crate::bitmap", skip_serializing_if = "RoaringTreemap::is_empty")]
    pub reread: RoaringTreemap,
    /// The partitions that these were in, while they are not in the lake.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lost_rows: Vec<LostRows>,
    /// A full read under a new `timezone` of the source is not finished: rows are replaced whatever their `updated_at`.
    pub replacing: bool,
    /// Tickets that could not be read; each run tries them again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<OpenGap>,
    /// Tickets that the source said it has, when it was asked last.
    pub source_total: Option<u64>,
    /// By how many that differed from the lake although the list was read to its end.
    pub known_difference: i64,
    /// `None` in a lake of an earlier version: it is made from the files.
    pub manifest: Option<Manifest>,
}

/// Whose tickets a source holds, and how its files lie: a run on another account must not mix them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub kind: String,
    pub base_url: String,
    /// The zone of the source's times without one.
    pub timezone: String,
    /// The zone that decides the partition, and its length.
    pub lake_timezone: String,
    pub partition: String,
}

/// The mask that rows are written with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Masked {
    /// The mask's fingerprint.
    pub with: String,
    /// Whether everything was read since.
    pub everywhere: bool,
}

/// A full read or a backfill, and how far it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    /// What is to be read; without bounds everything.
    pub range: Span,
    pub began: Timestamp,
    /// The newest change at the source when it began.
    pub horizon: Option<Timestamp>,
    /// Whether tickets that the source no longer has are looked for: a lake that was empty has none.
    pub reconcile: bool,
    /// What is read and in the lake.
    pub done: Vec<Span>,
    /// Tickets of the lake, created within `done`, that were not met.
    pub missing: Vec<i64>,
    /// How far a list that has only page numbers was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<Bookmark>,
}

impl Unfinished {
    /// Whether there is anything to go on with. One that came nowhere may be old: what it would look for has changed.
    pub fn came_somewhere(&self) -> bool {
        !self.done.is_empty() || self.pages.is_some()
    }

    /// The spans that need not be read again. An open end is closed at the beginning: tickets came since.
    pub fn read(&self) -> Vec<Span> {
        let closed = |span: &Span| Span { to: span.to.or(Some(self.began.as_second())), ..*span };
        self.done.iter().map(closed).filter(|span| !span.is_empty()).collect()
    }

    /// Notes a span, and the tickets that were not met in it.
    pub fn add(&mut self, span: Span, missing: impl IntoIterator<Item = i64>) {
        self.missing.extend(missing);
        add_span(&mut self.done, span);
    }
}

/// Adds a span to others that do not overlap it, joined to its neighbours.
pub fn add_span(spans: &mut Vec<Span>, span: Span) {
    let mut joined = span;
    spans.retain(|known| {
        if known.to.is_some() && known.to == joined.from {
            joined.from = known.from;
            return false;
        }
        if joined.to.is_some() && joined.to == known.from {
            joined.to = known.to;
            return false;
        }
        true
    });
    spans.push(joined);
    spans.sort_by_key(|span| span.from);
}

impl SourceState {
    /// The reading of a range that an earlier run left, if it came somewhere.
    pub fn left_over(&self, range: Span) -> Option<&Unfinished> {
        self.unfinished.iter().find(|reading| reading.range == range && reading.came_somewhere())
    }

    /// The reading of a range that was begun.
    pub fn unfinished(&mut self, range: Span) -> Option<&mut Unfinished> {
        self.unfinished.iter_mut().find(|reading| reading.range == range)
    }
}

/// A source's state in this run; every commit is one durable version.
pub struct Checkpoint {
    /// Its tickets, with the manifest that is committed.
    pub table: TicketTable,
    inner: Mutex<Inner>,
}

struct Inner {
    version: u64,
    state: SourceState,
    commits: u64,
}

/// Why a commit could not be made.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    #[error(transparent)]
    Lake(#[from] LakeError),
    #[error("another run has changed the state of source {0} meanwhile; run again")]
    Conflict(String),
}

impl Checkpoint {
    /// The state as the last run left it. Damaged files are moved aside under the name of this run.
    pub fn load(lake: &Lake, source: &str, run_id: &str) -> Result<Self, LakeError> {
        let (version, mut state) = state::load::<SourceState>(lake, source)?.unwrap_or_default();
        let manifest = state.manifest.take();
        // Until it is made from the files, the state says that there is none.
        let is_known = manifest.is_some();
        let table = TicketTable::new(lake, source, run_id, manifest.unwrap_or_default());
        state.manifest = is_known.then(Manifest::default);
        Ok(Self { table, inner: Mutex::new(Inner { version, state, commits: 0 }) })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the state, or changes it without making that durable yet.
    pub fn with<T>(&self, act: impl FnOnce(&mut SourceState) -> T) -> T {
        act(&mut self.inner().state)
    }

    /// The source and the lake are what the configuration says. Times of another zone make every row another one: then rows
    /// are replaced whatever their `updated_at`, until everything was read.
    pub fn accept(&self, account: Account) {
        self.with(|state| {
            let rezoned = state.account.as_ref().is_some_and(|known| known.timezone != account.timezone);
            state.replacing |= rezoned;
            if rezoned {
                state.unfinished.clear();
            }
            state.account = Some(account);
        });
        self.table.replace_newer(self.with(|state| state.replacing));
    }

    /// A time that has not come yet is of a clock that was wrong: it becomes the start of this run.
    pub fn forget_times_after(&self, began: Timestamp) {
        let ahead = self.with(|state| {
            // Changes before it were read under another clock, or not at all: a full read finds them.
            if state.cursor.is_some_and(|cursor| cursor > began) {
                state.whole_at = None;
            }
            let times =
                [&mut state.cursor, &mut state.whole_at, &mut state.complete_at, &mut state.fields_read_at];
            let mut ahead = None;
            let begun = state.unfinished.iter_mut().map(|reading| &mut reading.began);
            for time in times.into_iter().flatten().chain(begun).filter(|time| **time > began) {
                ahead = ahead.max(Some(*time));
                *time = began;
            }
            ahead
        });
        if let Some(ahead) = ahead {
            tracing::warn!(
                source = &*self.table.source,
                "the state names {ahead}, which has not come yet; it is taken to be now: was a clock wrong?"
            );
        }
    }

    /// Whether the manifest is one that was committed, or was made from the files.
    pub fn has_manifest(&self) -> bool {
        self.with(|state| state.manifest.is_some())
    }

    /// The manifest was made from the files.
    pub fn manifest_is_made(&self) {
        self.with(|state| state.manifest = Some(Manifest::default()));
    }

    /// Commits made by this run.
    pub fn commits(&self) -> u64 {
        self.inner().commits
    }

    /// Notes, durably, that files may differ in their columns until the last one is rewritten.
    pub fn files_differ(&self) -> Result<(), CommitError> {
        if self.with(|state| state.columns.take()).is_some() { self.commit() } else { Ok(()) }
    }

    /// Notes, durably, that files are being written: after a crash they may be newer than the manifest.
    pub fn begin_writing(&self) -> Result<(), CommitError> {
        if self.with(|state| std::mem::replace(&mut state.writing, true)) { Ok(()) } else { self.commit() }
    }

    /// Makes the state and the manifest durable. The files that the manifest names must have been put.
    pub fn commit(&self) -> Result<(), CommitError> {
        let mut inner = self.inner();
        if inner.state.manifest.is_some() {
            inner.state.manifest = Some(self.table.manifest(|manifest| manifest.clone()));
        }
        inner.state.reread |= self.table.lost();
        let absent = &inner.state.reread - self.table.manifest(|manifest| manifest.ids());
        for rows in self.table.lost_rows() {
            if !inner.state.lost_rows.contains(&rows) {
                inner.state.lost_rows.push(rows);
            }
        }
        inner.state.lost_rows.retain(|rows| !rows.ids.is_disjoint(&absent));
        match state::commit(&self.table.lake, &self.table.source, inner.version + 1, &inner.state)? {
            state::Committed::Done => {
                inner.version += 1;
                inner.commits += 1;
                Ok(())
            }
            state::Committed::Conflict => Err(CommitError::Conflict(self.table.source.to_string())),
        }
    }

    /// Tickets that must be read again, those of files that were just found damaged among them; and of these the ones that
    /// are not in the lake at all.
    pub fn reread(&self) -> (RoaringTreemap, RoaringTreemap) {
        let all = self.with(|state| state.reread.clone()) | self.table.lost();
        let absent = &all - self.table.manifest(|manifest| manifest.ids());
        (all, absent)
    }

    /// How many tickets are missing in the lake until they are read again, and the partitions that they were in, in words;
    /// `None` if none is.
    pub fn missing(&self) -> Option<String> {
        let (_, absent) = self.reread();
        let mut rows = self.with(|state| state.lost_rows.clone());
        rows.extend(self.table.lost_rows());
        let names: Vec<String> = partitions_of(&rows, &absent).iter().map(|key| key.folder()).collect();
        let tickets = if absent.len() == 1 {
            "1 ticket is".to_owned()
        } else {
            format!("{} tickets are", absent.len())
        };
        (!absent.is_empty()).then(|| format!("{tickets} missing in the lake ({})", names.join(", ")))
    }

    /// These tickets need not be read again.
    pub fn reread_done(&self, ids: &RoaringTreemap) {
        self.table.found(ids);
        self.with(|state| state.reread -= ids);
    }
}

/// The partitions that held any of the tickets, sorted.
pub fn partitions_of(lost: &[LostRows], tickets: &RoaringTreemap) -> Vec<PartitionKey> {
    let held = lost.iter().filter(|rows| !rows.ids.is_disjoint(tickets)).map(|rows| rows.partition);
    held.collect::<BTreeSet<_>>().into_iter().collect()
}

impl MoveLog for Checkpoint {
    fn begin(&self, moves: &[Move]) -> Result<(), LakeError> {
        self.with(|state| state.moves.extend(moves.iter().cloned()));
        self.commit().map_err(|cause| match cause {
            CommitError::Lake(cause) => cause,
            CommitError::Conflict(_) => LakeError::Overtaken { at: self.table.source.to_string() },
        })
    }

    fn end(&self, moves: &[Move]) {
        self.with(|state| state.moves.retain(|known| !moves.contains(known)));
    }
}

/// What the lake knows of a source's custom fields.
pub fn known(lake: &Lake, source: &str, state: &SourceState) -> Result<Known, LakeError> {
    let rows = |table: &str, columns| -> Result<_, LakeError> {
        Ok(lake::read_table(lake, table, source)?
            .map(|batch| from_batch(columns, &batch))
            .unwrap_or_default())
    };
    let fields = rows("ticket_fields", TICKET_FIELDS)?;
    let columns = match &state.columns {
        Some(columns) => columns.clone(),
        None => {
            let names = field_names(&fields);
            columns_of_files(lake, source, &|column| names.get(column).cloned())?
        }
    };
    Ok(Known {
        fields,
        options: rows("ticket_field_options", TICKET_FIELD_OPTIONS)?,
        columns,
        read_at: state.fields_read_at.map(Timestamp::as_microsecond),
    })
}

/// The custom columns of all files, each of a type that holds what every file has.
fn columns_of_files(
    lake: &Lake,
    source: &str,
    field_of: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<KnownColumn>, LakeError> {
    let mut columns: Vec<KnownColumn> = Vec::new();
    for key in lake::partitions(lake, source)? {
        let Some(file) = lake::open(&lake::ticket_file(lake, source, key))? else { continue };
        for found in known_columns(file.schema(), field_of) {
            match columns.iter_mut().find(|column| column.field == found.field) {
                Some(column) => {
                    column.of = widen(column.of, found.of);
                    column.twin |= found.twin;
                }
                None => columns.push(found),
            }
        }
    }
    Ok(columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: i64, to: Option<i64>) -> Span {
        Span { from: Some(from), to }
    }

    #[test]
    fn spans_join_and_an_open_end_is_closed_at_the_beginning() {
        let mut reading = Unfinished {
            range: Span::default(),
            began: Timestamp::from_second(100).unwrap(),
            horizon: None,
            reconcile: false,
            done: Vec::new(),
            missing: Vec::new(),
            pages: None,
        };
        reading.add(span(20, Some(30)), []);
        reading.add(span(50, None), [7]);
        reading.add(span(10, Some(20)), []);
        assert_eq!(reading.done, [span(10, Some(30)), span(50, None)]);
        reading.add(span(30, Some(50)), []);
        assert_eq!(reading.done, [span(10, None)]);
        assert_eq!(reading.read(), [span(10, Some(100))]);
        assert_eq!(reading.missing, [7]);
    }
}
