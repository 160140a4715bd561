//! What is encoded here reads as what the library's own writer encodes, and says the same of itself.

use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BooleanArray, Date32Array, Float64Array, Int8Array, Int64Array, ListArray, RecordBatch,
        StringArray, TimestampMicrosecondArray, UInt32Array,
    },
    datatypes::{Int64Type, Schema},
};
use bytes::Bytes;
use parquet::{
    arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
    file::metadata::{PageIndexPolicy, ParquetMetaData},
};
use proptest::prelude::*;

use super::{super::*, *};
use crate::{
    columns::Type as Column,
    lake::unpack::{self, Wanted},
};

/// A row: its text, its numbers, its flag and its lists; any of them may be missing.
pub type Row = (Option<String>, Option<i64>, Option<f64>, Option<bool>, Option<Vec<Option<String>>>);

pub fn batch(rows: &[Row]) -> RecordBatch {
    let mut texts = arrow::array::ListBuilder::new(arrow::array::StringBuilder::new());
    for (.., list) in rows {
        for text in list.iter().flatten() {
            texts.values().append_option(text.as_deref());
        }
        texts.append(list.is_some());
    }
    let numbers = rows.iter().map(|row| row.1.map(|number| [Some(number), None].repeat(2)));
    let micros: TimestampMicrosecondArray = rows.iter().map(|row| row.1).collect();
    let columns: Vec<(&str, Column, ArrayRef)> = vec![
        ("id", Column::Int64, Arc::new(Int64Array::from_iter_values(0..rows.len() as i64))),
        ("text", Column::Text, Arc::new(rows.iter().map(|row| row.0.clone()).collect::<StringArray>())),
        ("number", Column::Int64, Arc::new(rows.iter().map(|row| row.1).collect::<Int64Array>())),
        (
            "small",
            Column::Int8,
            Arc::new(rows.iter().map(|row| row.1.map(|n| n as i8)).collect::<Int8Array>()),
        ),
        (
            "date",
            Column::Date,
            Arc::new(rows.iter().map(|row| row.1.map(|n| n as i32)).collect::<Date32Array>()),
        ),
        ("instant", Column::Instant, Arc::new(micros.with_timezone("UTC"))),
        ("decimal", Column::Float64, Arc::new(rows.iter().map(|row| row.2).collect::<Float64Array>())),
        ("flag", Column::Bool, Arc::new(rows.iter().map(|row| row.3).collect::<BooleanArray>())),
        ("texts", Column::TextList, Arc::new(texts.finish())),
        ("numbers", Column::Int64List, Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(numbers))),
    ];
    let field = |(name, of, _): &(&str, Column, ArrayRef)| {
        arrow::datatypes::Field::new(*name, of.arrow(), *name != "id")
    };
    let schema = Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()));
    RecordBatch::try_new(schema, columns.into_iter().map(|(_, _, column)| column).collect()).unwrap()
}

fn read(file: &[u8]) -> (Vec<RecordBatch>, Arc<ParquetMetaData>) {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let file = Bytes::copy_from_slice(file);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options).unwrap();
    let metadata = builder.metadata().clone();
    (builder.build().unwrap().map(Result::unwrap).collect(), metadata)
}

pub fn form(rows: &RecordBatch) -> FileForm {
    let meta = FileMeta { schema_version: 1, source_kind: "x".to_owned() };
    FileForm::new(&rows.schema(), &meta).unwrap()
}

pub fn making(page_bytes: usize) -> Making {
    let level = ZstdLevel::try_new(1).unwrap();
    Making { page_bytes, bound_bytes: 64, bloom_false_positives: 0.01, level }
}

/// Gives what our file says of itself.
fn both_ways(rows: &RecordBatch, page_bytes: usize) -> Arc<ParquetMetaData> {
    let form = form(rows);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let making = making(page_bytes);
    let parts = Parts {
        rows: rows.num_rows(),
        fields: rows.schema_ref().fields(),
        frame: form.frame(),
        columns: &mut rows.columns().iter().map(|column| Ok(Source::Cells(column.clone()))),
        trailer: None,
    };
    write(&mut ours, parts, making).unwrap();
    taken_apart(&ours, rows);
    let mut encoder = form.encoder(&mut theirs).unwrap();
    encoder.write(rows).unwrap();
    encoder.close().unwrap();
    let ((ours, our_metadata), (theirs, their_metadata)) = (read(&ours), read(&theirs));
    let whole = |batches: &[RecordBatch]| arrow::compute::concat_batches(&rows.schema(), batches).unwrap();
    assert_eq!(whole(&ours), *rows);
    assert_eq!(whole(&ours), whole(&theirs));
    for (our_group, their_group) in our_metadata.row_groups().iter().zip(their_metadata.row_groups()) {
        for (our, their) in our_group.columns().iter().zip(their_group.columns()) {
            assert_eq!(our.num_values(), their.num_values(), "{}", our.column_path());
            let (our_bounds, their_bounds) = (our.statistics().unwrap(), their.statistics().unwrap());
            assert_eq!(our_bounds.null_count_opt(), their_bounds.null_count_opt(), "{}", our.column_path());
            assert_eq!(our_bounds.min_bytes_opt(), their_bounds.min_bytes_opt(), "{}", our.column_path());
            // A long text may be rounded up in several ways.
            if our_bounds.max_is_exact() {
                assert_eq!(our_bounds.max_bytes_opt(), their_bounds.max_bytes_opt(), "{}", our.column_path());
            }
        }
    }
    our_metadata
}

/// Our own reader gives the same columns, and nothing where a byte is missing.
fn taken_apart(file: &[u8], rows: &RecordBatch) {
    let (_, metadata) = read(file);
    let group = metadata.row_group(0);
    for (at, field) in rows.schema_ref().fields().iter().enumerate() {
        let all = Wanted::All(rows.num_rows());
        let column = unpack::column(file, group.column(at), field, all);
        assert_eq!(column.as_ref(), Some(rows.column(at)), "{field}");
        assert!(unpack::column(file, group.column(at), field, Wanted::All(rows.num_rows() + 1)).is_none());
        if !matches!(field.data_type(), arrow::datatypes::DataType::List(_)) {
            let places: Vec<u32> = (0..rows.num_rows() as u32).filter(|row| row % 3 == 1).collect();
            let wanted = Wanted::Some { rows: rows.num_rows(), places: &places };
            let some = unpack::column(file, group.column(at), field, wanted).unwrap();
            let wanted = arrow::compute::take(rows.column(at), &UInt32Array::from(places), None).unwrap();
            assert_eq!(&some, &wanted, "{field}");
        }
        let (start, length) = group.column(at).byte_range();
        let end = (start + length) as usize;
        assert!(unpack::column(&file[..end - 1], group.column(at), field, all).is_none());
    }
}

#[test]
fn rows_without_anything_and_long_texts() {
    both_ways(&batch(&vec![(None, None, None, None, None); 9]), 64);
    let long: Row = (Some("长".repeat(300)), Some(-1), Some(1.5), Some(true), Some(vec![]));
    both_ways(&batch(&[long.clone(), long]), 100);
}

#[test]
fn texts_that_repeat_are_stored_once() {
    let mut random = fastrand::Rng::with_seed(7);
    for kinds in [1, 2, 3, 255, 256, 257, 600] {
        let mut text =
            |at: usize| (!at.is_multiple_of(5)).then(|| format!("一个标签 number {}", random.usize(..kinds)));
        let rows: Vec<Row> = (0..3_001).map(|at| (text(at), None, None, None, None)).collect();
        let whole = batch(&rows);
        for some in [whole.slice(3, 2_000), whole] {
            let metadata = both_ways(&some, 4096);
            let column = metadata.row_group(0).column(some.schema().index_of("text").unwrap());
            assert!(column.dictionary_page_offset().is_some(), "{kinds}");
        }
    }
}

pub fn row() -> impl Strategy<Value = Row> {
    (
        prop::option::of("\\PC{0,90}"),
        prop::option::of(any::<i64>()),
        prop::option::of(-1e300..1e300f64),
        any::<Option<bool>>(),
        prop::option::of(prop::collection::vec(prop::option::of("[a-c中]{0,3}"), 0..4)),
    )
}

proptest! {
    #[test]
    fn rows_come_back_as_the_library_writes_them(
        rows in prop::collection::vec(row(), 1..40),
        page_bytes in 8usize..2000,
        from in 0usize..5,
    ) {
        let whole = batch(&rows);
        both_ways(&whole, page_bytes);
        // A slice, whose bits do not begin with a byte.
        let from = from.min(whole.num_rows() - 1);
        both_ways(&whole.slice(from, whole.num_rows() - from), page_bytes);
    }
}
