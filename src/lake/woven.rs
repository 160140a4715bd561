//! Rows brought into a file: what the new file holds is told by places, and each column is woven alone. In a large file a
//! row group without new rows, and in others a column in which no changed ticket says anything new, is copied as it is stored.

use std::ops::Range;

use arrow::{
    array::{Array, ArrayRef, new_empty_array},
    datatypes::Field,
};

use super::{
    FileForm, Lake, LakeError, Location, Upserted, Written,
    assembly::{self, Columns, Copied, Parts, Shape},
    digests,
    form::Sizes,
    groups::{Group, plan},
    old::{Old, STEP_ROWS, steps},
    store::{self, Content, Expected},
};
use crate::batch::{BatchError, Block, Merge, SYNCED_AT, Weave, Weaving};

/// Brings reads into the file at `key`, which has this `content` or is not there. While it is `growing`, more will come
/// soon, and the row groups of a large file may stay small.
pub(super) fn upsert(
    lake: &Lake,
    (key, content): (&str, Option<Content>),
    reads: Merge,
    form: &FileForm,
    growing: bool,
    sizes: Sizes,
) -> Result<Upserted, LakeError> {
    let path = &store::path(lake, key);
    let old = content.map(|content| Old::new(path, content)).transpose()?;
    let (mut weave, again) = meet(path, old.as_ref(), reads, form)?;
    let before = old.as_ref().map_or(&[][..], |old| &old.groups);
    let (shape, groups) = if sizes.is_small(weave.len() as u64, old.as_ref().map_or(0, Old::bytes)) {
        (Shape::Small, vec![Group { rows: 0..weave.len(), kept: None }])
    } else {
        let groups = plan(before, &weave.inserts(), sizes.group_rows, growing);
        (Shape::Groups(groups.len()), groups)
    };
    let stands = weave.is_empty() && (growing || shape == Shape::Small || groups.len() == before.len());
    let in_parts = growing && groups.len() > 1;
    let weft = || Weft::new(path, form, (old.as_ref(), again), &weave, groups);
    let written = if stands { None } else { Some(weft().write(lake, key, shape)?) };
    Ok(Upserted { counts: weave.counts(), ids: weave.take_ids(), written, in_parts })
}

/// Lets reads meet the rows of a file; gives the rows of the new one, and in which columns replaced rows say something new.
fn meet(
    path: &Location,
    old: Option<&Old<'_>>,
    reads: Merge,
    form: &FileForm,
) -> Result<(Weave, Vec<bool>), LakeError> {
    let mut weaving = Weaving::new(reads);
    if let Some(old) = old {
        for batch in old.known()? {
            weaving.meet(&batch?).map_err(LakeError::rows(path))?;
        }
    }
    let mut pairs = weaving.pairs();
    let places: Vec<usize> = pairs.places().collect();
    let mut again = Vec::with_capacity(form.schema().fields().len());
    for (at, field) in form.schema().fields().iter().enumerate() {
        let differs = match old {
            Some(old) if !(pairs.is_empty() || old.is_null(field) && pairs.is_null(at)) => {
                let cells = old.cells_at(field, &places)?;
                pairs.compare(at, &cells).map_err(LakeError::rows(path))?
            }
            _ => false,
        };
        again.push(differs || field.name() == SYNCED_AT);
    }
    Ok((pairs.settle(), again))
}

/// What a new file is woven of.
struct Weft<'a> {
    path: &'a Location,
    form: &'a FileForm,
    old: Option<&'a Old<'a>>,
    weave: &'a Weave,
    /// The columns in which replaced rows say something new.
    again: Vec<bool>,
    groups: Vec<Group>,
    /// The rows of each group, step by step.
    blocks: Vec<Vec<Block>>,
}

impl<'a> Weft<'a> {
    fn new(
        path: &'a Location,
        form: &'a FileForm,
        (old, again): (Option<&'a Old<'a>>, Vec<bool>),
        weave: &'a Weave,
        groups: Vec<Group>,
    ) -> Self {
        let step = old.map_or(STEP_ROWS, Old::step);
        let of = |group: &Group| steps(group.rows.clone(), step).map(|rows| weave.block(rows)).collect();
        let blocks = groups.iter().map(of).collect();
        Self { path, form, old, weave, again, groups, blocks }
    }

    fn write(&self, lake: &Lake, key: &str, shape: Shape) -> Result<Written, LakeError> {
        let mut digests = Vec::with_capacity(self.weave.len());
        for block in self.blocks.iter().flatten() {
            let cells = self.digests(block).map_err(LakeError::rows(self.path))?;
            digests.extend(digests::of_column(Some(&cells), cells.len()));
        }
        let expected = self.old.map_or(Expected::Nothing, Old::seen);
        let written = store::put(lake, key, &expected, |staged| {
            assembly::write(self.form, staged, self.path, shape, self, &digests)
        })?;
        Ok(written.0)
    }

    fn digests(&self, block: &Block) -> Result<ArrayRef, BatchError> {
        let width = self.form.schema().fields().len();
        let existing = match self.old {
            Some(old) => old.digests(&block.existing),
            None => new_empty_array(self.form.carried().field(width).data_type()),
        };
        self.weave.column(block, width, &existing)
    }

    /// The rows of the old file among which those of a group lie.
    fn existing(&self, group: usize) -> Range<usize> {
        let blocks = &self.blocks[group];
        let start = blocks.first().map_or(0, |block| block.existing.start);
        start..blocks.last().map_or(start, |block| block.existing.end)
    }
}

impl Columns for Weft<'_> {
    fn stored(&self, group: usize, at: usize) -> Option<Copied<'_>> {
        let (old, kept) = (self.old?, self.groups[group].kept?);
        let is_as_it_was = !(self.again[at] && self.weave.replaces(&self.existing(group)));
        let stored = || old.stored(self.form.schema().field(at), kept, self.form.leaf(at));
        Some((old, is_as_it_was.then(stored)??))
    }

    fn cells(&self, group: usize, at: usize) -> Result<Parts<'_>, LakeError> {
        let field: &Field = self.form.schema().field(at);
        let mut cells = self.old.map(|old| old.cells(field, &self.existing(group))).transpose()?;
        let parts = self.blocks[group].iter().map(move |block| {
            let existing = match &mut cells {
                Some(cells) => cells.take(block.existing.len())?,
                None => new_empty_array(field.data_type()),
            };
            self.weave.column(block, at, &existing).map_err(LakeError::rows(self.path))
        });
        Ok(Box::new(parts))
    }
}

#[cfg(test)]
mod tests;
