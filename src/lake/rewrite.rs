//! A file written again from its own rows: under other columns, with deletion marks or a mask, or without some rows.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, BooleanArray, RecordBatch, TimestampMicrosecondArray},
    compute::filter_record_batch,
};
use roaring::RoaringTreemap;

use super::{
    FileSchema, Lake, LakeError,
    existing::Existing,
    reader,
    store::{self, Expected},
    writer::{WrittenFile, write_file},
};
use crate::{
    batch::{BatchError, id_values, instant, instants_of},
    columns::DELETED_AT,
};

/// Writes the file at `key` again with every batch as `edit` makes it. `None` if there is no file, or if neither its
/// columns nor its rows change.
pub(super) fn rewrite(
    lake: &Lake,
    key: &str,
    schema: &FileSchema,
    edit: &dyn Fn(RecordBatch) -> Result<RecordBatch, BatchError>,
) -> Result<Option<WrittenFile>, LakeError> {
    let at = &store::path(lake, key);
    let _lock = store::lock_partitions(lake)?;
    let Some(file) = reader::open(at)? else { return Ok(None) };
    let existing = Existing::new(file, schema)?;
    let (mut changes, mut rows) = (!existing.has_schema(), 0);
    for batch in existing.batches()? {
        let batch = batch?;
        let edited = edit(batch.clone()).map_err(LakeError::rows(at))?;
        changes |= edited != batch;
        rows += edited.num_rows() as u64;
    }
    if !changes {
        return Ok(None);
    }
    let edited = |batch: Result<RecordBatch, LakeError>| edit(batch?).map_err(LakeError::rows(at));
    let mut batches = existing.batches()?.map(edited);
    let expected = Expected::Version(existing.version());
    write_file(lake, key, &expected, schema, rows, &mut batches).map(Some)
}

/// The rows but for those of some ids.
pub(super) fn without(batch: &RecordBatch, ids: &RoaringTreemap) -> Result<RecordBatch, BatchError> {
    let stays: BooleanArray =
        id_values(batch).iter().map(|id| Some(!ids.contains(id.cast_unsigned()))).collect();
    Ok(filter_record_batch(batch, &stays)?)
}

/// The rows, those of some ids marked as deleted at an instant; a row that is marked keeps its mark.
pub(super) fn deleted(batch: RecordBatch, ids: &RoaringTreemap, at: i64) -> Result<RecordBatch, BatchError> {
    let (schema, marks) = (batch.schema(), instants_of(&batch, DELETED_AT));
    let mark = |(row, id): (usize, &i64)| {
        instant(marks, row).or_else(|| ids.contains(id.cast_unsigned()).then_some(at))
    };
    let marks: TimestampMicrosecondArray = id_values(&batch).iter().enumerate().map(mark).collect();
    if marks.null_count() == marks.len() {
        return Ok(batch);
    }
    let marks: ArrayRef = Arc::new(marks.with_timezone("UTC"));
    let place = schema.index_of(DELETED_AT)?;
    let mut columns = batch.columns().to_vec();
    if let Some(column) = columns.get_mut(place) {
        *column = marks;
    }
    Ok(RecordBatch::try_new(schema, columns)?)
}
