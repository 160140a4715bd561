//! The file that an upsert or a rewrite replaces, under the schema of the new one.

use arrow::array::RecordBatch;

use super::{FileSchema, LakeError, reader::ParquetFile, store::FileVersion};
use crate::batch::{ID, UPDATED_AT, conform};

/// An existing file. One that is a single batch is decoded once, a larger one in each pass over it.
pub(super) struct Existing<'a> {
    file: ParquetFile,
    schema: &'a FileSchema,
    only: Option<RecordBatch>,
}

pub(super) type Batches<'a> = Box<dyn Iterator<Item = Result<RecordBatch, LakeError>> + 'a>;

impl<'a> Existing<'a> {
    pub fn new(file: ParquetFile, schema: &'a FileSchema) -> Result<Self, LakeError> {
        let mut batches = file.batches()?;
        let only = match batches.next().transpose()? {
            Some(batch) if batch.num_rows() as u64 == file.rows() => {
                // The reader says at its end whether there were more rows than the file admits.
                batches.next().transpose()?;
                Some(conform(&batch, schema.schema()).map_err(LakeError::rows(file.location()))?)
            }
            _ => None,
        };
        drop(batches);
        Ok(Self { file, schema, only })
    }

    /// Which version of the file this is.
    pub fn version(&self) -> FileVersion {
        self.file.version()
    }

    /// Whether the file has the columns of the schema already.
    pub fn has_schema(&self) -> bool {
        self.file.schema().fields() == self.schema.schema().fields()
    }

    /// `id` and `updated_at` of all rows.
    pub fn keys(&self) -> Result<Batches<'_>, LakeError> {
        Ok(match &self.only {
            Some(batch) => Box::new(std::iter::once(Ok(batch.clone()))),
            None => Box::new(self.file.columns(&[ID, UPDATED_AT])?),
        })
    }

    /// All rows, under the schema.
    pub fn batches(&self) -> Result<Batches<'_>, LakeError> {
        if let Some(batch) = &self.only {
            return Ok(Box::new(std::iter::once(Ok(batch.clone()))));
        }
        let conformed = |batch: Result<RecordBatch, LakeError>| {
            conform(&batch?, self.schema.schema()).map_err(LakeError::rows(self.file.location()))
        };
        Ok(Box::new(self.file.batches()?.map(conformed)))
    }
}
