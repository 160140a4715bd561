//! A file of many rows: row group by row group, and of each one column after another. The library's encoder sets up a
//! compressor and a decompressor of 300 KB for a column; all columns at once would take more than everything else in a run.

use arrow::array::ArrayRef;
use parquet::{
    arrow::arrow_writer::{ArrowColumnWriter, compute_leaves},
    column::writer::ColumnCloseResult,
    file::writer::SerializedFileWriter,
};

use super::{FileForm, LakeError, Location, Written, digests, old::Old, store::Draft};

/// Where a column of a row group comes from.
pub(super) enum Column<'a> {
    /// Its cells, part by part.
    Cells(Box<dyn Iterator<Item = Result<ArrayRef, LakeError>> + 'a>),
    /// As it is stored in another file.
    Stored(&'a Old<'a>, Box<ColumnCloseResult>),
}

/// Writes a whole file of so many row groups. `column` is asked for each group, by its number, and column of the form;
/// `digests` are those of all rows, or none. `path` is only for messages.
pub(super) fn write<'a>(
    form: &FileForm,
    file: &mut Draft<'_>,
    path: &Location,
    groups: usize,
    column: &mut dyn FnMut(usize, usize) -> Result<Column<'a>, LakeError>,
    digests: &[u64],
) -> Result<Written, LakeError> {
    let fault = |cause| LakeError::writing(path, cause);
    let mut out: SerializedFileWriter<&mut Draft> = form.parts(file).map_err(fault)?;
    let mut rows = 0;
    for group in 0..groups {
        let mut writer = out.next_row_group().map_err(fault)?;
        for (at, field) in form.schema().fields().iter().enumerate() {
            match column(group, at)? {
                Column::Stored(old, stored) => old.copy(*stored, &mut writer)?,
                Column::Cells(parts) => {
                    let mut leaves: Vec<ArrowColumnWriter> = form.column_writers(at).map_err(fault)?;
                    for part in parts {
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
            }
        }
        rows += writer.close().map_err(fault)?.num_rows().max(0) as u64;
    }
    digests::write(digests, &mut out).map_err(fault)?;
    out.finish().map_err(fault)?;
    Ok(Written { rows, bytes: out.bytes_written() as u64 })
}
