//! The file that stands in a partition, to be read one column at a time: so a file of many rows takes no more memory than
//! its widest column.

use std::{collections::HashMap, io::Write, ops::Range};

use arrow::{
    array::{Array, ArrayRef, RecordBatch, new_null_array},
    compute::concat,
    datatypes::{DataType, Field},
};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{
            ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
            ParquetRecordBatchReaderBuilder, RowSelection,
        },
    },
    basic::Compression,
    column::writer::ColumnCloseResult,
    errors::ParquetError,
    file::{
        metadata::{ColumnChunkMetaData, PageIndexPolicy},
        writer::SerializedRowGroupWriter,
    },
    schema::types::ColumnDescriptor,
};

use super::{
    LakeError, Location, digests,
    read::{groups, guarded},
    store::{Content, Seen, Trouble},
};
use crate::batch::{DIGEST, ID, UPDATED_AT, conform_column};

/// Bytes of a column that are decoded at a time, by what the file says of itself.
const STEP_BYTES: u64 = 2 * 1024 * 1024;
/// The most rows of a step.
pub(super) const STEP_ROWS: usize = 4096;

/// A file, open.
pub(super) struct Old<'a> {
    path: &'a Location,
    content: Content,
    trouble: Trouble,
    metadata: ArrowReaderMetadata,
    places: HashMap<String, Place>,
    /// Of all rows, where the file has any.
    digests: Option<ArrayRef>,
    /// The rows of each row group.
    pub(super) groups: Vec<usize>,
}

/// Where a column stands among the columns of its schema.
#[derive(Clone, Copy)]
struct Place {
    root: usize,
    leaf: usize,
}

/// The cells of a column that are still to come.
pub(super) struct Cells<'a> {
    old: &'a Old<'a>,
    field: &'a Field,
    /// `None` if no row has a value.
    reader: Option<ParquetRecordBatchReader>,
    /// What was read beyond what was asked for.
    ahead: Option<ArrayRef>,
}

impl<'a> Old<'a> {
    pub(super) fn new(path: &'a Location, content: Content) -> Result<Self, LakeError> {
        let trouble = content.trouble();
        let (metadata, digests) = guarded(path, &trouble, || {
            let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
            let metadata = ArrowReaderMetadata::load(&content, options)?;
            let digests = digests::of_content(&content, metadata.metadata())?;
            content.plan().tell(groups(metadata.metadata(), &ProjectionMask::all()));
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
        Ok(Self { path, content, trouble, metadata, places, digests, groups })
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

    /// The rows of each row group, by their numbers.
    pub(super) fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        let end = |end: &mut usize, rows: &usize| {
            *end += rows;
            Some(*end - rows..*end)
        };
        self.groups.iter().scan(0, end)
    }

    /// Which version of the file this is.
    pub(super) fn seen(&self) -> Seen {
        self.content.seen.clone()
    }

    /// How many rows are best read at a time.
    pub(super) fn step(&self) -> usize {
        let widths = self.metadata.metadata().row_groups().iter().flat_map(|group| {
            let bytes = |chunk: &ColumnChunkMetaData| chunk.uncompressed_size().max(0) as u64;
            group.columns().iter().map(move |chunk| bytes(chunk) / group.num_rows().max(1) as u64)
        });
        let widest = widths.max().unwrap_or(1).max(1);
        (STEP_BYTES / widest).clamp(16, STEP_ROWS as u64) as usize
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
            Some(known.map_err(|why| LakeError::rows(self.path)(why.into())))
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

    /// The cells of a column in some rows, under the type of `field`; a column that is not there has no value.
    pub(super) fn cells<'b>(&'b self, field: &'b Field, rows: &Range<usize>) -> Result<Cells<'b>, LakeError> {
        let reader = match self.place(field) {
            Some(place) if !rows.is_empty() && !self.is_null(field) => {
                Some(self.reader(place, rows, std::iter::once(rows.clone()))?)
            }
            _ => None,
        };
        Ok(Cells { old: self, field, reader, ahead: None })
    }

    /// The cells of a column in the rows at these places, which ascend.
    pub(super) fn cells_at(&self, field: &Field, places: &[usize]) -> Result<ArrayRef, LakeError> {
        let (Some(place), [first, .., last] | [first @ last]) = (self.place(field), places) else {
            return Ok(new_null_array(field.data_type(), places.len()));
        };
        let ranges = places.iter().map(|place| *place..place + 1);
        let reader = self.reader(place, &(*first..last + 1), ranges)?;
        Cells { old: self, field, reader: Some(reader), ahead: None }.take(places.len())
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
        alike.then(|| {
            Box::new(ColumnCloseResult {
                bytes_written: chunk.compressed_size().max(0) as u64,
                rows_written: metadata.num_rows().max(0) as u64,
                metadata: chunk.clone(),
                bloom_filter: None,
                column_index: Some(bounds.clone()),
                offset_index: Some(pages.clone()),
            })
        })
    }

    /// Copies a column of the file.
    pub(super) fn copy<W: Write + Send>(
        &self,
        column: ColumnCloseResult,
        to: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), LakeError> {
        to.append_column(&self.content, column).map_err(|cause| match self.trouble.take() {
            Some(trouble) => LakeError::io(self.path, "read")(trouble),
            None => LakeError::writing(self.path, cause),
        })
    }

    fn place(&self, field: &Field) -> Option<Place> {
        self.places.get(field.name()).copied()
    }

    /// Reads a column in the rows of some ranges, which lie within `rows`.
    fn reader(
        &self,
        place: Place,
        rows: &Range<usize>,
        ranges: impl Iterator<Item = Range<usize>>,
    ) -> Result<ParquetRecordBatchReader, LakeError> {
        let meets = |group: &Range<usize>| group.start < rows.end && rows.start < group.end;
        let met = || self.ranges().enumerate().filter(|(_, group)| meets(group));
        let start = met().map(|(_, group)| group.start).next().unwrap_or_default();
        let held = met().map(|(_, group)| group.len()).sum();
        let ranges = ranges.map(|range| range.start - start..range.end - start);
        let selection = RowSelection::from_consecutive_ranges(ranges, held);
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), [place.root]);
        let builder = self
            .builder()
            .with_projection(mask)
            .with_row_groups(met().map(|(number, _)| number).collect())
            .with_batch_size(self.step());
        let builder =
            if selection.row_count() == held { builder } else { builder.with_row_selection(selection) };
        self.guarded(|| builder.build())
    }

    fn builder(&self) -> ParquetRecordBatchReaderBuilder<Content> {
        ParquetRecordBatchReaderBuilder::new_with_metadata(self.content.clone(), self.metadata.clone())
    }

    fn guarded<T>(&self, read: impl FnOnce() -> Result<T, ParquetError>) -> Result<T, LakeError> {
        guarded(self.path, &self.trouble, read)
    }
}

impl Cells<'_> {
    /// The next cells, exactly so many.
    pub(super) fn take(&mut self, rows: usize) -> Result<ArrayRef, LakeError> {
        let Some(reader) = self.reader.as_mut().filter(|_| rows > 0) else {
            return Ok(new_null_array(self.field.data_type(), rows));
        };
        let mut parts: Vec<ArrayRef> = Vec::new();
        let mut missing = rows;
        while missing > 0 {
            let cells = match self.ahead.take() {
                Some(cells) => cells,
                None => {
                    let batch = self.old.guarded(|| Ok(reader.next().transpose()?))?;
                    let cells = batch.and_then(|batch| batch.columns().first().cloned());
                    let cells = cells.ok_or_else(|| {
                        LakeError::damaged(self.old.path, "a column ends before the last row")
                    })?;
                    conform_column(&cells, self.field).map_err(LakeError::rows(self.old.path))?
                }
            };
            if cells.len() > missing {
                self.ahead = Some(cells.slice(missing, cells.len() - missing));
                parts.push(cells.slice(0, missing));
                break;
            }
            missing -= cells.len();
            parts.push(cells);
        }
        match parts.as_slice() {
            [one] => Ok(one.clone()),
            several => concat(&several.iter().map(AsRef::as_ref).collect::<Vec<_>>())
                .map_err(|why| LakeError::rows(self.old.path)(why.into())),
        }
    }
}
