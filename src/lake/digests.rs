//! What a file remembers of the answers that its rows came from: a digest for each row, between the rows and the footer,
//! where readers of Parquet do not look.
//!
//! A ticket whose answer has the digest of its row need not be decoded. In memory a digest is one more column, so that
//! it goes wherever its row goes. A row without one is always decoded.

use std::{io::Write, sync::Arc};

use arrow::{
    array::{ArrayRef, AsArray, RecordBatch, UInt64Array},
    datatypes::{DataType, Field, Schema, SchemaRef, UInt64Type},
};
use parquet::{
    errors::ParquetError,
    file::{
        metadata::{KeyValue, ParquetMetaData},
        reader::ChunkReader,
        writer::SerializedFileWriter,
    },
};

use super::{Lake, LakeError, PartitionKey, read, store::Content, tickets};
use crate::batch::{BatchError, DIGEST, ID, digest, id_values};

/// The key of the file's metadata that says where the digests begin.
pub(super) const PLACE: &str = "ticketlake.digests";
/// Of one digest in a file: two more would be a fortieth of a large lake, and these let one of 140,000,000,000,000
/// changed answers pass for the one before.
const BYTES: usize = 6;
/// The bits of a digest that a file holds.
pub const DIGEST_BITS: u64 = u64::MAX >> (u64::BITS as usize - 8 * BYTES);
/// Stands for a row without a digest.
const NONE: u64 = 0;

/// The digests of a partition's rows.
#[derive(Debug, Default)]
pub struct Digests {
    /// Ascending.
    ids: Vec<i64>,
    digests: Vec<u64>,
}

impl Digests {
    /// The digest of the row of a ticket.
    pub fn get(&self, id: i64) -> Option<u64> {
        let at = self.ids.binary_search(&id).ok()?;
        self.digests.get(at).copied().filter(|digest| *digest != NONE)
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// The digests of a partition; none where the file has none, or is not there.
pub fn digests(lake: &Lake, source: &str, key: PartitionKey) -> Result<Digests, LakeError> {
    let path = tickets::ticket_file(lake, source, key);
    let Some((rows, Some(digests))) = read::columns_and(&path, &[ID], of_content)? else {
        return Ok(Digests::default());
    };
    let mut ids = Vec::with_capacity(digests.len());
    for batch in rows {
        ids.extend_from_slice(id_values(&batch?));
    }
    let whole = ids.len() == digests.len() && ids.is_sorted();
    Ok(if whole { Digests { ids, digests } } else { Digests::default() })
}

/// The digests of a file in the order of its rows; `None` where it has none.
pub(super) fn of_content(
    content: &Content,
    metadata: &ParquetMetaData,
) -> Result<Option<Vec<u64>>, ParquetError> {
    let file = metadata.file_metadata();
    let place = file.key_value_metadata().into_iter().flatten().find(|pair| pair.key == PLACE);
    let Some(from) = place.and_then(|pair| pair.value.as_deref()?.parse::<u64>().ok()) else {
        return Ok(None);
    };
    let length = (file.num_rows().max(0) as u64).saturating_mul(BYTES as u64);
    if from.saturating_add(length) > content.bytes() {
        return Err(ParquetError::General(format!("`{PLACE}` points outside of the file")));
    }
    let bytes = content.get_bytes(from, length as usize)?;
    Ok(Some(from_bytes(&bytes).collect()))
}

fn from_bytes(bytes: &[u8]) -> impl Iterator<Item = u64> + '_ {
    let (digests, _) = bytes.as_chunks::<BYTES>();
    digests.iter().map(|[a, b, c, d, e, f]| u64::from_le_bytes([*a, *b, *c, *d, *e, *f, 0, 0]))
}

/// A digest as it stands in a file.
fn told(digest: u64) -> Option<u64> {
    (digest != NONE).then_some(digest)
}

/// The digests of `rows` rows as the column that they carry, from their bytes in a file; `None` if these are of another
/// number of rows.
pub(super) fn column(bytes: Option<&[u8]>, rows: usize) -> Option<ArrayRef> {
    let Some(bytes) = bytes else { return Some(Arc::new(UInt64Array::new_null(rows))) };
    let whole = rows.checked_mul(BYTES) == Some(bytes.len());
    whole.then(|| Arc::new(from_bytes(bytes).map(told).collect::<UInt64Array>()) as ArrayRef)
}

/// The same from what [`of_content`] gave.
pub(super) fn array(digests: Vec<u64>) -> ArrayRef {
    Arc::new(digests.into_iter().map(told).collect::<UInt64Array>())
}

/// Digests as they stand in a file; `None` if no row has one.
pub(super) fn to_bytes(digests: &[u64]) -> Option<Vec<u8>> {
    let any = digests.iter().any(|digest| *digest != NONE);
    any.then(|| digests.iter().flat_map(|digest| digest.to_le_bytes().into_iter().take(BYTES)).collect())
}

/// Writes digests behind the rows of a file, and their place into its metadata; nothing if no row has one.
pub(super) fn write<W: Write + Send>(
    digests: &[u64],
    file: &mut SerializedFileWriter<W>,
) -> Result<(), ParquetError> {
    if let Some(bytes) = to_bytes(digests) {
        let place = file.bytes_written().to_string();
        file.write_all(&bytes)?;
        file.append_key_value_metadata(KeyValue::new(PLACE.to_owned(), place));
    }
    Ok(())
}

/// The digests that rows carry in a column, one for each.
pub(super) fn of_column(column: Option<&ArrayRef>, rows: usize) -> impl Iterator<Item = u64> + '_ {
    let column = column.and_then(|column| column.as_primitive_opt::<UInt64Type>());
    (0..rows).map(move |row| digest(column, row).unwrap_or(NONE))
}

/// A schema of rows that carry digests.
pub fn with_digests(schema: &SchemaRef) -> SchemaRef {
    let digest = Arc::new(Field::new(DIGEST, DataType::UInt64, true));
    Arc::new(Schema::new(schema.fields().iter().cloned().chain([digest]).collect::<Vec<_>>()))
}

/// The rows with a digest for each, of [`DIGEST_BITS`]; what is missing is null.
pub fn carry(
    batch: &RecordBatch,
    digests: impl IntoIterator<Item = Option<u64>>,
) -> Result<RecordBatch, BatchError> {
    let digests = digests.into_iter().chain(std::iter::repeat(None)).take(batch.num_rows());
    let digests: UInt64Array = digests.collect();
    let mut columns: Vec<ArrayRef> = batch.columns().to_vec();
    columns.push(Arc::new(digests));
    Ok(RecordBatch::try_new(with_digests(&batch.schema()), columns)?)
}
