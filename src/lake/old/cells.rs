//! The cells of one column of a file, some rows at a time.

use std::ops::Range;

use arrow::{
    array::{Array, ArrayRef, new_null_array},
    compute::concat,
    datatypes::Field,
};
use parquet::arrow::{
    ProjectionMask,
    arrow_reader::{ParquetRecordBatchReader, RowSelection},
};

use super::{Old, Place};
use crate::{batch::conform_column, lake::LakeError};

/// The cells of a column that are still to come.
pub(in crate::lake) struct Cells<'a> {
    old: &'a Old<'a>,
    field: &'a Field,
    /// `None` if no row has a value.
    reader: Option<ParquetRecordBatchReader>,
    /// What was read beyond what was asked for.
    ahead: Option<ArrayRef>,
}

impl Old<'_> {
    /// The cells of a column in some rows, under the type of `field`; a column that is not there has no value.
    pub(in crate::lake) fn cells<'b>(
        &'b self,
        field: &'b Field,
        rows: &Range<usize>,
    ) -> Result<Cells<'b>, LakeError> {
        let reader = match self.place(field) {
            Some(place) if !rows.is_empty() && !self.is_null(field) => {
                Some(self.reader(place, rows, std::iter::once(rows.clone()))?)
            }
            _ => None,
        };
        Ok(Cells { old: self, field, reader, ahead: None })
    }

    /// The cells of a column in the rows at these places, which ascend.
    pub(in crate::lake) fn cells_at(&self, field: &Field, places: &[usize]) -> Result<ArrayRef, LakeError> {
        let (Some(place), [first, .., last] | [first @ last]) = (self.place(field), places) else {
            return Ok(new_null_array(field.data_type(), places.len()));
        };
        let ranges = places.iter().map(|place| *place..place + 1);
        let reader = self.reader(place, &(*first..last + 1), ranges)?;
        Cells { old: self, field, reader: Some(reader), ahead: None }.take(places.len())
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
}

impl Cells<'_> {
    /// The next cells, exactly so many.
    pub(in crate::lake) fn take(&mut self, rows: usize) -> Result<ArrayRef, LakeError> {
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
