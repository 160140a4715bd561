//! How large the parts of a file are, how they are encoded, and what its metadata says.

use arrow::datatypes::SchemaRef;
use parquet::{
    arrow::ARROW_SCHEMA_META_KEY,
    basic::{Compression, Encoding, Type, ZstdLevel},
    file::{
        metadata::{KeyValue, SortingColumn},
        properties::{EnabledStatistics, WriterProperties, WriterVersion},
    },
    schema::types::{ColumnDescriptor, ColumnPath, SchemaDescriptor},
};

use super::{FileMeta, Making, arrow_schema};
use crate::batch::ID;

// Each size below was chosen on 200,000 tickets of 94 columns by month: 20.98 MB and 1.03 s of CPU to write before,
// 16.61 MB and 0.89 s now; DuckDB's own file of the same rows has 16.22 MB. Of the 405 small files of the same tickets by
// day only the encoding of numbers matters: 39.9 MB and 2.43 s before, 37.7 MB and 2.25 s now (28 KB a footer).

/// Rows of one row group. Of 1,000,000 tickets by month 16,384 cost 6 % more bytes and 25 % more CPU to write, and a reader
/// that asks for one column twice the time: each group has a hundred columns to be told of.
const ROW_GROUP_ROWS: usize = 131_072;
/// Of one page, before compression. 64 KB cost 3 % more bytes; 1 MB saves 1 % and holds a seventh more memory.
const PAGE_BYTES: usize = 256 * 1024;
/// A text column that has more distinct values is written as sent. 32 KB lose the columns with some hundred sentences;
/// 256 KB cost columns without repetition 1 %.
const DICTIONARY_BYTES: usize = 64 * 1024;
/// A number column with more than some 500 distinct values does better with differences (5 % of all bytes).
const NUMBER_DICTIONARY_BYTES: usize = 4 * 1024;
/// Files of fewer rows are encoded by `small`: the library's encoder sets up tables, a compressor and a decompressor of
/// 300 KB for each column, more than the rows of a day weigh.
pub(super) const SMALL_ROWS: u64 = 4096;
/// One of few rows but more bytes is brought together as a large one: each row may have a megabyte.
const SMALL_BYTES: u64 = 16 * 1024 * 1024;
const ZSTD_LEVEL: i32 = 1;
/// Rows encoded at a time, between two looks at the page's size.
const WRITE_BATCH_ROWS: usize = 1024;
/// Bounds of long texts are cut to this many bytes.
const BOUND_BYTES: usize = 64;
/// How often a lookup of an id that is not there reads a row group in vain.
const BLOOM_FALSE_POSITIVES: f64 = 0.01;

/// How a file is cut.
#[derive(Debug, Clone, Copy)]
pub(in crate::lake) struct Sizes {
    /// Files of fewer rows are small ones.
    pub(in crate::lake) small_rows: u64,
    /// The most rows of a row group.
    pub(in crate::lake) group_rows: usize,
}

impl Sizes {
    /// Those of every lake.
    pub(in crate::lake) const OURS: Self = Self { small_rows: SMALL_ROWS, group_rows: ROW_GROUP_ROWS };

    /// Whether so many rows, brought into a file of so many bytes, are written as a small file.
    pub(in crate::lake) fn is_small(&self, rows: u64, bytes: u64) -> bool {
        rows < self.small_rows && bytes <= SMALL_BYTES
    }
}

/// How small files are made.
pub(super) fn making() -> Making {
    Making {
        page_bytes: PAGE_BYTES,
        bound_bytes: BOUND_BYTES,
        bloom_false_positives: BLOOM_FALSE_POSITIVES,
        level: level(),
    }
}

fn level() -> ZstdLevel {
    ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default()
}

/// What the library is told of files of this schema; of small ones only the metadata are as it writes them.
pub(super) fn properties(
    schema: &SchemaRef,
    descriptor: &SchemaDescriptor,
    meta: &FileMeta,
) -> WriterProperties {
    let pair = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
    let mut builder = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by(concat!("ticketlake ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(level()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_size_limit(PAGE_BYTES)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_dictionary_enabled(false)
        .set_write_batch_size(WRITE_BATCH_ROWS)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_statistics_truncate_length(Some(BOUND_BYTES))
        .set_column_index_truncate_length(Some(BOUND_BYTES))
        .set_key_value_metadata(Some(vec![
            pair("ticketlake.version", env!("CARGO_PKG_VERSION").to_owned()),
            pair("ticketlake.schema_version", meta.schema_version.to_string()),
            pair("ticketlake.source_kind", meta.source_kind.clone()),
            pair(ARROW_SCHEMA_META_KEY, arrow_schema::encode(schema)),
        ]));
    let id = ColumnPath::from(ID);
    for column in descriptor.columns() {
        let path = column.path();
        if column.physical_type() == Type::INT64 {
            // Neighbours by id are near each other in time too: 12 % of all bytes, at no cost.
            builder = builder
                .set_column_encoding(path.clone(), Encoding::DELTA_BINARY_PACKED)
                .set_column_dictionary_page_size_limit(path.clone(), NUMBER_DICTIONARY_BYTES);
        }
        if repeats(column) && path != &id {
            builder = builder.set_column_dictionary_enabled(path.clone(), true);
        }
    }
    let sorted = descriptor.columns().iter().position(|column| column.path() == &id);
    if let Some(column) = sorted {
        builder = builder
            .set_sorting_columns(Some(vec![SortingColumn {
                column_idx: column as i32,
                descending: false,
                nulls_first: false,
            }]))
            // The filter starts at this size and is folded to the rows that came.
            .set_column_bloom_filter_max_ndv(id.clone(), ROW_GROUP_ROWS as u64)
            .set_column_bloom_filter_fpp(id, BLOOM_FALSE_POSITIVES);
    }
    builder.build()
}

/// Texts, dates, small numbers and the numbers of people and groups repeat; times and measures do not.
/// A column that was misjudged leaves its dictionary once that is full.
fn repeats(column: &ColumnDescriptor) -> bool {
    match column.physical_type() {
        Type::BYTE_ARRAY | Type::INT32 => true,
        Type::INT64 => column.logical_type_ref().is_none(),
        _ => false,
    }
}
