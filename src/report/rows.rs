//! What is kept of a ticket's row for the report: instants as days and spans, columns of no further use as whether they
//! are filled. Rows come a few thousand at a time, so that long texts are never held.

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray},
    compute::{cast, filter_record_batch},
    datatypes::{DataType, Int64Type},
};
use jiff::{Timestamp, tz::TimeZone};
use polars::prelude::{
    BooleanChunked, Column, DataFrame, IntoColumn, IntoSeries, ListBuilderTrait, ListStringChunkedBuilder,
    NewChunkedArray, PolarsResult, StringChunked,
};

use super::Window;
use crate::columns::{DELETED_AT, RESCUED};

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

/// The columns that must be read for what is wanted.
pub fn needed(wanted: &Wanted) -> Vec<&str> {
    let always = [kept::ID, "status", "priority", "created_at", "assigned_at", "resolved_at", "closed_at"];
    let counted = [kept::POLICY, kept::BREACHED, kept::PAUSED, kept::PAUSE_REASON, kept::RATING, kept::SCORE];
    let others = [kept::TAGS, RESCUED, DELETED_AT];
    let looked = wanted.choices.iter().chain(&wanted.group).map(|looked| looked.column.as_str());
    let filled = wanted.filled.iter().map(String::as_str);
    always.into_iter().chain(counted).chain(others).chain(PEOPLE).chain(looked).chain(filled).collect()
}

/// What is kept of the rows that were created in the window.
pub fn keep(batch: &RecordBatch, wanted: &Wanted) -> PolarsResult<DataFrame> {
    let rows = Rows(in_window(batch, wanted));
    let (created, assigned) = (rows.ints("created_at"), rows.ints("assigned_at"));
    let (resolved, closed) = (rows.ints("resolved_at"), rows.ints("closed_at"));
    let moments: Vec<_> = created.iter().map(|micros| Moment::of((*micros)?, &wanted.zone)).collect();
    let ended = created.iter().zip(&resolved).zip(&closed);
    let ended = ended
        .map(|((created, resolved), closed)| Moment::of(end(*created, *resolved, *closed)?, &wanted.zone));
    let span = |to: &[Option<i64>]| -> Vec<Option<i64>> {
        created.iter().zip(to).map(|(from, to)| to.as_ref()?.checked_sub((*from)?)).collect()
    };
    let of = |part: fn(&Moment) -> i64| -> Vec<Option<i64>> {
        moments.iter().map(|moment| moment.as_ref().map(part)).collect()
    };
    let status = rows.texts("status");
    let done = status.iter().map(|status| status.map(|word| DONE.contains(&word)));

    let mut all = vec![
        ints(kept::ID, rows.ints(kept::ID)),
        ints(kept::DAY, of(|moment| moment.day)),
        ints(kept::END_DAY, ended.map(|moment| moment.map(|moment| moment.day)).collect()),
        ints(kept::WEEKDAY, of(|moment| moment.weekday)),
        ints(kept::HOUR, of(|moment| moment.hour)),
        bools(kept::DONE, done),
        ints(kept::TO_ASSIGNMENT, span(&assigned)),
        ints(kept::TO_RESOLUTION, span(&resolved)),
        bools(kept::BREACHED, rows.bools(kept::BREACHED).iter()),
        bools(kept::PAUSED, rows.bools(kept::PAUSED).iter()),
        ints(kept::SCORE, rows.ints(kept::SCORE)),
        lists(kept::TAGS, rows.0.num_rows(), rows.column(kept::TAGS).as_ref())?,
        bools(kept::GONE, rows.filled(DELETED_AT).map(Some)),
    ];
    let words = [kept::STATUS, kept::PRIORITY, kept::POLICY, kept::PAUSE_REASON, kept::RATING, kept::RESCUED];
    all.extend(words.into_iter().map(|name| texts(name, rows.texts(name).iter())));
    for name in PEOPLE {
        let is_id = name.ends_with("_id");
        all.push(if is_id { ints(name, rows.ints(name)) } else { texts(name, rows.texts(name).iter()) });
    }
    for (number, looked) in wanted.choices.iter().enumerate() {
        all.push(rows.values(looked, &choice(number))?);
    }
    for (number, name) in wanted.filled.iter().enumerate() {
        all.push(bools(&filled(number), rows.filled(name).map(Some)));
    }
    all.push(match &wanted.group {
        Some(looked) => rows.values(looked, kept::GROUP)?,
        None => texts(kept::GROUP, rows.texts("").iter()),
    });
    DataFrame::new(rows.0.num_rows(), all)
}

fn in_window(batch: &RecordBatch, wanted: &Wanted) -> RecordBatch {
    let (since, until) = wanted.created;
    if since.is_none() && until.is_none() {
        return batch.clone();
    }
    let within = |micros: &Option<i64>| {
        micros.is_some_and(|micros| {
            since.is_none_or(|since| since <= micros) && until.is_none_or(|until| micros < until)
        })
    };
    let chosen: BooleanArray = Rows(batch.clone()).ints("created_at").iter().map(within).map(Some).collect();
    // Only a mask of another length fails.
    filter_record_batch(batch, &chosen).unwrap_or_else(|_| batch.clone())
}

/// A moment as a clock on the wall shows it.
struct Moment {
    /// Since 1970.
    day: i64,
    /// 1 is Monday.
    weekday: i64,
    hour: i64,
}

impl Moment {
    fn of(micros: i64, zone: &TimeZone) -> Option<Self> {
        const DAY: i64 = 86_400;
        let moment = Timestamp::from_microsecond(micros).ok()?;
        let seconds = micros.div_euclid(1_000_000) + i64::from(zone.to_offset(moment).seconds());
        let day = seconds.div_euclid(DAY);
        // 1970 began on a Thursday.
        Some(Self { day, weekday: (day + 3).rem_euclid(7) + 1, hour: seconds.rem_euclid(DAY) / 3600 })
    }
}

/// When the work on a ticket ended: it was resolved or closed, whichever came first, and not before its creation.
fn end(created: Option<i64>, resolved: Option<i64>, closed: Option<i64>) -> Option<i64> {
    let first = resolved.into_iter().chain(closed).min()?;
    Some(created.map_or(first, |created| first.max(created)))
}

/// Rows of one file. A column that the file lacks is null, and so is one of another type.
struct Rows(RecordBatch);

impl Rows {
    fn column(&self, name: &str) -> Option<ArrayRef> {
        self.0.column_by_name(name).cloned()
    }

    fn cast(&self, name: &str, of: &DataType) -> ArrayRef {
        let found = self.column(name).and_then(|column| cast(&column, of).ok());
        found.unwrap_or_else(|| arrow::array::new_null_array(of, self.0.num_rows()))
    }

    /// Instants in microseconds.
    fn ints(&self, name: &str) -> Vec<Option<i64>> {
        self.cast(name, &DataType::Int64).as_primitive::<Int64Type>().iter().collect()
    }

    fn bools(&self, name: &str) -> BooleanArray {
        self.cast(name, &DataType::Boolean).as_boolean().clone()
    }

    fn texts(&self, name: &str) -> StringArray {
        self.cast(name, &DataType::Utf8).as_string::<i32>().clone()
    }

    /// An empty text or list says as little as none.
    fn filled(&self, name: &str) -> impl Iterator<Item = bool> {
        let column = self.column(name);
        (0..self.0.num_rows()).map(move |row| {
            column.as_ref().is_some_and(|column| {
                let is_empty = match column.data_type() {
                    DataType::Utf8 => column.as_string::<i32>().value(row).is_empty(),
                    DataType::List(_) => column.as_list::<i32>().value_length(row) == 0,
                    _ => false,
                };
                column.is_valid(row) && !is_empty
            })
        })
    }

    /// The values of a column as text, or as a list of texts.
    fn values(&self, looked: &Looked, name: &str) -> PolarsResult<Column> {
        let column = self.column(&looked.column);
        // A file that a dead run left may hold the column as it was before it was widened.
        let is_list = column.as_ref().is_some_and(|column| matches!(column.data_type(), DataType::List(_)));
        match looked.form {
            Form::Several if is_list || column.is_none() => lists(name, self.0.num_rows(), column.as_ref()),
            Form::Path if is_list => {
                let joined = |path: StringArray| path.iter().flatten().collect::<Vec<_>>().join(" / ");
                let paths = column.iter().flat_map(elements).map(|path| path.filter(|path| !path.is_empty()));
                let paths: Vec<_> = paths.map(|path| path.map(joined)).collect();
                Ok(texts(name, paths.iter().map(Option::as_deref)))
            }
            _ => Ok(texts(name, self.texts(&looked.column).iter())),
        }
    }
}

/// The lists of a column, their elements as text.
fn elements(column: &ArrayRef) -> Vec<Option<StringArray>> {
    let of = DataType::new_list(DataType::Utf8, true);
    let lists = cast(column, &of).unwrap_or_else(|_| arrow::array::new_null_array(&of, column.len()));
    lists.as_list::<i32>().iter().map(|list| Some(list?.as_string::<i32>().clone())).collect()
}

fn ints(name: &str, values: Vec<Option<i64>>) -> Column {
    Column::new(name.into(), values)
}

fn bools(name: &str, values: impl Iterator<Item = Option<bool>>) -> Column {
    BooleanChunked::from_iter_options(name.into(), values).into_column()
}

fn texts<'a>(name: &str, values: impl Iterator<Item = Option<&'a str>>) -> Column {
    StringChunked::from_iter_options(name.into(), values).into_column()
}

fn lists(name: &str, rows: usize, column: Option<&ArrayRef>) -> PolarsResult<Column> {
    let mut lists = ListStringChunkedBuilder::new(name.into(), rows, rows);
    match column {
        Some(column) => {
            for list in elements(column) {
                let list =
                    list.map(|list| StringChunked::from_iter_options("".into(), list.iter()).into_series());
                lists.append_opt_series(list.as_ref())?;
            }
        }
        None => (0..rows).for_each(|_| lists.append_null()),
    }
    Ok(lists.finish().into_column())
}

/// The bounds of a window in microseconds since 1970, in a zone.
pub fn bounds(window: &Window, zone: &TimeZone) -> (Option<i64>, Option<i64>) {
    let micros = |date: Option<jiff::civil::Date>| {
        Some(date?.to_zoned(zone.clone()).ok()?.timestamp().as_microsecond())
    };
    (micros(window.since), micros(window.until))
}
