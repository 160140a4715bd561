//! Rows of a small file replaced where they stand: a column in which no changed ticket says anything new goes into the
//! new file as it is stored in the old one. Most columns of a changed ticket are as they were.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch, UInt32Array},
    compute::take,
    datatypes::DataType,
};
use bytes::Bytes;
use parquet::{
    arrow::ARROW_SCHEMA_META_KEY,
    column::writer::ColumnCloseResult,
    file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader},
};

use super::{
    FileForm, Lake, LakeError, Location, Upserted, Written, digests, read,
    small::Source,
    store::{self, Content},
    unpack::{self, Wanted},
};
use crate::batch::{DIGEST, ID, Merge, Replaced, Replacing, SYNCED_AT, UPDATED_AT};

/// A small file in memory, of exactly the form that a new one would have.
pub(super) struct Whole<'a> {
    path: &'a Location,
    content: &'a Content,
    bytes: Bytes,
    metadata: ParquetMetaData,
    form: &'a FileForm,
    rows: usize,
}

impl<'a> Whole<'a> {
    /// `None` for any other file; one that is damaged is left to those who read all of it.
    pub(super) fn new(path: &'a Location, content: &'a Content, form: &'a FileForm) -> Option<Self> {
        let bytes = content.whole()?;
        let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
        let metadata = read::guarded(path, &content.trouble(), || reader.parse_and_finish(&bytes)).ok()?;
        let file = metadata.file_metadata();
        let told = file.key_value_metadata()?.iter().find(|pair| pair.key == ARROW_SCHEMA_META_KEY)?;
        let rows = u64::try_from(file.num_rows()).ok().filter(|rows| FileForm::is_small(*rows))?;
        let same_columns = metadata.num_row_groups() == 1
            && metadata.row_group(0).num_columns() == form.schema().fields().len()
            && told.value.as_deref() == form.told_schema();
        let index = metadata.page_index_for_row_group(0);
        let is_indexed = |at: usize| index.column_index(at).is_some() && index.offset_index(at).is_some();
        let fits = same_columns && (0..form.schema().fields().len()).all(is_indexed);
        fits.then_some(Self { path, content, bytes, metadata, form, rows: rows as usize })
    }

    /// Brings reads into the file at `key`. `None`, and nothing is done, if one of them is of a ticket that the file does
    /// not hold, or a column is not of our form.
    pub(super) fn upsert(
        self,
        lake: &Lake,
        key: &str,
        reads: &[RecordBatch],
    ) -> Result<Option<Upserted>, LakeError> {
        let (Some(ids), Some(updated)) = (self.named(ID), self.named(UPDATED_AT)) else { return Ok(None) };
        let digests = digests::column(self.content, &self.metadata, self.rows);
        let digests = digests.map_err(|cause| LakeError::reading(self.path, cause))?;
        let known = [(ID, ids), (UPDATED_AT, updated), (DIGEST, Arc::clone(&digests))];
        let known =
            RecordBatch::try_from_iter(known).map_err(|why| LakeError::rows(self.path)(why.into()))?;
        let mut merge = Merge::new(self.form.carried(), reads).map_err(LakeError::rows(self.path))?;
        let replacing = Replacing::new(&mut merge, &known).map_err(LakeError::rows(self.path))?;
        let Some(mut replacing) = replacing else { return Ok(None) };
        let fields = if replacing.is_empty() { &[] } else { &self.form.schema().fields()[..] };
        let mut columns = Vec::with_capacity(fields.len());
        let mut marks = vec![false; self.rows];
        for place in replacing.places().values() {
            if let Some(mark) = marks.get_mut(*place as usize) {
                *mark = true;
            }
        }
        for (at, field) in fields.iter().enumerate() {
            if self.is_null(at) && replacing.is_null(at) {
                columns.push(None);
                continue;
            }
            let Some(cells) = self.cells(at, &marks, replacing.places()) else { return Ok(None) };
            let differs = replacing.compare(at, &cells).map_err(LakeError::rows(self.path))?;
            // The filter of ids is made from them.
            let again = differs || field.name() == ID || field.name() == SYNCED_AT;
            let cells = if again { self.column(at) } else { None };
            if again && cells.is_none() {
                return Ok(None);
            }
            columns.push(cells);
        }
        let replaced = replacing.settle(self.rows);
        let written = if replaced.is_empty() {
            None
        } else {
            Some(self.write(lake, key, columns, &digests, &replaced)?)
        };
        Ok(Some(Upserted { counts: merge.counts(), ids: merge.take_ids(), written }))
    }

    /// Writes the file with the replaced rows; `columns` are the cells of those that cannot be copied.
    fn write(
        &self,
        lake: &Lake,
        key: &str,
        columns: Vec<Option<ArrayRef>>,
        digests: &ArrayRef,
        replaced: &Replaced,
    ) -> Result<Written, LakeError> {
        let digests = replaced.column(columns.len(), digests).map_err(LakeError::rows(self.path))?;
        let digests: Vec<u64> = digests::of_column(Some(&digests), self.rows).collect();
        store::put_over(lake, key, self.content.seen.clone(), |staged| {
            let mut columns = columns.into_iter().enumerate().map(|(at, cells)| match cells {
                Some(cells) => Ok(Source::Cells(replaced.column(at, &cells)?)),
                None => Ok(Source::Stored(self.bytes.clone(), Box::new(self.stored(at)))),
            });
            self.form.write_small(staged, self.path, &mut columns, &digests)
        })
    }

    /// Whether the file says that a column has no value.
    fn is_null(&self, at: usize) -> bool {
        let chunk = self.metadata.row_group(0).column(at);
        let nulls = chunk.statistics().and_then(|statistics| statistics.null_count_opt());
        // A list counts its elements.
        chunk.column_descr().max_rep_level() == 0 && nulls == Some(self.rows as u64)
    }

    fn named(&self, name: &str) -> Option<ArrayRef> {
        self.column(self.form.schema().index_of(name).ok()?)
    }

    fn column(&self, at: usize) -> Option<ArrayRef> {
        self.unpack(at, Wanted::All(self.rows))
    }

    /// The cells of a column in some rows, which are marked among all and told by their places.
    fn cells(&self, at: usize, marks: &[bool], places: &UInt32Array) -> Option<ArrayRef> {
        match self.form.schema().field(at).data_type() {
            DataType::List(_) => take(&self.column(at)?, places, None).ok(),
            _ => self.unpack(at, Wanted::Some(marks)),
        }
    }

    fn unpack(&self, at: usize, wanted: Wanted) -> Option<ArrayRef> {
        let chunk = self.metadata.row_group(0).columns().get(at)?;
        unpack::column(&self.bytes, chunk, self.form.schema().field(at), wanted)
    }

    /// What the file says of a column.
    fn stored(&self, at: usize) -> ColumnCloseResult {
        let (chunk, index) =
            (self.metadata.row_group(0).column(at), self.metadata.page_index_for_row_group(0));
        ColumnCloseResult {
            bytes_written: chunk.compressed_size().max(0) as u64,
            rows_written: self.rows as u64,
            metadata: chunk.clone(),
            bloom_filter: None,
            column_index: index.column_index(at).cloned(),
            offset_index: index.offset_index(at).cloned(),
        }
    }
}

#[cfg(test)]
mod tests;
