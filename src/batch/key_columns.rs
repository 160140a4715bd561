//! The columns by which rows are merged: ids and instants.

use arrow::{
    array::{Array, AsArray, Int64Array, RecordBatch, TimestampMicrosecondArray},
    datatypes::{Int64Type, TimestampMicrosecondType},
};

use super::{BatchError, ID};

/// The ids of rows, where they have them.
pub fn ids_of(batch: &RecordBatch) -> Option<&Int64Array> {
    batch.column_by_name(ID)?.as_primitive_opt::<Int64Type>()
}

/// The ids of rows as numbers; empty without an `id` column.
pub fn id_values(batch: &RecordBatch) -> &[i64] {
    ids_of(batch).map(|ids| &ids.values()[..]).unwrap_or_default()
}

/// The ids of rows that must all have one.
pub(super) fn required_ids(batch: &RecordBatch) -> Result<&Int64Array, BatchError> {
    ids_of(batch)
        .filter(|ids| ids.null_count() == 0)
        .ok_or(BatchError::Column { column: ID, wanted: "an integer in every row" })
}

/// A column of instants, in microseconds since 1970, where there is one.
pub fn instants_of<'a>(batch: &'a RecordBatch, name: &str) -> Option<&'a TimestampMicrosecondArray> {
    batch.column_by_name(name)?.as_primitive_opt::<TimestampMicrosecondType>()
}

/// The instant of a row, where it has one.
pub fn instant(times: Option<&TimestampMicrosecondArray>, row: usize) -> Option<i64> {
    times.filter(|times| times.is_valid(row)).map(|times| times.value(row))
}
