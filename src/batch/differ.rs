//! Which of the rows that were read say something else than the existing row of the same id.

use std::cmp::Ordering;

use arrow::{
    array::{ArrayRef, RecordBatch, make_comparator},
    compute::SortOptions,
    datatypes::Field,
};

use super::{BatchError, DIGEST, SYNCED_AT, gather::gather, merge::Read};

/// Pairs are compared in runs of neighbours; below this mean length, copying them together first is cheaper.
const WORTHWHILE_RUN: usize = 16;

/// For each pair of an existing row and a read, whether any cell differs; when they were read does not count.
pub(super) fn differing(
    existing: &RecordBatch,
    reads: &[RecordBatch],
    pairs: &[(usize, Read)],
) -> Result<Vec<bool>, BatchError> {
    let mut differs = vec![false; pairs.len()];
    let runs = runs(pairs);
    if runs.len() * WORTHWHILE_RUN > pairs.len() && runs.len() > 1 {
        let schema = existing.schema();
        let here: Vec<(usize, usize)> = pairs.iter().map(|(row, _)| (0, *row)).collect();
        let here = gather(&schema, &[existing], here)?;
        let mut used: Vec<usize> = pairs.iter().map(|(_, read)| read.batch).collect();
        used.sort_unstable();
        used.dedup();
        let sources: Vec<&RecordBatch> = used.iter().map(|batch| &reads[*batch]).collect();
        let there: Vec<(usize, usize)> = pairs
            .iter()
            .map(|(_, read)| (used.partition_point(|batch| *batch < read.batch), read.row))
            .collect();
        let there = gather(&schema, &sources, there)?;
        mark(&here, &there, &mut differs)?;
        return Ok(differs);
    }
    for run in runs {
        let (row, read) = pairs[run.start];
        let here = existing.slice(row, run.len());
        let there = reads[read.batch].slice(read.row, run.len());
        mark(&here, &there, &mut differs[run])?;
    }
    Ok(differs)
}

/// Spans of pairs that are neighbours on both sides.
fn runs(pairs: &[(usize, Read)]) -> Vec<std::ops::Range<usize>> {
    let mut start = 0;
    pairs
        .chunk_by(|(row, read), (next_row, next)| {
            row + 1 == *next_row && read.batch == next.batch && read.row + 1 == next.row
        })
        .map(|chunk| {
            let run = start..start + chunk.len();
            start = run.end;
            run
        })
        .collect()
}

fn mark(here: &RecordBatch, there: &RecordBatch, differs: &mut [bool]) -> Result<(), BatchError> {
    let fields = here.schema_ref().fields().iter();
    for ((field, left), right) in fields.zip(here.columns()).zip(there.columns()) {
        if counts(field) {
            mark_column(left, right, differs)?;
        }
    }
    Ok(())
}

/// Whether a column says anything of a ticket: when and from what its row was read does not.
pub(super) fn counts(field: &Field) -> bool {
    field.name() != SYNCED_AT && field.name() != DIGEST
}

/// Marks the rows in which two columns differ; whether there is any.
pub(super) fn mark_column(
    left: &ArrayRef,
    right: &ArrayRef,
    differs: &mut [bool],
) -> Result<bool, BatchError> {
    // Whole columns are mostly equal, and that is one pass over their buffers.
    if left == right {
        return Ok(false);
    }
    let compare = make_comparator(left, right, SortOptions::default())?;
    let mut any = false;
    for (row, differs) in differs.iter_mut().enumerate() {
        let differs_here = compare(row, row) != Ordering::Equal;
        *differs |= differs_here;
        any |= differs_here;
    }
    Ok(any)
}
