//! A large file written again with rows that it has: under another schema, with one column anew, or without some of its
//! rows. What stays as it is, is copied as it is stored.

use std::ops::Range;

use arrow::{
    array::{Array, ArrayRef, BooleanArray},
    compute::filter,
};

use super::{
    FileForm, Lake, LakeError, Written, digests,
    large::{self, Column},
    old::Old,
    store,
};

/// What a file is to say else.
pub(super) enum Change {
    /// Its columns are those of the form. The rows lose their digests: what a new field says was not read.
    Columns,
    /// The cells of a column, given by its number, and the digests of all rows.
    Cells(usize, ArrayRef, ArrayRef),
    /// Only some rows stay.
    Rows(BooleanArray),
}

/// Writes the file at `key` again. The change is made for as many rows as there are.
pub(super) fn write(
    lake: &Lake,
    key: &str,
    old: &Old<'_>,
    form: &FileForm,
    change: &Change,
) -> Result<Written, LakeError> {
    let path = &store::path(lake, key);
    let digests: Vec<u64> = match change {
        Change::Columns => Vec::new(),
        Change::Cells(.., digests) => digests::of_column(Some(digests), digests.len()).collect(),
        Change::Rows(stay) => {
            let stay = filter(&old.digests(&(0..stay.len())), stay).map_err(|why| old.fault(why))?;
            digests::of_column(Some(&stay), stay.len()).collect()
        }
    };
    let groups: Vec<(usize, Range<usize>)> =
        old.ranges().enumerate().filter(|(_, rows)| change.stays(rows) > 0).collect();
    let again = Again { old, form, change };
    store::put_over(lake, key, old.seen(), |staged| {
        let mut column = |group: usize, at: usize| again.column(&groups[group], at);
        large::write(form, staged, path, groups.len(), &mut column, &digests)
    })
}

impl Change {
    /// How many of these rows stay.
    fn stays(&self, rows: &Range<usize>) -> usize {
        match self {
            Self::Columns | Self::Cells(..) => rows.len(),
            Self::Rows(stay) => stay.slice(rows.start, rows.len()).true_count(),
        }
    }
}

struct Again<'a> {
    old: &'a Old<'a>,
    form: &'a FileForm,
    change: &'a Change,
}

impl Again<'_> {
    fn column<'a>(
        &'a self,
        (number, rows): &'a (usize, Range<usize>),
        at: usize,
    ) -> Result<Column<'a>, LakeError> {
        let field = self.form.schema().field(at);
        if let Change::Cells(place, cells, _) = self.change
            && *place == at
        {
            let cells = cells.slice(rows.start, rows.len());
            return Ok(Column::Cells(Box::new(std::iter::once(Ok(cells)))));
        }
        if self.change.stays(rows) == rows.len()
            && let Some(stored) = self.old.stored(field, *number, self.form.leaf(at))
        {
            return Ok(Column::Stored(self.old, stored));
        }
        let mut cells = self.old.cells(field, rows)?;
        let step = self.old.step();
        let steps = rows.clone().step_by(step).map(move |start| start..rows.end.min(start + step));
        Ok(Column::Cells(Box::new(steps.map(move |rows| {
            let cells = cells.take(rows.len())?;
            match self.change {
                Change::Rows(stay) => {
                    filter(&cells, &stay.slice(rows.start, rows.len())).map_err(|why| self.old.fault(why))
                }
                _ => Ok(cells),
            }
        }))))
    }
}
