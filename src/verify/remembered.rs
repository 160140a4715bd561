//! Whether what a source remembers agrees with its files: the cursor, the rows of past runs, the field tables.

use std::collections::HashSet;

use arrow::datatypes::Schema;
use jiff::Timestamp;

use super::{
    finding::{FULL, Finding, Findings, REPAIR, REREAD, SYNC},
    invariant::Invariant,
};
use crate::{
    columns::{TICKET_FIELD_OPTIONS, TICKET_FIELDS, Type},
    fields::{
        column_name,
        rows::{Row, Value, from_batch, number},
        twin_name,
    },
    lake::{self, Lake, LakeError, runs, state},
    summary::{Mode, Outcome, Summary},
    sync::{Checkpoint, CommitError, Memory},
};

/// What the files of a source hold.
pub struct Held<'a> {
    pub rows: u64,
    /// The newest `updated_at`, microseconds since 1970.
    pub newest: Option<i64>,
    /// The columns, where all files have the same ones.
    pub schema: Option<&'a Schema>,
}

/// The state of a source, or why it cannot be read.
pub fn memory(lake: &Lake, source: &str) -> Result<Option<Memory>, LakeError> {
    Ok(state::load::<Memory>(lake, source)?.map(|(_, memory)| memory))
}

/// Compares the times that the state names with the clock and with the files. Gives whether one has not come yet.
pub fn check_cursor(
    source: &str,
    memory: &Memory,
    held: &Held<'_>,
    now: Timestamp,
    findings: &mut Findings,
) -> bool {
    let times = [
        ("cursor", memory.cursor),
        ("time of the last complete reading", memory.whole_at),
        ("time of the last reading of definitions", memory.fields_read_at),
    ];
    let mut ahead = false;
    for (name, time) in times {
        if let Some(time) = time.filter(|time| *time > now) {
            ahead = true;
            let what = format!("the {name} is {time}, which has not come yet");
            findings.add(Invariant::StateAgrees, Finding::of_source(source, what, REPAIR));
        }
    }
    let newest = held.newest.and_then(|micros| Timestamp::from_microsecond(micros).ok());
    if let Some(cursor) = memory.cursor.filter(|cursor| newest.is_none_or(|newest| *cursor > newest)) {
        let newest =
            newest.map_or("there is no row".to_owned(), |newest| format!("the newest row is of {newest}"));
        let what = format!(
            "the cursor is {cursor}, but {newest}: the ticket that was changed last was deleted at the source, or a \
             partition is missing"
        );
        findings.note(Invariant::StateAgrees, Finding::of_source(source, what, FULL));
    }
    ahead
}

/// Forgets times that cannot be, so that the next sync reads everything.
pub fn forget_times(lake: &Lake, source: &str) -> Result<(), CommitError> {
    let checkpoint = Checkpoint::load(lake, source)?;
    checkpoint.with(|memory| {
        (memory.cursor, memory.whole_at, memory.fields_read_at) = (None, None, None);
    });
    checkpoint.commit()
}

/// Compares the number of rows with what the last complete reading brought: rows never leave a lake.
pub fn check_count(
    lake: &Lake,
    source: &str,
    held: &Held<'_>,
    findings: &mut Findings,
) -> Result<(), LakeError> {
    let records: Vec<Summary> = runs::last(lake, usize::MAX)?;
    let full = records.iter().filter(|run| run.command == "sync").find_map(|run| {
        let part = run.sources.iter().find(|part| part.name == source)?;
        let whole = part.outcome == Outcome::Complete && part.mode == Mode::Full;
        whole.then_some((part.tickets.read, &run.run_id))
    });
    if let Some((read, run_id)) = full.filter(|(read, _)| *read > held.rows) {
        let what =
            format!("run {run_id} brought {read} tickets, {} are there: a partition is missing", held.rows);
        findings.add(Invariant::StateAgrees, Finding::of_source(source, what, REREAD));
    }
    Ok(())
}

/// Compares the two small tables with each other and with the columns of the tickets. `settled`: the last run on the
/// source has come to its end, so that the columns are those of the definitions.
pub fn check_fields(
    lake: &Lake,
    source: &str,
    held: &Held<'_>,
    settled: bool,
    findings: &mut Findings,
) -> Result<(), LakeError> {
    let read = |table: &str, columns| -> Result<Vec<Row>, LakeError> {
        Ok(lake::read_table(lake, table, source)?
            .map(|batch| from_batch(columns, &batch))
            .unwrap_or_default())
    };
    let fields = read("ticket_fields", TICKET_FIELDS)?;
    let options = read("ticket_field_options", TICKET_FIELD_OPTIONS)?;
    let mut found = |what: String| match settled {
        true => findings.add(Invariant::StateAgrees, Finding::of_source(source, what, SYNC)),
        false => findings.note(Invariant::StateAgrees, Finding::of_source(source, what, SYNC)),
    };
    let text = |row: &Row, columns, name: &str| -> String {
        row.get(number(columns, name)).and_then(Value::text).unwrap_or_default().to_owned()
    };
    let mut names = HashSet::new();
    for row in &fields {
        let of = |name: &str| text(row, TICKET_FIELDS, name);
        let name = of("field_name");
        if of("column_name") != column_name(&name) {
            found(format!("ticket_fields gives field {name} the column {}", of("column_name")));
        }
        if let Some(why) = held.schema.and_then(|schema| disagreement(schema, &name, &of("column_type"))) {
            found(why);
        }
        if !names.insert(name.clone()) {
            found(format!("ticket_fields has field {name} twice"));
        }
    }
    let mut asked = HashSet::new();
    for row in &options {
        let name = text(row, TICKET_FIELD_OPTIONS, "field_name");
        if !asked.insert(name.clone()) {
            continue;
        }
        if !names.contains(&name) {
            found(format!(
                "ticket_field_options has options of field {name}, which ticket_fields does not have"
            ));
        } else if held.schema.is_some_and(|schema| schema.index_of(&twin_name(&name)).is_err()) {
            found(format!("field {name} has options, but tickets have no column {}", twin_name(&name)));
        }
    }
    Ok(())
}

/// How the column of a field differs from what `ticket_fields` says of it.
fn disagreement(schema: &Schema, name: &str, said: &str) -> Option<String> {
    let Ok(field) = schema.field_with_name(&column_name(name)) else {
        return Some(format!(
            "ticket_fields has field {name}, but tickets have no column {}",
            column_name(name)
        ));
    };
    // Another field may have taken the name of its column.
    if field.metadata().get("field_name").is_some_and(|owner| owner != name) {
        return None;
    }
    let is = Type::of_arrow(field.data_type()).map_or("of no known type", Type::name);
    (is != said).then(|| format!("ticket_fields says that {} is {said}, its column is {is}", field.name()))
}
