//! A row as one number: two rows that say the same have the same, whatever their columns' order, and whether a column
//! without a value is there or not.

use std::hash::{DefaultHasher, Hash, Hasher};

use arrow::{
    array::{Array, AsArray, RecordBatch},
    datatypes::{
        DataType, Date32Type, Float64Type, Int8Type, Int64Type, Time64MicrosecondType, TimeUnit,
        TimestampMicrosecondType,
    },
};

use crate::columns::{DELETED_AT, SYNCED_AT};

/// The digest of each row. When a row was read and when it was marked are not part of what it says.
pub fn digests(batch: &RecordBatch) -> Vec<u64> {
    let mut digests = vec![0_u64; batch.num_rows()];
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        if field.name() == SYNCED_AT || field.name() == DELETED_AT {
            continue;
        }
        let mut named = DefaultHasher::new();
        field.name().hash(&mut named);
        let cell = cell(column.as_ref());
        for (row, digest) in digests.iter_mut().enumerate().filter(|(row, _)| column.is_valid(*row)) {
            let mut hasher = named.clone();
            cell(row, &mut hasher);
            // A sum does not know in which order the columns came.
            *digest = digest.wrapping_add(hasher.finish());
        }
    }
    digests
}

type Cell<'a> = Box<dyn Fn(usize, &mut DefaultHasher) + 'a>;

macro_rules! plain {
    ($array:expr) => {{
        let array = $array;
        Box::new(move |row, hasher| array.value(row).hash(hasher))
    }};
}

/// How a valid cell of a column is hashed.
fn cell(column: &dyn Array) -> Cell<'_> {
    match column.data_type() {
        DataType::Utf8 => plain!(column.as_string::<i32>()),
        DataType::Boolean => plain!(column.as_boolean()),
        DataType::Int8 => plain!(column.as_primitive::<Int8Type>()),
        DataType::Int64 => plain!(column.as_primitive::<Int64Type>()),
        DataType::Date32 => plain!(column.as_primitive::<Date32Type>()),
        DataType::Time64(TimeUnit::Microsecond) => plain!(column.as_primitive::<Time64MicrosecondType>()),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            plain!(column.as_primitive::<TimestampMicrosecondType>())
        }
        DataType::Float64 => {
            let array = column.as_primitive::<Float64Type>();
            Box::new(move |row, hasher| array.value(row).to_bits().hash(hasher))
        }
        DataType::List(_) => {
            let lists = column.as_list::<i32>();
            let element = cell(lists.values().as_ref());
            Box::new(move |row, hasher| {
                let bounds = lists.value_offsets();
                let range = bounds[row] as usize..bounds[row + 1] as usize;
                range.len().hash(hasher);
                for at in range {
                    lists.values().is_valid(at).hash(hasher);
                    if lists.values().is_valid(at) {
                        element(at, hasher);
                    }
                }
            })
        }
        // No lake has such a column; its cells are told apart from null only.
        _ => Box::new(|_, hasher| hasher.write_u8(1)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{ArrayRef, Int64Array, ListArray, StringArray, TimestampMicrosecondArray},
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
