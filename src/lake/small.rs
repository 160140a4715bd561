//! A file of few rows: all of them at hand, one row group, every column encoded with the same buffers and compressor.

use std::{cell::RefCell, sync::Arc};

use arrow::array::RecordBatch;
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
    pages::{Leaf, write_varint},
    store::Draft,
};
use crate::batch::ID;

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
struct Bench {
    page: Vec<u8>,
    packed: Vec<u8>,
    chunk: Vec<u8>,
    zstd: Option<zstd::bulk::Compressor<'static>>,
}

thread_local! {
    static BENCH: RefCell<Bench> =
        const { RefCell::new(Bench { page: Vec::new(), packed: Vec::new(), chunk: Vec::new(), zstd: None }) };
}

/// Bytes behind the rows, and what the metadata says of their place.
pub(super) type Trailer<'a> = (&'a [u8], &'a dyn Fn(usize) -> KeyValue);

/// Writes a whole file of `rows`, whose columns are those of the descriptor; `trailer` goes behind the rows, and what it
/// gives for its place into the metadata. Gives the file's size in bytes.
pub(super) fn write(
    file: &mut Draft,
    rows: &RecordBatch,
    descriptor: &SchemaDescriptor,
    properties: &Arc<WriterProperties>,
    making: Making,
    trailer: Option<Trailer<'_>>,
) -> Result<usize, ParquetError> {
    let mut out = SerializedFileWriter::new(file, descriptor.root_schema_ptr(), Arc::clone(properties))?;
    if rows.num_rows() > 0 {
        let mut group = out.next_row_group()?;
        BENCH.with_borrow_mut(|bench| {
            let fields = rows.schema_ref().fields().iter();
            for ((column, field), of) in rows.columns().iter().zip(fields).zip(descriptor.columns()) {
                let leaf = Leaf::new(column, field.is_nullable()).ok_or_else(|| {
                    ParquetError::General(format!("column `{}` has a type that no lake has", field.name()))
                })?;
                bench.chunk.clear();
                let closed = bench.column(&leaf, of, rows.num_rows(), making)?;
                let chunk = Bytes::copy_from_slice(&bench.chunk);
                group.append_column(&chunk, closed)?;
            }
            Ok::<(), ParquetError>(())
        })?;
        group.close()?;
    }
    if let Some((bytes, place)) = trailer {
        let place = place(out.bytes_written());
        out.write_all(bytes)?;
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
        while start < rows {
            let end = leaf.page_end(start, making.page_bytes);
            self.page.clear();
            let page = leaf.write(start..end, &mut self.page);
            self.compress(making.level)?;
            let from = self.chunk.len();
            write_header(self.page.len(), self.packed.len(), page.levels, &mut self.chunk);
            uncompressed += self.chunk.len() - from + self.page.len();
            self.chunk.extend_from_slice(&self.packed);

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
            if start == rows && from == 0 {
                index.set_boundary_order(BoundaryOrder::ASCENDING);
            }
        }
        let mut metadata = ColumnChunkMetaData::builder(of.clone())
            .set_compression(Compression::ZSTD(making.level))
            .set_encodings(vec![Encoding::PLAIN, Encoding::RLE])
            .set_total_compressed_size(self.chunk.len() as i64)
            .set_total_uncompressed_size(uncompressed as i64)
            .set_num_values(levels as i64)
            .set_data_page_offset(0);
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

    /// Compresses the page into `self.packed`.
    fn compress(&mut self, level: ZstdLevel) -> Result<(), ParquetError> {
        let zstd = match &mut self.zstd {
            Some(zstd) => zstd,
            none => none.insert(zstd::bulk::Compressor::new(level.compression_level())?),
        };
        self.packed.clear();
        self.packed.reserve(zstd::zstd_safe::compress_bound(self.page.len()));
        zstd.compress_to_buffer(&self.page, &mut self.packed)?;
        Ok(())
    }
}

fn bloom(leaf: &Leaf, rows: usize, false_positives: f64) -> Option<Result<Sbbf, ParquetError>> {
    let ids = leaf.integers()?;
    Some(Sbbf::new_with_ndv_fpp(rows as u64, false_positives).map(|mut filter| {
        ids.iter().for_each(|id| filter.insert(id));
        filter
    }))
}

/// The header of a data page, version 1, plain values, in Thrift's compact protocol: each field is the distance to the
/// one before it and its type in one byte, then the value; a zero ends a structure.
fn write_header(page: usize, packed: usize, levels: usize, out: &mut Vec<u8>) {
    const INTEGER: u8 = 5;
    const STRUCTURE: u8 = 12;
    const PLAIN: usize = 0;
    const RLE: usize = 3;
    let mut field = |distance: u8, value: usize| {
        out.push(distance << 4 | INTEGER);
        // Zigzag, as all integers of the protocol.
        write_varint((value as u64) << 1, out);
    };
    // The kind of page: data.
    field(1, 0);
    field(1, page);
    field(1, packed);
    out.push(2 << 4 | STRUCTURE);
    let mut field = |value: usize| {
        out.push(1 << 4 | INTEGER);
        write_varint((value as u64) << 1, out);
    };
    field(levels);
    field(PLAIN);
    field(RLE);
    field(RLE);
    out.extend([0, 0]);
}

#[cfg(test)]
mod tests;
