//! What is kept of a ticket's row for the report: instants as days and spans, columns of no further use as whether they
//! are filled. The file is scanned lazily, so that long texts are never held.

use std::panic::{AssertUnwindSafe, catch_unwind};

use arrow::datatypes::{DataType as Arrow, Schema};
use polars::{io::HiveOptions, prelude::*};

use super::{Window, chunks::Chunk};
use crate::{
    columns::{DELETED_AT, RESCUED},
    error::Error,
    lake::{LocalFile, Location},
};

/// Columns of every kept row, besides those that [`Wanted`] names.
pub mod kept {
    pub const ID: &str = "id";
    /// Days since 1970 in the lake's zone: of creation, and of the end of the work on it.
    pub const DAY: &str = "day";
    pub const END_DAY: &str = "end_day";
    /// 1 is Monday.
    pub const WEEKDAY: &str = "weekday";
    pub const HOUR: &str = "hour";
    pub const STATUS: &str = "status";
    pub const PRIORITY: &str = "priority";
    /// Whether the status says that nothing is left to do.
    pub const DONE: &str = "done";
    /// Microseconds from creation.
    pub const TO_ASSIGNMENT: &str = "to_assignment";
    pub const TO_RESOLUTION: &str = "to_resolution";
    pub const POLICY: &str = "slax_title";
    pub const BREACHED: &str = "sla_breached";
    pub const PAUSED: &str = "sla_paused";
    pub const PAUSE_REASON: &str = "sla_pause_reason";
    pub const RATING: &str = "satisfaction_label";
    pub const SCORE: &str = "satisfaction_score";
    pub const TAGS: &str = "tags";
    pub const RESCUED: &str = crate::columns::RESCUED;
    /// Whether the ticket is gone at the source.
    pub const GONE: &str = "gone";
    /// What the figures are broken down by.
    pub const GROUP: &str = "group";
}

/// People that a ticket is with, by id and name.
pub const PEOPLE: [&str; 4] = ["group_id", "group_name", "assignee_id", "assignee_name"];
/// Statuses that say that nothing is left to do; every other one counts as open.
const DONE: [&str; 3] = ["solved", "resolved", "closed"];

/// How the values of a column are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As a text.
    One,
    /// Each element by itself.
    Several,
    /// The elements are a way from the root to a leaf.
    Path,
}

/// A column whose values are looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    pub column: String,
    pub form: Form,
}

/// What is wanted of the rows of one source.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The lake's zone.
    pub zone: TimeZone,
    /// Microseconds since 1970 of the window's bounds.
    pub created: (Option<i64>, Option<i64>),
    pub choices: Vec<Looked>,
    pub group: Option<Looked>,
    /// Columns of which only is told whether they are filled.
    pub filled: Vec<String>,
}

/// Where the values of a choice stand among the kept columns.
pub fn choice(number: usize) -> String {
    format!("choice {number}")
}

/// Where is told whether a column is filled.
pub fn filled(number: usize) -> String {
    format!("filled {number}")
}

/// The rows of a chunk that were created in the window.
fn read(files: &[LocalFile], chunk: &Chunk, wanted: &Wanted) -> PolarsResult<DataFrame> {
    let paths = files.iter().map(|file| PlRefPath::try_from_path(file.path()));
    let paths = paths.collect::<PolarsResult<Vec<_>>>()?;
    let args = ScanArgsParquet {
        // A folder may be called as a pattern is written.
        glob: false,
        hive_options: HiveOptions::new_disabled(),
        low_memory: true,
        cache: false,
        ..ScanArgsParquet::default()
    };
    let mut rows = LazyFrame::scan_parquet_files(paths.into(), args)?;
    if let Some((first, count)) = chunk.part {
        let first = i64::try_from(first).unwrap_or(i64::MAX);
        rows = rows.slice(first, IdxSize::try_from(count).unwrap_or(IdxSize::MAX));
    }
    let created = || col("created_at").cast(DataType::Int64);
    if let Some(since) = wanted.created.0 {
        rows = rows.filter(created().gt_eq(lit(since)));
    }
    if let Some(until) = wanted.created.1 {
        rows = rows.filter(created().lt(lit(until)));
    }
    let rows = rows.select(expressions(&chunk.schema, wanted)).collect_with_engine(Engine::Streaming)?;
    Ok(rows.unwrap_single())
}

fn expressions(schema: &Schema, wanted: &Wanted) -> Vec<Expr> {
    let column = |name: &str, of: DataType| match schema.field_with_name(name) {
        Ok(_) => col(name),
        Err(_) => lit(NULL).cast(of).alias(name),
    };
    let text = |name: &str| column(name, DataType::String);
    let micros = |name: &str| column(name, DataType::Int64).cast(DataType::Int64);
    let local = |micros: Expr| {
        let utc = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
        micros.cast(utc).dt().convert_time_zone(wanted.zone.clone())
    };
    let day = |micros: Expr| local(micros).dt().date().cast(DataType::Int32).cast(DataType::Int64);
    let status = || text("status");
    let done = DONE.iter().map(|word| status().eq(lit(*word))).reduce(Expr::or).unwrap_or(lit(false));

    let mut all = vec![
        col(kept::ID),
        day(micros("created_at")).alias(kept::DAY),
        day(end(&micros)).alias(kept::END_DAY),
        local(micros("created_at")).dt().weekday().cast(DataType::Int64).alias(kept::WEEKDAY),
        local(micros("created_at")).dt().hour().cast(DataType::Int64).alias(kept::HOUR),
        status(),
        done.alias(kept::DONE),
        text(kept::PRIORITY),
        (micros("assigned_at") - micros("created_at")).alias(kept::TO_ASSIGNMENT),
        (micros("resolved_at") - micros("created_at")).alias(kept::TO_RESOLUTION),
        text(kept::POLICY),
        column(kept::BREACHED, DataType::Boolean),
        column(kept::PAUSED, DataType::Boolean),
        text(kept::PAUSE_REASON),
        text(kept::RATING),
        column(kept::SCORE, DataType::Int64).cast(DataType::Int64),
        column(kept::TAGS, DataType::List(Box::new(DataType::String))),
        text(RESCUED),
        column(DELETED_AT, DataType::Int64).is_not_null().alias(kept::GONE),
    ];
    for name in PEOPLE {
        let of = if name.ends_with("_id") { DataType::Int64 } else { DataType::String };
        all.push(column(name, of));
    }
    for (number, looked) in wanted.choices.iter().enumerate() {
        all.push(told(schema, looked).alias(choice(number)));
    }
    for (number, name) in wanted.filled.iter().enumerate() {
        all.push(is_filled(schema, name).alias(filled(number)));
    }
    all.push(match &wanted.group {
        Some(looked) => told(schema, looked).alias(kept::GROUP),
        None => lit(NULL).cast(DataType::String).alias(kept::GROUP),
    });
    all
}

/// When the work on a ticket ended: it was resolved or closed, whichever came first, and not before its creation.
fn end(micros: &impl Fn(&str) -> Expr) -> Expr {
    let (created, resolved, closed) = (micros("created_at"), micros("resolved_at"), micros("closed_at"));
    let first = when(closed.clone().is_null().or(resolved.clone().lt(closed.clone())))
        .then(resolved)
        .otherwise(closed);
    when(first.clone().lt(created.clone())).then(created).otherwise(first)
}

/// The values of a column as text, or as a list of texts.
fn told(schema: &Schema, looked: &Looked) -> Expr {
    let texts = DataType::List(Box::new(DataType::String));
    let Ok(field) = schema.field_with_name(&looked.column) else {
        return lit(NULL).cast(if looked.form == Form::Several { texts } else { DataType::String });
    };
    let is_list = matches!(field.data_type(), Arrow::List(_));
    let values = col(field.name());
    match looked.form {
        Form::One => values.cast(DataType::String),
        // A file that a dead run left may hold the column as it was before it was widened.
        _ if !is_list => values.cast(DataType::String),
        Form::Several => values.cast(texts),
        Form::Path => {
            let way = values.clone().cast(texts).list().join(lit(" / "), true);
            when(values.list().len().gt(lit(0))).then(way).otherwise(lit(NULL))
        }
    }
}

/// An empty text or list says as little as none.
fn is_filled(schema: &Schema, name: &str) -> Expr {
    let Ok(field) = schema.field_with_name(name) else { return lit(false) };
    let values = col(name);
    let known = values.clone().is_not_null();
    match field.data_type() {
        Arrow::Utf8 => known.and(values.neq(lit(""))),
        Arrow::List(_) => known.and(values.list().len().gt(lit(0))),
        _ => known,
    }
}

/// The bounds of a window in microseconds since 1970, in a zone.
pub fn bounds(window: &Window, zone: &jiff::tz::TimeZone) -> (Option<i64>, Option<i64>) {
    let micros = |date: Option<jiff::civil::Date>| {
        Some(date?.to_zoned(zone.clone()).ok()?.timestamp().as_microsecond())
    };
    (micros(window.since), micros(window.until))
}

/// As [`read`]; the error names the file.
pub fn keep(chunk: &Chunk, wanted: &Wanted) -> Result<DataFrame, Error> {
    let gone = |file: &Location| {
        Error::Unexpected(format!("{file} was taken away while it was read; give the same command again"))
    };
    let mut files = Vec::with_capacity(chunk.files.len());
    for file in &chunk.files {
        files.push(file.local()?.ok_or_else(|| gone(file))?);
    }
    let failed = match guarded(&files, chunk, wanted) {
        Ok(rows) => return Ok(rows),
        Err(why) => why,
    };
    // Polars does not say which of its files it could not read.
    let alone = |file: &LocalFile| guarded(std::slice::from_ref(file), chunk, wanted).err();
    let broken = chunk.files.iter().zip(&files).find_map(|(file, local)| Some((file, alone(local)?)));
    let (file, reason) = match (broken, chunk.files.first()) {
        (Some((file, why)), _) => (file, why),
        (None, Some(first)) => (first, failed),
        (None, None) => return Err(Error::Unexpected(failed)),
    };
    if !file.exists()? {
        return Err(gone(file));
    }
    let place = file.to_string().into();
    Err(Error::Damaged { place, reason: format!("{reason}; `ticketlake verify` looks closer") })
}

/// Decoding damaged bytes may end in a panic of the decoder.
fn guarded(files: &[LocalFile], chunk: &Chunk, wanted: &Wanted) -> Result<DataFrame, String> {
    match catch_unwind(AssertUnwindSafe(|| read(files, chunk, wanted))) {
        Ok(rows) => rows.map_err(|why| why.to_string()),
        Err(_) => Err("decoding it failed".to_owned()),
    }
}
