//! A file written again with rows that it has: under another schema, with one column anew, or without some of its rows. In a
//! large file what stays as it is, is copied as it is stored.

use std::ops::Range;

use arrow::{
    array::{Array, ArrayRef, BooleanArray},
    compute::{filter, nullif},
};

use super::{
    FileForm, Lake, LakeError, Written,
    assembly::{self, Columns, Copied, Parts, Shape},
    digests,
    form::Sizes,
    old::{Old, steps},
    store,
};

/// What a file is to say else.
pub(super) enum Change {
    /// Its columns are those of the form. The rows lose their digests: what a new field says was not read.
    Columns,
    /// The cells of a column, given by its number, and which rows lose their digests.
    Cells(usize, ArrayRef, BooleanArray),
    /// Only some rows stay.
    Rows(BooleanArray),
}

/// Writes the file at `key` again; `None` if there is none. Fails if it has not the rows that the change was made for.
pub(super) fn write(
    lake: &Lake,
    key: &str,
    form: &FileForm,
    change: &Change,
) -> Result<Option<Written>, LakeError> {
    let path = &store::path(lake, key);
    let Some(content) = path.open()? else { return Ok(None) };
    let old = &Old::new(path, content)?;
    match change {
        Change::Columns => {}
        Change::Cells(_, cells, _) => old.check_rows(cells.len())?,
        Change::Rows(stay) => old.check_rows(stay.len())?,
    }
    let rows = 0..old.rows();
    let digests: Vec<u64> = match change {
        Change::Columns => digests::of_column(None, rows.len()).collect(),
        Change::Cells(.., lost) => {
            let left = nullif(&old.digests(&rows), lost).map_err(|why| old.fault(why))?;
            digests::of_column(Some(&left), left.len()).collect()
        }
        Change::Rows(stay) => {
            let stay = filter(&old.digests(&rows), stay).map_err(|why| old.fault(why))?;
            digests::of_column(Some(&stay), stay.len()).collect()
        }
    };
    let (shape, groups) = if Sizes::OURS.is_small(digests.len() as u64, old.bytes()) {
        (Shape::Small, vec![(None, rows)])
    } else {
        let groups = old.ranges().enumerate().map(|(number, rows)| (Some(number), rows));
        let groups: Vec<_> = groups.filter(|(_, rows)| change.stays(rows) > 0).collect();
        (Shape::Groups(groups.len()), groups)
    };
    let again = Again { old, form, change, groups };
    store::put(lake, key, &old.seen(), |staged| assembly::write(form, staged, path, shape, &again, &digests))
        .map(|(written, _)| Some(written))
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
    /// For each group of the new file the rows of the old one, and which of its groups they are.
    groups: Vec<(Option<usize>, Range<usize>)>,
}

impl Again<'_> {
    /// The new cells of a column, where it is one of these.
    fn anew(&self, at: usize) -> Option<&ArrayRef> {
        match self.change {
            Change::Cells(place, cells, _) if *place == at => Some(cells),
            _ => None,
        }
    }
}

impl Columns for Again<'_> {
    fn stored(&self, group: usize, at: usize) -> Option<Copied<'_>> {
        let (number, rows) = &self.groups[group];
        let is_as_it_was = self.anew(at).is_none() && self.change.stays(rows) == rows.len();
        let stored = |number| self.old.stored(self.form.schema().field(at), number, self.form.leaf(at));
        Some((self.old, number.filter(|_| is_as_it_was).and_then(stored)?))
    }

    fn cells(&self, group: usize, at: usize) -> Result<Parts<'_>, LakeError> {
        let (_, rows) = &self.groups[group];
        if let Some(cells) = self.anew(at) {
            return Ok(Box::new(std::iter::once(Ok(cells.slice(rows.start, rows.len())))));
        }
        let mut cells = self.old.cells(self.form.schema().field(at), rows)?;
        Ok(Box::new(steps(rows.clone(), self.old.step()).map(move |rows| {
            let cells = cells.take(rows.len())?;
            match self.change {
                Change::Rows(stay) => {
                    filter(&cells, &stay.slice(rows.start, rows.len())).map_err(|why| self.old.fault(why))
                }
                _ => Ok(cells),
            }
        })))
    }
}
