//! A row as one number: two rows that say the same have the same, whatever their columns' order, and whether a column
//! without a value is there or not.

use std::slice;

use arrow::{
    array::{Array, RecordBatch},
    row::{RowConverter, SortField},
};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::columns::{DELETED_AT, SYNCED_AT};

/// The digest of each row. When a row was read and when it was marked are not part of what it says.
pub fn digests(batch: &RecordBatch) -> Vec<u64> {
    let mut digests = vec![0_u64; batch.num_rows()];
    let columns = batch.schema_ref().fields().iter().zip(batch.columns());
    for (field, column) in
        columns.filter(|(field, _)| ![SYNCED_AT, DELETED_AT].contains(&field.name().as_str()))
    {
        // Arrow's row format: equal cells have equal bytes. It has every type that a lake has.
        let converter = RowConverter::new(vec![SortField::new(column.data_type().clone())]);
        let cells = converter.and_then(|converter| converter.convert_columns(slice::from_ref(column)));
        let Ok(cells) = cells else { continue };
        let name = xxh3_64(field.name().as_bytes());
        for (row, digest) in digests.iter_mut().enumerate().filter(|(row, _)| column.is_valid(*row)) {
            // A sum does not know in which order the columns came.
            *digest = digest.wrapping_add(xxh3_64_with_seed(cells.row(row).as_ref(), name));
        }
    }
    digests
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{ArrayRef, AsArray, Int64Array, ListArray, StringArray, TimestampMicrosecondArray},
        datatypes::Utf8Type,
    };

    use super::*;

    fn of(columns: Vec<(&str, ArrayRef)>) -> u64 {
        let rows = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)));
        digests(&rows.unwrap())[0]
    }

    fn number(value: Option<i64>) -> ArrayRef {
        Arc::new(Int64Array::from(vec![value]))
    }

    fn text(value: &str) -> ArrayRef {
        Arc::new(StringArray::from(vec![value]))
    }

    fn list(values: &[Option<&str>]) -> ArrayRef {
        let mut builder = arrow::array::ListBuilder::new(arrow::array::StringBuilder::new());
        builder.append_value(values.iter().copied());
        let list: ListArray = builder.finish();
        let _: &arrow::array::GenericByteArray<Utf8Type> = list.values().as_bytes();
        Arc::new(list)
    }

    #[test]
    fn only_what_a_row_says_counts() {
        let plain = of(vec![("id", number(Some(1))), ("a", text("x"))]);
        assert_eq!(of(vec![("a", text("x")), ("id", number(Some(1))), ("b", number(None))]), plain);
        let read = |at: i64| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(vec![at])) };
        assert_eq!(of(vec![("id", number(Some(1))), ("a", text("x")), (SYNCED_AT, read(5))]), plain);
        let others = [
            of(vec![("id", number(Some(2))), ("a", text("x"))]),
            of(vec![("id", number(Some(1))), ("a", text("y"))]),
            of(vec![("id", number(Some(1))), ("b", text("x"))]),
            of(vec![("id", number(Some(1))), ("a", list(&[]))]),
            of(vec![("id", number(Some(1))), ("a", list(&[None]))]),
            of(vec![("id", number(Some(1))), ("a", list(&[Some("x"), Some("y")]))]),
            of(vec![("id", number(Some(1))), ("a", list(&[Some("xy")]))]),
        ];
        for (at, one) in others.iter().enumerate() {
            assert!(*one != plain && !others[at + 1..].contains(one), "{at}");
        }
    }
}
