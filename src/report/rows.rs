//! The tickets of the lake as one frame of fixed-width columns: instants as days and spans, texts as numbers.
//!
//! Rows are read a few thousand at a time and only the columns that the report needs. So memory grows by some eighty
//! bytes a ticket and with the number of different values, never with the length of texts.

use std::collections::{BTreeMap, HashMap};

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray},
    compute::{cast, filter_record_batch},
    datatypes::{DataType, Int64Type},
};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use polars::prelude::{
    BooleanChunked, Column, DataFrame, IntoColumn, ListBuilderTrait, ListPrimitiveChunkedBuilder,
    NewChunkedArray, PolarsError, PolarsResult, UInt32Type,
};

use super::{Window, fields::SourceColumns, grouping::Key};
use crate::{
    columns::{DELETED_AT, RESCUED},
    error::Error,
    lake::{self, Lake, LakeError, PartitionKey},
};

/// Columns of the frame. Texts are numbers in [`Words`].
pub mod kept {
    pub const SOURCE: &str = "source";
    /// Days since 1970 in the lake's zone: of creation, and of the end of the work on it.
    pub const DAY: &str = "day";
    pub const END_DAY: &str = "end_day";
    /// Hours since Monday, 0:00.
    pub const WEEK_HOUR: &str = "week_hour";
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
    /// What the figures are broken down by: a list of values.
    pub const GROUP: &str = "group";
}
use kept::*;

/// People that a ticket is with, by id and name.
pub const PEOPLE: [(&str, &str); 2] = [("group_id", "group_name"), ("assignee_id", "assignee_name")];
pub const TAGS: &str = "tags";
/// Statuses that say that nothing is left to do; every other one counts as open.
const DONE_WORDS: [&str; 3] = ["solved", "resolved", "closed"];

/// What a list of values means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Each element by itself; of a column without lists, its value.
    Several,
    /// The path from the root to a leaf.
    Path,
}

/// A column whose values are counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looked {
    pub column: String,
    pub form: Form,
}

/// The different texts of the frame; each is held once.
#[derive(Debug, Default)]
pub struct Words {
    texts: Vec<String>,
    numbers: HashMap<String, u32>,
}

impl Words {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }

    pub fn text(&self, number: u32) -> &str {
        usize::try_from(number).ok().and_then(|at| self.texts.get(at)).map_or("", String::as_str)
    }
}

/// What is read of one source, and what is counted while reading.
#[derive(Debug)]
pub struct Source<'a> {
    pub columns: &'a SourceColumns,
    /// Tags, what did not fit its column, and the select fields.
    pub choices: Vec<Looked>,
    /// `None`: the figures are not broken down. Of a source without such a column nothing is known.
    pub group: Option<Key>,
    /// The ranks of words of satisfaction that the vendor does not document.
    pub scale: BTreeMap<String, i64>,
    /// By [`names`].
    pub names: [HashMap<i64, String>; 2],
    /// Tickets deleted at the source.
    pub deleted: u64,
    /// In how many tickets each column has a value, in the order of [`SourceColumns::filled`].
    pub filled: Vec<u64>,
    /// By choice: tickets with a value, and tickets by value.
    pub chosen: Vec<(u64, HashMap<u32, u64>)>,
}

/// Tickets created in the window and not deleted at their source.
#[derive(Debug)]
pub struct Reader<'a> {
    lake: &'a Lake,
    zone: &'a TimeZone,
    window: Window,
    pub words: Words,
    pub frame: DataFrame,
}

impl<'a> Reader<'a> {
    pub fn new(lake: &'a Lake, zone: &'a TimeZone, window: Window) -> Self {
        Self { lake, zone, window, words: Words::default(), frame: DataFrame::empty() }
    }

    /// Adds the tickets of a source. Files whose partition cannot hold a ticket of the window are not opened.
    pub fn add(&mut self, source: &mut Source<'_>) -> Result<(), Error> {
        let schema = RecordBatch::new_empty(source.columns.schema.clone());
        self.keep(&schema, source).map_err(counting)?;
        let filled = source.columns.filled();
        let mut names = vec![STATUS, PRIORITY, "created_at", "assigned_at", "resolved_at", "closed_at"];
        names.extend([POLICY, BREACHED, PAUSED, PAUSE_REASON, RATING, SCORE, RESCUED, DELETED_AT]);
        names.extend(PEOPLE.iter().flat_map(|(id, name)| [*id, *name]));
        let choices = source.choices.clone();
        names.extend(choices.iter().map(|looked| looked.column.as_str()));
        let group = source.group.clone();
        names.extend(group.iter().filter_map(|key| Some(key.looked()?.column.as_str())));
        names.extend(filled.iter().map(|(name, _)| name.as_str()));
        for key in lake::partitions(self.lake, &source.columns.name)? {
            if may_hold(key, &self.window) {
                for batch in lake::columns(self.lake, &source.columns.name, key, &names)? {
                    self.keep(&batch?, source).map_err(counting)?;
                }
            }
        }
        Ok(())
    }

    fn keep(&mut self, batch: &RecordBatch, source: &mut Source<'_>) -> PolarsResult<()> {
        let rows = Rows(batch.clone());
        let (since, until) = bounds(&self.window, self.zone);
        let is_limited = self.window.is_limited();
        let within = |micros: &Option<i64>| match micros {
            Some(micros) => {
                since.is_none_or(|since| since <= *micros) && until.is_none_or(|until| *micros < until)
            }
            None => !is_limited,
        };
        let within: Vec<bool> = rows.ints("created_at").iter().map(within).collect();
        let deleted = rows.filled(DELETED_AT);
        source.deleted +=
            within.iter().zip(&deleted).filter(|(within, deleted)| **within && **deleted).count() as u64;
        let live: BooleanArray =
            within.iter().zip(&deleted).map(|(within, deleted)| Some(*within && !deleted)).collect();
        // Only a mask of another length fails.
        let rows = Rows(filter_record_batch(batch, &live).unwrap_or_else(|_| batch.clone()));

        for (count, (name, _)) in source.filled.iter_mut().zip(source.columns.filled()) {
            *count += rows.filled(&name).iter().filter(|filled| **filled).count() as u64;
        }
        for (looked, (tickets, values)) in source.choices.iter().zip(&mut source.chosen) {
            let mut last = None;
            rows.each_value(looked, |row, value| {
                *tickets += u64::from(last.replace(row) != Some(row));
                *values.entry(self.words.number(value)).or_default() += 1;
            });
        }
        let frame = self.frame_of(&rows, source)?;
        if self.frame.width() == 0 {
            self.frame = frame;
        } else {
            self.frame.vstack_mut_owned(frame)?;
        }
        Ok(())
    }

    fn frame_of(&mut self, rows: &Rows, source: &Source<'_>) -> PolarsResult<DataFrame> {
        let count = rows.0.num_rows();
        let (created, assigned) = (rows.ints("created_at"), rows.ints("assigned_at"));
        let (resolved, closed) = (rows.ints("resolved_at"), rows.ints("closed_at"));
        let local = |micros: i64| wall_clock(micros, self.zone);
        let begun: Vec<_> = created.iter().map(|micros| local((*micros)?)).collect();
        let ended = created.iter().zip(&resolved).zip(&closed);
        let ended = ended.map(|((created, resolved), closed)| {
            local(end(*created, *resolved, *closed)?).map(|(day, _)| day)
        });
        let span = |to: &[Option<i64>]| -> Vec<Option<i64>> {
            created.iter().zip(to).map(|(from, to)| to.as_ref()?.checked_sub((*from)?)).collect()
        };
        let ratings = rows.texts(RATING);
        let ranked =
            |(score, word): (Option<i64>, Option<&str>)| score.or_else(|| source.scale.get(word?).copied());
        let name = self.words.number(&source.columns.name);
        let mut all = vec![
            Column::new(SOURCE.into(), vec![name; count]),
            Column::new(END_DAY.into(), ended.collect::<Vec<Option<i32>>>()),
            Column::new(DAY.into(), begun.iter().map(|at| at.map(|(day, _)| day)).collect::<Vec<_>>()),
            Column::new(
                WEEK_HOUR.into(),
                begun.iter().map(|at| at.map(|(_, hour)| hour)).collect::<Vec<_>>(),
            ),
            bools(DONE, rows.texts(STATUS).iter().map(|word| word.map(|word| DONE_WORDS.contains(&word)))),
            Column::new(TO_ASSIGNMENT.into(), span(&assigned)),
            Column::new(TO_RESOLUTION.into(), span(&resolved)),
            bools(BREACHED, rows.bools(BREACHED).iter()),
            bools(PAUSED, rows.bools(PAUSED).iter()),
            Column::new(
                SCORE.into(),
                rows.ints(SCORE).into_iter().zip(&ratings).map(ranked).collect::<Vec<_>>(),
            ),
        ];
        for ((id, name), known) in PEOPLE.into_iter().zip(&source.names) {
            let ids = rows.ints(id);
            // The row's own name, where the vendor sends one.
            let texts = rows.texts(name);
            let names = texts
                .iter()
                .zip(&ids)
                .map(|(own, id)| own.or_else(|| known.get(id.as_ref()?).map(String::as_str)));
            all.push(self.numbers(name, names));
            all.push(Column::new(id.into(), ids));
        }
        for name in [STATUS, PRIORITY, POLICY, PAUSE_REASON, RATING] {
            all.push(self.numbers(name, rows.texts(name).iter()));
        }
        if let Some(key) = &source.group {
            let mut groups = ListPrimitiveChunkedBuilder::<UInt32Type>::new(
                GROUP.into(),
                count,
                count,
                polars::prelude::DataType::UInt32,
            );
            let mut values = vec![Vec::new(); count];
            match key {
                Key::Column(looked) => rows.each_value(looked, |row, value| {
                    values.get_mut(row).into_iter().for_each(|row| row.push(self.words.number(value)));
                }),
                Key::Source => values.fill(vec![name]),
                Key::Missing => {}
            }
            values.iter().for_each(|row| groups.append_slice(row));
            all.push(groups.finish().into_column());
        }
        DataFrame::new(count, all)
    }

    fn numbers<'t>(&mut self, name: &str, texts: impl Iterator<Item = Option<&'t str>>) -> Column {
        let numbers: Vec<Option<u32>> = texts.map(|text| text.map(|text| self.words.number(text))).collect();
        Column::new(name.into(), numbers)
    }
}

/// The names of a source's groups and users by id, in the order of [`PEOPLE`]; none where the lake has no such table.
pub fn names(lake: &Lake, source: &str) -> Result<[HashMap<i64, String>; 2], LakeError> {
    let read = |table: &str| {
        let rows = lake::read_table(lake, table, source)?.map(Rows);
        let pairs = rows.iter().flat_map(|rows| {
            let names = rows.texts("name");
            let names: Vec<_> = names.iter().map(|name| name.map(str::to_owned)).collect();
            rows.ints("id").into_iter().zip(names)
        });
        Ok::<_, LakeError>(pairs.filter_map(|(id, name)| Some((id?, name?))).collect())
    };
    Ok([read("groups")?, read("users")?])
}

/// Day since 1970 and hour since Monday, as a clock on the wall shows them.
fn wall_clock(micros: i64, zone: &TimeZone) -> Option<(i32, i32)> {
    const DAY: i64 = 86_400;
    let moment = Timestamp::from_microsecond(micros).ok()?;
    let seconds = micros.div_euclid(1_000_000) + i64::from(zone.to_offset(moment).seconds());
    let day = seconds.div_euclid(DAY);
    // 1970 began on a Thursday.
    let hour = (day + 3).rem_euclid(7) * 24 + seconds.rem_euclid(DAY) / 3600;
    Some((i32::try_from(day).ok()?, i32::try_from(hour).ok()?))
}

/// When the work on a ticket ended: it was resolved or closed, whichever came first, and not before its creation.
fn end(created: Option<i64>, resolved: Option<i64>, closed: Option<i64>) -> Option<i64> {
    let first = resolved.into_iter().chain(closed).min()?;
    Some(created.map_or(first, |created| first.max(created)))
}

/// Rows of one file. A column that the file lacks is null, and so is one of another type.
struct Rows(RecordBatch);

impl Rows {
    fn cast(&self, name: &str, of: &DataType) -> ArrayRef {
        let found = self.0.column_by_name(name).and_then(|column| cast(column, of).ok());
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

    fn filled(&self, name: &str) -> Vec<bool> {
        let column = self.0.column_by_name(name);
        column.map_or_else(|| vec![false; self.0.num_rows()], |column| lake::filled(column).collect())
    }

    /// Calls for every row and each of its different values, in the order of rows.
    fn each_value(&self, looked: &Looked, mut found: impl FnMut(usize, &str)) {
        let Some(column) = self.0.column_by_name(&looked.column) else { return };
        // A file that a dead run left may hold the column as it was before it was widened.
        if !matches!(column.data_type(), DataType::List(_)) {
            for (row, text) in self.texts(&looked.column).iter().enumerate() {
                match text {
                    Some(text) if looked.column == RESCUED => {
                        keys(text).iter().for_each(|key| found(row, key))
                    }
                    Some(text) => found(row, text),
                    None => {}
                }
            }
            return;
        }
        let of = DataType::new_list(DataType::Utf8, true);
        let Ok(lists) = cast(column, &of) else { return };
        for (row, list) in lists.as_list::<i32>().iter().enumerate() {
            let Some(list) = list.filter(|list| !list.is_empty()) else { continue };
            let mut texts: Vec<&str> = list.as_string::<i32>().iter().flatten().collect();
            match looked.form {
                Form::Path => found(row, &texts.join(" / ")),
                Form::Several => {
                    texts.sort_unstable();
                    texts.dedup();
                    texts.into_iter().for_each(|text| found(row, text));
                }
            }
        }
    }
}

/// The keys of what did not fit its column; of custom fields `custom_fields.NAME`.
fn keys(text: &str) -> Vec<String> {
    const CUSTOM: &str = "custom_fields";
    let Ok(object) = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text) else {
        return Vec::new();
    };
    let named = |(key, value): (String, serde_json::Value)| match value.as_object() {
        Some(inner) if key == CUSTOM => inner.keys().map(|name| format!("{CUSTOM}.{name}")).collect(),
        _ => vec![key],
    };
    object.into_iter().flat_map(named).collect()
}

fn bools(name: &str, values: impl Iterator<Item = Option<bool>>) -> Column {
    BooleanChunked::from_iter_options(name.into(), values).into_column()
}

/// The bounds of a window in microseconds since 1970, in a zone.
fn bounds(window: &Window, zone: &TimeZone) -> (Option<i64>, Option<i64>) {
    let micros = |date: Option<Date>| Some(date?.to_zoned(zone.clone()).ok()?.timestamp().as_microsecond());
    (micros(window.since), micros(window.until))
}

/// Whether a partition can hold a ticket of the window. The zone of the window may be another than the one that the lake
/// was cut by, which shifts a date by a day or two.
fn may_hold(key: PartitionKey, window: &Window) -> bool {
    let Some((first, next)) = key.dates() else { return !window.is_limited() };
    let shifted = |date: Date, days: i64| date.checked_add(days.days()).unwrap_or(date);
    let before_end = window.until.is_none_or(|until| shifted(first, -2) < until);
    before_end && window.since.is_none_or(|since| shifted(next, 2) > since)
}

/// Rows that are read can be counted, unless the program is wrong.
pub fn counting(cause: PolarsError) -> Error {
    Error::Unexpected(format!("the tickets of the lake cannot be counted: {cause}"))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn only_partitions_of_the_window_are_opened() {
        let window = Window { since: Some(date(2024, 3, 10)), until: Some(date(2024, 3, 20)) };
        let day = |d| may_hold(PartitionKey::Day(date(2024, 3, d)), &window);
        assert_eq!((1..=31).filter(|d| day(*d)).collect::<Vec<_>>(), (8..=21).collect::<Vec<_>>());
        let month = |month| may_hold(PartitionKey::Month(date(2024, month, 1)), &window);
        assert_eq!((1..=12).filter(|m| month(*m)).collect::<Vec<_>>(), [3]);
        let unknown = PartitionKey::parse("created_date=__HIVE_DEFAULT_PARTITION__").expect("a partition");
        assert!(!may_hold(unknown, &window) && may_hold(unknown, &Window::default()));
    }
}
