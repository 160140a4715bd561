use arrow::{array::AsArray, datatypes::Int64Type};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use parquet::file::metadata::PageIndexPolicy;
use proptest::prelude::*;

use super::{
    super::{
        PartitionKey,
        patch::tests::{Row, at_id, batch, form, row, rows_at},
        tests::{lake, lakes},
        ticket_file,
        tickets::{self, file_key},
    },
    *,
};
use crate::batch::woven;

fn key() -> PartitionKey {
    PartitionKey::Month { year: 2024, month: 5 }
}

fn bring(lake: &Lake, reads: &[Row], second: i64, growing: bool, group_rows: usize) -> Upserted {
    let rows = batch(reads, second);
    let form = form(&rows);
    let path = ticket_file(lake, "s", key());
    let merge = Merge::new(form.carried(), &[rows]).unwrap();
    let content = path.open().unwrap();
    let sizes = Sizes { small_rows: 0, group_rows };
    upsert(lake, (&file_key("s", key()), content), merge, &form, growing, sizes).unwrap()
}

/// The rows of each group, after a look at all that a file promises of each.
fn groups(lake: &Lake) -> Vec<i64> {
    let content = ticket_file(lake, "s", key()).open().unwrap().unwrap();
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let metadata = ArrowReaderMetadata::load(&content, options).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(content.clone(), metadata.clone());
    for (number, group) in metadata.metadata().row_groups().iter().enumerate() {
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(content.clone(), metadata.clone());
        let reader = reader.with_row_groups(vec![number]).build().unwrap();
        let filter = builder.get_row_group_column_bloom_filter(number, 0).unwrap().unwrap();
        let index = metadata.metadata().page_index_for_row_group(number);
        let mut rows = 0;
        for batch in reader {
            let batch = batch.unwrap();
            rows += batch.num_rows() as i64;
            assert!(batch.column(0).as_primitive::<Int64Type>().values().iter().all(|id| filter.check(id)));
        }
        assert_eq!(rows, group.num_rows());
        for (at, column) in group.columns().iter().enumerate() {
            assert!(column.statistics().is_some());
            // The library tells no bounds of a list without an element.
            assert!(index.column_index(at).is_some() || column.column_descr().max_rep_level() > 0);
            let pages = &index.offset_index(at).unwrap().page_locations;
            assert_eq!(pages[0].offset, column.data_page_offset());
        }
    }
    metadata.metadata().row_groups().iter().map(|group| group.num_rows()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_large_file_holds_what_a_merge_gives(
        runs in prop::collection::vec(
            (prop::collection::vec((0i64..90, row()), 0..40), any::<bool>(), any::<bool>()),
            1..5,
        ),
        group_rows in 2usize..30,
    ) {
        for (_folder, lake) in lakes() {
            let path = ticket_file(&lake, "s", key());
            let mut highest = 0;
            for (second, (reads, growing, after_the_last)) in runs.iter().enumerate() {
                let first = if *after_the_last { highest + 1 } else { 0 };
                let reads: Vec<Row> = reads.iter().map(|(id, row)| at_id(first + id, row.clone())).collect();
                highest = reads.iter().map(|row| row.0).max().unwrap_or(0).max(highest);
                let rows = batch(&reads, second as i64);
                let form = form(&rows);
                let merge = Merge::new(form.carried(), &[rows]).unwrap();
                let held = if path.exists().unwrap() { vec![rows_at(&path)] } else { Vec::new() };
                let (expected, mut weave) = woven(&held, merge);
                let upserted = bring(&lake, &reads, second as i64, *growing, group_rows);
                prop_assert_eq!((upserted.counts, upserted.ids), (weave.counts(), weave.take_ids()));
                if expected.num_rows() == 0 {
                    continue;
                }
                prop_assert_eq!(rows_at(&path), expected);
                prop_assert!(groups(&lake).iter().all(|rows| (1..=group_rows as i64).contains(rows)));
            }
        }
    }
}

#[test]
fn a_growing_file_gets_groups_that_become_one() {
    let rows = |ids: std::ops::Range<i64>| -> Vec<Row> {
        ids.map(|id| (id, Some(format!("text {}", id % 7)), Some(id), Some(vec![Some(id)]), 1)).collect()
    };
    for (_folder, lake) in lakes() {
        // A small file's columns and filter are copied too.
        let small = batch(&rows(0..50), 1);
        tickets::upsert(&lake, "s", key(), std::slice::from_ref(&small), &form(&small), true).unwrap();
        bring(&lake, &rows(50..90), 2, true, 200);
        assert_eq!(groups(&lake), [50, 40]);
        assert!(bring(&lake, &rows(20..40), 3, true, 200).written.is_none());
        bring(&lake, &rows(90..100), 4, false, 200);
        assert_eq!(groups(&lake), [100]);
        bring(&lake, &rows(100..120), 5, true, 200);
        assert!(bring(&lake, &[], 6, false, 200).written.is_some());
        assert_eq!(groups(&lake), [120]);
        assert!(bring(&lake, &[], 7, false, 200).written.is_none());
    }
}

/// Such a file is read from a disk, or a bucket, part by part.
#[test]
fn a_file_larger_than_what_is_read_at_once_is_woven() {
    let mut noise = fastrand::Rng::with_seed(7);
    let text: Vec<String> =
        (0..2000).map(|_| std::iter::repeat_with(|| noise.alphanumeric()).take(4000).collect()).collect();
    let row = |id: i64, second: i64| -> Row {
        (id, Some(text[id as usize % text.len()].clone()), Some(id), Some(vec![Some(id)]), second)
    };
    for (_folder, lake) in lakes() {
        let first: Vec<Row> = (0..2000).map(|id| row(2 * id, 1)).collect();
        bring(&lake, &first, 1, false, 700);
        let path = ticket_file(&lake, "s", key());
        assert!(path.open().unwrap().unwrap().whole().is_none(), "the file is read at once");
        // One row replaced, one between others, some after the last.
        let second: Vec<Row> =
            [(1500, 2), (2001, 2), (4000, 2), (4002, 2)].map(|(id, at)| row(id, at)).to_vec();
        let done = bring(&lake, &second, 2, false, 700);
        assert_eq!((done.counts.new, done.counts.changed), (3, 1));
        let mut expected = first.clone();
        expected[750] = second[0].clone();
        expected.insert(1001, second[1].clone());
        expected.extend_from_slice(&second[2..]);
        let (expected, found) = (batch(&expected, 0), rows_at(&path));
        for column in ["id", "text", "number", "updated_at", "list", "_digest"] {
            assert_eq!(found.column_by_name(column), expected.column_by_name(column), "{column}");
        }
        assert_eq!(groups(&lake).iter().sum::<i64>(), 2003);
    }
}

/// Whatever byte is damaged, rows are brought in, or an error names the file; the process lives.
#[test]
fn a_damaged_large_file_is_named() {
    let rows = |ids: std::ops::Range<i64>, second| -> Vec<Row> {
        ids.map(|id| (id, Some(format!("text {id}")), Some(id), Some(vec![Some(id)]), second)).collect()
    };
    let (folder, lake) = lake();
    bring(&lake, &rows(0..40, 1), 1, false, 20);
    let at = folder.path().join("lake").join(file_key("s", key()));
    let sound = std::fs::read(&at).unwrap();
    let reads = batch(&rows(15..25, 2), 2);
    let form = form(&reads);
    for place in 0..sound.len() {
        let mut damaged = sound.clone();
        damaged[place] ^= 0xa5;
        std::fs::write(&at, damaged).unwrap();
        let path = ticket_file(&lake, "s", key());
        let merge = Merge::new(form.carried(), std::slice::from_ref(&reads)).unwrap();
        let content = path.open().unwrap();
        let sizes = Sizes { small_rows: 0, group_rows: 20 };
        if let Err(fault) = upsert(&lake, (&file_key("s", key()), content), merge, &form, false, sizes) {
            assert!(fault.to_string().contains("part-0.parquet"), "{fault}");
        }
    }
}
