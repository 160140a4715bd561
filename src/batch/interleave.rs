//! Rows of several batches as the rows of one.

use arrow::{
    array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array},
    compute,
    datatypes::SchemaRef,
};

use super::BatchError;

/// Rows `(source, row)` of batches that all have this schema, in the given order.
///
/// Rows that follow each other in one source are sliced from it, not copied.
pub fn interleave(
    schema: &SchemaRef,
    sources: &[&RecordBatch],
    rows: &[(usize, usize)],
) -> Result<RecordBatch, BatchError> {
    let Some(&(source, first)) = rows.first() else { return Ok(RecordBatch::new_empty(schema.clone())) };
    if rows.iter().enumerate().all(|(at, row)| *row == (source, first + at)) {
        return Ok(sources[source].slice(first, rows.len()));
    }
    let column = |at: usize| {
        let columns: Vec<&ArrayRef> = sources.iter().map(|batch| batch.column(at)).collect();
        interleave_column(&columns, rows)
    };
    let columns = (0..schema.fields().len()).map(column).collect::<Result<_, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}

/// Cells `(source, row)` of columns of one type.
pub(super) fn interleave_column(
    columns: &[&ArrayRef],
    rows: &[(usize, usize)],
) -> Result<ArrayRef, BatchError> {
    // Half of a ticket's columns are empty: making nulls is much cheaper than copying them one by one.
    if columns.iter().all(|column| column.null_count() == column.len())
        && let Some(first) = columns.first()
    {
        return Ok(new_null_array(first.data_type(), rows.len()));
    }
    let arrays: Vec<&dyn Array> = columns.iter().map(|column| column.as_ref()).collect();
    Ok(compute::interleave(&arrays, rows)?)
}
