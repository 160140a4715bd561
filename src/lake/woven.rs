//! Rows brought into a large file: what the new file holds is told by places, and each column is woven alone. A row group
//! without new rows, and in others a column in which no changed ticket says anything new, is copied as it is stored.

use arrow::{
    array::{Array, ArrayRef, new_empty_array},
    datatypes::Field,
};

use super::{
    FileForm, Lake, LakeError, Location, Upserted, Written, digests,
    groups::{Group, plan},
    large::{self, Column},
    old::{Old, STEP_ROWS},
    store::{self, Content, Seen},
};
use crate::batch::{BatchError, Block, Merge, SYNCED_AT, Weave, Weaving};

/// Brings reads into the file at `key`, which has this `content` or is not there. Its row groups have at most
/// `group_rows` rows; while it is `growing`, more will come soon, and they may stay small.
pub(super) fn upsert(
    lake: &Lake,
    (key, content): (&str, Option<Content>),
    reads: Merge,
    form: &FileForm,
    growing: bool,
    group_rows: usize,
) -> Result<Upserted, LakeError> {
    let path = &store::path(lake, key);
    let old = content.map(|content| Old::new(path, content)).transpose()?;
    let (mut weave, again) = meet(path, old.as_ref(), reads, form)?;
    let sizes = old.as_ref().map_or(&[][..], |old| &old.groups);
    let groups = plan(sizes, &weave.inserts(), group_rows, growing);
    let stands = weave.is_empty() && (growing || groups.len() == sizes.len());
    let weft = Weft { path, form, old: old.as_ref(), weave: &weave, again };
    let written = if stands { None } else { Some(weft.write(lake, key, &groups)?) };
    Ok(Upserted {
        counts: weave.counts(),
        ids: weave.take_ids(),
        written,
        in_parts: growing && groups.len() > 1,
    })
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
}

impl Weft<'_> {
    fn write(&self, lake: &Lake, key: &str, groups: &[Group]) -> Result<Written, LakeError> {
        let step = self.old.map_or(STEP_ROWS, Old::step);
        let blocks: Vec<Vec<Block>> = groups.iter().map(|group| self.blocks(group, step)).collect();
        let mut digests = Vec::with_capacity(self.weave.len());
        for block in blocks.iter().flatten() {
            let cells = self.digests(block).map_err(LakeError::rows(self.path))?;
            digests.extend(digests::of_column(Some(&cells), cells.len()));
        }
        let seen = self.old.map_or(Seen::Nothing, Old::seen);
        store::put_over(lake, key, seen, |staged| {
            let mut column = |group: usize, at: usize| self.column(&groups[group], &blocks[group], at);
            large::write(self.form, staged, self.path, groups.len(), &mut column, &digests)
        })
    }

    fn blocks(&self, group: &Group, step: usize) -> Vec<Block> {
        let starts = group.rows.clone().step_by(step);
        starts.map(|start| self.weave.block(start..group.rows.end.min(start + step))).collect()
    }

    fn digests(&self, block: &Block) -> Result<ArrayRef, BatchError> {
        let width = self.form.schema().fields().len();
        let existing = match self.old {
            Some(old) => old.digests(&block.existing),
            None => new_empty_array(self.form.carried().field(width).data_type()),
        };
        self.weave.column(block, width, &existing)
    }

    /// A column of a group of the new file.
    fn column<'a>(&'a self, group: &Group, blocks: &'a [Block], at: usize) -> Result<Column<'a>, LakeError> {
        let field: &Field = self.form.schema().field(at);
        let start = blocks.first().map_or(0, |block| block.existing.start);
        let existing = start..blocks.last().map_or(start, |block| block.existing.end);
        if let (Some(old), Some(kept)) = (self.old, group.kept)
            && !(self.again[at] && self.weave.replaces(&existing))
            && let Some(stored) = old.stored(field, kept, self.form.leaf(at))
        {
            return Ok(Column::Stored(old, stored));
        }
        let mut cells = self.old.map(|old| old.cells(field, &existing)).transpose()?;
        let parts = blocks.iter().map(move |block| {
            let existing = match &mut cells {
                Some(cells) => cells.take(block.existing.len())?,
                None => new_empty_array(field.data_type()),
            };
            self.weave.column(block, at, &existing).map_err(LakeError::rows(self.path))
        });
        Ok(Column::Cells(Box::new(parts)))
    }
}

#[cfg(test)]
mod tests;
