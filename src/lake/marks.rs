//! Which tickets a partition holds and which of them are marked as deleted; and the marking.

use std::sync::Arc;

use arrow::array::{BooleanArray, TimestampMicrosecondArray};

use super::{
    FileForm, Lake, LakeError, PartitionKey, Written,
    again::{self, Change},
    read, tickets,
};
use crate::{
    batch::{BatchError, ID, ids_of, instant, instants_of},
    columns::DELETED_AT,
};

/// What tells whether a row is still a ticket. Instants are microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    pub id: i64,
    pub created_at: Option<i64>,
    pub deleted_at: Option<i64>,
}

const COLUMNS: [&str; 3] = [ID, "created_at", DELETED_AT];

/// The marks of a partition, by id; only these columns are read.
pub fn marks(lake: &Lake, source: &str, key: PartitionKey) -> Result<Vec<Mark>, LakeError> {
    let path = tickets::ticket_file(lake, source, key);
    let mut marks = Vec::new();
    for batch in read::columns(&path, &COLUMNS)?.into_iter().flatten() {
        let batch = batch?;
        let missing =
            |column| LakeError::rows(&path)(BatchError::Column { column, wanted: "of the lake's type" });
        let times = |name| instants_of(&batch, name).ok_or_else(|| missing(name));
        let (created, deleted) = (times("created_at")?, times(DELETED_AT)?);
        let ids = ids_of(&batch).ok_or_else(|| missing(ID))?;
        for (row, id) in ids.values().iter().enumerate() {
            let (created_at, deleted_at) = (instant(Some(created), row), instant(Some(deleted), row));
            marks.push(Mark { id: *id, created_at, deleted_at });
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
    let times = all.iter().map(|mark| mark.deleted_at.or_else(|| gone(mark.id).then_some(at)));
    let times = times.collect::<TimestampMicrosecondArray>().with_timezone("UTC");
    // A marked row is no longer what its answer said: should the ticket come back, it must differ.
    let is_gone: BooleanArray = all.iter().map(|mark| Some(gone(mark.id))).collect();
    let path = tickets::ticket_file(lake, source, key);
    let place = form.schema().index_of(DELETED_AT).map_err(|why| LakeError::rows(&path)(why.into()))?;
    let change = Change::Cells(place, Arc::new(times), is_gone);
    let written = again::write(lake, &tickets::file_key(source, key), form, &change)?;
    Ok(written.map(|written| (count, written)))
}
