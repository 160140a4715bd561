//! The form of every file in the lake: compression, statistics, indexes, metadata, and how large its parts are.

mod arrow_schema;

use std::sync::Arc;

use arrow::{array::RecordBatch, compute::concat_batches, datatypes::SchemaRef};
use parquet::{
    arrow::{ARROW_SCHEMA_META_KEY, ArrowSchemaConverter, ArrowWriter, arrow_writer::ArrowWriterOptions},
    basic::{Compression, Encoding, Type, ZstdLevel},
    errors::ParquetError,
    file::{
        metadata::{KeyValue, SortingColumn},
        properties::{EnabledStatistics, WriterProperties, WriterVersion},
    },
    schema::types::{ColumnDescriptor, ColumnPath, SchemaDescriptor},
};

use super::{
    LakeError, Location,
    digests::{self, with_digests},
    small::{self, Making},
    store::Draft,
};
use crate::batch::{ID, conform};

// Each size below was chosen on 200,000 tickets of 94 columns by month: 20.98 MB and 1.03 s of CPU to write before,
// 16.61 MB and 0.89 s now; DuckDB's own file of the same rows has 16.22 MB. Of the 405 small files of the same tickets by
// day only the encoding of numbers matters: 39.9 MB and 2.43 s before, 37.7 MB and 2.25 s now (28 KB a footer).

/// Rows of one row group. 32,768 save 2 % and hold 11 MB in place of 7 while writing.
const ROW_GROUP_ROWS: usize = 16_384;
/// Of one page, before compression. 64 KB cost 3 % more bytes; 1 MB saves 1 % and holds a seventh more memory.
const PAGE_BYTES: usize = 256 * 1024;
/// A text column that has more distinct values is written as sent. 32 KB lose the columns with some hundred sentences;
/// 256 KB cost columns without repetition 1 %.
const DICTIONARY_BYTES: usize = 64 * 1024;
/// A number column with more than some 500 distinct values does better with differences (5 % of all bytes).
const NUMBER_DICTIONARY_BYTES: usize = 4 * 1024;
/// Files of fewer rows are written without dictionaries: the encoder sets up a table of 72 KB for each column,
/// more than the rows of a day weigh, and Zstandard finds the repetitions by itself.
const DICTIONARY_ROWS: u64 = 4096;
const ZSTD_LEVEL: i32 = 1;
/// Rows encoded at a time, between two looks at the page's size.
const WRITE_BATCH_ROWS: usize = 1024;
/// Bounds of long texts are cut to this many bytes.
const BOUND_BYTES: usize = 64;
/// How often a lookup of an id that is not there reads a row group in vain.
const BLOOM_FALSE_POSITIVES: f64 = 0.01;

/// How small files are made.
fn making() -> Making {
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
    /// The same, with what rows carry in memory only.
    carried: SchemaRef,
    descriptor: SchemaDescriptor,
    small: Arc<WriterProperties>,
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
            carried: with_digests(schema),
            small: Arc::new(properties(schema, &descriptor, meta, small_rows, false)),
            large: properties(schema, &descriptor, meta, ROW_GROUP_ROWS, true),
            descriptor,
        })
    }

    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The schema of rows on their way into a file: with a digest for each.
    pub(super) fn carried(&self) -> &SchemaRef {
        &self.carried
    }

    /// Encodes a file of this form, of any number of rows, to wherever it goes.
    pub fn encoder<W: std::io::Write + Send>(&self, out: W) -> Result<ArrowWriter<W>, ParquetError> {
        // Schema and metadata are ready made: encoding them costs as much as a small file's rows.
        let options = ArrowWriterOptions::new()
            .with_properties(self.large.clone())
            .with_parquet_schema(self.descriptor.clone())
            .with_skip_arrow_metadata(true);
        ArrowWriter::try_new_with_options(out, self.schema.clone(), options)
    }

    /// Starts a file of this form, of about `rows` rows. `path` is only for messages.
    pub(super) fn writer<'a>(
        &'a self,
        file: &'a mut Draft<'a>,
        path: &Location,
        rows: u64,
    ) -> Result<FormWriter<'a>, LakeError> {
        let inner = if rows < DICTIONARY_ROWS {
            Inner::Small { file, rows: Vec::new() }
        } else {
            let encoder = self.encoder(file).map_err(|cause| LakeError::writing(path, cause))?;
            Inner::Large(Box::new(encoder))
        };
        Ok(FormWriter { inner, form: self, path: path.clone(), rows: 0, digests: Vec::new() })
    }
}

/// A file of some form, being written.
pub(super) struct FormWriter<'a> {
    inner: Inner<'a>,
    form: &'a FileForm,
    path: Location,
    rows: u64,
    digests: Vec<u64>,
}

enum Inner<'a> {
    Large(Box<ArrowWriter<&'a mut Draft<'a>>>),
    /// Gathered, and written at the end.
    Small {
        file: &'a mut Draft<'a>,
        rows: Vec<RecordBatch>,
    },
}

impl FormWriter<'_> {
    /// Adds rows, conformed to the form's schema.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        self.digests.extend(digests::of_batch(batch));
        let batch = conform(batch, &self.form.schema).map_err(LakeError::rows(&self.path))?;
        self.rows += batch.num_rows() as u64;
        match &mut self.inner {
            Inner::Small { rows, .. } => rows.push(batch),
            Inner::Large(writer) => {
                writer.write(&batch).map_err(|cause| LakeError::writing(&self.path, cause))?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Written, LakeError> {
        let Self { inner, form, path, rows, digests, .. } = self;
        let digests = digests::to_bytes(&digests);
        let place = |at: usize| KeyValue::new(digests::PLACE.to_owned(), at.to_string());
        let large = |mut writer: ArrowWriter<&mut Draft>| -> Result<usize, ParquetError> {
            writer.flush()?;
            let (mut file, _) = writer.into_serialized_writer()?;
            if let Some(digests) = &digests {
                let place = place(file.bytes_written());
                file.write_all(digests)?;
                file.append_key_value_metadata(place);
            }
            file.finish()?;
            Ok(file.bytes_written())
        };
        let bytes = match inner {
            Inner::Large(writer) => large(*writer),
            Inner::Small { file, rows } => {
                let whole = match rows.as_slice() {
                    [one] => one.clone(),
                    several => {
                        let whole = concat_batches(&form.schema, several);
                        whole.map_err(|cause| LakeError::rows(&path)(cause.into()))?
                    }
                };
                let trailer =
                    digests.as_deref().map(|digests| (digests, &place as &dyn Fn(usize) -> KeyValue));
                small::write(file, &whole, &form.descriptor, &form.small, making(), trailer)
            }
        };
        let bytes = bytes.map_err(|cause| LakeError::writing(&path, cause))?;
        Ok(Written { rows, bytes: bytes as u64 })
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
        if dictionaries && repeats(column) && path != &id {
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
            .set_column_bloom_filter_max_ndv(id.clone(), rows as u64)
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
