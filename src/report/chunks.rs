//! Which files are read together: as many as memory bears, all of one set of columns, none that the window leaves out.

use arrow::datatypes::{Schema, SchemaRef};
use jiff::{ToSpan, civil::Date};

use super::Window;
use crate::lake::{self, Lake, LakeError, Location, PartitionKey};

/// Rows of one chunk. What is kept of a row is some hundred bytes, so that a chunk stays below some ten megabytes.
const ROWS: u64 = 65_536;
/// Compressed bytes of one chunk: rows may be long.
const BYTES: u64 = 32 * 1024 * 1024;
/// Open files of one chunk.
const FILES: usize = 256;
/// A row group of the lake: less of a file cannot be decoded.
const LEAST_ROWS: u64 = 16_384;

/// Rows that are read at once: whole files, or a part of one.
#[derive(Debug, Clone)]
pub struct Chunk {
    pub files: Vec<Location>,
    /// That of every file.
    pub schema: SchemaRef,
    /// The rows of a single file that are meant: first row and number. `None` for whole files.
    pub part: Option<(u64, u64)>,
}

/// The chunks of a source's tickets, in the order of partitions. Files whose partition cannot hold a ticket of the
/// window are not opened.
pub fn chunks(lake: &Lake, source: &str, window: &Window) -> Result<Vec<Chunk>, LakeError> {
    let mut chunks: Vec<Chunk> = Vec::new();
    let (mut rows, mut bytes) = (0, 0);
    for key in lake::held(lake, source)? {
        if !may_hold(key, window) {
            continue;
        }
        let file = lake::ticket_file(lake, source, key);
        // A run may have taken the file away since it was listed.
        let Some(footer) = lake::footer(&file)? else { continue };
        if footer.rows > ROWS || footer.bytes > BYTES {
            chunks.extend(parts(file, &footer));
            // Nothing joins a part.
            rows = u64::MAX;
            continue;
        }
        (rows, bytes) = (rows.saturating_add(footer.rows), bytes + footer.bytes);
        match chunks.last_mut() {
            Some(last)
                if rows <= ROWS
                    && bytes <= BYTES
                    && last.files.len() < FILES
                    && same_columns(&last.schema, &footer.schema) =>
            {
                last.files.push(file);
            }
            _ => {
                (rows, bytes) = (footer.rows, footer.bytes);
                chunks.push(Chunk { files: vec![file], schema: footer.schema, part: None });
            }
        }
    }
    Ok(chunks)
}

fn parts(file: Location, footer: &lake::Footer) -> impl Iterator<Item = Chunk> {
    let fitting = (u128::from(footer.rows) * u128::from(BYTES) / u128::from(footer.bytes.max(1))) as u64;
    let step = fitting.clamp(LEAST_ROWS, ROWS);
    let (rows, schema) = (footer.rows, footer.schema.clone());
    (0..rows.div_ceil(step)).map(move |number| {
        let first = number * step;
        Chunk {
            files: vec![file.clone()],
            schema: schema.clone(),
            part: Some((first, step.min(rows - first))),
        }
    })
}

fn same_columns(a: &Schema, b: &Schema) -> bool {
    let columns = |schema: &Schema| schema.fields().len();
    columns(a) == columns(b)
        && a.fields()
            .iter()
            .zip(b.fields())
            .all(|(a, b)| a.name() == b.name() && a.data_type() == b.data_type())
}

/// Whether a partition can hold a ticket of the window. The zone of the window may be another than the one that the lake
/// was cut by, which shifts a date by a day or two.
fn may_hold(key: PartitionKey, window: &Window) -> bool {
    let Some((first, next)) = key.dates() else { return !window.is_limited() };
    let shifted = |date: Date, days: i64| date.checked_add(days.days()).unwrap_or(date);
    let before_end = window.until.is_none_or(|until| shifted(first, -2) < until);
    before_end && window.since.is_none_or(|since| shifted(next, 2) > since)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use jiff::{civil::date, tz::TimeZone};

    use super::*;
    use crate::config::{LakeConfig, PartitionBy, Place};

    #[test]
    fn only_partitions_of_the_window_are_opened() {
        let window = Window { since: Some(date(2024, 3, 10)), until: Some(date(2024, 3, 20)) };
        let day = |d| may_hold(PartitionKey::Day(date(2024, 3, d)), &window);
        assert_eq!((1..=31).filter(|d| day(*d)).collect::<Vec<_>>(), (8..=21).collect::<Vec<_>>());
        let month = |month| may_hold(PartitionKey::Month { year: 2024, month }, &window);
        assert_eq!((1..=12).filter(|m| month(*m)).collect::<Vec<_>>(), [3]);
        let unknown = PartitionKey::parse("created_date=__HIVE_DEFAULT_PARTITION__").expect("a partition");
        assert!(!may_hold(unknown, &window) && may_hold(unknown, &Window::default()));
    }

    #[test]
    fn a_large_file_is_read_in_parts() {
        let place = Place::Folder("nowhere".into());
        let lake = Lake::open(&LakeConfig { place, timezone: TimeZone::UTC, partition: PartitionBy::Day });
        let lake = lake.expect("a lake");
        let footer = |rows, bytes| lake::Footer {
            rows,
            bytes,
            row_groups: 1,
            schema: Schema::empty().into(),
            metadata: Vec::new(),
        };
        let parts = |rows, bytes| {
            super::parts(lake.at(Path::new("f")), &footer(rows, bytes))
                .filter_map(|chunk| chunk.part)
                .collect::<Vec<_>>()
        };
        assert_eq!(parts(100_000, 1), [(0, 65_536), (65_536, 34_464)]);
        assert_eq!(parts(40_000, 10 * BYTES), [(0, 16_384), (16_384, 16_384), (32_768, 7_232)]);
        assert_eq!(parts(0, BYTES + 1), []);
    }
}
