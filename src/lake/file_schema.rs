//! The schema of a table's files, and the writer options that every file of it has.

use std::collections::HashSet;

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    datatypes::{DataType, SchemaRef},
};
use foldhash::fast::RandomState;
use parquet::{
    arrow::{ArrowSchemaConverter, arrow_writer::ArrowWriterOptions},
    basic::{Compression, Encoding, Type, ZstdLevel},
    file::{
        metadata::{KeyValue, SortingColumn},
        properties::{EnabledStatistics, WriterProperties, WriterVersion},
    },
    schema::types::{ColumnDescriptor, ColumnPath, SchemaDescriptor},
};

use super::LakeError;
use crate::batch::ID;

/// The version of the tables' layout that files carry in their metadata.
pub const SCHEMA_VERSION: u32 = 2;

/// Files of fewer rows are one page a column: there is nothing to skip by a page index or a Bloom filter.
pub const INDEXED_ROWS: u64 = 4096;
/// Rows of one row group. Of 1,000,000 tickets by month 16,384 cost 6 % more bytes and 25 % more processor time to write,
/// and a reader that asks for one column twice the time.
const ROW_GROUP_ROWS: usize = 131_072;
/// Of one page, before compression. 64 KB cost 3 % more bytes; 1 MB saves 1 % and holds a seventh more memory.
const PAGE_BYTES: usize = 256 * 1024;
/// A text column with more distinct values is written without a dictionary. 32 KB lose the columns with some hundred
/// sentences; 256 KB cost columns without repetition 1 %.
const DICTIONARY_BYTES: usize = 64 * 1024;
/// A number column with more than some 500 distinct values does better with differences (5 % of all bytes).
const NUMBER_DICTIONARY_BYTES: usize = 4 * 1024;
const ZSTD_LEVEL: i32 = 1;
/// A text or list column of a small file is compressed if it has more values than this, or if its dictionary (the distinct
/// values, each with its length) takes more bytes than [`COMPRESSED_BYTES`]. Of 100,000 tickets by day that takes 28 % less
/// processor time and 0.5 % fewer bytes than to compress all of them; with 1,024 bytes they are 2 % larger.
const COMPRESSED_VALUES: usize = 512;
const COMPRESSED_BYTES: usize = 256;
/// Bounds of long texts are cut to this many bytes.
const BOUND_BYTES: usize = 64;
/// How often a look-up of an id that is not there reads a row group in vain.
const BLOOM_FALSE_POSITIVES: f64 = 0.01;

/// What the metadata of a file says, besides this program's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileMeta {
    pub schema_version: u32,
    /// The vendor's short name.
    pub source_kind: String,
}

/// The columns of a table's files, and how each is written; made once, used for each file.
#[derive(Debug, Clone)]
pub struct FileSchema {
    schema: SchemaRef,
    descriptor: SchemaDescriptor,
    small: WriterProperties,
    large: WriterProperties,
}

impl FileSchema {
    /// Files with these columns. An `id` column makes them sorted by it, with a Bloom filter in large ones.
    pub fn new(schema: &SchemaRef, meta: &FileMeta) -> Result<Self, LakeError> {
        let descriptor =
            ArrowSchemaConverter::new().convert(schema).map_err(|cause| LakeError::Schema { cause })?;
        let small = properties(&descriptor, meta, false);
        let large = properties(&descriptor, meta, true);
        Ok(Self { schema: schema.clone(), descriptor, small, large })
    }

    /// The columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The options of a file of so many rows, of which `first` are the first ones.
    pub(super) fn options(&self, rows: u64, first: Option<&RecordBatch>) -> ArrowWriterOptions {
        let properties = match first {
            _ if rows >= INDEXED_ROWS => self.large.clone(),
            // Of a file whose rows are all at hand, columns that are small need no compressor: each takes 300 KB to set up.
            Some(first) if first.num_rows() as u64 == rows => self.compressing_what_gains(first),
            _ => self.small.clone(),
        };
        // Parquet's own logical types say all that our types do; an Arrow schema would be a third of a small file.
        ArrowWriterOptions::new()
            .with_properties(properties)
            .with_parquet_schema(self.descriptor.clone())
            .with_skip_arrow_metadata(true)
    }

    fn compressing_what_gains(&self, rows: &RecordBatch) -> WriterProperties {
        let mut builder = self.small.clone().into_builder();
        for (at, column) in rows.columns().iter().enumerate() {
            if is_compressed(column.data_type()) && !gains(column) {
                let path = self.descriptor.columns()[at].path().clone();
                builder = builder.set_column_compression(path, Compression::UNCOMPRESSED);
            }
        }
        builder.build()
    }
}

/// Whether the values of a column are worth a compressor.
fn gains(column: &ArrayRef) -> bool {
    let values = column.len() - column.null_count();
    match column.data_type() {
        DataType::List(_) => gains(column.as_list::<i32>().values()),
        DataType::Utf8 if values <= COMPRESSED_VALUES => {
            let (mut seen, mut bytes) = (HashSet::with_hasher(RandomState::default()), 0);
            column.as_string::<i32>().iter().flatten().any(|text| {
                bytes += if seen.insert(text) { size_of::<u32>() + text.len() } else { 0 };
                bytes > COMPRESSED_BYTES
            })
        }
        DataType::Utf8 => true,
        _ => values > COMPRESSED_BYTES / size_of::<i64>(),
    }
}

/// In a small file, Zstandard gains nothing on numbers, dates and booleans: they are delta, dictionary or bit encoded.
fn is_compressed(of: &DataType) -> bool {
    matches!(of, DataType::Utf8 | DataType::List(_))
}

fn properties(descriptor: &SchemaDescriptor, meta: &FileMeta, indexed: bool) -> WriterProperties {
    let pair = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
    let zstd = Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL).unwrap_or_default());
    let statistics = if indexed { EnabledStatistics::Page } else { EnabledStatistics::Chunk };
    let mut builder = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by(concat!("ticketlake ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_size_limit(PAGE_BYTES)
        .set_dictionary_page_size_limit(DICTIONARY_BYTES)
        .set_dictionary_enabled(false)
        .set_statistics_enabled(statistics)
        .set_offset_index_disabled(!indexed)
        .set_statistics_truncate_length(Some(BOUND_BYTES))
        .set_column_index_truncate_length(Some(BOUND_BYTES))
        .set_key_value_metadata(Some(vec![
            pair("ticketlake.version", env!("CARGO_PKG_VERSION").to_owned()),
            pair("ticketlake.schema_version", meta.schema_version.to_string()),
            pair("ticketlake.source_kind", meta.source_kind.clone()),
        ]));
    let id = ColumnPath::from(ID);
    for column in descriptor.columns() {
        let path = column.path();
        // Large files are few, so their compressors cost nothing: 15 % of all bytes by month.
        if indexed || column.physical_type() == Type::BYTE_ARRAY || column.max_rep_level() > 0 {
            builder = builder.set_column_compression(path.clone(), zstd);
        }
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
        let by_id = SortingColumn { column_idx: column as i32, descending: false, nulls_first: false };
        builder = builder.set_sorting_columns(Some(vec![by_id]));
        if indexed {
            builder = builder
                // The filter starts at this size and is folded to the rows that came.
                .set_column_bloom_filter_max_ndv(id.clone(), ROW_GROUP_ROWS as u64)
                .set_column_bloom_filter_fpp(id, BLOOM_FALSE_POSITIVES);
        }
    }
    builder.build()
}

/// Texts, dates, small numbers and the ids of people and groups repeat; times and measures do not.
/// A column that was misjudged leaves its dictionary once that is full.
fn repeats(column: &ColumnDescriptor) -> bool {
    match column.physical_type() {
        Type::BYTE_ARRAY | Type::INT32 => true,
        Type::INT64 => column.logical_type_ref().is_none(),
        _ => false,
    }
}
