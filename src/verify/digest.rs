//! A row as one number: two rows that say the same have the same, whatever their columns' order, and whether a column
//! without a value is there or not.

use std::hash::{DefaultHasher, Hash, Hasher};

use arrow::{
    array::{Array, RecordBatch},
    error::ArrowError,
    row::{RowConverter, SortField},
};

use crate::columns::{DELETED_AT, SYNCED_AT};

/// The digest of each row. When a row was read and when it was marked are not part of what it says.
pub fn digests(batch: &RecordBatch) -> Result<Vec<u64>, ArrowError> {
    let mut digests = vec![0_u64; batch.num_rows()];
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if field.name() == SYNCED_AT || field.name() == DELETED_AT {
            continue;
        }
        let converter = RowConverter::new(vec![SortField::new(field.data_type().clone())])?;
        let cells = converter.convert_columns(std::slice::from_ref(column))?;
        let mut named = DefaultHasher::new();
        field.name().hash(&mut named);
        for (row, digest) in digests.iter_mut().enumerate().filter(|(row, _)| column.is_valid(*row)) {
            let mut hasher = named.clone();
            cells.row(row).hash(&mut hasher);
            // A sum does not know in which order the columns came.
            *digest = digest.wrapping_add(hasher.finish());
        }
    }
    Ok(digests)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};

    use super::*;

    fn of(columns: Vec<(&str, ArrayRef)>) -> u64 {
        let rows = RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)));
        digests(&rows.unwrap()).unwrap()[0]
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
        Arc::new(builder.finish())
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
