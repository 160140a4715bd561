//! How a file of the lake is read: in batches of bounded size, and never believed blindly.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use bytes::Bytes;
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder},
    },
    errors::ParquetError,
    file::{
        metadata::{PageIndexPolicy, ParquetMetaData, ParquetStatisticsPolicy},
        reader::ChunkReader,
    },
};

use super::{LakeError, fault::panic_text, store};

/// A file up to this size is read at once: one system call in place of some for each column.
const WHOLE_FILE_BYTES: u64 = 4 * 1024 * 1024;
/// Decoded bytes that a batch aims at, by what the file says of itself.
const BATCH_BYTES: u64 = 2 * 1024 * 1024;
const BATCH_ROWS: u64 = 2048;

/// What a file says of itself.
#[derive(Debug, Clone)]
pub struct Footer {
    pub rows: u64,
    pub bytes: u64,
    pub row_groups: usize,
    /// With the metadata of the fields.
    pub schema: SchemaRef,
    /// Key and value of the file's own metadata, `ticketlake.version` and the like.
    pub metadata: Vec<(String, String)>,
}

impl Footer {
    /// The short name of the vendor whose rows these are.
    pub fn source_kind(&self) -> Option<String> {
        let (_, kind) = self.metadata.iter().find(|(key, _)| key == "ticketlake.source_kind")?;
        Some(kind.clone())
    }
}

/// The rows of a file, batch by batch, under the schema that the file has.
pub(super) struct Rows {
    path: PathBuf,
    pub(super) footer: Footer,
    inner: ParquetRecordBatchReader,
}

/// Opens a file; `None` if it is not there.
pub(super) fn rows(path: &Path) -> Result<Option<Rows>, LakeError> {
    let Some((file, bytes)) = store::open(path)? else {
        return Ok(None);
    };
    let (footer, inner) = guarded(path, || {
        if bytes <= WHOLE_FILE_BYTES {
            use std::io::Read;
            let mut content = Vec::with_capacity(bytes as usize);
            (&file).read_to_end(&mut content)?;
            open(Bytes::from(content), bytes)
        } else {
            open(file, bytes)
        }
    })?;
    Ok(Some(Rows { path: path.to_owned(), footer, inner }))
}

/// What the file at `path` says of itself; `None` if it is not there.
pub fn footer(path: &Path) -> Result<Option<Footer>, LakeError> {
    let Some((file, bytes)) = store::open(path)? else {
        return Ok(None);
    };
    guarded(path, || {
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options())?;
        Ok(told(builder.metadata(), builder.schema(), bytes))
    })
    .map(Some)
}

/// The columns of the file at `path`; `None` if it is not there.
pub fn schema_of(path: &Path) -> Result<Option<SchemaRef>, LakeError> {
    Ok(footer(path)?.map(|footer| footer.schema))
}

/// Some columns of the file at `path`, row by row in its order; `None` if it is not there.
pub(super) fn columns(path: &Path, names: &[&str]) -> Result<Option<Rows>, LakeError> {
    let Some((file, bytes)) = store::open(path)? else {
        return Ok(None);
    };
    let (footer, inner) = guarded(path, || {
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options())?;
        let footer = told(builder.metadata(), builder.schema(), bytes);
        let mask = ProjectionMask::columns(builder.parquet_schema(), names.iter().copied());
        Ok((footer, builder.with_projection(mask).build()?))
    })?;
    Ok(Some(Rows { path: path.to_owned(), footer, inner }))
}

impl Iterator for Rows {
    type Item = Result<RecordBatch, LakeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let inner = &mut self.inner;
        let next = guarded(&self.path, || inner.next().transpose().map_err(ParquetError::from));
        next.transpose()
    }
}

fn open<R: ChunkReader + 'static>(
    reader: R,
    bytes: u64,
) -> Result<(Footer, ParquetRecordBatchReader), ParquetError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(reader, options())?;
    let footer = told(builder.metadata(), builder.schema(), bytes);
    let decoded: u64 =
        builder.metadata().row_groups().iter().map(|group| group.total_byte_size().max(0) as u64).sum();
    let row_bytes = (decoded / footer.rows.max(1)).max(1);
    // A file may hold few rows of a megabyte each.
    let batch = (BATCH_BYTES / row_bytes).clamp(16, BATCH_ROWS);
    let inner = builder.with_batch_size(batch as usize).build()?;
    Ok((footer, inner))
}

/// Only what reading all rows needs.
fn options() -> ArrowReaderOptions {
    ArrowReaderOptions::new()
        .with_page_index_policy(PageIndexPolicy::Skip)
        .with_column_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_size_stats_policy(ParquetStatisticsPolicy::SkipAll)
        .with_encoding_stats_policy(ParquetStatisticsPolicy::SkipAll)
}

pub(super) fn told(metadata: &ParquetMetaData, schema: &SchemaRef, bytes: u64) -> Footer {
    let pairs = metadata.file_metadata().key_value_metadata();
    let pairs = pairs.into_iter().flatten();
    // The fields alone: the file's own metadata is told apart.
    let fields = schema.fields().clone();
    Footer {
        rows: metadata.file_metadata().num_rows().max(0) as u64,
        bytes,
        row_groups: metadata.num_row_groups(),
        schema: Arc::new(arrow::datatypes::Schema::new(fields)),
        metadata: pairs
            .filter(|pair| pair.key.starts_with("ticketlake."))
            .map(|pair| (pair.key.clone(), pair.value.clone().unwrap_or_default()))
            .collect(),
    }
}

/// Decoding damaged bytes may end in a panic of the decoder; here it is an error that names the file.
pub(super) fn guarded<T>(
    path: &Path,
    read: impl FnOnce() -> Result<T, ParquetError>,
) -> Result<T, LakeError> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(outcome) => outcome.map_err(|cause| LakeError::reading(path, cause)),
        Err(panic) => Err(LakeError::damaged(path, panic_text(panic))),
    }
}
