//! Rows that wait to be written, in memory while they are few, else on disk in sorted runs; and then all of them by
//! id, each once, its newest copy.
//!
//! The file's columns are known only when the last ticket was read, since a ticket may carry a field that no definition
//! names; and of two copies of a ticket the newer may come later. So nothing is written before all is read.

use std::{fs::File, io, path::PathBuf};

use arrow::{array::RecordBatch, datatypes::SchemaRef};
use parquet::{
    arrow::{
        ArrowWriter,
        arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder},
    },
    basic::{Compression, ZstdLevel},
    errors::ParquetError,
    file::properties::{EnabledStatistics, WriterProperties},
};

use super::fault::PullError;
use crate::batch::{BatchError, Incoming, UPDATED_AT, conform, ids_of, instant, instants_of, interleave};

/// Bytes of tickets, as sent, that wait in memory.
const WAITING_BYTES: usize = 32 << 20;
/// About as many bytes of each run are in memory while runs are merged.
const PIECE_BYTES: usize = 512 << 10;
const MOST_ROWS: usize = 1024;
/// The page of a run's column.
const PAGE_BYTES: usize = 32 << 10;

/// Rows on their way.
pub struct Spill {
    folder: PathBuf,
    /// Bytes that may wait.
    room: usize,
    waiting: Vec<RecordBatch>,
    bytes: usize,
    runs: Vec<File>,
    /// Rows of a piece, so that it has about [`PIECE_BYTES`].
    piece: usize,
}

impl Spill {
    /// Nothing yet. Files without a name are made in `folder` when they are needed; they vanish with the process.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            room: WAITING_BYTES,
            waiting: Vec::new(),
            bytes: 0,
            runs: Vec::new(),
            piece: MOST_ROWS,
        }
    }

    /// Takes rows in, which have some of the columns of `schema`.
    pub fn add(&mut self, rows: RecordBatch, bytes: usize, schema: &SchemaRef) -> Result<(), PullError> {
        self.bytes += bytes;
        let row = bytes / rows.num_rows().max(1);
        self.piece = self.piece.min(PIECE_BYTES / row.max(1)).max(1);
        self.waiting.push(rows);
        if self.bytes > self.room { self.set_down(schema) } else { Ok(()) }
    }

    /// Writes what waits as one more run.
    fn set_down(&mut self, schema: &SchemaRef) -> Result<(), PullError> {
        let place = || format!("in {}", self.folder.display());
        let file = tempfile::tempfile_in(&self.folder).map_err(PullError::writing(place()))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).unwrap_or_default()))
            .set_dictionary_enabled(false)
            .set_statistics_enabled(EnabledStatistics::None)
            .set_data_page_size_limit(PAGE_BYTES)
            .set_write_batch_size(64)
            .build();
        let failed = |why: ParquetError| PullError::writing(place())(io::Error::other(why));
        let mut writer = ArrowWriter::try_new(&file, schema.clone(), Some(properties)).map_err(failed)?;
        let incoming = Incoming::new(schema, &std::mem::take(&mut self.waiting))?;
        for start in (0..incoming.rows().len()).step_by(self.piece) {
            writer.write(&incoming.batch(start..start + self.piece)?).map_err(failed)?;
        }
        writer.close().map_err(failed)?;
        self.bytes = 0;
        self.runs.push(file);
        Ok(())
    }

    /// All rows by id, each with all columns of `schema`.
    pub fn sorted(self, schema: &SchemaRef) -> Result<Sorted, PullError> {
        let place = format!("in {}", self.folder.display());
        let mut runs = Vec::new();
        for file in self.runs {
            let reader = ParquetRecordBatchReaderBuilder::try_new(file)
                .and_then(|builder| builder.with_batch_size(self.piece).build())
                .map_err(|why| PullError::writing(&place)(io::Error::other(why)))?;
            runs.push(Run::new(Source::File(reader), schema)?);
        }
        // What came last is last, as among equals the later copy counts.
        runs.push(Run::new(
            Source::Memory { incoming: Incoming::new(schema, &self.waiting)?, next: 0, piece: self.piece },
            schema,
        )?);
        Ok(Sorted { runs, schema: schema.clone(), piece: self.piece })
    }
}

/// Rows by id.
pub struct Sorted {
    runs: Vec<Run>,
    schema: SchemaRef,
    piece: usize,
}

impl Sorted {
    /// The next rows; `None` where there are no more.
    pub fn next(&mut self) -> Result<Option<RecordBatch>, PullError> {
        if let [only] = self.runs.as_mut_slice() {
            let next = only.batch.take();
            only.load(&self.schema)?;
            return Ok(next);
        }
        let (mut sources, mut picks) = (Vec::new(), Vec::new());
        self.runs.iter_mut().for_each(|run| run.slot = None);
        while picks.len() < self.piece {
            let Some(id) = self.runs.iter().filter_map(Run::id).min() else { break };
            let mut best: Option<(Option<i64>, (usize, usize))> = None;
            for run in self.runs.iter_mut().filter(|run| run.id() == Some(id)) {
                let (time, place) = (run.updated(), run.place(&mut sources));
                let older = matches!((&best, time), (Some((Some(best), _)), Some(time)) if time < *best);
                if !older {
                    best = Some((time, place));
                }
                run.advance(&self.schema)?;
            }
            picks.extend(best.map(|(_, place)| place));
        }
        if picks.is_empty() {
            return Ok(None);
        }
        Ok(Some(interleave(&self.schema, &sources.iter().collect::<Vec<_>>(), &picks)?))
    }
}

enum Source {
    File(ParquetRecordBatchReader),
    Memory { incoming: Incoming, next: usize, piece: usize },
}

/// Rows by id, of which the next one is looked at.
struct Run {
    source: Source,
    batch: Option<RecordBatch>,
    row: usize,
    /// Which of the sources of the rows to come the batch is.
    slot: Option<usize>,
}

impl Run {
    fn new(source: Source, schema: &SchemaRef) -> Result<Self, PullError> {
        let mut run = Self { source, batch: None, row: 0, slot: None };
        run.load(schema)?;
        Ok(run)
    }

    fn load(&mut self, schema: &SchemaRef) -> Result<(), PullError> {
        (self.row, self.slot) = (0, None);
        self.batch = match &mut self.source {
            Source::Memory { incoming, next, piece } => {
                let rows = *next..incoming.rows().len().min(*next + *piece);
                *next = rows.end;
                if rows.is_empty() { None } else { Some(incoming.batch(rows)?) }
            }
            Source::File(reader) => match reader.next().transpose().map_err(BatchError::from)? {
                Some(batch) => Some(conform(&batch, schema)?),
                None => None,
            },
        };
        Ok(())
    }

    fn id(&self) -> Option<i64> {
        ids_of(self.batch.as_ref()?)?.values().get(self.row).copied()
    }

    fn updated(&self) -> Option<i64> {
        instant(instants_of(self.batch.as_ref()?, UPDATED_AT), self.row)
    }

    /// Where the row stands among `sources`.
    fn place(&mut self, sources: &mut Vec<RecordBatch>) -> (usize, usize) {
        let slot = *self.slot.get_or_insert_with(|| {
            sources.extend(self.batch.clone());
            sources.len() - 1
        });
        (slot, self.row)
    }

    fn advance(&mut self, schema: &SchemaRef) -> Result<(), PullError> {
        self.row += 1;
        let left = self.batch.as_ref().map_or(0, RecordBatch::num_rows);
        if self.row >= left { self.load(schema) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        array::{ArrayRef, Int64Array, TimestampMicrosecondArray},
        compute::concat_batches,
        datatypes::Schema,
    };
    use proptest::prelude::*;

    use super::*;
    use crate::columns::Type;

    fn schema(columns: &[(&str, Type)]) -> SchemaRef {
        let fields: Vec<_> =
            columns.iter().map(|(name, of)| arrow::datatypes::Field::new(*name, of.arrow(), true)).collect();
        Arc::new(Schema::new(fields))
    }

    fn batch(schema: &SchemaRef, rows: &[(i64, Option<i64>)], mark: i64) -> RecordBatch {
        let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.0)));
        let times = TimestampMicrosecondArray::from_iter(rows.iter().map(|row| row.1)).with_timezone("UTC");
        let sources: ArrayRef = Arc::new(Int64Array::from(vec![mark; rows.len()]));
        RecordBatch::try_new(schema.clone(), vec![ids, Arc::new(times), sources]).unwrap()
    }

    proptest! {
        /// However little room there is, the rows that come out are those of one merge in memory.
        #[test]
        fn runs_on_disk_change_nothing(
            pages in prop::collection::vec(prop::collection::vec((0..40_i64, 0..5_i64), 0..12), 0..12),
            room in 0..200_usize,
        ) {
            let few = schema(&[("id", Type::Int64), ("updated_at", Type::Instant), ("mark", Type::Int64)]);
            let all = schema(&[
                ("id", Type::Int64), ("updated_at", Type::Instant), ("later", Type::Text), ("mark", Type::Int64),
            ]);
            // Some tickets never have a time; one that loses it for a moment may win or lose.
            let timed = |page: &Vec<(i64, i64)>| page.iter().map(|(id, at)| (*id, (id % 5 > 0).then_some(*at))).collect();
            let pages: Vec<Vec<_>> = pages.iter().map(timed).collect();
            let pages: Vec<_> = (0..).zip(&pages).map(|(mark, page)| batch(&few, page, mark)).collect();
            let folder = tempfile::tempdir().unwrap();
            let mut spill = Spill { room, piece: 3, ..Spill::new(folder.path().to_owned()) };
            for page in pages.iter().filter(|page| page.num_rows() > 0) {
                spill.add(page.clone(), page.num_rows() * 10, &few).unwrap();
            }
            let mut sorted = spill.sorted(&all).unwrap();
            let mut found = Vec::new();
            while let Some(batch) = sorted.next().unwrap() {
                prop_assert!(batch.num_rows() > 0);
                found.push(batch);
            }
            let incoming = Incoming::new(&all, &pages).unwrap();
            let wanted = incoming.batch(0..incoming.rows().len()).unwrap();
            prop_assert_eq!(concat_batches(&all, &found).unwrap(), wanted);
            prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }
}
