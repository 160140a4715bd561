//! Rows of a partition changed where they are, all by one rule.

use arrow::{array::RecordBatch, error::ArrowError};

use super::{FileForm, Lake, LakeError, PartitionKey, Written, store, tickets};

/// Rewrites the file of a partition with every batch as `rule` makes it; ids and order must stay. `None` if there is no
/// file, or if the rule changes nothing in it.
pub fn change(
    lake: &Lake,
    source: &str,
    key: PartitionKey,
    rule: &dyn Fn(RecordBatch) -> Result<RecordBatch, ArrowError>,
    form: &FileForm,
) -> Result<Option<Written>, LakeError> {
    let path = tickets::ticket_file(lake, source, key);
    let ruled = |batch: &RecordBatch| rule(batch.clone()).map_err(|why| LakeError::rows(&path)(why.into()));
    let (mut rows, mut changes) = (0, false);
    for batch in tickets::rows(lake, source, key, form)? {
        let batch = batch?;
        rows += batch.num_rows() as u64;
        changes = changes || ruled(&batch)? != batch;
    }
    if !changes {
        return Ok(None);
    }
    store::put(lake, &tickets::file_key(source, key), &store::Expected::Anything, |staged| {
        let mut out = form.writer(staged, &path, rows)?;
        for batch in tickets::rows(lake, source, key, form)? {
            out.write(&ruled(&batch?)?)?;
        }
        out.finish()
    })
    .map(|(written, _)| Some(written))
}
