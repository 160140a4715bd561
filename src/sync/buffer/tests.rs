use std::sync::Arc;

use futures::FutureExt;
use jiff::tz::TimeZone;

use super::*;
use crate::{
    config::{Kind, LakeConfig, PartitionBy, Place},
    fields::Fields,
    json::Cursor,
    lake::{Lake, columns, partitions},
    progress::{Progress, Style},
    source,
    sync::{
        source_state::Checkpoint,
        table_schema::{TableSchema, file_meta},
    },
    ticket::Decoder,
};

/// A page of one ticket that says of itself to be so large.
fn page(schema: &TableSchema, id: i64, day: u32, bytes: usize) -> Rows {
    let mut decoder = Decoder::new(schema.layout(), TimeZone::UTC);
    let time = format!("2024-01-{day:02} 10:00:00");
    let ticket = format!(r#"{{"id":{id},"created_at":"{time}","updated_at":"{time}"}}"#);
    decoder.push(&mut Cursor::new(&ticket)).unwrap();
    Rows { decoded: Some(decoder.finish(0).unwrap()), bytes, ..Rows::default() }
}

/// The deadline, Ctrl-C and an endless list end a walk wherever it waits, also while it hands rows over.
#[tokio::test]
async fn rows_that_wait_for_the_writer_outlive_a_walk_that_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let (timezone, partition) = (TimeZone::UTC, PartitionBy::Day);
    let lake = LakeConfig { place: Place::Folder(folder.path().join("lake")), timezone, partition };
    let lake = Lake::open(&lake).unwrap();
    let fields = Arc::new(Fields::default());
    let schema = Arc::new(TableSchema::new(source::ticket(Kind::Kf5), file_meta(Kind::Kf5), fields).unwrap());
    let checkpoint = Arc::new(Checkpoint::load(&lake, "s", "run").unwrap());
    let writer = Writer::start(checkpoint, Arc::clone(&schema), true);
    let meter = Progress::new(Style::None).source("s");
    let buffer = RowBuffer::new(writer, lake.calendar(), meter);

    let mut dropped = 0;
    for id in 1..=8 {
        let taken = buffer.take(page(&schema, id, id as u32, 2 * FLUSH_BYTES), &[true]).now_or_never();
        dropped += usize::from(taken.is_none());
    }
    assert!(dropped > 0, "nothing had to wait, so nothing was tried");

    let (_, received, written) = buffer.finish().await;
    written.unwrap();
    assert_eq!(received.ids.len(), 8);
    let mut ids = Vec::new();
    for key in partitions(&lake, "s").unwrap() {
        for batch in columns(&lake, "s", key, &["id"]).unwrap() {
            ids.extend_from_slice(batch.unwrap().column(0).as_primitive::<Int64Type>().values());
        }
    }
    assert_eq!(ids, [1, 2, 3, 4, 5, 6, 7, 8]);
}
