//! What rows are known by: their ids, their times, and the answers that they came from.

use arrow::{
    array::{Array, AsArray, Int64Array, RecordBatch, TimestampMicrosecondArray, UInt64Array},
    datatypes::{Int64Type, TimestampMicrosecondType, UInt64Type},
};

use super::{DIGEST, ID};

/// The ids of rows, where they have them.
pub fn ids_of(batch: &RecordBatch) -> Option<&Int64Array> {
    batch.column_by_name(ID)?.as_primitive_opt::<Int64Type>()
}

/// The ids of rows as numbers; none where they have none.
pub fn id_values(batch: &RecordBatch) -> &[i64] {
    ids_of(batch).map(|ids| &ids.values()[..]).unwrap_or_default()
}

/// A column of instants, in microseconds since 1970, where there is one.
pub fn instants_of<'a>(batch: &'a RecordBatch, name: &str) -> Option<&'a TimestampMicrosecondArray> {
    batch.column_by_name(name)?.as_primitive_opt::<TimestampMicrosecondType>()
}

/// The instant of a row, where it has one.
pub fn instant(times: Option<&TimestampMicrosecondArray>, row: usize) -> Option<i64> {
    times.filter(|times| times.is_valid(row)).map(|times| times.value(row))
}

/// What rows came from, where they tell.
pub fn digests(batch: &RecordBatch) -> Option<&UInt64Array> {
    batch.column_by_name(DIGEST)?.as_primitive_opt::<UInt64Type>()
}

/// What a row came from, where it tells.
pub fn digest(digests: Option<&UInt64Array>, row: usize) -> Option<u64> {
    digests.filter(|digests| digests.is_valid(row)).map(|digests| digests.value(row))
}
