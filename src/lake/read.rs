//! How a file of the lake is read: in batches of bounded size, and never believed blindly.

use std::{
    io::ErrorKind,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{
            ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
            ParquetRecordBatchReaderBuilder,
        },
    },
    errors::ParquetError,
    file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetStatisticsPolicy},
};

use super::{
    LakeError, Location,
    fault::panic_text,
    store::{Content, IoError},
    strips,
};

/// Decoded bytes that a batch aims at, by what the file says of itself.
const BATCH_BYTES: u64 = 2 * 1024 * 1024;
const BATCH_ROWS: u64 = 2048;
/// A file of no more decoded bytes and rows is one batch: a day of a large account.
const WHOLE_BYTES: u64 = 2 * BATCH_BYTES;
const WHOLE_ROWS: u64 = 2 * BATCH_ROWS;

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
    path: Location,
    trouble: IoError,
    pub(super) footer: Footer,
    inner: Inner,
}

enum Inner {
    /// All rows of a small file, until they are taken.
    Whole(Option<RecordBatch>),
    Stream(Box<ParquetRecordBatchReader>),
}

/// Opens a file; `None` if it is not there.
pub(super) fn rows(path: &Location) -> Result<Option<Rows>, LakeError> {
    let Some(content) = path.open()? else { return Ok(None) };
    let trouble = content.io_error();
    let (footer, inner) = guarded(path, &trouble, || {
        let metadata = ArrowReaderMetadata::load(&content, options())?;
        open(content, metadata)
    })?;
    Ok(Some(Rows { path: path.clone(), trouble, footer, inner }))
}

/// What the file at `path` says of itself; `None` if it is not there.
pub fn footer(path: &Location) -> Result<Option<Footer>, LakeError> {
    let Some(content) = path.open()? else {
        return Ok(None);
    };
    guarded(path, &content.io_error(), || {
        let bytes = content.bytes();
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(content, options())?;
        Ok(told(builder.metadata(), builder.schema(), bytes))
    })
    .map(Some)
}

/// The columns of the file at `path`; `None` if it is not there.
pub fn schema_of(path: &Location) -> Result<Option<SchemaRef>, LakeError> {
    Ok(footer(path)?.map(|footer| footer.schema))
}

/// Some columns of the file at `path`, row by row in its order; `None` if it is not there. Their fields have no metadata.
pub(super) fn columns(path: &Location, names: &[&str]) -> Result<Option<Rows>, LakeError> {
    Ok(columns_and(path, names, |_, _| Ok(()))?.map(|(rows, ())| rows))
}

/// The same, and what else is wanted of the file.
pub(super) fn columns_and<T>(
    path: &Location,
    names: &[&str],
    also: impl FnOnce(&Content, &ParquetMetaData) -> Result<T, ParquetError>,
) -> Result<Option<(Rows, T)>, LakeError> {
    let Some(content) = path.open()? else {
        return Ok(None);
    };
    let trouble = content.io_error();
    let (footer, inner, also) = guarded(path, &trouble, || {
        // The schema that is told besides costs twice what the rest of a footer does, and names no other types.
        let metadata = ArrowReaderMetadata::load(&content, options().with_skip_arrow_metadata(true))?;
        let also = also(&content, metadata.metadata())?;
        let footer = told(metadata.metadata(), metadata.schema(), content.bytes());
        let mask = ProjectionMask::columns(metadata.parquet_schema(), names.iter().copied());
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(content, metadata);
        Ok((footer, Inner::Stream(Box::new(builder.with_projection(mask).build()?)), also))
    })?;
    Ok(Some((Rows { path: path.clone(), trouble, footer, inner }, also)))
}

impl Iterator for Rows {
    type Item = Result<RecordBatch, LakeError>;

    fn next(&mut self) -> Option<Self::Item> {
        let stream = match &mut self.inner {
            Inner::Whole(batch) => return batch.take().map(Ok),
            Inner::Stream(stream) => stream,
        };
        let next =
            guarded(&self.path, &self.trouble, || stream.next().transpose().map_err(ParquetError::from));
        next.transpose()
    }
}

fn open(content: Content, metadata: ArrowReaderMetadata) -> Result<(Footer, Inner), ParquetError> {
    let footer = told(metadata.metadata(), metadata.schema(), content.bytes());
    let decoded: u64 =
        metadata.metadata().row_groups().iter().map(|group| group.total_byte_size().max(0) as u64).sum();
    let row_bytes = (decoded / footer.rows.max(1)).max(1);
    // A file may hold few rows of a megabyte each.
    let batch = (BATCH_BYTES / row_bytes).clamp(16, BATCH_ROWS);
    if decoded <= WHOLE_BYTES
        && footer.rows <= WHOLE_ROWS
        && let Some(bytes) = content.whole()
    {
        let rows = footer.rows as usize;
        let batch = if rows > 0 { Some(strips::decode(bytes, &metadata, rows)?) } else { None };
        return Ok((footer, Inner::Whole(batch)));
    }
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(content, metadata);
    let stream = builder.with_batch_size(batch as usize).build()?;
    Ok((footer, Inner::Stream(Box::new(stream))))
}

/// Only what reading all rows needs.
pub(super) fn options() -> ArrowReaderOptions {
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

/// Decoding damaged bytes may end in a panic of the decoder; here it is an error that names the file. What the disk or
/// the network failed with is no damage.
pub(super) fn guarded<T>(
    path: &Location,
    trouble: &IoError,
    read: impl FnOnce() -> Result<T, ParquetError>,
) -> Result<T, LakeError> {
    let outcome = match catch_unwind(AssertUnwindSafe(read)) {
        Ok(Ok(outcome)) => return Ok(outcome),
        Ok(Err(cause)) => LakeError::reading(path, cause),
        Err(panic) => LakeError::damaged(path, panic_text(panic)),
    };
    match trouble.take() {
        // Bytes that end too early are damage.
        Some(cause) if cause.kind() != ErrorKind::UnexpectedEof => Err(LakeError::io(path, "read")(cause)),
        _ => Err(outcome),
    }
}
