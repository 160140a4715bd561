//! The file that stands in a partition, to be read one column at a time: so a file of many rows takes no more memory than
//! its widest column.

mod cells;

use std::{collections::HashMap, io::Write, ops::Range};

use arrow::{
    array::{Array, ArrayRef, RecordBatch, new_null_array},
    datatypes::{DataType, Field},
};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
    },
    basic::Compression,
    bloom_filter::Sbbf,
    column::writer::ColumnCloseResult,
    errors::ParquetError,
    file::{
        metadata::{ColumnChunkMetaData, PageIndexPolicy, ParquetMetaData},
        writer::SerializedRowGroupWriter,
    },
    schema::types::ColumnDescriptor,
};

use super::{
    LakeError, Location, digests,
    read::guarded,
    store::{Content, Expected, IoError},
};
use crate::batch::{DIGEST, ID, UPDATED_AT};

/// Bytes of a column that are decoded at a time, by what the file says of itself.
const STEP_BYTES: u64 = 2 * 1024 * 1024;
/// The most rows of a step.
pub(super) const STEP_ROWS: usize = 4096;

/// A file, open.
pub(super) struct Old<'a> {
    path: &'a Location,
    content: Content,
    trouble: IoError,
    metadata: ArrowReaderMetadata,
    places: HashMap<String, Place>,
    /// Of all rows, where the file has any.
    digests: Option<ArrayRef>,
    /// The rows of each row group.
    pub(super) groups: Vec<usize>,
    step: usize,
}

/// Where a column stands among the columns of its schema.
#[derive(Clone, Copy)]
struct Place {
    root: usize,
    leaf: usize,
}

impl<'a> Old<'a> {
    pub(super) fn new(path: &'a Location, content: Content) -> Result<Self, LakeError> {
        let trouble = content.io_error();
        let (metadata, digests) = guarded(path, &trouble, || {
            let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
            let metadata = ArrowReaderMetadata::load(&content, options)?;
            let digests = digests::of_content(&content, metadata.metadata())?;
            Ok((metadata, digests))
        })?;
        let groups: Vec<usize> =
            metadata.metadata().row_groups().iter().map(|group| group.num_rows().max(0) as usize).collect();
        let schema = metadata.parquet_schema();
        let leaves =
            (0..schema.num_columns()).map(|leaf| Place { root: schema.get_column_root_idx(leaf), leaf });
        let places =
            leaves.map(|place| (metadata.schema().field(place.root).name().clone(), place)).collect();
        let digests = digests.map(digests::array);
        let step = step(metadata.metadata());
        Ok(Self { path, content, trouble, metadata, places, digests, groups, step })
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.groups.iter().sum()
    }

    /// Fails if there are not so many rows: what is known of them is of another version of the file.
    pub(super) fn check_rows(&self, rows: usize) -> Result<(), LakeError> {
        if self.rows() == rows { Ok(()) } else { Err(LakeError::Overtaken { at: self.path.to_string() }) }
    }

    /// The digests of some rows that the file has been seen to have.
    pub(super) fn digests(&self, rows: &Range<usize>) -> ArrayRef {
        match &self.digests {
            Some(digests) => digests.slice(rows.start, rows.len()),
            None => new_null_array(&DataType::UInt64, rows.len()),
        }
    }

    /// How large the file is.
    pub(super) fn bytes(&self) -> u64 {
        self.content.bytes()
    }

    /// The rows of each row group, by their numbers.
    pub(super) fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        let end = |end: &mut usize, rows: &usize| {
            *end += rows;
            Some(*end - rows..*end)
        };
        self.groups.iter().scan(0, end)
    }

    /// Which version of the file this is.
    pub(super) fn seen(&self) -> Expected {
        Expected::Version(self.content.version())
    }

    /// How many rows are best read at a time.
    pub(super) fn step(&self) -> usize {
        self.step
    }

    /// The ids, the times of update and the digests of all rows, batch by batch.
    pub(super) fn known(&self) -> Result<impl Iterator<Item = Result<RecordBatch, LakeError>>, LakeError> {
        let schema = self.metadata.parquet_schema();
        let mask = ProjectionMask::columns(schema, [ID, UPDATED_AT]);
        let mut reader =
            self.guarded(|| self.builder().with_projection(mask).with_batch_size(STEP_ROWS).build())?;
        let mut row = 0;
        Ok(std::iter::from_fn(move || {
            let next = self.guarded(|| Ok(reader.next().transpose()?));
            let batch = match next.transpose() {
                Some(Ok(batch)) => batch,
                None if row < self.rows() => {
                    row = self.rows();
                    return Some(Err(LakeError::damaged(self.path, "it has fewer rows than it says")));
                }
                end => return end,
            };
            let rows = row..row + batch.num_rows();
            if rows.end > self.rows() {
                return Some(Err(LakeError::damaged(self.path, "it has more rows than it says")));
            }
            let digests = self.digests(&rows);
            row = rows.end;
            let columns = batch.schema_ref().fields().iter().map(|field| field.name().as_str());
            let columns = columns.zip(batch.columns().iter().cloned()).chain([(DIGEST, digests)]);
            let known =
                RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)));
            Some(known.map_err(|why| self.fault(why)))
        }))
    }

    /// Whether the file says that a column has no value, or has no such column.
    pub(super) fn is_null(&self, field: &Field) -> bool {
        // A list counts its elements.
        let is_list = matches!(field.data_type(), DataType::List(_));
        let Some(place) = self.place(field) else { return true };
        let mut groups = self.metadata.metadata().row_groups().iter();
        !is_list
            && groups.all(|group| {
                let nulls = group.column(place.leaf).statistics().and_then(|told| told.null_count_opt());
                nulls == Some(group.num_rows().max(0) as u64)
            })
    }

    /// A column of a row group as it is stored, to be copied into a file in which it is described so; `None` if it is not,
    /// or lacks what files of ours tell of a column.
    pub(super) fn stored(
        &self,
        field: &Field,
        group: usize,
        as_described: &ColumnDescriptor,
    ) -> Option<Box<ColumnCloseResult>> {
        let place = self.place(field)?;
        let metadata = self.metadata.metadata().row_group(group);
        let chunk = metadata.column(place.leaf);
        let index = self.metadata.metadata().page_index_for_row_group(group);
        let (bounds, pages) = (index.column_index(place.leaf)?, index.offset_index(place.leaf)?);
        let alike = chunk.column_descr() == as_described
            && self.metadata.schema().field(place.root).data_type() == field.data_type()
            && chunk.statistics().is_some()
            && matches!(chunk.compression(), Compression::ZSTD(_));
        let filter = if field.name() == ID { Some(self.filter(group, place.leaf)?) } else { None };
        alike.then(|| {
            Box::new(ColumnCloseResult {
                bytes_written: chunk.compressed_size().max(0) as u64,
                rows_written: metadata.num_rows().max(0) as u64,
                metadata: chunk.clone(),
                bloom_filter: filter,
                column_index: Some(bounds.clone()),
                offset_index: Some(pages.clone()),
            })
        })
    }

    /// The Bloom filter of a column in a row group.
    fn filter(&self, group: usize, leaf: usize) -> Option<Sbbf> {
        self.guarded(|| self.builder().get_row_group_column_bloom_filter(group, leaf)).ok()?
    }

    /// Copies a column of the file.
    pub(super) fn copy<W: Write + Send>(
        &self,
        column: ColumnCloseResult,
        to: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), LakeError> {
        let copied = to.append_column(&self.content, column);
        copied.map_err(|cause| match (self.trouble.take(), LakeError::writing(self.path, cause)) {
            (Some(trouble), _) => LakeError::io(self.path, "read")(trouble),
            // Nothing is encoded here: what does not fit is of the old file.
            (None, LakeError::Encode { cause, .. }) => LakeError::damaged(self.path, cause),
            (None, fault) => fault,
        })
    }

    fn place(&self, field: &Field) -> Option<Place> {
        self.places.get(field.name()).copied()
    }

    fn builder(&self) -> ParquetRecordBatchReaderBuilder<Content> {
        ParquetRecordBatchReaderBuilder::new_with_metadata(self.content.clone(), self.metadata.clone())
    }

    fn guarded<T>(&self, read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, LakeError> {
        guarded(self.path, &self.trouble, read)
    }
}

/// Rows that follow each other, so many at a time.
pub(super) fn steps(rows: Range<usize>, step: usize) -> impl Iterator<Item = Range<usize>> {
    rows.clone().step_by(step).map(move |start| start..rows.end.min(start + step))
}

/// As many rows as the widest column has in a step.
fn step(metadata: &ParquetMetaData) -> usize {
    let widths = metadata.row_groups().iter().flat_map(|group| {
        let bytes = |chunk: &ColumnChunkMetaData| chunk.uncompressed_size().max(0) as u64;
        group.columns().iter().map(move |chunk| bytes(chunk) / group.num_rows().max(1) as u64)
    });
    let widest = widths.max().unwrap_or(1).max(1);
    (STEP_BYTES / widest).clamp(16, STEP_ROWS as u64) as usize
}
