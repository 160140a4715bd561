//! The form of every file in the lake: compression, statistics, indexes, metadata, and how large its parts are.

mod arrow_schema;
mod sizes;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::{array::RecordBatch, compute::concat_batches, datatypes::SchemaRef};
use parquet::{
    arrow::{
        ArrowSchemaConverter, ArrowWriter,
        arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, ArrowWriterOptions},
    },
    errors::ParquetError,
    file::{properties::WriterPropertiesPtr, writer::SerializedFileWriter},
    schema::types::{ColumnDescriptor, SchemaDescriptor, Type},
};

pub(super) use self::sizes::Sizes;
use self::sizes::{SMALL_ROWS, making, properties};

use super::{
    LakeError, Location,
    digests::{self, with_digests},
    small::{self, Fault, Making, Parts, Source},
    store::Draft,
    tail::Frame,
};
use crate::batch::conform;

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
    /// What small files begin and end with.
    frame: Arc<Frame>,
    properties: WriterPropertiesPtr,
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
        let properties = Arc::new(properties(schema, &descriptor, meta));
        let frame = Frame::new(&descriptor, &properties).map_err(|cause| LakeError::Schema { cause })?;
        Ok(Self {
            schema: schema.clone(),
            carried: with_digests(schema),
            descriptor,
            frame: Arc::new(frame),
            properties,
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
            .with_properties(self.properties.as_ref().clone())
            .with_parquet_schema(self.descriptor.clone())
            .with_skip_arrow_metadata(true);
        ArrowWriter::try_new_with_options(out, self.schema.clone(), options)
    }

    /// Begins a file of this form that is made of row groups, and these of columns.
    pub(super) fn parts<W: std::io::Write + Send>(
        &self,
        out: W,
    ) -> Result<SerializedFileWriter<W>, ParquetError> {
        SerializedFileWriter::new(out, self.descriptor.root_schema_ptr(), Arc::clone(&self.properties))
    }

    /// What encodes a column of a row group, by its number.
    pub(super) fn column_writers(&self, at: usize) -> Result<Vec<ArrowColumnWriter>, ParquetError> {
        // The library makes those of all columns of a file at once.
        let root = Type::group_type_builder(self.descriptor.root_schema().name());
        let column = self.descriptor.root_schema().get_fields()[at].clone();
        let root = Arc::new(root.with_fields(vec![column]).build()?);
        let file = SerializedFileWriter::new(std::io::sink(), root, Arc::clone(&self.properties))?;
        let schema = Arc::new(self.schema.project(&[at])?);
        ArrowRowGroupWriterFactory::new(&file, schema).create_column_writers(0)
    }

    /// How the file describes a column, by its number.
    pub(super) fn leaf(&self, at: usize) -> &ColumnDescriptor {
        // Each column of a lake is one of values, or one list of them.
        self.descriptor.columns()[at].as_ref()
    }

    /// Starts a file of this form, of about `rows` rows. `path` is only for messages.
    pub(super) fn writer<'a>(
        &'a self,
        file: &'a mut Draft<'a>,
        path: &Location,
        rows: u64,
    ) -> Result<FormWriter<'a>, LakeError> {
        let inner = if Self::is_small(rows) {
            Inner::Small { file, rows: Vec::new() }
        } else {
            let alone = LARGE.lock().unwrap_or_else(PoisonError::into_inner);
            let encoder = self.encoder(file).map_err(|cause| LakeError::writing(path, cause))?;
            Inner::Large(Box::new(encoder), alone)
        };
        Ok(FormWriter { inner, form: self, path: path.clone(), rows: 0 })
    }

    /// Whether a file of so many rows is written by [`FileForm::write_small`].
    pub(super) fn is_small(rows: u64) -> bool {
        rows < SMALL_ROWS
    }

    /// Writes a small file of this form from its columns, and a digest for each row.
    pub(super) fn write_small(
        &self,
        file: &mut Draft<'_>,
        path: &Location,
        columns: &mut dyn Iterator<Item = Result<Source<'_>, Fault>>,
        digests: &[u64],
    ) -> Result<Written, LakeError> {
        let (rows, digests) = (digests.len(), digests::to_bytes(digests));
        let trailer = digests.as_deref().map(|digests| (digests::PLACE, digests));
        let (fields, frame) = (self.schema.fields(), self.frame.as_ref());
        match small::write(file, Parts { rows, fields, frame, columns, trailer }, making()) {
            Ok(bytes) => Ok(Written { rows: rows as u64, bytes: bytes as u64 }),
            Err(Fault::Rows(cause)) => Err(LakeError::rows(path)(cause)),
            Err(Fault::Cells(cause)) => Err(*cause),
            Err(Fault::Writing(cause)) => Err(LakeError::writing(path, cause)),
        }
    }

    /// What small files of this form say alike.
    pub(super) fn frame(&self) -> &Frame {
        &self.frame
    }

    /// What the library is told of files of this form.
    #[cfg(test)]
    pub(super) fn properties(&self) -> &parquet::file::properties::WriterProperties {
        &self.properties
    }
}

static LARGE: Mutex<()> = Mutex::new(());

/// A file of some form, being written; its rows have no digests.
pub(super) struct FormWriter<'a> {
    inner: Inner<'a>,
    form: &'a FileForm,
    path: Location,
    rows: u64,
}

enum Inner<'a> {
    /// Each holds a compressor and a decompressor for every column, some 300 KB: one at a time in a process.
    Large(Box<ArrowWriter<&'a mut Draft<'a>>>, MutexGuard<'static, ()>),
    /// Gathered, and written at the end.
    Small { file: &'a mut Draft<'a>, rows: Vec<RecordBatch> },
}

impl FormWriter<'_> {
    /// Adds rows, conformed to the form's schema.
    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        let batch = conform(batch, &self.form.schema).map_err(LakeError::rows(&self.path))?;
        self.rows += batch.num_rows() as u64;
        match &mut self.inner {
            Inner::Small { rows, .. } => rows.push(batch),
            Inner::Large(writer, _) => {
                writer.write(&batch).map_err(|cause| LakeError::writing(&self.path, cause))?;
            }
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<Written, LakeError> {
        let Self { inner, form, path, rows } = self;
        match inner {
            Inner::Large(mut writer, _alone) => {
                writer.finish().map_err(|cause| LakeError::writing(&path, cause))?;
                Ok(Written { rows, bytes: writer.bytes_written() as u64 })
            }
            Inner::Small { file, rows } => {
                let whole = match rows.as_slice() {
                    [one] => one.clone(),
                    several => {
                        let whole = concat_batches(&form.schema, several);
                        whole.map_err(|cause| LakeError::rows(&path)(cause.into()))?
                    }
                };
                let mut columns = whole.columns().iter().map(|column| Ok(Source::Cells(column.clone())));
                let digests: Vec<u64> = digests::of_column(None, whole.num_rows()).collect();
                form.write_small(file, &path, &mut columns, &digests)
            }
        }
    }
}
