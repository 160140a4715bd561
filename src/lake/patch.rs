//! Rows of a small file replaced where they stand: a column in which no changed ticket says anything new goes into the
//! new file as it is stored in the old one. Most columns of a changed ticket are as they were.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, RecordBatch, UInt32Array},
    compute::take,
    datatypes::DataType,
};

use super::{
    FileForm, Lake, LakeError, Location, Upserted, Written, digests,
    small::Source,
    store::{self, Content, Expected},
    tail::{self, Told},
    unpack::{self, Wanted},
};
use crate::batch::{DIGEST, ID, Merge, SYNCED_AT, UPDATED_AT, Weave, Weaving};

/// A small file in memory, of exactly the form that a new one would have.
pub(super) struct Whole<'a> {
    path: &'a Location,
    content: &'a Content,
    told: Told<'a>,
    /// Of its rows.
    digests: ArrayRef,
    form: &'a FileForm,
}

impl<'a> Whole<'a> {
    /// `None` for any other file; one that is damaged is left to those who read all of it.
    pub(super) fn new(path: &'a Location, content: &'a Content, form: &'a FileForm) -> Option<Self> {
        let told = tail::read(content.whole()?, form.frame(), digests::PLACE)?;
        FileForm::is_small(told.rows as u64).then_some(())?;
        let digests = digests::column(told.trailer, told.rows)?;
        Some(Self { path, content, told, digests, form })
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
        let known = [(ID, ids), (UPDATED_AT, updated), (DIGEST, Arc::clone(&self.digests))];
        let known =
            RecordBatch::try_from_iter(known).map_err(|why| LakeError::rows(self.path)(why.into()))?;
        let merge = Merge::new(self.form.carried(), reads).map_err(LakeError::rows(self.path))?;
        let mut weaving = Weaving::new(merge);
        if self.told.rows == 0 || !weaving.adds_none(&known).map_err(LakeError::rows(self.path))? {
            return Ok(None);
        }
        weaving.meet(&known).map_err(LakeError::rows(self.path))?;
        let mut pairs = weaving.pairs();
        let places: Vec<u32> = pairs.places().map(|place| place as u32).collect();
        let fields = if pairs.is_empty() { &[] } else { &self.form.schema().fields()[..] };
        let mut columns = Vec::with_capacity(fields.len());
        for (at, field) in fields.iter().enumerate() {
            if self.is_null(at) && pairs.is_null(at) {
                columns.push(None);
                continue;
            }
            let Some(cells) = self.cells(at, &places) else { return Ok(None) };
            let differs = pairs.compare(at, &cells).map_err(LakeError::rows(self.path))?;
            // The filter of ids is made from them.
            let again = differs || field.name() == ID || field.name() == SYNCED_AT;
            let cells = if again { self.column(at) } else { None };
            if again && cells.is_none() {
                return Ok(None);
            }
            columns.push(cells);
        }
        let mut weave = pairs.settle();
        let written = if weave.is_empty() { None } else { Some(self.write(lake, key, columns, &weave)?) };
        Ok(Some(Upserted { counts: weave.counts(), ids: weave.take_ids(), written, in_parts: false }))
    }

    /// Writes the file with the replaced rows; `columns` are the cells of those that cannot be copied.
    fn write(
        &self,
        lake: &Lake,
        key: &str,
        columns: Vec<Option<ArrayRef>>,
        weave: &Weave,
    ) -> Result<Written, LakeError> {
        let block = weave.block(0..weave.len());
        let digests = weave.column(&block, columns.len(), &self.digests);
        let digests = digests.map_err(LakeError::rows(self.path))?;
        let digests: Vec<u64> = digests::of_column(Some(&digests), self.told.rows).collect();
        let expected = Expected::Version(self.content.version());
        let written = store::put(lake, key, &expected, |staged| {
            let stored = self.told.columns.iter();
            let mut columns = columns.into_iter().zip(stored).enumerate().map(|(at, (cells, stored))| {
                Ok(match cells {
                    Some(cells) => Source::Cells(weave.column(&block, at, &cells)?),
                    None => Source::Stored(stored),
                })
            });
            self.form.write_small(staged, self.path, &mut columns, &digests)
        })?;
        Ok(written.0)
    }

    /// Whether the file says that a column has no value.
    fn is_null(&self, at: usize) -> bool {
        // A list counts its elements.
        let is_list = matches!(self.form.schema().field(at).data_type(), DataType::List(_));
        !is_list && self.told.columns.get(at).is_some_and(|column| column.nulls == self.told.rows)
    }

    fn named(&self, name: &str) -> Option<ArrayRef> {
        self.column(self.form.schema().index_of(name).ok()?)
    }

    fn column(&self, at: usize) -> Option<ArrayRef> {
        self.unpack(at, Wanted::All(self.told.rows))
    }

    /// The cells of a column in some rows, told by their places, which ascend.
    fn cells(&self, at: usize, places: &[u32]) -> Option<ArrayRef> {
        match self.form.schema().field(at).data_type() {
            DataType::List(_) => take(&self.column(at)?, &UInt32Array::from(places.to_vec()), None).ok(),
            _ => self.unpack(at, Wanted::Some { rows: self.told.rows, places }),
        }
    }

    fn unpack(&self, at: usize, wanted: Wanted) -> Option<ArrayRef> {
        let column = self.told.columns.get(at)?;
        unpack::pages(column.pages, column.chunk.bytes, self.form.schema().field(at), wanted)
    }
}

#[cfg(test)]
pub(super) mod tests;
