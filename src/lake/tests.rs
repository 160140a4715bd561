use std::{collections::HashMap, sync::Arc};

use arrow::{
    array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray},
    datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit},
};
use tempfile::TempDir;

use super::*;
use crate::config::{PartitionBy, StoreKind};

/// An empty lake in a folder that goes away with the first value.
pub(super) fn lake() -> (TempDir, Lake) {
    let folder = tempfile::tempdir().unwrap();
    let lake = Lake::open(&LakeConfig {
        place: Place::Folder(folder.path().join("lake")),
        timezone: TimeZone::get("Asia/Shanghai").unwrap(),
        partition: PartitionBy::Day,
    });
    (folder, lake.unwrap())
}

/// An empty lake of each kind.
pub(super) fn lakes() -> [(TempDir, Lake); 2] {
    let (folder, in_folder) = lake();
    let bucket = Lake {
        store: store::Store::Bucket(store::Bucket::in_memory(StoreKind::S3).unwrap().into()),
        ..in_folder.clone()
    };
    [(folder, in_folder), (tempfile::tempdir().unwrap(), bucket)]
}

fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn schema(extra: &[(&str, DataType)]) -> SchemaRef {
    let mut fields = vec![
        Field::new("id", DataType::Int64, false),
        Field::new("subject", DataType::Utf8, true),
        Field::new("updated_at", instant(), true),
    ];
    for (name, kind) in extra {
        let told = HashMap::from([("label".to_owned(), "标签".to_owned())]);
        fields.push(Field::new(*name, kind.clone(), true).with_metadata(told));
    }
    Arc::new(Schema::new(fields))
}

fn form(extra: &[(&str, DataType)]) -> FileForm {
    let meta = FileMeta { schema_version: 1, source_kind: "kf5".into() };
    FileForm::new(&schema(extra), &meta).unwrap()
}

fn tickets(ids: impl Iterator<Item = i64>, updated: i64) -> RecordBatch {
    let ids = Int64Array::from_iter_values(ids);
    let times = TimestampMicrosecondArray::from(vec![updated; ids.len()]).with_timezone("UTC");
    let texts = ids.iter().map(|id| id.map(|id| format!("{updated} {id}")));
    let columns: Vec<ArrayRef> =
        vec![Arc::new(ids.clone()), Arc::new(StringArray::from_iter(texts)), Arc::new(times)];
    RecordBatch::try_new(schema(&[]), columns).unwrap()
}

fn held(lake: &Lake, key: PartitionKey, form: &FileForm) -> Vec<RecordBatch> {
    let rows = rows(lake, "s", key, form).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn held_ids(lake: &Lake, key: PartitionKey, form: &FileForm) -> Vec<i64> {
    let batches = held(lake, key, form);
    let ids = batches.iter().flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values());
    ids.copied().collect()
}

fn key(date: &str) -> PartitionKey {
    PartitionKey::parse(&format!("created_date={date}")).unwrap()
}

#[test]
fn a_partition_is_written_only_when_a_row_changed() {
    for (_folder, lake) in lakes() {
        let (form, key) = (form(&[]), key("2024-01-05"));
        let reads = [tickets(5..9, 1), tickets(1..6, 2)];
        let first = upsert(&lake, "s", key, &reads, &form, false).unwrap();
        assert_eq!(first.counts.new, 8);
        assert_eq!(first.written.unwrap().rows, 8);
        assert_eq!(held_ids(&lake, key, &form), (1..9).collect::<Vec<_>>());
        assert_eq!(partitions(&lake, "s").unwrap(), [key]);

        let again = upsert(&lake, "s", key, &reads, &form, false).unwrap();
        assert_eq!((again.counts.unchanged, again.written), (8, None));
        let changed = upsert(&lake, "s", key, &[tickets(3..4, 9)], &form, false).unwrap();
        assert_eq!(changed.counts.changed, 1);
        let size = footer(&ticket_file(&lake, "s", key)).unwrap().unwrap().bytes;
        assert_eq!(changed.written, Some(Written { rows: 8, bytes: size }));
        assert!(store::list(&lake, "_ticketlake/staging").unwrap().is_empty());
    }
}

#[test]
fn a_large_partition_is_merged_in_pieces() {
    for (_folder, lake) in lakes() {
        let (form, key) = (form(&[]), key("2024-01-05"));
        let even = tickets((0..140_000).map(|id| id * 2), 1);
        upsert(&lake, "s", key, &[even], &form, false).unwrap();
        // One change late, one insertion after the end: what lies before is passed by, then read again.
        let late = [tickets([240_000, 240_001, 299_999].into_iter(), 2)];
        let late = upsert(&lake, "s", key, &late, &form, false).unwrap();
        assert_eq!((late.counts.new, late.counts.changed), (2, 1));
        let mut expected: Vec<i64> = (0..140_000).map(|id| id * 2).collect();
        expected.extend([240_001, 299_999]);
        expected.sort_unstable();
        assert_eq!(held_ids(&lake, key, &form), expected);
        let footer = footer(&ticket_file(&lake, "s", key)).unwrap().unwrap();
        assert_eq!((footer.rows, footer.row_groups), (140_002, 2));
    }
}

/// A large file is written again column by column; what stays is copied.
#[test]
fn rows_of_a_large_file_are_marked_taken_out_and_widened() {
    for (_folder, lake) in lakes() {
        let columns = [("created_at", instant()), ("_deleted_at", instant()), ("cf_a", DataType::Float64)];
        let (narrow, wide, key) = (form(&columns[..2]), form(&columns), key("2024-01-05"));
        upsert(&lake, "s", key, &[tickets(0..150_000, 1)], &narrow, false).unwrap();
        let gone = |id| id % 10 == 3 && id < 131_072;
        let (count, written) = mark_deleted(&lake, "s", key, &gone, 77, &narrow).unwrap().unwrap();
        assert_eq!((count, written.rows), (13_107, 150_000));
        assert_eq!(mark_deleted(&lake, "s", key, &gone, 78, &narrow).unwrap(), None);
        let marked = |mark: &Mark| mark.deleted_at == gone(mark.id).then_some(77);
        let marks = marks(&lake, "s", key).unwrap();
        assert!(marks.len() == 150_000 && marks.iter().all(marked));

        let moved = |id| id % 3 == 0;
        assert_eq!(take_out(&lake, "s", key, &moved, &narrow).unwrap().unwrap().rows, 100_000);
        assert_eq!(take_out(&lake, "s", key, &moved, &narrow).unwrap(), None);
        assert_eq!(rewrite(&lake, "s", key, &wide).unwrap().unwrap().rows, 100_000);
        assert_eq!(rewrite(&lake, "s", key, &wide).unwrap(), None);
        let stay: Vec<i64> = (0..150_000).filter(|id| !moved(*id)).collect();
        assert_eq!(held_ids(&lake, key, &wide), stay);
        for batch in held(&lake, key, &wide) {
            assert_eq!(batch.column_by_name("cf_a").unwrap().null_count(), batch.num_rows());
        }
        // Groups that became small are put together by the next run that writes the file.
        upsert(&lake, "s", key, &[tickets(0..1, 1)], &wide, false).unwrap();
        let footer = footer(&ticket_file(&lake, "s", key)).unwrap().unwrap();
        assert_eq!((footer.rows, footer.row_groups), (100_001, 1));
    }
}

#[test]
fn a_new_column_reaches_old_files() {
    for (_folder, lake) in lakes() {
        let key = key("2024-01-05");
        upsert(&lake, "s", key, &[tickets(1..4, 1)], &form(&[]), false).unwrap();
        let wider = form(&[("cf_a", DataType::Float64)]);
        assert!(rewrite(&lake, "s", key, &wider).unwrap().is_some());
        assert_eq!(rewrite(&lake, "s", key, &wider).unwrap(), None);
        let schema = schema_of(&ticket_file(&lake, "s", key)).unwrap().unwrap();
        assert_eq!(schema.fields(), wider.schema().fields());
        assert_eq!(held_ids(&lake, key, &wider), [1, 2, 3]);
    }
}

#[test]
fn a_source_without_tickets_has_a_file_without_rows() {
    for (_folder, lake) in lakes() {
        let form = form(&[]);
        assert!(put_empty(&lake, "s", &form).unwrap().is_some());
        assert_eq!(put_empty(&lake, "s", &form).unwrap(), None);
        let key = PartitionKey::Default(Cut::Day);
        let footer = footer(&ticket_file(&lake, "s", key)).unwrap().unwrap();
        assert_eq!(footer.rows, 0);
        assert!(footer.metadata.contains(&("ticketlake.source_kind".into(), "kf5".into())));
        assert_eq!(partitions(&lake, "s").unwrap(), [key]);
    }
}

#[test]
fn a_table_is_written_only_when_it_says_something_new() {
    for (_folder, lake) in lakes() {
        let form = form(&[]);
        let rows = tickets(1..3, 1);
        assert!(write_table(&lake, "ticket_fields", "s", &rows, &form).unwrap().is_some());
        assert_eq!(write_table(&lake, "ticket_fields", "s", &rows, &form).unwrap(), None);
        let read = read_table(&lake, "ticket_fields", "s").unwrap().unwrap();
        assert_eq!(read.columns(), rows.columns());
    }
}

#[test]
fn another_cut_is_refused_by_name() {
    let (_folder, mut lake) = lake();
    upsert(&lake, "s", key("2024-01-05"), &[tickets(1..4, 1)], &form(&[]), false).unwrap();
    lake.partition = PartitionBy::Month;
    let fault = partitions(&lake, "s").unwrap_err().to_string();
    assert!(fault.contains("created_date=2024-01-05"), "{fault}");
}

/// Whatever byte is damaged, the file is read as it was, or named in an error; the process lives.
#[test]
fn a_damaged_file_is_named() {
    let (folder, lake) = lake();
    let (form, key) = (form(&[]), key("2024-01-05"));
    upsert(&lake, "s", key, &[tickets(0..200, 1)], &form, false).unwrap();
    let path = folder.path().join("lake").join(tickets::file_key("s", key));
    let sound = std::fs::read(&path).unwrap();
    let read = || rows(&lake, "s", key, &form).and_then(|rows| rows.collect::<Result<Vec<_>, _>>());
    for at in 0..sound.len() {
        let mut damaged = sound.clone();
        damaged[at] ^= 0xa5;
        std::fs::write(&path, damaged).unwrap();
        if let Err(fault) = read() {
            assert!(fault.to_string().contains("part-0.parquet"), "{fault}");
        }
    }
    std::fs::write(&path, &sound[..sound.len() / 2]).unwrap();
    assert!(read().unwrap_err().is_damage());
}
