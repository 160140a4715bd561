//! Rows that belong to partitions all over the lake, waiting as the pages that they came on: cut into parts, each row
//! would take some 14 KB, for a hundred columns.

use std::collections::HashMap;

use arrow::{
    array::{BooleanArray, RecordBatch},
    compute::filter_record_batch,
    error::ArrowError,
};

use super::pile::Pile;
use crate::batch::{digest, digests, ids_of};

/// Pages, in the order of reading.
#[derive(Default)]
pub struct Loose {
    pile: Pile,
    /// Of each ticket that waits, the digest of its last answer.
    last: HashMap<i64, u64>,
}

impl Loose {
    /// Adds the rows of a page, but for those that say again what already waits; gives how many were added.
    pub fn add(&mut self, page: RecordBatch) -> Result<usize, ArrowError> {
        let (Some(ids), Some(digests)) = (ids_of(&page), digests(&page)) else {
            let rows = page.num_rows();
            self.pile.push(page)?;
            return Ok(rows);
        };
        let mut says_new = |row: usize| match digest(Some(digests), row) {
            Some(came_from) => self.last.insert(ids.value(row), came_from) != Some(came_from),
            None => {
                self.last.remove(&ids.value(row));
                true
            }
        };
        let fresh: BooleanArray = (0..page.num_rows()).map(|row| Some(says_new(row))).collect();
        let rows = fresh.true_count();
        match rows {
            0 => {}
            _ if rows == page.num_rows() => self.pile.push(page)?,
            _ => self.pile.push(filter_record_batch(&page, &fresh)?)?,
        }
        Ok(rows)
    }

    /// Everything that waits; nothing is left here.
    pub fn take(&mut self) -> Vec<RecordBatch> {
        std::mem::take(self).pile.into_batches()
    }
}
