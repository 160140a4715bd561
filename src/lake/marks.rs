//! Which tickets a partition holds and which of them are marked as deleted; and the marking.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch, TimestampMicrosecondArray},
    compute::nullif,
    datatypes::{Int64Type, TimestampMicrosecondType},
};

use super::{
    FileForm, Lake, LakeError, PartitionKey, Written,
    again::{self, Change},
    digests,
    old::Old,
    read,
    store::{self, Seen},
    tickets,
};
use crate::{
    batch::{BatchError, DIGEST, conform},
    columns::DELETED_AT,
};

/// What tells whether a row is still a ticket. Instants are microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub id: i64,
    pub created_at: Option<i64>,
    pub deleted_at: Option<i64>,
}

const COLUMNS: [&str; 3] = ["id", "created_at", DELETED_AT];

/// The marks of a partition, by id; only these columns are read.
pub fn marks(lake: &Lake, source: &str, key: PartitionKey) -> Result<Vec<Mark>, LakeError> {
    let path = tickets::ticket_file(lake, source, key);
    let mut marks = Vec::new();
    for batch in read::columns(&path, &COLUMNS)?.into_iter().flatten() {
        let batch = batch?;
        let column = |name| {
            let column = batch.column_by_name(name);
            column
                .ok_or(BatchError::Column { column: name, wanted: "a column" })
                .map_err(LakeError::rows(&path))
        };
        let ids = column("id")?.as_primitive_opt::<Int64Type>();
        let time = |column: &ArrayRef, row| {
            let times = column.as_primitive_opt::<TimestampMicrosecondType>()?;
            times.is_valid(row).then(|| times.value(row))
        };
        let (created, deleted) = (column("created_at")?, column(DELETED_AT)?);
        for (row, id) in ids.into_iter().flat_map(|ids| ids.values().iter().enumerate()) {
            marks.push(Mark { id: *id, created_at: time(created, row), deleted_at: time(deleted, row) });
        }
    }
    Ok(marks)
}

/// Marks rows of a partition as deleted at an instant; rows that are marked keep their mark. `None` where none was
/// marked and the file stands.
pub fn mark_deleted(
    lake: &Lake,
    source: &str,
    key: PartitionKey,
    gone: &dyn Fn(i64) -> bool,
    at: i64,
    form: &FileForm,
) -> Result<Option<(u64, Written)>, LakeError> {
    let wanted = |mark: &Mark| mark.deleted_at.is_none() && gone(mark.id);
    let all = marks(lake, source, key)?;
    let count = all.iter().filter(|mark| wanted(mark)).count() as u64;
    if count == 0 {
        return Ok(None);
    }
    let path = tickets::ticket_file(lake, source, key);
    let file = tickets::file_key(source, key);
    if !FileForm::is_small(all.len() as u64)
        && let Some(content) = path.open()?
    {
        let old = Old::new(&path, content)?;
        old.check_rows(all.len())?;
        let change =
            marking(&all, gone, at, &old.digests(&(0..all.len())), form).map_err(LakeError::rows(&path))?;
        return Ok(Some((count, again::write(lake, &file, &old, form, &change)?)));
    }
    let rows = digests::rows(&path)?;
    let seen = rows.as_ref().map_or(Seen::Nothing, |rows| rows.seen.clone());
    let written = store::put_over(lake, &file, seen, |staged| {
        let mut out = form.writer(staged, &path, all.len() as u64)?;
        for batch in rows.into_iter().flatten() {
            let batch = conform(&batch?, form.carried()).and_then(|batch| marked(&batch, gone, at));
            out.write(&batch.map_err(LakeError::rows(&path))?)?;
        }
        out.finish()
    })?;
    Ok(Some((count, written)))
}

/// The marks of a whole file, made anew.
fn marking(
    all: &[Mark],
    gone: &dyn Fn(i64) -> bool,
    at: i64,
    digests: &ArrayRef,
    form: &FileForm,
) -> Result<Change, BatchError> {
    let times = all.iter().map(|mark| mark.deleted_at.or_else(|| gone(mark.id).then_some(at)));
    let times = times.collect::<TimestampMicrosecondArray>().with_timezone("UTC");
    let is_gone: BooleanArray = all.iter().map(|mark| Some(gone(mark.id))).collect();
    let place = form.schema().index_of(DELETED_AT)?;
    // As below: should the ticket come back, it must differ.
    Ok(Change::Cells(place, Arc::new(times), nullif(digests, &is_gone)?))
}

fn marked(batch: &RecordBatch, gone: &dyn Fn(i64) -> bool, at: i64) -> Result<RecordBatch, BatchError> {
    let missing = |column| BatchError::Column { column, wanted: "a column of the lake's type" };
    let ids =
        batch.column_by_name("id").and_then(|c| c.as_primitive_opt::<Int64Type>()).ok_or(missing("id"))?;
    let number = batch.schema_ref().index_of(DELETED_AT).map_err(|_| missing(DELETED_AT))?;
    let old =
        batch.column(number).as_primitive_opt::<TimestampMicrosecondType>().ok_or(missing(DELETED_AT))?;
    let new: TimestampMicrosecondArray =
        old.iter().zip(ids.values()).map(|(mark, id)| mark.or_else(|| gone(*id).then_some(at))).collect();
    let mut columns = batch.columns().to_vec();
    columns[number] = Arc::new(new.with_timezone("UTC"));
    // A marked row is no longer what its answer said: should the ticket come back, it must differ.
    let digests = batch.schema_ref().index_of(DIGEST).map_err(|_| missing(DIGEST))?;
    let is_gone: BooleanArray = ids.values().iter().map(|id| Some(gone(*id))).collect();
    columns[digests] = nullif(&columns[digests], &is_gone)?;
    Ok(RecordBatch::try_new(batch.schema(), columns)?)
}
