//! A file put together of columns, one after another: a small one at once, a larger one row group by row group, each of its
//! columns anew or as it is stored in another file. The library's encoder sets up a compressor and a decompressor of 300 KB
//! for a column; all columns at once would take more than everything else in a run.

use arrow::array::ArrayRef;
use parquet::{
    arrow::arrow_writer::{ArrowColumnWriter, compute_leaves},
    column::writer::ColumnCloseResult,
    file::writer::SerializedFileWriter,
};

use super::{
    FileForm, LakeError, Location, Written, digests,
    old::Old,
    small::{Fault, Source},
    store::Draft,
};
use crate::batch::joined;

/// The cells of a column, part by part.
pub(super) type Parts<'a> = Box<dyn Iterator<Item = Result<ArrayRef, LakeError>> + 'a>;

/// A column of a row group as it is stored in another file.
pub(super) type Copied<'a> = (&'a Old<'a>, Box<ColumnCloseResult>);

/// What the columns of a new file are, by the number of their row group and their place in the form.
pub(super) trait Columns {
    /// The column as it is stored, if it can be copied.
    fn stored(&self, group: usize, at: usize) -> Option<Copied<'_>>;

    fn cells(&self, group: usize, at: usize) -> Result<Parts<'_>, LakeError>;
}

/// Of how many row groups a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A small file, of one row group.
    Small,
    /// So many row groups.
    Groups(usize),
}

/// Writes a whole file, and a digest for each of its rows. `path` is only for messages.
pub(super) fn write(
    form: &FileForm,
    file: &mut Draft<'_>,
    path: &Location,
    shape: Shape,
    columns: &dyn Columns,
    digests: &[u64],
) -> Result<Written, LakeError> {
    match shape {
        Shape::Groups(groups) => write_groups(form, file, path, groups, columns, digests),
        Shape::Small => {
            let cells = |at| {
                let parts: Vec<ArrayRef> = columns.cells(0, at)?.collect::<Result<_, _>>()?;
                joined(&parts).map_err(LakeError::rows(path))
            };
            let mut columns = (0..form.schema().fields().len())
                .map(|at| cells(at).map(Source::Cells).map_err(|cause| Fault::Cells(Box::new(cause))));
            form.write_small(file, path, &mut columns, digests)
        }
    }
}

fn write_groups(
    form: &FileForm,
    file: &mut Draft<'_>,
    path: &Location,
    groups: usize,
    columns: &dyn Columns,
    digests: &[u64],
) -> Result<Written, LakeError> {
    let fault = |cause| LakeError::writing(path, cause);
    let mut out: SerializedFileWriter<&mut Draft> = form.parts(file).map_err(fault)?;
    let mut rows = 0;
    for group in 0..groups {
        let mut writer = out.next_row_group().map_err(fault)?;
        for (at, field) in form.schema().fields().iter().enumerate() {
            if let Some((old, stored)) = columns.stored(group, at) {
                old.copy(*stored, &mut writer)?;
                continue;
            }
            let mut leaves: Vec<ArrowColumnWriter> = form.column_writers(at).map_err(fault)?;
            for part in columns.cells(group, at)? {
                let cells = compute_leaves(field, &part?).map_err(fault)?;
                for (leaf, cells) in leaves.iter_mut().zip(&cells) {
                    leaf.write(cells).map_err(fault)?;
                }
            }
            for leaf in leaves {
                let chunk = leaf.close().map_err(fault)?;
                chunk.append_to_row_group(&mut writer).map_err(fault)?;
            }
        }
        rows += writer.close().map_err(fault)?.num_rows().max(0) as u64;
    }
    digests::write(digests, &mut out).map_err(fault)?;
    out.finish().map_err(fault)?;
    Ok(Written { rows, bytes: out.bytes_written() as u64 })
}
