//! The end of a file is byte for byte what the library's writer makes of the same columns; and what is read of it is
//! what the library reads.

use arrow::array::RecordBatch;
use bytes::Bytes;
use parquet::{
    bloom_filter::Sbbf,
    column::writer::ColumnCloseResult,
    file::{
        metadata::{KeyValue, PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader},
        properties::WriterProperties,
        statistics::Statistics,
        writer::SerializedFileWriter,
    },
};
use proptest::prelude::*;

use super::{
    super::{
        FileForm, FileMeta,
        small::{
            self, Parts, Source, Trailer,
            tests::{Row, batch, form, making, row},
        },
    },
    *,
};

const KEY: &str = "the key";

/// A file of these columns.
fn file<'a>(
    form: &FileForm,
    rows: usize,
    page_bytes: usize,
    columns: impl Iterator<Item = Source<'a>>,
    trailer: Option<Trailer>,
) -> Vec<u8> {
    let mut out = Vec::new();
    let (fields, frame) = (form.schema().fields(), form.frame());
    let columns = &mut columns.map(Ok);
    let written = small::write(&mut out, Parts { rows, fields, frame, columns, trailer }, making(page_bytes));
    assert_eq!(written.unwrap(), out.len());
    out
}

fn file_of(form: &FileForm, rows: &RecordBatch, page_bytes: usize, trailer: Option<Trailer>) -> Vec<u8> {
    let columns = rows.columns().iter().map(|column| Source::Cells(column.clone()));
    file(form, rows.num_rows(), page_bytes, columns, trailer)
}

/// The same columns again; ids, which have a filter, are made anew.
fn copied(form: &FileForm, rows: &RecordBatch, told: &Told, page_bytes: usize) -> Vec<u8> {
    let columns = rows.columns().iter().zip(form.schema().fields()).zip(&told.columns);
    let columns = columns.map(|((column, field), stored)| match field.name().as_str() {
        "id" => Source::Cells(column.clone()),
        _ => Source::Stored(stored),
    });
    file(form, told.rows, page_bytes, columns, told.trailer.map(|bytes| (KEY, bytes)))
}

fn library(file: &[u8]) -> Option<ParquetMetaData> {
    let reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
    reader.parse_and_finish(&Bytes::copy_from_slice(file)).ok()
}

/// Where a file's indexes begin.
fn tail_of(file: &[u8]) -> usize {
    library(file).unwrap().row_group(0).column(0).column_index_offset().unwrap() as usize
}

/// The file as the library's writer makes it from its columns.
fn by_library(form: &FileForm, file: &[u8], trailer: Option<Trailer>) -> Vec<u8> {
    let metadata = library(file).unwrap();
    let bytes = Bytes::copy_from_slice(file);
    let mut out = Vec::new();
    let properties: &WriterProperties = form.properties();
    let schema = metadata.file_metadata().schema_descr().root_schema_ptr();
    let mut writer = SerializedFileWriter::new(&mut out, schema, properties.clone().into()).unwrap();
    let index = metadata.page_index_for_row_group(0);
    let mut group = writer.next_row_group().unwrap();
    for (at, chunk) in metadata.row_group(0).columns().iter().enumerate() {
        let filter = chunk
            .bloom_filter_offset()
            .zip(chunk.bloom_filter_length())
            .map(|(start, length)| Sbbf::from_bytes(&bytes[start as usize..][..length as usize]).unwrap());
        let told = with_old_bounds(chunk.statistics().unwrap().clone());
        let close = ColumnCloseResult {
            bytes_written: chunk.compressed_size() as u64,
            rows_written: metadata.file_metadata().num_rows() as u64,
            metadata: chunk.clone().into_builder().set_statistics(told).build().unwrap(),
            bloom_filter: filter,
            column_index: index.column_index(at).cloned(),
            offset_index: index.offset_index(at).cloned(),
        };
        group.append_column(&bytes, close).unwrap();
    }
    group.close().unwrap();
    if let Some((key, bytes)) = trailer {
        let place = writer.bytes_written().to_string();
        writer.write_all(bytes).unwrap();
        writer.append_key_value_metadata(KeyValue::new(key.to_owned(), place));
    }
    writer.finish().unwrap();
    drop(writer);
    out
}

/// The library writes the bounds of numbers in two ways, and reads one of them.
fn with_old_bounds(statistics: Statistics) -> Statistics {
    match statistics {
        Statistics::Boolean(told) => Statistics::Boolean(told.with_backwards_compatible_min_max(true)),
        Statistics::Int32(told) => Statistics::Int32(told.with_backwards_compatible_min_max(true)),
        Statistics::Int64(told) => Statistics::Int64(told.with_backwards_compatible_min_max(true)),
        Statistics::Double(told) => Statistics::Double(told.with_backwards_compatible_min_max(true)),
        text => text,
    }
}

fn check(rows: &RecordBatch, page_bytes: usize, trailer: Option<Trailer>) {
    let form = form(rows);
    let file = file_of(&form, rows, page_bytes, trailer);
    assert!(file == by_library(&form, &file, trailer));
    let told = read(&file, form.frame(), KEY).unwrap();
    assert_eq!((told.rows, told.trailer), (rows.num_rows(), trailer.map(|(_, bytes)| bytes)));
    assert_eq!(read(&file, form.frame(), "another key").is_some(), trailer.is_none());
    assert!(file == copied(&form, rows, &told, page_bytes));
    // A column that is longer or shorter moves those behind it.
    let (first, half) = (rows.slice(0, 1), rows.num_rows().div_ceil(2));
    let some = arrow::compute::concat_batches(&rows.schema(), std::iter::repeat_n(&first, half)).unwrap();
    let other = file_of(&form, &some, 64, None);
    let other = read(&other, form.frame(), KEY).unwrap();
    let half = rows.slice(0, half);
    let moved = copied(&form, &half, &other, page_bytes);
    let mixed = library(&moved).unwrap();
    assert_eq!(mixed.file_metadata().num_rows() as usize, half.num_rows());
    assert!(moved == by_library(&form, &moved, None));
}

#[test]
fn a_file_without_rows_is_the_librarys() {
    let rows = batch(&[]);
    let form = form(&rows);
    let mut theirs = Vec::new();
    let schema = parquet::arrow::ArrowSchemaConverter::new().convert(&rows.schema()).unwrap();
    let properties = form.properties().clone().into();
    SerializedFileWriter::new(&mut theirs, schema.root_schema_ptr(), properties).unwrap().finish().unwrap();
    let ours = file_of(&form, &rows, 64, None);
    assert_eq!(ours, theirs);
    assert_eq!(read(&ours, form.frame(), KEY), None);
}

#[test]
fn files_of_another_form_are_not_read() {
    let rows = batch(&[(Some("a".to_owned()), Some(1), Some(0.5), Some(true), None)]);
    let one = form(&rows);
    let mut large = Vec::new();
    let mut encoder = one.encoder(&mut large).unwrap();
    encoder.write(&rows).unwrap();
    encoder.close().unwrap();
    assert_eq!(read(&large, one.frame(), KEY), None);
    let other = FileMeta { schema_version: 2, source_kind: "x".to_owned() };
    let other = FileForm::new(&rows.schema(), &other).unwrap();
    let file = file_of(&one, &rows, 64, None);
    assert!(read(&file, one.frame(), KEY).is_some());
    assert_eq!(read(&file, other.frame(), KEY), None);
    for short in [&b""[..], b"PAR1", b"PAR1PAR1", b"PAR1\xff\xff\xff\xffPAR1"] {
        assert_eq!(read(short, one.frame(), KEY), None);
    }
}

#[test]
fn a_large_file_goes_out_in_parts() {
    let mut random = fastrand::Rng::with_seed(1);
    let mut text = || std::iter::repeat_with(|| random.alphanumeric()).take(400).collect::<String>();
    let rows: Vec<Row> = (0..2000).map(|at| (Some(text()), Some(at), None, None, None)).collect();
    check(&batch(&rows), 32 * 1024, Some((KEY, b"more")));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_file_ends_as_the_library_ends_it(
        rows in prop::collection::vec(row(), 1..40),
        page_bytes in 8usize..2000,
        trailer in prop::option::of(prop::collection::vec(any::<u8>(), 0..300)),
    ) {
        check(&batch(&rows), page_bytes, trailer.as_deref().map(|bytes| (KEY, bytes)));
    }

    /// Of a damaged end there is nothing to be read, or what the library reads as well.
    #[test]
    fn a_damaged_end_is_read_as_the_library_reads_it(
        rows in prop::collection::vec(row(), 1..10), page_bytes in 8usize..300, masks: [u8; 7],
    ) {
        let rows = batch(&rows);
        let form = form(&rows);
        let file = file_of(&form, &rows, page_bytes, Some((KEY, b"bytes")));
        let start = tail_of(&file);
        for at in start..file.len() {
            prop_assert_eq!(read(&file[..at], form.frame(), KEY), None);
            let mut less = file.clone();
            less.remove(at);
            prop_assert_eq!(read(&less, form.frame(), KEY), None, "without {}", at);
            let mut damaged = file.clone();
            damaged[at] ^= masks[at % masks.len()].max(1);
            let Some(told) = read(&damaged, form.frame(), KEY) else { continue };
            let (theirs, again) = (library(&damaged).unwrap(), copied(&form, &rows, &told, page_bytes));
            let again = library(&again).unwrap();
            prop_assert_eq!(theirs.file_metadata(), again.file_metadata());
            let columns = theirs.row_group(0).columns().iter().zip(again.row_group(0).columns());
            for (at, (theirs_of, again_of)) in columns.enumerate().skip(1) {
                prop_assert_eq!(theirs_of, again_of);
                let (theirs, again) = (theirs.page_index_for_row_group(0), again.page_index_for_row_group(0));
                // As texts: a damaged bound may be no number, which equals nothing.
                let bounds = [&theirs, &again].map(|index| format!("{:?}", index.column_index(at)));
                prop_assert_eq!(&bounds[0], &bounds[1]);
                prop_assert_eq!(theirs.offset_index(at), again.offset_index(at));
            }
        }
    }
}
