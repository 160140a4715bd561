use std::{collections::BTreeMap, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanArray, Date32Array, Float64Array, Int8Array, Int64Array,
        ListBuilder, StringArray, StringBuilder, Time64MicrosecondArray, TimestampMicrosecondArray,
    },
    datatypes::{DataType, Field, Int64Type, Schema, TimestampMicrosecondType},
};
use proptest::prelude::*;

use super::*;
use crate::{batch::ID, columns::Type};

/// id, updated_at, what its other columns are made of, when it was read.
type Row = (i64, Option<i64>, Option<i64>, i64);

/// Every type that a lake has a column of.
const TYPES: [Type; 10] = [
    Type::Text,
    Type::Int64,
    Type::Int8,
    Type::Float64,
    Type::Bool,
    Type::Date,
    Type::Time,
    Type::Instant,
    Type::TextList,
    Type::Int64List,
];

fn schema() -> SchemaRef {
    let field = |name: String, of: DataType| Field::new(name, of, true);
    let others = TYPES.iter().map(|of| field(of.name().to_owned(), of.arrow()));
    let id = Field::new(ID, DataType::Int64, false);
    let times = [UPDATED_AT, SYNCED_AT].map(|name| field(name.to_owned(), Type::Instant.arrow()));
    Arc::new(Schema::new(std::iter::once(id).chain(times).chain(others).collect::<Vec<_>>()))
}

fn cells(of: Type, values: &[Option<i64>]) -> ArrayRef {
    let numbers = values.iter().copied();
    match of {
        Type::Text => Arc::new(StringArray::from_iter(numbers.map(|n| n.map(|n| format!("工单 {n}"))))),
        Type::Int64 => Arc::new(Int64Array::from_iter(numbers)),
        Type::Int8 => Arc::new(Int8Array::from_iter(numbers.map(|n| n.map(|n| n as i8)))),
        Type::Float64 => Arc::new(Float64Array::from_iter(numbers.map(|n| n.map(|n| n as f64 / 4.0)))),
        Type::Bool => Arc::new(BooleanArray::from_iter(numbers.map(|n| n.map(|n| n % 2 == 0)))),
        Type::Date => Arc::new(Date32Array::from_iter(numbers.map(|n| n.map(|n| n as i32)))),
        Type::Time => Arc::new(Time64MicrosecondArray::from_iter(numbers)),
        Type::Instant => Arc::new(TimestampMicrosecondArray::from_iter(numbers).with_timezone("UTC")),
        Type::TextList => {
            let mut lists = ListBuilder::new(StringBuilder::new());
            numbers.for_each(|n| lists.append_option(n.map(|n| [Some(format!("{n}")), None])));
            Arc::new(lists.finish())
        }
        Type::Int64List => {
            let mut lists = ListBuilder::new(arrow::array::Int64Builder::new());
            numbers.for_each(|n| lists.append_option(n.map(|n| [Some(n), None])));
            Arc::new(lists.finish())
        }
    }
}

fn batch(rows: &[Row]) -> RecordBatch {
    let times = |times: Vec<Option<i64>>| cells(Type::Instant, &times);
    let values: Vec<Option<i64>> = rows.iter().map(|row| row.2).collect();
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0))),
        times(rows.iter().map(|row| row.1).collect()),
        times(rows.iter().map(|row| Some(row.3)).collect()),
    ];
    columns.extend(TYPES.iter().map(|of| cells(*of, &values)));
    RecordBatch::try_new(schema(), columns).unwrap()
}

fn rows_of(batch: &RecordBatch) -> Vec<Row> {
    let ids = batch.column(0).as_primitive::<Int64Type>();
    let synced = batch.column(2).as_primitive::<TimestampMicrosecondType>();
    let values = batch.column_by_name("int64").unwrap().as_primitive::<Int64Type>();
    let value = |row| values.is_valid(row).then(|| values.value(row));
    let updated = |row| instant(instants_of(batch, UPDATED_AT), row);
    (0..batch.num_rows()).map(|row| (ids.value(row), updated(row), value(row), synced.value(row))).collect()
}

/// The output of an upsert into existing batches, and what became of the ids that were read.
/// What becomes of the ids that were read.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    new: u64,
    changed: u64,
    unchanged: u64,
}

fn counts(plan: &MergePlan) -> Counts {
    let (new, changed) = plan.ids();
    Counts { new: new.len(), changed: changed.len(), unchanged: plan.unchanged() }
}

fn upsert(existing: &[RecordBatch], reads: &[RecordBatch]) -> (Vec<Row>, Counts) {
    let incoming = Incoming::new(&schema(), reads).unwrap();
    let mut plan = PlanBuilder::new(&incoming);
    existing.iter().try_for_each(|batch| plan.existing(batch)).unwrap();
    let mut plan = plan.finish();
    let (mut equal, mut start) = (RoaringTreemap::new(), 0);
    for batch in existing {
        equal |= plan.equal_ids(batch, start).unwrap();
        start += batch.num_rows();
    }
    plan.keep(&equal);
    let (mut found, mut start) = (Vec::new(), 0);
    let nothing = [RecordBatch::new_empty(schema())];
    for batch in if existing.is_empty() { &nothing } else { existing } {
        let (sources, rows) = plan.output(start..start + batch.num_rows());
        start += batch.num_rows();
        let sources: Vec<&RecordBatch> = std::iter::once(batch).chain(sources).collect();
        found.extend(rows_of(&interleave(&schema(), &sources, &rows).unwrap()));
    }
    assert_eq!(found.len(), plan.rows());
    (found, counts(&plan))
}

/// The same by a map, row by row.
fn by_map(existing: &[Row], reads: &[Vec<Row>]) -> (Vec<Row>, Counts) {
    let mut newest: BTreeMap<i64, Row> = BTreeMap::new();
    for row in reads.iter().flatten() {
        match newest.get(&row.0) {
            Some(known) if is_older(row.1, known.1) => {}
            _ => _ = newest.insert(row.0, *row),
        }
    }
    let mut rows: BTreeMap<i64, Row> = existing.iter().map(|row| (row.0, *row)).collect();
    let mut counts = Counts::default();
    for (id, row) in newest {
        match rows.get(&id) {
            None => counts.new += 1,
            Some(held) if is_older(row.1, held.1) || (held.1, held.2) == (row.1, row.2) => {
                counts.unchanged += 1;
                continue;
            }
            Some(_) => counts.changed += 1,
        }
        rows.insert(id, row);
    }
    (rows.into_values().collect(), counts)
}

fn row() -> impl Strategy<Value = Row> {
    (0..30_i64, prop::option::weighted(0.8, 0..4_i64), prop::option::of(0..3_i64), 0..100_i64)
}

proptest! {
    #[test]
    fn an_upsert_is_what_a_map_would_do(
        existing in prop::collection::btree_map(0..30_i64, row(), 0..20),
        reads in prop::collection::vec(prop::collection::vec(row(), 0..6), 0..6),
        size in 1..8_usize,
    ) {
        let existing: Vec<Row> = existing.into_iter().map(|(id, row)| (id, row.1, row.2, row.3)).collect();
        let batches: Vec<RecordBatch> = existing.chunks(size).map(batch).collect();
        let pages: Vec<RecordBatch> = reads.iter().map(|page| batch(page)).collect();
        prop_assert_eq!(upsert(&batches, &pages), by_map(&existing, &reads));
    }

    /// What would be written again is nothing, whatever the types of the columns.
    #[test]
    fn the_same_rows_once_more_change_nothing(rows in prop::collection::btree_map(0..30_i64, row(), 0..20)) {
        let rows: Vec<Row> = rows.into_iter().map(|(id, row)| (id, row.1, row.2, row.3)).collect();
        let later: Vec<Row> = rows.iter().map(|row| (row.0, row.1, row.2, row.3 + 1)).collect();
        let incoming = Incoming::new(&schema(), &[batch(&later)]).unwrap();
        let existing = batch(&rows);
        let mut plan = PlanBuilder::new(&incoming);
        plan.existing(&existing).unwrap();
        let mut plan = plan.finish();
        plan.keep(&plan.equal_ids(&existing, 0).unwrap());
        prop_assert!(plan.is_empty());
        prop_assert_eq!(plan.unchanged(), rows.len() as u64);
    }
}

#[test]
fn existing_rows_out_of_order_are_refused() {
    let incoming = Incoming::new(&schema(), &[]).unwrap();
    let row = |id| (id, None, None, 0);
    let mut plan = PlanBuilder::new(&incoming);
    plan.existing(&batch(&[row(1), row(5)])).unwrap();
    let fault = plan.existing(&batch(&[row(5)])).unwrap_err();
    assert!(matches!(fault, BatchError::Unsorted { before: 5, after: 5 }));
}

#[test]
fn rows_of_a_later_time_can_be_replaced() {
    let read = [batch(&[(1, Some(3), Some(1), 9)])];
    let existing = batch(&[(1, Some(7), Some(2), 1)]);
    for (replaces, expected) in [
        (false, Counts { unchanged: 1, ..Counts::default() }),
        (true, Counts { changed: 1, ..Counts::default() }),
    ] {
        let incoming = Incoming::new(&schema(), &read).unwrap();
        let incoming = if replaces { incoming.replacing_newer() } else { incoming };
        let mut plan = PlanBuilder::new(&incoming);
        plan.existing(&existing).unwrap();
        assert_eq!(counts(&plan.finish()), expected);
    }
}
