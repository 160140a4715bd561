//! First questions to a lake, answered from its files: only the columns that a question needs are read.

use std::collections::BTreeMap;

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch},
    datatypes::Int8Type,
};

use crate::{
    batch::{instant, instants_of},
    columns::{DELETED_AT, TICKET_FIELDS},
    fields::{
        column_name, field_names, known_columns,
        rows::{Value, from_batch, number},
    },
    lake::{self, Lake, LakeError, PartitionKey},
};

/// Days that are told one by one.
const DAYS: usize = 14;
const HOUR: f64 = 3.6e9;

/// The answers.
#[derive(Debug, Default)]
pub struct Answers {
    /// Tickets by source and status.
    pub statuses: BTreeMap<(String, String), u64>,
    /// Tickets by the last days of creation, all sources together.
    pub days: BTreeMap<String, u64>,
    /// For some sources, one select field.
    pub choices: Vec<Choices>,
    /// How tickets fared, by priority, of all sources that tell.
    pub service: BTreeMap<String, Service>,
}

/// What was chosen in one field.
#[derive(Debug)]
pub struct Choices {
    pub source: String,
    pub label: String,
    pub column: String,
    /// Tickets by the label of the option.
    pub counts: BTreeMap<String, u64>,
}

/// How tickets fared.
#[derive(Debug, Default, Clone)]
pub struct Service {
    pub tickets: u64,
    /// Of those with an agreement.
    pub breached: (u64, u64),
    /// Sum and number of the ratings, 1 to 5.
    pub ratings: (u64, u64),
    /// Hours from creation to resolution.
    pub hours: Vec<f64>,
}

impl Service {
    /// The middle of the hours to resolution.
    pub fn median_hours(&self) -> Option<f64> {
        let mut hours = self.hours.clone();
        hours.sort_unstable_by(f64::total_cmp);
        let upper = hours.get(hours.len() / 2)?;
        // Of an even number, the mean of the two in the middle.
        let lower = hours.get((hours.len() - 1) / 2)?;
        Some((lower + upper) / 2.0)
    }
}

/// Asks a lake.
pub fn ask(lake: &Lake, sources: &[String]) -> Result<Answers, LakeError> {
    let mut answers = Answers::default();
    for source in sources {
        let field = popular_field(lake, source)?;
        let column = field.as_ref().map(|(_, column)| column.clone());
        let mut counts = BTreeMap::new();
        let mut names = vec![
            "status",
            "priority",
            "created_at",
            "resolved_at",
            "sla_breached",
            "satisfaction_score",
            DELETED_AT,
        ];
        names.extend(column.as_deref());
        for key in lake::partitions(lake, source)? {
            for batch in lake::columns(lake, source, key, &names)? {
                let batch = present(&batch?, &lake::ticket_file(lake, source, key))?;
                add_statuses(&mut answers.statuses, source, &batch);
                add_service(&mut answers.service, &batch);
                if let PartitionKey::Day(day) = key {
                    *answers.days.entry(day.to_string()).or_default() += batch.num_rows() as u64;
                }
                if let Some(column) = &column {
                    count_texts(&mut counts, &batch, column);
                }
            }
        }
        if let Some((label, column)) = field {
            answers.choices.push(Choices { source: source.clone(), label, column, counts });
        }
    }
    while answers.days.len() > DAYS {
        answers.days.pop_first();
    }
    Ok(answers)
}

/// The rows that are still at the source.
fn present(batch: &RecordBatch, path: &lake::Location) -> Result<RecordBatch, LakeError> {
    let Some(deleted) = batch.column_by_name(DELETED_AT) else { return Ok(batch.clone()) };
    let keep: BooleanArray = (0..batch.num_rows()).map(|row| Some(deleted.is_null(row))).collect();
    arrow::compute::filter_record_batch(batch, &keep)
        .map_err(|cause| LakeError::Rows { at: path.to_string(), cause: cause.into() })
}

/// Label and column of the first field in column order that has one option chosen from several.
fn popular_field(lake: &Lake, source: &str) -> Result<Option<(String, String)>, LakeError> {
    let Some(schema) = lake::schema_of_source(lake, source, true)? else { return Ok(None) };
    let Some(table) = lake::read_table(lake, "ticket_fields", source)? else { return Ok(None) };
    let definitions = from_batch(TICKET_FIELDS, &table);
    let text = |row: &[Value], name| {
        row.get(number(TICKET_FIELDS, name)).and_then(Value::text).unwrap_or_default().to_owned()
    };
    let single = |of| of == crate::columns::Type::Text;
    let names = field_names(&definitions);
    let mut selects = known_columns(&schema, &|column| names.get(column).cloned())
        .into_iter()
        .filter(|column| column.twin && single(column.of));
    Ok(selects.find_map(|select| {
        let row = definitions.iter().find(|row| text(row, "field_name") == select.field)?;
        Some((text(row, "label"), column_name(&select.field)))
    }))
}

/// The text in a row; none for a null.
fn cell(array: Option<&ArrayRef>, row: usize) -> Option<&str> {
    let texts = array?.as_string_opt::<i32>()?;
    texts.is_valid(row).then(|| texts.value(row))
}

fn add_statuses(statuses: &mut BTreeMap<(String, String), u64>, source: &str, batch: &RecordBatch) {
    let mut counts = BTreeMap::new();
    count_texts(&mut counts, batch, "status");
    for (status, count) in counts {
        *statuses.entry((source.to_owned(), status)).or_default() += count;
    }
}

fn count_texts(counts: &mut BTreeMap<String, u64>, batch: &RecordBatch, column: &str) {
    let array = batch.column_by_name(column);
    for row in 0..batch.num_rows() {
        if let Some(text) = cell(array, row) {
            *counts.entry(text.to_owned()).or_default() += 1;
        }
    }
}

fn add_service(service: &mut BTreeMap<String, Service>, batch: &RecordBatch) {
    let priority = batch.column_by_name("priority");
    let breached = batch.column_by_name("sla_breached").and_then(|array| array.as_boolean_opt());
    let score = batch.column_by_name("satisfaction_score");
    let score = score.and_then(|array| array.as_primitive_opt::<Int8Type>());
    let (created, resolved) = (instants_of(batch, "created_at"), instants_of(batch, "resolved_at"));
    for row in 0..batch.num_rows() {
        let Some(priority) = cell(priority, row) else { continue };
        let told = service.entry(priority.to_owned()).or_default();
        told.tickets += 1;
        if let Some(breached) = breached.filter(|array| array.is_valid(row)) {
            told.breached.0 += u64::from(breached.value(row));
            told.breached.1 += 1;
        }
        if let Some(score) = score.filter(|array| array.is_valid(row)) {
            told.ratings.0 += u64::from(score.value(row).unsigned_abs());
            told.ratings.1 += 1;
        }
        if let (Some(created), Some(resolved)) = (instant(created, row), instant(resolved, row)) {
            told.hours.push((resolved - created) as f64 / HOUR);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_few_and_of_none() {
        let median = |hours: &[f64]| Service { hours: hours.to_vec(), ..Service::default() }.median_hours();
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[5.0]), Some(5.0));
        assert_eq!(median(&[9.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 3.0, 5.0]), Some(4.0));
    }
}
