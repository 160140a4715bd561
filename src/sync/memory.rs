//! What a source remembers from run to run, and how it is committed.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    columns::{TICKET_FIELD_OPTIONS, TICKET_FIELDS},
    fields::{
        Known, KnownColumn, field_names, known_columns,
        rows::{Row, from_batch},
        widen,
    },
    lake::{self, Lake, LakeError, state},
    walk::{Bookmark, Span},
};

/// The state of a source, kept as JSON beside the lake's tables.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The custom columns that every file has; `None` while files may differ, as after a run that died.
    pub columns: Option<Vec<KnownColumn>>,
    /// When the field definitions were last read.
    pub fields_read_at: Option<Timestamp>,
    /// Everything that changed at the source before this moment is in the lake.
    pub cursor: Option<Timestamp>,
    /// When the last complete reading of everything began.
    pub whole_at: Option<Timestamp>,
    /// Readings that have begun and are not finished.
    pub unfinished: Vec<Unfinished>,
    /// What rows are masked with; `None` where no mask ever was.
    pub masked: Option<Masked>,
}

/// The mask that rows are written with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Masked {
    /// The mask's fingerprint.
    pub with: String,
    /// Whether everything was read since.
    pub everywhere: bool,
}

/// A reading by the time of creation, and how far it came.
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

impl Memory {
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
    lake: Lake,
    source: String,
    inner: Mutex<Inner>,
}

struct Inner {
    version: u64,
    memory: Memory,
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
    /// The state as the last run left it.
    pub fn load(lake: &Lake, source: &str) -> Result<Self, LakeError> {
        let (version, memory) = state::load::<Memory>(lake, source)?.unwrap_or_default();
        let inner = Mutex::new(Inner { version, memory, commits: 0 });
        Ok(Self { lake: lake.clone(), source: source.to_owned(), inner })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the memory, or changes it without making that durable yet.
    pub fn with<T>(&self, act: impl FnOnce(&mut Memory) -> T) -> T {
        act(&mut self.inner().memory)
    }

    /// Commits made by this run.
    pub fn commits(&self) -> u64 {
        self.inner().commits
    }

    /// Notes, durably, that files may differ in their columns until the last one is rewritten: a run that dies in
    /// between must be noticed.
    pub fn files_differ(&self) -> Result<(), CommitError> {
        if self.with(|memory| memory.columns.take()).is_some() { self.commit() } else { Ok(()) }
    }

    /// Makes the memory the state of the source, durably.
    pub fn commit(&self) -> Result<(), CommitError> {
        let mut inner = self.inner();
        match state::commit(&self.lake, &self.source, inner.version + 1, &inner.memory)? {
            state::Committed::Done => {
                inner.version += 1;
                inner.commits += 1;
                Ok(())
            }
            state::Committed::Conflict => Err(CommitError::Conflict(self.source.clone())),
        }
    }
}

/// What the lake knows of a source's custom fields.
pub fn known(lake: &Lake, source: &str, memory: &Memory) -> Result<Known, LakeError> {
    let rows = |table: &str, columns| -> Result<_, LakeError> {
        Ok(lake::read_table(lake, table, source)?
            .map(|batch| from_batch(columns, &batch))
            .unwrap_or_default())
    };
    let fields = rows("ticket_fields", TICKET_FIELDS)?;
    let columns = match &memory.columns {
        Some(columns) => columns.clone(),
        None => columns_of_files(lake, source, &fields)?,
    };
    Ok(Known {
        fields,
        options: rows("ticket_field_options", TICKET_FIELD_OPTIONS)?,
        columns,
        read_at: memory.fields_read_at.map(Timestamp::as_microsecond),
    })
}

/// The custom columns of all files, each of a type that holds what every file has.
fn columns_of_files(lake: &Lake, source: &str, fields: &[Row]) -> Result<Vec<KnownColumn>, LakeError> {
    let names = field_names(fields);
    let mut columns: Vec<KnownColumn> = Vec::new();
    for key in lake::partitions(lake, source)? {
        let Some(schema) = lake::schema_of(&lake::ticket_file(lake, source, key))? else { continue };
        for found in known_columns(&schema, &|column| names.get(column).cloned()) {
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
