use std::{collections::BTreeMap, sync::Arc};

use arrow::{
    array::{ArrayRef, AsArray, ListBuilder, StringArray, StringBuilder},
    datatypes::{DataType, Field, Schema, TimeUnit, TimestampMicrosecondType},
};
use proptest::prelude::*;

use super::*;
use crate::batch::{SYNCED_AT, Weaving, woven};

/// id, updated_at, a text, when it was read.
type Row = (i64, Option<i64>, Option<&'static str>, i64);

fn schema() -> SchemaRef {
    let instant = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Arc::new(Schema::new(vec![
        Field::new(ID, DataType::Int64, false),
        Field::new(UPDATED_AT, instant(), true),
        Field::new("text", DataType::Utf8, true),
        Field::new("list", DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))), true),
        Field::new(SYNCED_AT, instant(), true),
    ]))
}

fn batch(rows: &[Row]) -> RecordBatch {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for row in rows {
        lists.append_option(row.2.map(|text| [Some(text), None]));
    }
    let times = |times: Vec<Option<i64>>| -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"))
    };
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0))),
        times(rows.iter().map(|row| row.1).collect()),
        Arc::new(StringArray::from_iter(rows.iter().map(|row| row.2))),
        Arc::new(lists.finish()),
        times(rows.iter().map(|row| Some(row.3)).collect()),
    ];
    RecordBatch::try_new(schema(), columns).unwrap()
}

fn rows(batch: &RecordBatch) -> Vec<(i64, Option<i64>, Option<String>, i64)> {
    let texts = batch.column(2).as_string::<i32>();
    let synced = batch.column(4).as_primitive::<TimestampMicrosecondType>();
    let row = |row| {
        let text = texts.is_valid(row).then(|| texts.value(row).to_owned());
        (
            ids(batch).unwrap().value(row),
            instant(instants_of(batch, UPDATED_AT), row),
            text,
            synced.value(row),
        )
    };
    (0..batch.num_rows()).map(row).collect()
}

/// The rows, whether they are others than before, and what became of the reads.
fn merge(existing: &[RecordBatch], reads: &[RecordBatch]) -> (RecordBatch, bool, Counts) {
    let (rows, weave) = woven(existing, Merge::new(&schema(), reads).unwrap());
    (rows, !weave.is_empty(), weave.counts())
}

#[test]
fn a_row_that_says_the_same_keeps_its_time_of_reading() {
    let (out, changed, counts) =
        merge(&[batch(&[(1, Some(5), Some("a"), 10)])], &[batch(&[(1, Some(5), Some("a"), 20)])]);
    assert_eq!(rows(&out), vec![(1, Some(5), Some("a".into()), 10)]);
    assert!(!changed);
    assert_eq!(counts.unchanged, 1);
}

#[test]
fn an_older_copy_never_replaces_a_newer_one() {
    let (out, changed, counts) =
        merge(&[batch(&[(1, Some(5), Some("new"), 10)])], &[batch(&[(1, Some(4), Some("old"), 20)])]);
    assert_eq!(rows(&out)[0].2.as_deref(), Some("new"));
    assert!(!changed);
    assert_eq!((counts.stale, counts.unchanged), (1, 1));
}

#[test]
fn unsorted_existing_rows_are_named() {
    let mut weaving = Weaving::new(Merge::new(&schema(), &[]).unwrap());
    weaving.meet(&batch(&[(7, None, None, 0)])).unwrap();
    let fault = weaving.meet(&batch(&[(7, None, None, 0)])).unwrap_err();
    assert!(matches!(fault, BatchError::Unsorted { before: 7, after: 7 }));
}

fn row() -> impl Strategy<Value = Row> {
    let text = prop_oneof![Just(None), Just(Some("a")), Just(Some("乙"))];
    (0..24_i64, prop::option::of(0..4_i64), text, 0..9_i64)
}

fn split(rows: &[Row], at: usize) -> Vec<RecordBatch> {
    rows.chunks(at.max(1)).map(batch).collect()
}

proptest! {
    /// The law, told row by row.
    #[test]
    fn merging_keeps_the_law(
        existing in prop::collection::vec(row(), 0..24),
        reads in prop::collection::vec(row(), 0..24),
        cut in 1..6_usize,
        page in 1..9_usize,
    ) {
        let existing: BTreeMap<i64, Row> = existing.into_iter().map(|row| (row.0, row)).collect();
        let held: Vec<Row> = existing.values().copied().collect();
        let mut folded = existing.clone();
        for read in &reads {
            let older = matches!(
                (folded.get(&read.0).and_then(|row| row.1), read.1),
                (Some(held), Some(offered)) if offered < held
            );
            if !older {
                folded.insert(read.0, *read);
            }
        }
        let mut expected = Counts::default();
        for (id, row) in &mut folded {
            match existing.get(id) {
                None => expected.new += 1,
                Some(held) if (held.1, held.2) == (row.1, row.2) => *row = *held,
                Some(_) => expected.changed += 1,
            }
        }
        let mut touched: Vec<i64> = reads.iter().map(|row| row.0).collect();
        touched.sort_unstable();
        touched.dedup();
        expected.unchanged = touched.len() as u64 - expected.new - expected.changed;

        let (out, changed, counts) = merge(&split(&held, cut), &split(&reads, page));
        let folded = batch(&folded.into_values().collect::<Vec<_>>());
        prop_assert_eq!(rows(&out), rows(&folded));
        prop_assert_eq!(changed, expected.new + expected.changed > 0);
        prop_assert_eq!(Counts { stale: 0, ..counts }, expected);
    }
}
