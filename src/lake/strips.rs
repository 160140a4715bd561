//! A small file, decoded whole: column by column where it is of our form, else some columns at a time. The library's
//! reader sets up a decompressor of 150 KB for each column, so that all columns of a day together would take more memory
//! than everything else in a run.

use std::ops::Range;

use arrow::{
    array::{ArrayRef, RecordBatch},
    error::ArrowError,
};
use bytes::Bytes;
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{ArrowReaderMetadata, ParquetRecordBatchReaderBuilder},
    },
    errors::ParquetError,
};

use super::unpack::{self, Wanted};

/// Columns decoded at a time.
const COLUMNS: usize = 8;

/// All `rows` of a file as one batch, under the schema that the file has.
pub(super) fn decode(
    content: &Bytes,
    metadata: &ArrowReaderMetadata,
    rows: usize,
) -> Result<RecordBatch, ParquetError> {
    if let Some(columns) = ours(content, metadata, rows) {
        return Ok(RecordBatch::try_new(metadata.schema().clone(), columns)?);
    }
    let width = metadata.schema().fields().len();
    let mut columns: Vec<ArrayRef> = Vec::with_capacity(width);
    for start in (0..width).step_by(COLUMNS) {
        columns.extend(strip(content, metadata, rows, start..width.min(start + COLUMNS))?);
    }
    Ok(RecordBatch::try_new(metadata.schema().clone(), columns)?)
}

/// All columns, if each is as `small` writes them.
fn ours(content: &Bytes, metadata: &ArrowReaderMetadata, rows: usize) -> Option<Vec<ArrayRef>> {
    let [group] = metadata.metadata().row_groups() else { return None };
    let fields = metadata.schema().fields();
    // Each column has one leaf then.
    if group.num_columns() != fields.len() {
        return None;
    }
    let columns = group.columns().iter().zip(fields);
    columns.map(|(chunk, field)| unpack::column(content, chunk, field, Wanted::All(rows))).collect()
}

fn strip(
    content: &Bytes,
    metadata: &ArrowReaderMetadata,
    rows: usize,
    columns: Range<usize>,
) -> Result<Vec<ArrayRef>, ParquetError> {
    let mask = ProjectionMask::roots(metadata.parquet_schema(), columns);
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(content.clone(), metadata.clone());
    let mut batches = builder.with_projection(mask).with_batch_size(rows).build()?;
    let batch = batches.next().transpose()?;
    match batch.filter(|batch| batch.num_rows() == rows) {
        Some(batch) => Ok(batch.columns().to_vec()),
        None => Err(ArrowError::ParquetError("a column ends before the last row".to_owned()).into()),
    }
}
