//! Putting right what was found damaged: a file is written anew from its rows, or moved out of the tables, never deleted.

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;

use super::{FileForm, Lake, LakeError, PartitionKey, TableFile, Written, store, table, tickets};
use crate::batch::Merge;

/// Where damaged files go, under the name of the run that moved them.
const ASIDE: &str = "_ticketlake/aside";
/// Rows that are given to the writer at a time.
const WRITE_ROWS: usize = 4096;

/// Makes `rows` the whole of a partition: sorted, per id the newest `updated_at` and of equal ones the last. What the
/// file held before does not count.
pub fn replace(
    lake: &Lake,
    source: &str,
    key: PartitionKey,
    rows: &[RecordBatch],
    form: &FileForm,
) -> Result<Written, LakeError> {
    let file = tickets::file_key(source, key);
    let path = store::path(lake, &file);
    let mut merge = Merge::new(form.schema(), rows).map_err(LakeError::rows(&path))?;
    store::put(lake, &file, &store::Expected::Anything, |staged| {
        let mut out = form.writer(staged, &path, merge.rows())?;
        while let Some(batch) = merge.rest(WRITE_ROWS).map_err(LakeError::rows(&path))? {
            out.write(&batch)?;
        }
        out.finish()
    })
    .map(|(written, _)| written)
}

/// Writes the file of a small table anew under the form's schema.
pub fn rewrite_table(lake: &Lake, file: &TableFile, form: &FileForm) -> Result<Written, LakeError> {
    let path = lake.at(&file.path());
    let rows = table::read_table(lake, file.table, &file.source)?;
    let rows = rows.unwrap_or_else(|| RecordBatch::new_empty(form.schema().clone()));
    store::put(lake, &store::text(&file.path()), &store::Expected::Anything, |staged| {
        let mut out = form.writer(staged, &path, rows.num_rows() as u64)?;
        out.write(&rows)?;
        out.finish()
    })
    .map(|(written, _)| written)
}

/// Moves a file or a folder out of its place, to be looked at later. `what` and what is returned are relative to the lake.
pub fn set_aside(lake: &Lake, run_id: &str, what: &Path) -> Result<PathBuf, LakeError> {
    let aside = Path::new(ASIDE).join(run_id).join(what);
    store::rename(lake, what, &aside)?;
    Ok(aside)
}

/// Takes away a folder that holds nothing. One that is not empty, or gone, is left alone.
pub fn remove_empty(lake: &Lake, folder: &Path) -> Result<bool, LakeError> {
    store::remove_empty(lake, folder)
}

/// Where the state of a source lies, relative to the lake.
pub fn state_folder(source: &str) -> PathBuf {
    [store::HOUSE, "state", source].iter().collect()
}
