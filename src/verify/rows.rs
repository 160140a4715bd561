//! Every row of a partition: its id, its place, its order, and whether what the file promises of it is true.

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use roaring::RoaringTreemap;
use serde::de::IgnoredAny;

use super::invariant::Invariant;
use crate::{
    batch::{UPDATED_AT, ids_of, instant, instants_of},
    columns::RESCUED,
    lake::{Anatomy, Calendar, Group, PartitionKey},
};

/// What the rows of a file say.
#[derive(Default)]
pub struct RowFacts {
    pub ids: RoaringTreemap,
    /// The newest `updated_at`, microseconds since 1970.
    pub newest: Option<i64>,
    pub breaches: Vec<Breach>,
}

/// The law, the ticket, and what is wrong with it.
pub type Breach = (Invariant, Option<i64>, String);

/// A check that is fed the rows of a file in their order.
pub struct RowCheck<'a> {
    groups: std::iter::Peekable<std::slice::Iter<'a, Group>>,
    /// Rows left of the group that the next row lies in.
    left: u64,
    calendar: Calendar,
    /// `None` where the folder says nothing that a row could contradict.
    partition: Option<PartitionKey>,
    before: Option<i64>,
    unsorted: Option<(i64, i64)>,
    unpromised: Option<(i64, &'static str)>,
    nulls: u64,
    facts: RowFacts,
}

impl<'a> RowCheck<'a> {
    pub fn new(anatomy: &'a Anatomy, calendar: Calendar, partition: Option<PartitionKey>) -> Self {
        let mut groups = anatomy.groups.iter().peekable();
        let left = groups.peek().map_or(0, |group| group.rows);
        let (facts, before) = (RowFacts::default(), None);
        Self { groups, left, calendar, partition, before, unsorted: None, unpromised: None, nulls: 0, facts }
    }

    /// The next rows.
    pub fn batch(&mut self, batch: &RecordBatch) {
        let Some(ids) = ids_of(batch) else { return };
        let (created, updated) = (instants_of(batch, "created_at"), instants_of(batch, UPDATED_AT));
        let rescued = batch.column_by_name(RESCUED).and_then(|column| column.as_string_opt::<i32>());
        for row in 0..batch.num_rows() {
            self.advance();
            if ids.is_null(row) {
                self.nulls += 1;
                continue;
            }
            let id = ids.value(row);
            self.id(id);
            self.place(id, created.map(|_| instant(created, row)));
            self.rescued(id, rescued, row);
            self.facts.newest = self.facts.newest.max(instant(updated, row));
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
            self.breach(Invariant::EachTicketOnce, id, "it stands twice in this file".to_owned());
        }
        let Some(group) = self.groups.peek() else { return };
        if group.ids.is_some_and(|(least, most)| id < least || id > most) {
            self.unpromised
                .get_or_insert((id, "lies outside the bounds that the statistics of its row group give"));
        }
        if group.filter_finds(id) == Some(false) {
            self.unpromised.get_or_insert((id, "is not found through the Bloom filter"));
        }
    }

    /// `created`: the time of creation, where there is such a column.
    fn place(&mut self, id: i64, created: Option<Option<i64>>) {
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
            let what = "its _rescued is no JSON object".to_owned();
            self.facts.breaches.push((Invariant::RescuedIsObject, Some(id), what));
        }
    }

    fn breach(&mut self, law: Invariant, id: i64, what: String) {
        self.facts.breaches.push((law, Some(id), what));
    }

    /// What all rows together say.
    pub fn finish(mut self) -> RowFacts {
        if self.nulls > 0 {
            let what = format!("{} rows have no id", self.nulls);
            self.facts.breaches.push((Invariant::SortedById, None, what));
        }
        if let Some((before, after)) = self.unsorted {
            let what = format!("{before} stands before {after}");
            self.facts.breaches.push((Invariant::SortedById, Some(after), what));
        }
        if let Some((id, what)) = self.unpromised {
            self.facts.breaches.push((Invariant::FileForm, Some(id), format!("it {what}")));
        }
        self.facts
    }
}
