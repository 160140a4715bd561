//! Small tables, one file for each source, written only when what they say changed.

use arrow::{array::RecordBatch, compute::concat_batches};

use super::{FileForm, Lake, LakeError, Written, read, store};
use crate::{batch::conform, columns::of_schema};

fn file_key(table: &str, source: &str) -> String {
    format!("{table}/source={source}/part-0.parquet")
}

/// The whole table of a source, under the schema that its file has; `None` if there is none.
pub fn read_table(lake: &Lake, table: &str, source: &str) -> Result<Option<RecordBatch>, LakeError> {
    let path = store::path(lake, &file_key(table, source));
    let Some(rows) = read::rows(&path)? else {
        return Ok(None);
    };
    let schema = rows.footer.schema.clone();
    let batches: Vec<RecordBatch> = rows.collect::<Result<_, _>>()?;
    let whole = concat_batches(&schema, &batches);
    whole.map(Some).map_err(|cause| LakeError::rows(&path)(cause.into()))
}

/// Whether the table of a source is there.
pub fn has_table(lake: &Lake, table: &str, source: &str) -> Result<bool, LakeError> {
    store::exists(lake, &file_key(table, source))
}

/// Makes `rows` the whole table of a source. `None` if the file says exactly that already.
pub fn write_table(
    lake: &Lake,
    table: &str,
    source: &str,
    rows: &RecordBatch,
    form: &FileForm,
) -> Result<Option<Written>, LakeError> {
    let file = file_key(table, source);
    let path = store::path(lake, &file);
    let rows = conform(rows, form.schema()).map_err(LakeError::rows(&path))?;
    // What a column means may be said in better words: no reason to write again.
    if let Some(present) = read_table(lake, table, source)?
        && of_schema(present.schema_ref()) == of_schema(rows.schema_ref())
        && present.columns() == rows.columns()
    {
        return Ok(None);
    }
    let written = store::put(lake, &file, &store::Expected::Anything, |staged| {
        let mut out = form.writer(staged, &path, rows.num_rows() as u64)?;
        out.write(&rows)?;
        out.finish()
    })?;
    Ok(Some(written.0))
}
