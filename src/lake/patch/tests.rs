use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, AsArray, Int64Array, ListArray, StringArray, TimestampMicrosecondArray},
    compute::concat_batches,
    datatypes::{Field, Int64Type, Schema, UInt64Type},
};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use proptest::prelude::*;

use super::{
    super::{FileMeta, PartitionKey, carry, old::Old, read, tests::lakes, ticket_file, upsert},
    *,
};
use crate::{batch::woven, columns::Type};

/// Of a ticket: its id, its text, its number, its list, and the second in which it changed.
pub(in crate::lake) type Row = (i64, Option<String>, Option<i64>, Option<Vec<Option<i64>>>, i64);

pub(in crate::lake) fn batch(rows: &[Row], synced: i64) -> RecordBatch {
    let instants = |micros: Vec<i64>| Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("UTC"));
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>(rows.iter().map(|row| row.3.clone()));
    let columns: Vec<(&str, Type, ArrayRef)> = vec![
        ("id", Type::Int64, Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0)))),
        ("text", Type::Text, Arc::new(rows.iter().map(|row| row.1.clone()).collect::<StringArray>())),
        ("nothing", Type::Text, Arc::new(rows.iter().map(|_| None::<&str>).collect::<StringArray>())),
        ("number", Type::Int64, Arc::new(rows.iter().map(|row| row.2).collect::<Int64Array>())),
        ("updated_at", Type::Instant, instants(rows.iter().map(|row| row.4).collect())),
        ("list", Type::Int64List, Arc::new(lists)),
        ("_synced_at", Type::Instant, instants(vec![synced; rows.len()])),
    ];
    let fields = columns.iter().map(|(name, of, _)| Field::new(*name, of.arrow(), *name != "id"));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let batch =
        RecordBatch::try_new(schema, columns.into_iter().map(|(.., column)| column).collect()).unwrap();
    // The same answer has the same digest; some rows have none.
    let digest = |row: &Row| {
        let mut hasher = DefaultHasher::new();
        row.hash(&mut hasher);
        Some(hasher.finish() & digests::DIGEST_BITS).filter(|digest| digest % 4 > 0)
    };
    carry(&batch, rows.iter().map(digest)).unwrap()
}

pub(in crate::lake) fn form(of: &RecordBatch) -> FileForm {
    let meta = FileMeta { schema_version: 1, source_kind: "kf5".into() };
    let width = of.num_columns() - 1;
    FileForm::new(&Arc::new(of.schema().project(&(0..width).collect::<Vec<_>>()).unwrap()), &meta).unwrap()
}

pub(in crate::lake) fn rows_at(path: &Location) -> RecordBatch {
    let batches: Vec<RecordBatch> = read::rows(path).unwrap().unwrap().map(Result::unwrap).collect();
    let rows = concat_batches(&batches[0].schema(), &batches).unwrap();
    let digests = Old::new(path, path.open().unwrap().unwrap()).unwrap().digests(&(0..rows.num_rows()));
    carry(&rows, digests.as_primitive::<UInt64Type>()).unwrap()
}

/// The stored bytes of a column.
fn stored(path: &Location, column: usize) -> Vec<u8> {
    let content = path.open().unwrap().unwrap();
    let metadata = ArrowReaderMetadata::load(&content, read::options()).unwrap();
    let (start, length) = metadata.metadata().row_group(0).column(column).byte_range();
    content.whole().unwrap()[start as usize..][..length as usize].to_vec()
}

pub(in crate::lake) fn at_id(id: i64, mut row: Row) -> Row {
    row.0 = id;
    row
}

pub(in crate::lake) fn row() -> impl Strategy<Value = Row> {
    let list = prop::option::of(prop::collection::vec(prop::option::of(0i64..3), 0..3));
    (Just(0), prop::option::of("[ab中]{0,2}"), prop::option::of(0i64..3), list, 0i64..3)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn rows_are_replaced_as_a_merge_replaces_them(
        held in prop::collection::btree_map(0i64..60, row(), 1..50),
        read in prop::collection::vec((0usize..50, row(), any::<bool>()), 0..12),
        new in prop::option::of(0i64..60),
    ) {
        let key = PartitionKey::Day("2024-05-01".parse().unwrap());
        let held: Vec<Row> = held.into_iter().map(|(id, row)| at_id(id, row)).collect();
        let read = read.into_iter().map(|(at, row, as_it_was)| {
            let known = &held[at % held.len()];
            if as_it_was { known.clone() } else { at_id(known.0, row) }
        });
        let new = new.map(|id| (id, Some("new".to_owned()), None, None, 9));
        let (before, reads) = (batch(&held, 1), batch(&read.chain(new).collect::<Vec<_>>(), 2));
        let form = form(&before);
        for (_folder, lake) in lakes() {
            upsert(&lake, "s", key, std::slice::from_ref(&before), &form, false).unwrap();
            let path = ticket_file(&lake, "s", key);
            let merge = Merge::new(form.carried(), std::slice::from_ref(&reads)).unwrap();
            let (expected, mut weave) = woven(&[rows_at(&path)], merge);
            let upserted = upsert(&lake, "s", key, std::slice::from_ref(&reads), &form, false).unwrap();
            prop_assert_eq!(rows_at(&path), expected);
            prop_assert_eq!((upserted.counts, upserted.ids), (weave.counts(), weave.take_ids()));
            let counts = upserted.counts;
            prop_assert_eq!(upserted.written.is_some(), counts.new + counts.changed > 0);
        }
    }
}

#[test]
fn only_columns_that_say_something_new_are_made_again() {
    let held: Vec<Row> =
        (0..500).map(|id| (id, Some(format!("text {id}")), Some(id), Some(vec![Some(id)]), 1)).collect();
    let mut changed = held[77].clone();
    (changed.2, changed.4) = (Some(-5), 2);
    let (before, reads) = (batch(&held, 1), batch(&[changed], 2));
    let (form, key) = (form(&before), PartitionKey::Day("2024-05-01".parse().unwrap()));
    for (_folder, lake) in lakes() {
        upsert(&lake, "s", key, std::slice::from_ref(&before), &form, false).unwrap();
        let path = ticket_file(&lake, "s", key);
        let columns =
            || (0..before.num_columns() - 1).map(|column| stored(&path, column)).collect::<Vec<_>>();
        let was = columns();
        upsert(&lake, "s", key, std::slice::from_ref(&reads), &form, false).unwrap();
        let same: Vec<bool> = columns().iter().zip(&was).map(|(now, was)| now == was).collect();
        // id, text, nothing, number, updated_at, list, _synced_at
        assert_eq!(same, [true, true, true, false, false, true, false]);
    }
}
