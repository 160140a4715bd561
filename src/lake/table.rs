//! Small tables, one file for each source, written only when what they say changes.

use arrow::{array::RecordBatch, compute::concat_batches};

use super::{
    FileSchema, Lake, LakeError,
    inventory::table_key,
    manifest::TableVersion,
    reader, store,
    store::Expected,
    writer::{WrittenFile, write_file},
};
use crate::batch::conform;

/// The whole table of a source, under the schema that its file has; `None` if there is none.
pub fn read_table(lake: &Lake, table: &str, source: &str) -> Result<Option<RecordBatch>, LakeError> {
    let at = store::path(lake, &table_key(table, source));
    let Some(file) = reader::open(&at)? else { return Ok(None) };
    let batches: Vec<RecordBatch> = file.batches()?.collect::<Result<_, _>>()?;
    let whole = concat_batches(file.schema(), &batches);
    whole.map(Some).map_err(|cause| LakeError::rows(&at)(cause.into()))
}

/// Whether the table of a source is there.
pub fn has_table(lake: &Lake, table: &str, source: &str) -> Result<bool, LakeError> {
    store::path(lake, &table_key(table, source)).exists()
}

/// Which version of its file a table has, for the manifest; `None` if there is none.
pub fn table_version(lake: &Lake, table: &str, source: &str) -> Result<Option<TableVersion>, LakeError> {
    let Some(file) = reader::open(&store::path(lake, &table_key(table, source)))? else { return Ok(None) };
    Ok(Some(TableVersion { version: file.version(), checksum: file.checksum()? }))
}

/// Makes `rows` the whole table of a source. `None` if the file says exactly that already. A file that is damaged must
/// have been moved aside before.
pub fn write_table(
    lake: &Lake,
    table: &str,
    source: &str,
    rows: &RecordBatch,
    schema: &FileSchema,
) -> Result<Option<WrittenFile>, LakeError> {
    let key = table_key(table, source);
    let rows = conform(rows, schema.schema()).map_err(LakeError::rows(store::path(lake, &key)))?;
    if let Some(present) = read_table(lake, table, source)?
        && present.schema().fields() == rows.schema().fields()
        && present.columns() == rows.columns()
    {
        return Ok(None);
    }
    let total = rows.num_rows() as u64;
    write_file(lake, &key, &Expected::Anything, schema, total, &mut std::iter::once(Ok(rows))).map(Some)
}
