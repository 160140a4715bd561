//! How a file of the lake is read: by the Arrow reader, in batches of bounded size, and never trusted.

use std::io::ErrorKind;

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
    },
    errors::ParquetError,
    file::metadata::{PageIndexPolicy, ParquetMetaData},
};

use super::{
    LakeError, Location,
    error::panic_text,
    store::{Content, FileVersion},
};
use crate::log;

/// Decoded bytes of a batch, by what the file says of itself, and its rows: with texts of a megabyte the offsets of a
/// larger one would not fit into 32 bits.
const BATCH_BYTES: u64 = 16 * 1024 * 1024;
const BATCH_ROWS: u64 = 4096;

/// A Parquet file, open; what it says of itself is read.
pub struct ParquetFile {
    at: Location,
    content: Content,
    metadata: ArrowReaderMetadata,
}

/// Opens a file; `None` if it is not there. One that is no Parquet file is damage.
pub fn open(at: &Location) -> Result<Option<ParquetFile>, LakeError> {
    let Some(content) = at.open()? else { return Ok(None) };
    // Older files carry an Arrow schema with labels in it: types alone count.
    let options = ArrowReaderOptions::new()
        .with_skip_arrow_metadata(true)
        .with_page_index_policy(PageIndexPolicy::Optional);
    let metadata = guarded(at, &content, || ArrowReaderMetadata::load(&content, options))?;
    Ok(Some(ParquetFile { at: at.clone(), content, metadata }))
}

impl ParquetFile {
    /// How many rows it says that it has.
    pub fn rows(&self) -> u64 {
        self.metadata.metadata().file_metadata().num_rows().max(0) as u64
    }

    /// Its size.
    pub fn bytes(&self) -> u64 {
        self.content.bytes()
    }

    /// Its columns: names and types.
    pub fn schema(&self) -> &SchemaRef {
        self.metadata.schema()
    }

    /// Which version of the file this is.
    pub fn version(&self) -> FileVersion {
        self.content.version()
    }

    /// The xxh3 of its bytes.
    pub fn checksum(&self) -> Result<u64, LakeError> {
        self.content.checksum().map_err(LakeError::io(&self.at, "read"))
    }

    /// A value of the file's own metadata, such as `ticketlake.source_kind`.
    pub fn metadata_value(&self, key: &str) -> Option<&str> {
        let pairs = self.parquet().file_metadata().key_value_metadata()?;
        pairs.iter().find(|pair| pair.key == key)?.value.as_deref()
    }

    /// The short name of the vendor whose rows these are.
    pub fn source_kind(&self) -> Option<&str> {
        self.metadata_value("ticketlake.source_kind")
    }

    pub(super) fn parquet(&self) -> &ParquetMetaData {
        self.metadata.metadata()
    }

    pub(super) fn location(&self) -> &Location {
        &self.at
    }

    /// Reads something else of the file by the library.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(ParquetRecordBatchReaderBuilder<Content>) -> Result<T, ParquetError>,
    ) -> Result<T, LakeError> {
        let builder = || {
            ParquetRecordBatchReaderBuilder::new_with_metadata(self.content.clone(), self.metadata.clone())
        };
        guarded(&self.at, &self.content, || read(builder()))
    }

    /// All rows, batch by batch, in their order.
    pub fn batches(&self) -> Result<impl Iterator<Item = Result<RecordBatch, LakeError>> + use<>, LakeError> {
        self.project(ProjectionMask::all())
    }

    /// Some columns of all rows; a name that the file lacks is left out.
    pub fn columns(
        &self,
        names: &[&str],
    ) -> Result<impl Iterator<Item = Result<RecordBatch, LakeError>> + use<>, LakeError> {
        self.project(ProjectionMask::columns(self.metadata.parquet_schema(), names.iter().copied()))
    }

    fn project(
        &self,
        mask: ProjectionMask,
    ) -> Result<impl Iterator<Item = Result<RecordBatch, LakeError>> + use<>, LakeError> {
        let (at, content, rows) = (self.at.clone(), self.content.clone(), self.rows());
        let size = self.batch_rows(&mask);
        let mut reader = self.read(|builder| builder.with_projection(mask).with_batch_size(size).build())?;
        // Nothing is left behind the end or a failure.
        let mut left = Some(rows);
        Ok(std::iter::from_fn(move || {
            let rows = left.take()?;
            match guarded(&at, &content, || Ok(reader.next().transpose()?)) {
                Ok(Some(batch)) if batch.num_rows() as u64 <= rows => {
                    left = Some(rows - batch.num_rows() as u64);
                    Some(Ok(batch))
                }
                Ok(None) if rows == 0 => None,
                Ok(_) => Some(Err(LakeError::damaged(&at, "it has not as many rows as it says"))),
                Err(cause) => Some(Err(cause)),
            }
        }))
    }

    /// Rows of a batch, so that its columns take [`BATCH_BYTES`] at most, by what the file says.
    fn batch_rows(&self, mask: &ProjectionMask) -> usize {
        let chunks = self.parquet().row_groups().iter().flat_map(|group| group.columns().iter().enumerate());
        let bytes: u64 = chunks
            .filter(|(at, _)| mask.leaf_included(*at))
            .map(|(_, chunk)| chunk.uncompressed_size().max(0) as u64)
            .sum();
        let row_bytes = (bytes / self.rows().max(1)).max(1);
        (BATCH_BYTES / row_bytes).clamp(16, BATCH_ROWS) as usize
    }
}

/// Decoding damaged bytes may end in a panic of the decoder; here it is an error that names the file. What the disk or
/// the network failed with is no damage.
fn guarded<T>(
    at: &Location,
    content: &Content,
    read: impl FnOnce() -> Result<T, ParquetError>,
) -> Result<T, LakeError> {
    let outcome = match log::caught(read) {
        Ok(Ok(outcome)) => return Ok(outcome),
        Ok(Err(cause)) => LakeError::reading(at, cause),
        Err(panic) => LakeError::damaged(at, panic_text(panic)),
    };
    match content.io_error().take() {
        // Bytes that end too early are damage.
        Some(cause) if cause.kind() != ErrorKind::UnexpectedEof => Err(LakeError::io(at, "read")(cause)),
        _ => Err(outcome),
    }
}
