use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray},
    datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, TimeUnit},
};
use parquet::basic::Compression;
use roaring::RoaringTreemap;
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
    let bucket = store::Bucket::in_memory(StoreKind::S3).unwrap();
    let bucket = Lake { store: store::Store::Bucket(bucket.into()), ..in_folder.clone() };
    [(folder, in_folder), (tempfile::tempdir().unwrap(), bucket)]
}

fn instant() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

fn columns_with(extra: &[(&str, DataType)]) -> SchemaRef {
    let mut fields = vec![
        Field::new("id", DataType::Int64, false),
        Field::new("subject", DataType::Utf8, true),
        Field::new("updated_at", instant(), true),
        Field::new("_deleted_at", instant(), true),
    ];
    fields.extend(extra.iter().map(|(name, kind)| Field::new(*name, kind.clone(), true)));
    Arc::new(Schema::new(fields))
}

fn schema(extra: &[(&str, DataType)]) -> FileSchema {
    let meta = FileMeta { schema_version: SCHEMA_VERSION, source_kind: "kf5".into() };
    FileSchema::new(&columns_with(extra), &meta).unwrap()
}

fn tickets(ids: impl Iterator<Item = i64>, updated: i64) -> RecordBatch {
    let ids = Int64Array::from_iter_values(ids);
    let times = TimestampMicrosecondArray::from(vec![updated; ids.len()]).with_timezone("UTC");
    let marks = TimestampMicrosecondArray::new_null(ids.len()).with_timezone("UTC");
    let texts = ids.iter().map(|id| id.map(|id| format!("{updated} {id}")));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(ids.clone()),
        Arc::new(StringArray::from_iter(texts)),
        Arc::new(times),
        Arc::new(marks),
    ];
    RecordBatch::try_new(columns_with(&[]), columns).unwrap()
}

fn table(lake: &Lake) -> TicketTable {
    TicketTable::new(lake, "s", "run", Manifest::default())
}

fn file(table: &TicketTable, key: PartitionKey) -> ParquetFile {
    open(&table.location(key)).unwrap().unwrap()
}

fn ids(table: &TicketTable, key: PartitionKey) -> Vec<i64> {
    let batches = file(table, key).batches().unwrap();
    batches.flat_map(|batch| batch.unwrap().column(0).as_primitive::<Int64Type>().values().to_vec()).collect()
}

fn key(date: &str) -> PartitionKey {
    PartitionKey::parse(&format!("created_date={date}")).unwrap()
}

/// The manifest says what a new look at the files says.
fn assert_manifest(table: &TicketTable) {
    let manifest = table.manifest(|manifest| manifest.clone());
    assert!(manifest.compare(&table.lake, &table.source).unwrap().is_empty());
    for (key, partition) in manifest.partitions {
        assert_eq!(Partition::of_file(&file(table, key)).unwrap(), partition);
    }
}

#[test]
fn a_partition_is_written_only_when_a_row_changes() {
    for (_folder, lake) in lakes() {
        let (schema, key, table) = (schema(&[]), key("2024-01-05"), table(&lake));
        let reads = [tickets(5..9, 1), tickets(1..6, 2)];
        let first = table.upsert(key, &reads, &schema, None).unwrap();
        assert_eq!((first.new.len(), first.written.unwrap().rows), (8, 8));
        assert_eq!(ids(&table, key), (1..9).collect::<Vec<_>>());
        assert_eq!(partitions(&lake, "s").unwrap(), [key]);

        let again = table.upsert(key, &reads, &schema, None).unwrap();
        assert_eq!((again.unchanged, again.written), (8, None));
        let changed = table.upsert(key, &[tickets(3..4, 9)], &schema, None).unwrap();
        assert_eq!(changed.changed, [3].into_iter().collect());
        assert_eq!(changed.written.unwrap().put.version, file(&table, key).version());
        assert!(lake.store.list("_ticketlake/staging").unwrap().is_empty());
        assert_manifest(&table);
    }
}

#[test]
fn a_large_partition_is_merged_in_steps() {
    for (_folder, lake) in lakes() {
        let (schema, key, table) = (schema(&[]), key("2024-01-05"), table(&lake));
        let even = tickets((0..140_000).map(|id| id * 2), 1);
        table.upsert(key, &[even], &schema, None).unwrap();
        let late = [tickets([240_000, 240_001, 299_999].into_iter(), 2)];
        let late = table.upsert(key, &late, &schema, None).unwrap();
        assert_eq!((late.new.len(), late.changed.len(), late.unchanged), (2, 1, 0));
        let mut expected: Vec<i64> = (0..140_000).map(|id| id * 2).collect();
        expected.extend([240_001, 299_999]);
        expected.sort_unstable();
        assert_eq!(ids(&table, key), expected);
        let file = file(&table, key);
        assert_eq!((file.rows(), file.parquet().num_row_groups()), (140_002, 2));
        let inspection = Inspection::of(&file).unwrap();
        assert!(!inspection.lacks_bloom_filter() && inspection.without_page_index.is_empty());
        assert_eq!(inspection.groups[0].filter_finds(4), Some(true));
        assert_manifest(&table);
    }
}

/// Small files carry no index, no filter and no Arrow schema; what does not gain by compression is not compressed.
#[test]
fn a_small_file_has_what_its_readers_need() {
    let (_folder, lake) = lake();
    let (schema, key, table) = (schema(&[("empty", DataType::Utf8)]), key("2024-01-05"), table(&lake));
    table.upsert(key, &[tickets(0..300, 1)], &schema, None).unwrap();
    let file = file(&table, key);
    assert_eq!(file.metadata_value("ticketlake.schema_version"), Some("2"));
    assert_eq!((file.metadata_value("ARROW:schema"), file.source_kind()), (None, Some("kf5")));
    let group = file.parquet().row_group(0);
    let codecs = group.columns().iter().map(|chunk| matches!(chunk.compression(), Compression::ZSTD(_)));
    assert_eq!(codecs.collect::<Vec<_>>(), [false, true, false, false, false]);
    for chunk in group.columns() {
        assert!(chunk.statistics().is_some() && chunk.offset_index_offset().is_none());
        assert!(chunk.column_index_offset().is_none() && chunk.bloom_filter_offset().is_none());
    }
}

#[test]
fn rows_of_a_large_file_are_marked_removed_and_widened() {
    for (_folder, lake) in lakes() {
        let (narrow, wide) = (schema(&[]), schema(&[("cf_a", DataType::Float64)]));
        let (key, table) = (key("2024-01-05"), table(&lake));
        table.upsert(key, &[tickets(0..50_000, 1)], &narrow, None).unwrap();
        let gone: RoaringTreemap = (0..50_000).filter(|id| id % 10 == 3).collect();
        assert_eq!(table.mark_deleted(&gone, 77, &narrow).unwrap().0, 5000);
        assert_eq!(table.mark_deleted(&gone, 78, &narrow).unwrap().0, 0);
        assert_eq!(table.manifest(|manifest| manifest.live()), 45_000);

        let moved: RoaringTreemap = (0..50_000).filter(|id| id % 5 == 0).collect();
        assert_eq!(table.remove(key, &moved).unwrap().unwrap().rows, 40_000);
        assert_eq!(table.remove(key, &moved).unwrap(), None);
        assert_eq!(table.rewrite(key, &wide, &Ok).unwrap().unwrap().rows, 40_000);
        assert_eq!(table.rewrite(key, &wide, &Ok).unwrap(), None);
        assert_eq!(file(&table, key).schema().fields(), wide.schema().fields());
        // Also after a widening the same rows write nothing.
        let stay = tickets((0..50_000).filter(|id| id % 5 != 0 && id % 10 != 3), 1);
        let again = table.upsert(key, &[stay], &wide, None).unwrap();
        assert_eq!((again.unchanged, again.written), (35_000, None));
        assert_manifest(&table);
    }
}

/// What a move log was told, in order.
#[derive(Default)]
struct Log(std::sync::Mutex<Vec<(&'static str, Vec<Move>)>>);

impl MoveLog for Log {
    fn begin(&self, moves: &[Move]) -> Result<(), LakeError> {
        self.0.lock().unwrap().push(("begin", moves.to_vec()));
        Ok(())
    }

    fn end(&self, moves: &[Move]) {
        self.0.lock().unwrap().push(("end", moves.to_vec()));
    }
}

#[test]
fn a_ticket_leaves_the_partition_that_held_it() {
    for (_folder, lake) in lakes() {
        let (schema, table, log) = (schema(&[]), table(&lake), Log::default());
        let (old, new) = (key("2024-01-05"), key("2024-02-06"));
        table.upsert(old, &[tickets(1..10, 5)], &schema, Some(&log)).unwrap();
        // A version that is older than the one that is held does not move.
        let upserted = table.upsert(new, &[tickets(3..4, 4), tickets(7..8, 6)], &schema, Some(&log)).unwrap();
        assert_eq!((upserted.new.len(), upserted.unchanged), (0, 1));
        assert_eq!(upserted.changed, [7].into_iter().collect());
        assert_eq!(ids(&table, old), [1, 2, 3, 4, 5, 6, 8, 9]);
        assert_eq!(ids(&table, new), [7]);
        let step = Move { from: old, to: new, ids: [7].into_iter().collect() };
        assert_eq!(*log.0.lock().unwrap(), [("begin", vec![step.clone()]), ("end", vec![step])]);
        assert_manifest(&table);
    }
}

#[test]
fn a_source_without_tickets_has_a_file_without_rows() {
    for (_folder, lake) in lakes() {
        let (schema, table) = (schema(&[]), table(&lake));
        assert_eq!(table.put_empty(&schema).unwrap().unwrap().rows, 0);
        assert_eq!(table.put_empty(&schema).unwrap(), None);
        let key = PartitionKey::Default(Cut::Day);
        assert_eq!(file(&table, key).rows(), 0);
        assert_eq!(partitions(&lake, "s").unwrap(), [key]);
        let upserted = table.upsert(key, &[tickets(1..3, 1)], &schema, None).unwrap();
        assert_eq!(upserted.new.len(), 2);
        assert_manifest(&table);
    }
}

#[test]
fn a_table_is_written_only_when_it_says_something_new() {
    for (_folder, lake) in lakes() {
        let schema = schema(&[]);
        let rows = tickets(1..3, 1);
        assert!(write_table(&lake, "ticket_fields", "s", &rows, &schema).unwrap().is_some());
        assert_eq!(write_table(&lake, "ticket_fields", "s", &rows, &schema).unwrap(), None);
        let read = read_table(&lake, "ticket_fields", "s").unwrap().unwrap();
        assert_eq!(read.columns(), rows.columns());
    }
}

#[test]
fn what_differs_from_the_manifest_is_found_without_opening_a_file() {
    for (_folder, lake) in lakes() {
        let (schema, table) = (schema(&[]), table(&lake));
        let [kept, gone, changed, new] = ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-04"].map(key);
        for (number, key) in [kept, gone, changed].into_iter().enumerate() {
            let first = number as i64 * 100;
            table.upsert(key, &[tickets(first..first + 10, 1)], &schema, None).unwrap();
        }
        let put = |key: PartitionKey, name: &str| {
            let path = format!("tickets/source=s/{}/{name}", key.folder());
            store::overwrite(&lake, &path, b"no Parquet file").unwrap();
            path
        };
        lake.store.delete(&format!("tickets/source=s/{}/part-0.parquet", gone.folder())).unwrap();
        put(changed, "part-0.parquet");
        put(new, "part-0.parquet");
        let extra = put(kept, "part-1.parquet");
        put(kept, "notes.txt");
        let found = table.manifest(|manifest| manifest.compare(&lake, "s")).unwrap();
        let expected = ManifestDiff {
            missing: vec![gone],
            changed: vec![changed],
            unknown: vec![new],
            extra: vec![extra],
            tables: Vec::new(),
        };
        assert_eq!(found, expected);
    }
}

#[test]
fn a_manifest_is_small_and_comes_back() {
    let partition = |ids: RoaringTreemap| Partition {
        version: FileVersion { bytes: 1, tag: "mtime:1".to_owned() },
        checksum: u64::MAX,
        deleted: ids.iter().step_by(7).collect(),
        ids,
        synced_at: Some(-1),
    };
    let mut manifest = Manifest::default();
    for day in 1..=28 {
        let ids = day as u64 * 100_000..day as u64 * 100_000 + 36_000;
        manifest.partitions.insert(key(&format!("2024-01-{day:02}")), partition(ids.collect()));
    }
    let text = serde_json::to_string(&manifest).unwrap();
    assert_eq!(serde_json::from_str::<Manifest>(&text).unwrap(), manifest);
    let without_marks = {
        let mut manifest = manifest.clone();
        manifest.partitions.values_mut().for_each(|partition| partition.deleted.clear());
        serde_json::to_string(&manifest).unwrap()
    };
    assert!(without_marks.len() < 10_000, "a million ids with neighbours take {} bytes", without_marks.len());
}

/// Whatever byte is damaged, the file is read as it was, or named in an error; the process lives.
#[test]
fn a_damaged_file_is_named_and_moved_aside() {
    let (folder, lake) = lake();
    let (schema, key, table) = (schema(&[]), key("2024-01-05"), table(&lake));
    table.upsert(key, &[tickets(0..200, 1)], &schema, None).unwrap();
    let path = folder.path().join("lake/tickets/source=s").join(key.folder()).join("part-0.parquet");
    let sound = std::fs::read(&path).unwrap();
    let read = || {
        let file = open(&table.location(key))?.unwrap();
        file.batches()?.collect::<Result<Vec<_>, _>>()
    };
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
    let upserted = table.upsert(key, &[tickets(0..5, 2)], &schema, None).unwrap();
    assert_eq!(upserted.new.len(), 5);
    assert_eq!(table.lost(), (5..200).collect());
    assert!(folder.path().join("lake/_ticketlake/aside/run/tickets").is_dir());
    assert_manifest(&table);
}
