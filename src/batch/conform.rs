//! Which types a column may grow into, and how a batch takes on a schema.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, RecordBatchOptions, new_null_array},
    compute::cast,
    datatypes::{DataType, Field, SchemaRef},
};

use super::{BatchError, text::as_text};

/// The same rows under `schema`: columns are found by name, missing ones become null, narrower ones are
/// widened (an integer to a larger one or to a decimal number, anything to text), others are dropped.
/// A column that already has its type is shared, not copied.
///
/// Fails on a type that cannot be widened, and on a null in a column that forbids it.
pub fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, BatchError> {
    let present = batch.schema_ref();
    if present == schema {
        return Ok(batch.clone());
    }
    let mut columns = Vec::with_capacity(schema.fields().len());
    for (place, field) in schema.fields().iter().enumerate() {
        // Most batches differ by a few columns at most, so the same place is tried first.
        let found = match present.fields().get(place) {
            Some(same) if same.name() == field.name() => Some(place),
            _ => present.index_of(field.name()).ok(),
        };
        columns.push(match found {
            Some(at) => conform_column(batch.column(at), field)?,
            None => new_null_array(field.data_type(), batch.num_rows()),
        });
    }
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}

/// One column under the type of `field`, as [`conform`] does it.
pub fn conform_column(column: &ArrayRef, field: &Field) -> Result<ArrayRef, BatchError> {
    use DataType::{Float32, Float64, Int8, Int16, Int32, Int64, List, Utf8};
    let (from, to) = (column.data_type(), field.data_type());
    match (from, to) {
        _ if from == to => Ok(column.clone()),
        (List(_), List(inner)) => {
            let list = column.as_list::<i32>();
            let values = conform_column(list.values(), inner)?;
            let nulls = list.nulls().cloned();
            Ok(Arc::new(ListArray::try_new(inner.clone(), list.offsets().clone(), values, nulls)?))
        }
        (Int8 | Int16 | Int32, Int64) | (Int8 | Int16 | Int32 | Int64 | Float32, Float64) => {
            Ok(cast(column, to)?)
        }
        (_, Utf8) => as_text(column).ok_or_else(|| refused(field, from)),
        _ => Err(refused(field, from)),
    }
}

fn refused(field: &Field, from: &DataType) -> BatchError {
    BatchError::Widen {
        column: field.name().clone(),
        from: from.to_string(),
        to: field.data_type().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{BooleanArray, Float64Array, Int64Array};
    use arrow::datatypes::Schema;

    fn schema(fields: &[(&str, DataType)]) -> SchemaRef {
        let fields: Vec<Field> =
            fields.iter().map(|(name, kind)| Field::new(*name, kind.clone(), *name != "id")).collect();
        Arc::new(Schema::new(fields))
    }

    fn one(ids: Vec<i64>) -> RecordBatch {
        let numbers: Vec<Option<i64>> = ids.iter().map(|id| (id % 2 == 0).then_some(*id)).collect();
        RecordBatch::try_new(
            schema(&[("id", DataType::Int64), ("n", DataType::Int64)]),
            vec![Arc::new(Int64Array::from(ids)), Arc::new(Int64Array::from(numbers))],
        )
        .unwrap()
    }

    #[test]
    fn columns_move_by_name_and_missing_ones_are_null() {
        let wider = schema(&[("id", DataType::Int64), ("new", DataType::Boolean), ("n", DataType::Float64)]);
        let out = conform(&one(vec![1, 2]), &wider).unwrap();
        assert_eq!(out.column(1).as_ref(), &BooleanArray::from(vec![None, None]));
        assert_eq!(out.column(2).as_ref(), &Float64Array::from(vec![None, Some(2.0)]));
    }

    #[test]
    fn a_column_of_the_right_type_is_shared() {
        let batch = one(vec![1, 2]);
        let wider = schema(&[("id", DataType::Int64), ("n", DataType::Utf8)]);
        let out = conform(&batch, &wider).unwrap();
        assert!(Arc::ptr_eq(batch.column(0), out.column(0)));
    }

    #[test]
    fn narrowing_is_refused_by_name() {
        let narrower = schema(&[("id", DataType::Int64), ("n", DataType::Boolean)]);
        let fault = conform(&one(vec![1]), &narrower).unwrap_err().to_string();
        assert!(fault.contains("`n`"), "{fault}");
    }
}
