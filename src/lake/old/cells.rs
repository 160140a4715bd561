//! The cells of one column of a file, some rows at a time.

use std::ops::Range;

use arrow::{
    array::{Array, ArrayRef, UInt64Array, new_empty_array, new_null_array},
    compute::take,
    datatypes::Field,
    error::ArrowError,
};
use parquet::arrow::{ProjectionMask, arrow_reader::ParquetRecordBatchReader};

use super::{Old, Place, steps};
use crate::{
    batch::{conform_column, joined},
    lake::LakeError,
};

/// The cells of a column that are still to come.
pub(in crate::lake) struct Cells<'a> {
    old: &'a Old<'a>,
    field: &'a Field,
    /// `None` if no row has a value.
    reader: Option<ParquetRecordBatchReader>,
    /// How many rows of the first row group come before the first one that is wanted.
    before: usize,
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
        let (reader, before) = match self.place(field) {
            Some(place) if !rows.is_empty() && !self.is_null(field) => {
                let (reader, before) = self.reader(place, rows)?;
                (Some(reader), before)
            }
            _ => (None, 0),
        };
        Ok(Cells { old: self, field, reader, before, ahead: None })
    }

    /// The cells of a column in the rows at these places, which ascend.
    pub(in crate::lake) fn cells_at(&self, field: &Field, places: &[usize]) -> Result<ArrayRef, LakeError> {
        let (Some(first), Some(last)) = (places.first(), places.last()) else {
            return Ok(new_empty_array(field.data_type()));
        };
        let mut cells = self.cells(field, &(*first..last + 1))?;
        let (mut rest, mut parts) = (places, Vec::new());
        for step in steps(*first..last + 1, self.step()) {
            let (here, later) = rest.split_at(rest.partition_point(|place| *place < step.end));
            let here: UInt64Array = here.iter().map(|place| Some((place - step.start) as u64)).collect();
            let cells = cells.take(step.len())?;
            parts.push(take(&cells, &here, None).map_err(|why| self.fault(why))?);
            rest = later;
        }
        joined(&parts).map_err(LakeError::rows(self.path))
    }

    /// Reads a column in the row groups that hold some rows; gives how many rows come before these.
    fn reader(
        &self,
        place: Place,
        rows: &Range<usize>,
    ) -> Result<(ParquetRecordBatchReader, usize), LakeError> {
        let meets = |group: &Range<usize>| group.start < rows.end && rows.start < group.end;
        let met: Vec<(usize, Range<usize>)> =
            self.ranges().enumerate().filter(|(_, group)| meets(group)).collect();
        let before = met.first().map_or(0, |(_, group)| rows.start.saturating_sub(group.start));
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), [place.root]);
        // Rows are not left out by a selection: the library skips without end over some damaged lists.
        let builder = self
            .builder()
            .with_projection(mask)
            .with_row_groups(met.into_iter().map(|(number, _)| number).collect())
            .with_batch_size(self.step());
        Ok((self.guarded(|| builder.build())?, before))
    }

    /// A failure to bring its cells together.
    pub(in crate::lake) fn fault(&self, why: ArrowError) -> LakeError {
        LakeError::rows(self.path)(why.into())
    }
}

impl Cells<'_> {
    /// The next cells, exactly so many.
    pub(in crate::lake) fn take(&mut self, rows: usize) -> Result<ArrayRef, LakeError> {
        if self.reader.is_none() || rows == 0 {
            return Ok(new_null_array(self.field.data_type(), rows));
        }
        while self.before > 0 {
            self.before -= self.next(self.before)?.len();
        }
        let mut parts: Vec<ArrayRef> = Vec::new();
        let mut missing = rows;
        while missing > 0 {
            let cells = self.next(missing)?;
            missing -= cells.len();
            parts.push(cells);
        }
        joined(&parts).map_err(LakeError::rows(self.old.path))
    }

    /// The next cells, as many as are at hand, but no more than `most`; at least one.
    fn next(&mut self, most: usize) -> Result<ArrayRef, LakeError> {
        let cells = match self.ahead.take() {
            Some(cells) => cells,
            None => self.read()?,
        };
        if cells.len() <= most {
            return Ok(cells);
        }
        self.ahead = Some(cells.slice(most, cells.len() - most));
        Ok(cells.slice(0, most))
    }

    fn read(&mut self) -> Result<ArrayRef, LakeError> {
        let path = self.old.path;
        let ends = || LakeError::damaged(path, "a column ends before the last row");
        let reader = self.reader.as_mut().ok_or_else(ends)?;
        let batch = self.old.guarded(|| Ok(reader.next().transpose()?))?;
        let cells = batch.and_then(|batch| batch.columns().first().cloned());
        let cells = cells.filter(|cells| !cells.is_empty()).ok_or_else(ends)?;
        conform_column(&cells, self.field).map_err(LakeError::rows(path))
    }
}
