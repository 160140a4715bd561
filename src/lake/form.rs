//! The form of every file in the lake: compression, statistics, indexes, metadata, and how large its parts are.

mod arrow_schema;

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use parquet::{
    arrow::{ARROW_SCHEMA_META_KEY, ArrowSchemaConverter, ArrowWriter, arrow_writer::ArrowWriterOptions},
    basic::{Compression, Type, ZstdLevel},
    errors::ParquetError,
    file::{
        metadata::{KeyValue, SortingColumn},
        properties::{EnabledStatistics, WriterProperties, WriterVersion},
    },
    schema::types::{ColumnDescriptor, ColumnPath, SchemaDescriptor},
};

use super::{LakeError, Location, store::Draft};
use crate::batch::{ID, conform};

/// Rows of one row group.
const ROW_GROUP_ROWS: usize = 16_384;
/// Of one page, before compression.
const PAGE_BYTES: usize = 64 * 1024;
const DICTIONARY_BYTES: usize = 32 * 1024;
/// Files of fewer rows are written without dictionaries: the encoder sets up a table of 72 KB for each column,
/// more than the rows of a day weigh, and Zstandard finds the repetitions by itself.
const DICTIONARY_ROWS: u64 = 2048;
/// Rows encoded at a time, between two looks at the page's size.
const WRITE_BATCH_ROWS: usize = 1024;
/// Bounds of long texts are cut to this many bytes.
const BOUND_BYTES: usize = 64;
/// How often a lookup of an id that is not there reads a row group in vain.
const BLOOM_FALSE_POSITIVES: f64 = 0.01;

/// What the metadata of a file says, besides this program's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileMeta {
    pub schema_version: u32,
    /// The vendor's short name.
    pub source_kind: String,
}

/// Everything that the files of one schema have in common; made once, used for each file.
#[derive(Debug, Clone)]
pub struct FileForm {
    schema: SchemaRef,
    descriptor: SchemaDescriptor,
    small: WriterProperties,
    large: WriterProperties,
}

/// A file as it was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    pub rows: u64,
    pub bytes: u64,
}

impl FileForm {
    /// The form of files with these columns. An `id` column makes them sorted by it, with a Bloom filter.
    pub fn new(schema: &SchemaRef, meta: &FileMeta) -> Result<Self, LakeError> {
        let descriptor =
            ArrowSchemaConverter::new().convert(schema).map_err(|cause| LakeError::Schema { cause })?;
        let small_rows = DICTIONARY_ROWS as usize;
        Ok(Self {
            schema: schema.clone(),
            small: properties(schema, &descriptor, meta, small_rows, false),
            large: properties(schema, &descriptor, meta, ROW_GROUP_ROWS, true),
            descriptor,
        })
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Encodes a file of this form, of any number of rows, to wherever it goes.
    pub fn encoder<W: std::io::Write + Send>(&self, out: W) -> Result<ArrowWriter<W>, ParquetError> {
        let options = ArrowWriterOptions::new()
            .with_properties(self.large.clone())
            .with_parquet_schema(self.descriptor.clone())
            .with_skip_arrow_metadata(true);
        ArrowWriter::try_new_with_options(out, self.schema.clone(), options)
    }

    /// Starts a file of this form, of about `rows` rows. `path` is only for messages.
    pub(super) fn writer<'a>(
        &self,
        file: &'a mut Draft<'a>,
        path: &Location,
        rows: u64,
    ) -> Result<FormWriter<'a>, LakeError> {
        let properties = if rows < DICTIONARY_ROWS { &self.small } else { &self.large };
        // Schema and metadata are ready made: encoding them costs as much as a small file's rows.
        let options = ArrowWriterOptions::new()
            .with_properties(properties.clone())
            .with_parquet_schema(self.descriptor.clone())
            .with_skip_arrow_metadata(true);
        let inner = ArrowWriter::try_new_with_options(file, self.schema.clone(), options)
            .map_err(|cause| LakeError::writing(path, cause))?;
        Ok(FormWriter { inner, schema: self.schema.clone(), path: path.clone(), rows: 0 })
    }
}

/// A file of some form, being written.
pub(super) struct FormWriter<'a> {
    inner: ArrowWriter<&'a mut Draft<'a>>,
    schema: SchemaRef,
    path: Location,
    rows: u64,
}

impl FormWriter<'_> {
    /// Adds rows, conformed to the form's schema.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        let batch = conform(batch, &self.schema).map_err(LakeError::rows(&self.path))?;
        self.rows += batch.num_rows() as u64;
        let written = self.inner.write(&batch);
        written.map_err(|cause| LakeError::writing(&self.path, cause))
    }

    pub(super) fn finish(mut self) -> Result<Written, LakeError> {
        let finished = self.inner.finish();
        finished.map_err(|cause| LakeError::writing(&self.path, cause))?;
        Ok(Written { rows: self.rows, bytes: self.inner.bytes_written() as u64 })
    }
}

/// `rows` is what a row group holds at most, for the first size of its Bloom filter.
fn properties(
    schema: &SchemaRef,
    descriptor: &SchemaDescriptor,
    meta: &FileMeta,
    rows: usize,
    dictionaries: bool,
) -> WriterProperties {
    let pair = |key: &str, value: String| KeyValue::new(key.to_owned(), value);
    let mut builder = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_created_by(concat!("ticketlake ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()))
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
        if dictionaries && repeats(column) && column.path() != &id {
            builder = builder.set_column_dictionary_enabled(column.path().clone(), true);
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
            .set_column_bloom_filter_max_ndv(id.clone(), rows as u64)
            .set_column_bloom_filter_fpp(id, BLOOM_FALSE_POSITIVES);
    }
    builder.build()
}

/// Texts and the numbers of people and groups repeat; times and measures do not.
/// A column that was misjudged leaves its dictionary once that is full.
fn repeats(column: &ColumnDescriptor) -> bool {
    match column.physical_type() {
        Type::BYTE_ARRAY => true,
        Type::INT64 => column.logical_type_ref().is_none(),
        _ => false,
    }
}
