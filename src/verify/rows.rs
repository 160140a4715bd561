//! Every row of a partition: its id, its partition, its order, and what was rescued of it.

use arrow::array::{Array, AsArray, RecordBatch};
use roaring::RoaringTreemap;
use serde::de::IgnoredAny;

use super::invariant::Invariant;
use crate::{
    batch::{ids_of, instant, instants_of},
    columns::{DELETED_AT, RESCUED},
    lake::{Calendar, PartitionKey},
};

/// A check that is fed the rows of a file in their order.
pub struct RowCheck {
    calendar: Calendar,
    partition: PartitionKey,
    before: Option<i64>,
    pub ids: RoaringTreemap,
    /// Of these, the ones that carry a deletion mark.
    pub deleted: RoaringTreemap,
}

impl RowCheck {
    pub fn new(calendar: Calendar, partition: PartitionKey) -> Self {
        let (ids, deleted) = <_>::default();
        Self { calendar, partition, before: None, ids, deleted }
    }

    /// The next rows; tells of each breach the law, the ticket and what is wrong with it.
    pub fn batch(&mut self, batch: &RecordBatch, tell: &mut impl FnMut(Invariant, Option<i64>, String)) {
        let Some(ids) = ids_of(batch) else { return };
        if ids.null_count() > 0 {
            let what = format!("{} rows have no id", ids.null_count());
            tell(Invariant::SortedById, None, what);
        }
        let (created, deleted) = (instants_of(batch, "created_at"), instants_of(batch, DELETED_AT));
        let rescued = batch.column_by_name(RESCUED).and_then(|column| column.as_string_opt::<i32>());
        for row in (0..batch.num_rows()).filter(|row| ids.is_valid(*row)) {
            let id = ids.value(row);
            let mut breach = |law, what| tell(law, Some(id), what);
            if let Some(before) = self.before.filter(|before| *before > id) {
                breach(Invariant::SortedById, format!("it comes after {before}"));
            }
            if !self.ids.insert(id.cast_unsigned()) {
                breach(Invariant::EachTicketOnce, "it is twice in this file".to_owned());
            }
            // The folder of a lake that is partitioned in another way says nothing here.
            let right = self.calendar.key(instant(created, row));
            if right != self.partition && right.cut() == self.partition.cut() {
                breach(Invariant::InItsPartition, format!("it belongs in {}", right.folder()));
            }
            let text = rescued.filter(|texts| texts.is_valid(row)).map(|texts| texts.value(row));
            if text.is_some_and(|text| !is_object(text)) {
                breach(Invariant::RescuedIsObject, "its _rescued is no JSON object".to_owned());
            }
            if instant(deleted, row).is_some() {
                self.deleted.insert(id.cast_unsigned());
            }
            self.before = Some(id);
        }
    }
}

fn is_object(text: &str) -> bool {
    text.starts_with('{') && serde_json::from_str::<IgnoredAny>(text).is_ok()
}
