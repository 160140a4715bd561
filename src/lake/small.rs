//! A file of few rows: all of them at hand, one row group, every column encoded with the same buffers and compressors.

use std::sync::Arc;

use arrow::{array::ArrayRef, datatypes::Fields};
use bytes::Bytes;
use parquet::{
    basic::{BoundaryOrder, Compression, Encoding, Type, ZstdLevel},
    bloom_filter::Sbbf,
    column::writer::ColumnCloseResult,
    errors::ParquetError,
    file::{
        metadata::{ColumnChunkMetaData, ColumnIndexBuilder, KeyValue, OffsetIndexBuilder},
        properties::WriterProperties,
        writer::SerializedFileWriter,
    },
    schema::types::{ColumnDescPtr, SchemaDescriptor},
};

use super::{
    bounds::Bounds,
    packing::Packer,
    page_header::{Holds, PageHeader},
    pages::Leaf,
    spare::Spare,
    store::Draft,
};
use crate::batch::{BatchError, ID};

/// How the columns of a small file are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Making {
    /// Of one page, before compression.
    pub(super) page_bytes: usize,
    /// Bounds of texts are cut to this many bytes.
    pub(super) bound_bytes: usize,
    pub(super) bloom_false_positives: f64,
    pub(super) level: ZstdLevel,
}

/// Buffers that one file after another is written with.
#[derive(Default)]
struct Bench {
    page: Vec<u8>,
    packed: Vec<u8>,
    chunk: Vec<u8>,
    packer: Packer,
}

/// Threads come and go, and the heap would keep a set for each of them.
static BENCHES: Spare<Bench> = Spare::new();

/// Bytes behind the rows, and what the metadata says of their place.
pub(super) type Trailer<'a> = (&'a [u8], &'a dyn Fn(usize) -> KeyValue);

/// Where a column of a file comes from.
pub(super) enum Source {
    Cells(ArrayRef),
    /// As it is stored in another file.
    Stored(Bytes, Box<ColumnCloseResult>),
}

/// Why a small file could not be made.
#[derive(Debug)]
pub(super) enum Fault {
    /// Of the rows that should be in it.
    Rows(BatchError),
    Writing(ParquetError),
}

impl From<BatchError> for Fault {
    fn from(cause: BatchError) -> Self {
        Self::Rows(cause)
    }
}

impl From<ParquetError> for Fault {
    fn from(cause: ParquetError) -> Self {
        Self::Writing(cause)
    }
}

/// What a small file is made of.
pub(super) struct Parts<'a> {
    pub(super) rows: usize,
    pub(super) fields: &'a Fields,
    pub(super) descriptor: &'a SchemaDescriptor,
    /// One for each field; not asked for where there are no rows.
    pub(super) columns: &'a mut dyn Iterator<Item = Result<Source, Fault>>,
    pub(super) trailer: Option<Trailer<'a>>,
}

/// Writes a whole file; the trailer goes behind the rows, and what it gives for its place into the metadata. Gives the
/// file's size in bytes.
pub(super) fn write(
    file: &mut Draft,
    parts: Parts,
    properties: &Arc<WriterProperties>,
    making: Making,
) -> Result<usize, Fault> {
    let Parts { rows, fields, descriptor, columns, trailer } = parts;
    let mut out = SerializedFileWriter::new(file, descriptor.root_schema_ptr(), Arc::clone(properties))?;
    if rows > 0 {
        let mut bench = BENCHES.borrow();
        let mut group = out.next_row_group()?;
        for ((field, of), column) in fields.iter().zip(descriptor.columns()).zip(columns) {
            match column? {
                Source::Stored(file, closed) => group.append_column(&file, *closed)?,
                Source::Cells(column) => {
                    let leaf = Leaf::new(&column, field.is_nullable()).ok_or_else(|| {
                        ParquetError::General(format!(
                            "column `{}` has a type that no lake has",
                            field.name()
                        ))
                    })?;
                    bench.chunk.clear();
                    let closed = bench.column(&leaf, of, rows, making)?;
                    group.append_column(&Bytes::copy_from_slice(&bench.chunk), closed)?
                }
            }
        }
        group.close()?;
    }
    if let Some((bytes, place)) = trailer {
        let place = place(out.bytes_written());
        out.write_all(bytes).map_err(ParquetError::from)?;
        out.append_key_value_metadata(place);
    }
    out.finish()?;
    Ok(out.bytes_written())
}

impl Bench {
    /// Encodes a column into `self.chunk`, offsets counted from there.
    fn column(
        &mut self,
        leaf: &Leaf,
        of: &ColumnDescPtr,
        rows: usize,
        making: Making,
    ) -> Result<ColumnCloseResult, ParquetError> {
        let mut index = ColumnIndexBuilder::new(of.physical_type());
        let mut offsets = OffsetIndexBuilder::new();
        let (mut start, mut levels, mut nulls, mut uncompressed) = (0, 0, 0, 0);
        let mut bounds = None;
        let distinct = leaf.distinct();
        let numbers = leaf.whole_numbers();
        if let Some(distinct) = &distinct {
            self.page.clear();
            distinct.write_texts(&mut self.page);
            uncompressed += self.put_page(Holds::Distinct, distinct.len(), making.level)?;
        }
        let first_page = self.chunk.len();
        while start < rows {
            self.page.clear();
            let (holds, end, page) = match (&distinct, &numbers) {
                (Some(distinct), _) => (Holds::Numbers, rows, leaf.write_numbers(distinct, &mut self.page)),
                (None, Some(numbers)) => {
                    (Holds::Differences, rows, leaf.write_differences(numbers, &mut self.page))
                }
                (None, None) => {
                    let end = leaf.page_end(start, making.page_bytes);
                    (Holds::Values, end, leaf.write(start..end, &mut self.page))
                }
            };
            let from = self.chunk.len();
            uncompressed += self.put_page(holds, page.levels, making.level)?;

            offsets.append_row_count((end - start) as i64);
            offsets.append_offset_and_size(from as i64, (self.chunk.len() - from) as i32);
            let (low, high) = page.bounds.to_bytes(making.bound_bytes);
            // Decimal numbers of a lake are finite.
            let nans = (of.physical_type() == Type::DOUBLE).then_some(0);
            index.append(page.bounds.is_empty(), low, high, page.nulls as i64, nans);
            (levels, nulls, start) = (levels + page.levels, nulls + page.nulls, end);
            bounds = Some(match bounds.take() {
                None => page.bounds,
                Some(mut held) => {
                    Bounds::widen(&mut held, page.bounds);
                    held
                }
            });
            if start == rows && from == first_page {
                index.set_boundary_order(BoundaryOrder::ASCENDING);
            }
        }
        let mut metadata = ColumnChunkMetaData::builder(of.clone())
            .set_compression(Compression::ZSTD(making.level))
            .set_encodings(match (&distinct, &numbers) {
                (Some(_), _) => vec![Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY],
                (None, Some(_)) => vec![Encoding::RLE, Encoding::DELTA_BINARY_PACKED],
                (None, None) => vec![Encoding::PLAIN, Encoding::RLE],
            })
            .set_total_compressed_size(self.chunk.len() as i64)
            .set_total_uncompressed_size(uncompressed as i64)
            .set_num_values(levels as i64)
            .set_dictionary_page_offset(distinct.is_some().then_some(0))
            .set_data_page_offset(first_page as i64);
        if let Some(bounds) = bounds {
            metadata = metadata.set_statistics(bounds.statistics(nulls as u64, making.bound_bytes));
        }
        let is_id = of.path().parts() == [ID];
        let bloom_filter =
            is_id.then(|| bloom(leaf, rows, making.bloom_false_positives)).flatten().transpose()?;
        Ok(ColumnCloseResult {
            bytes_written: self.chunk.len() as u64,
            rows_written: rows as u64,
            metadata: metadata.build()?,
            bloom_filter,
            column_index: Some(index.build()?),
            offset_index: Some(offsets.build()),
        })
    }

    /// Appends the page to `self.chunk`, compressed; gives its bytes before that, with the header.
    fn put_page(&mut self, holds: Holds, count: usize, level: ZstdLevel) -> Result<usize, ParquetError> {
        self.packer.pack(holds, &self.page, level, &mut self.packed)?;
        let from = self.chunk.len();
        PageHeader { holds, bytes: self.page.len(), packed: self.packed.len(), count }.write(&mut self.chunk);
        let bytes = self.chunk.len() - from + self.page.len();
        self.chunk.extend_from_slice(&self.packed);
        Ok(bytes)
    }
}

fn bloom(leaf: &Leaf, rows: usize, false_positives: f64) -> Option<Result<Sbbf, ParquetError>> {
    let ids = leaf.integers()?;
    Some(Sbbf::new_with_ndv_fpp(rows as u64, false_positives).map(|mut filter| {
        ids.iter().for_each(|id| filter.insert(id));
        filter
    }))
}

#[cfg(test)]
mod tests;
