//! How a file of the lake is written: by the library's Arrow writer, and put over the version that was read.

use arrow::array::{Array, RecordBatch};
use parquet::{arrow::ArrowWriter, errors::ParquetError};
use roaring::RoaringTreemap;

use super::{
    FileSchema, Lake, LakeError,
    store::{self, Expected, Put},
};
use crate::{
    batch::{SYNCED_AT, conform, id_values, instant, instants_of},
    columns::DELETED_AT,
};

/// Bytes that a row group holds in memory before it is written, whatever its rows.
const ROW_GROUP_BYTES: usize = 64 * 1024 * 1024;

/// A file as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenFile {
    pub rows: u64,
    pub put: Put,
    pub keys: RowKeys,
}

/// What the manifest remembers of a file's rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RowKeys {
    pub ids: RoaringTreemap,
    /// Of these, the ones that carry a deletion mark.
    pub deleted: RoaringTreemap,
    /// The newest `_synced_at`, microseconds since 1970.
    pub synced_at: Option<i64>,
}

impl RowKeys {
    /// Notes the rows of a batch.
    pub fn add(&mut self, batch: &RecordBatch) {
        let (deleted, synced) = (instants_of(batch, DELETED_AT), instants_of(batch, SYNCED_AT));
        for (row, id) in id_values(batch).iter().enumerate() {
            self.ids.insert(id.cast_unsigned());
            if deleted.is_some_and(|deleted| deleted.is_valid(row)) {
                self.deleted.insert(id.cast_unsigned());
            }
            self.synced_at = self.synced_at.max(instant(synced, row));
        }
    }
}

type Rows<'a> = dyn Iterator<Item = Result<RecordBatch, LakeError>> + 'a;

/// Writes `total` rows as the file at `key`, over the version that is expected there. The batches are conformed to the
/// schema; the first one that fails ends it, and the file stays as it was.
pub(super) fn write_file(
    lake: &Lake,
    key: &str,
    expected: &Expected,
    schema: &FileSchema,
    total: u64,
    batches: &mut Rows<'_>,
) -> Result<WrittenFile, LakeError> {
    let at = &store::path(lake, key);
    let failed = |cause: ParquetError| LakeError::writing(at, cause);
    let mut keys = RowKeys::default();
    let (rows, put) = store::put(lake, key, expected, |out| {
        let mut next = || -> Result<Option<RecordBatch>, LakeError> {
            let Some(batch) = batches.next().transpose()? else { return Ok(None) };
            conform(&batch, schema.schema()).map(Some).map_err(LakeError::rows(at))
        };
        let first = next()?;
        let options = schema.options(total, first.as_ref());
        let mut writer =
            ArrowWriter::try_new_with_options(out, schema.schema().clone(), options).map_err(failed)?;
        let (mut rows, mut batch) = (0, first);
        while let Some(current) = batch {
            keys.add(&current);
            rows += current.num_rows() as u64;
            writer.write(&current).map_err(failed)?;
            if writer.in_progress_size() > ROW_GROUP_BYTES {
                writer.flush().map_err(failed)?;
            }
            batch = next()?;
        }
        writer.finish().map_err(failed)?;
        Ok(rows)
    })?;
    Ok(WrittenFile { rows, put, keys })
}

/// Encodes rows as a file of this schema, to wherever it goes.
pub fn encode<W: std::io::Write + Send>(
    schema: &FileSchema,
    total: u64,
    out: W,
) -> Result<ArrowWriter<W>, ParquetError> {
    ArrowWriter::try_new_with_options(out, schema.schema().clone(), schema.options(total, None))
}
