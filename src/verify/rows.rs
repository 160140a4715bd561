//! Every row of a partition: its id, its partition, its order, and whether what the file promises of it is true.

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use roaring::RoaringTreemap;
use serde::de::IgnoredAny;

use super::invariant::Invariant;
use crate::{
    batch::{ids_of, instant, instants_of},
    columns::{DELETED_AT, RESCUED},
    lake::{Calendar, Inspection, PartitionKey, RowGroup},
};

/// What the rows of a file say.
#[derive(Default)]
pub struct RowFacts {
    pub ids: RoaringTreemap,
    /// Of these, the ones that carry a deletion mark.
    pub deleted: RoaringTreemap,
    pub breaches: Vec<Breach>,
}

/// The law, the ticket, and what is wrong with it.
pub type Breach = (Invariant, Option<i64>, String);

/// A check that is fed the rows of a file in their order.
pub struct RowCheck<'a> {
    groups: std::iter::Peekable<std::slice::Iter<'a, RowGroup>>,
    /// Rows left of the group that the next row lies in.
    left: u64,
    calendar: Calendar,
    /// `None` where the folder says nothing that a row could contradict.
    partition: Option<PartitionKey>,
    before: Option<i64>,
    unsorted: Option<(i64, i64)>,
    /// The first ticket that a reader would miss, because of what the file says of itself.
    skipped: Option<(i64, &'static str)>,
    nulls: u64,
    facts: RowFacts,
}

impl<'a> RowCheck<'a> {
    pub fn new(inspection: &'a Inspection, calendar: Calendar, partition: Option<PartitionKey>) -> Self {
        let mut groups = inspection.groups.iter().peekable();
        let left = groups.peek().map_or(0, |group| group.rows);
        let (facts, before) = (RowFacts::default(), None);
        Self { groups, left, calendar, partition, before, unsorted: None, skipped: None, nulls: 0, facts }
    }

    /// The next rows.
    pub fn batch(&mut self, batch: &RecordBatch) {
        let Some(ids) = ids_of(batch) else { return };
        let (created, deleted) = (instants_of(batch, "created_at"), instants_of(batch, DELETED_AT));
        let rescued = batch.column_by_name(RESCUED).and_then(|column| column.as_string_opt::<i32>());
        for row in 0..batch.num_rows() {
            self.advance();
            if ids.is_null(row) {
                self.nulls += 1;
                continue;
            }
            let id = ids.value(row);
            self.id(id);
            self.partition(id, created.map(|_| instant(created, row)));
            self.rescued(id, rescued, row);
            if instant(deleted, row).is_some() {
                self.facts.deleted.insert(id.cast_unsigned());
            }
        }
    }

    /// Steps to the next row, into the next group where this one has ended.
    fn advance(&mut self) {
        while self.left == 0 && self.groups.next().is_some() {
            self.left = self.groups.peek().map_or(0, |group| group.rows);
        }
        self.left = self.left.saturating_sub(1);
    }

    fn id(&mut self, id: i64) {
        if let Some(before) = self.before.filter(|before| *before > id) {
            self.unsorted.get_or_insert((before, id));
        }
        self.before = Some(id);
        if !self.facts.ids.insert(id.cast_unsigned()) {
            self.breach(Invariant::EachTicketOnce, id, "it is twice in this file".to_owned());
        }
        let Some(group) = self.groups.peek() else { return };
        if group.ids.is_some_and(|(least, most)| id < least || id > most) {
            let what = "lies outside the bounds that the statistics of its row group give";
            self.skipped.get_or_insert((id, what));
        }
        if group.filter_finds(id) == Some(false) {
            self.skipped.get_or_insert((id, "is not found through the Bloom filter"));
        }
    }

    /// `created`: the time of creation, where there is such a column.
    fn partition(&mut self, id: i64, created: Option<Option<i64>>) {
        let (Some(partition), Some(created)) = (self.partition, created) else { return };
        let right = self.calendar.key(created);
        if right != partition {
            self.breach(Invariant::InItsPartition, id, format!("it belongs in {}", right.folder()));
        }
    }

    fn rescued(&mut self, id: i64, rescued: Option<&StringArray>, row: usize) {
        let Some(texts) = rescued.filter(|texts| texts.is_valid(row)) else { return };
        let text = texts.value(row);
        if !text.starts_with('{') || serde_json::from_str::<IgnoredAny>(text).is_err() {
            self.breach(Invariant::RescuedIsObject, id, "its _rescued is no JSON object".to_owned());
        }
    }

    fn breach(&mut self, law: Invariant, id: i64, what: String) {
        self.facts.breaches.push((law, Some(id), what));
    }

    /// What all rows together say.
    pub fn finish(mut self) -> RowFacts {
        let mut breach = |law, id, what| self.facts.breaches.push((law, id, what));
        if self.nulls > 0 {
            breach(Invariant::SortedById, None, format!("{} rows have no id", self.nulls));
        }
        if let Some((before, after)) = self.unsorted {
            breach(Invariant::SortedById, Some(after), format!("{before} comes before {after}"));
        }
        if let Some((id, what)) = self.skipped {
            breach(Invariant::FileForm, Some(id), format!("it {what}"));
        }
        self.facts
    }
}
