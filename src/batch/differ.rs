//! Which of the rows that were read say something else than the existing row of the same id.

use std::cmp::Ordering;

use arrow::{
    array::{ArrayRef, make_comparator},
    compute::SortOptions,
    datatypes::Field,
};

use super::{BatchError, DIGEST, SYNCED_AT};

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
