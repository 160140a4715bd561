//! Whether the field tables of a source agree with each other and with the columns of its tickets.

use std::collections::{BTreeSet, HashSet};

use arrow::datatypes::Schema;

use crate::{
    columns::{TICKET_FIELD_OPTIONS, TICKET_FIELDS, Type},
    fields::{
        KnownColumn, column_name,
        rows::{Row, Value, from_batch, number},
        twin_name,
    },
    lake::{self, Lake, LakeError},
};

/// Where they do not agree, in words. `schema` is that of all files of tickets, where they have one; `known` are the
/// custom columns that the state names.
pub fn disagreements(
    lake: &Lake,
    source: &str,
    schema: Option<&Schema>,
    known: &[KnownColumn],
) -> Result<Vec<String>, LakeError> {
    let read = |table: &str, columns| -> Result<Vec<Row>, LakeError> {
        let batch = lake::read_table(lake, table, source)?;
        Ok(batch.map(|batch| from_batch(columns, &batch)).unwrap_or_default())
    };
    let fields = read("ticket_fields", TICKET_FIELDS)?;
    let options = read("ticket_field_options", TICKET_FIELD_OPTIONS)?;
    let text = |row: &Row, columns, name: &str| -> String {
        row.get(number(columns, name)).and_then(Value::text).unwrap_or_default().to_owned()
    };
    let (mut found, mut names) = (Vec::new(), HashSet::new());
    for row in &fields {
        let [name, column, said] =
            ["field_name", "column_name", "column_type"].map(|name| text(row, TICKET_FIELDS, name));
        if column != column_name(&name) {
            found.push(format!("ticket_fields gives field {name} the column {column}"));
        }
        // Another field may need the same name for its twin, and then has it.
        let is_taken = known.iter().any(|other| other.twin && twin_name(&other.field) == column_name(&name));
        found.extend(schema.filter(|_| !is_taken).and_then(|schema| of_column(schema, &name, &said)));
        if !names.insert(name.clone()) {
            found.push(format!("ticket_fields has field {name} twice"));
        }
    }
    let with_options: BTreeSet<String> =
        options.iter().map(|row| text(row, TICKET_FIELD_OPTIONS, "field_name")).collect();
    for name in with_options {
        if !names.contains(&name) {
            found.push(format!(
                "ticket_field_options has options of field {name}, ticket_fields has no such field"
            ));
        } else if schema.is_some_and(|schema| schema.index_of(&twin_name(&name)).is_err()) {
            found.push(format!("field {name} has options, but tickets have no column {}", twin_name(&name)));
        }
    }
    Ok(found)
}

/// How the column of a field differs from what `ticket_fields` says of it.
fn of_column(schema: &Schema, name: &str, said: &str) -> Option<String> {
    let column = column_name(name);
    let Ok(field) = schema.field_with_name(&column) else {
        return Some(format!("ticket_fields has field {name}, but tickets have no column {column}"));
    };
    let is = Type::of_arrow(field.data_type()).map_or("of no known type", Type::name);
    (is != said).then(|| format!("ticket_fields says that {column} is {said}, its column is {is}"))
}
