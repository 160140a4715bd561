//! What comes in from the source: narrowed, counted, and laid down until all is read.

use std::{
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use arrow::{
    array::{AsArray, BooleanArray},
    compute::{and, filter_record_batch},
    datatypes::Int64Type,
};
use roaring::RoaringTreemap;

use super::{fault::PullError, format::Format, narrow::Narrow, spill::Spill};
use crate::{
    batch::BatchError,
    progress::Meter,
    summary::Rescued,
    sync::{Afresh, ReadError, Rows},
    ticket::Decoded,
    walk::{Sink, Span},
};

/// What has come in.
pub struct Received {
    pub spill: Spill,
    pub ids: RoaringTreemap,
    /// Tickets left out because their id cannot be read.
    pub unreadable: u64,
    pub rescued: Rescued,
    failed: Option<PullError>,
}

/// Where rows go until all are read.
pub struct Intake<'a> {
    afresh: &'a Afresh,
    narrow: Narrow,
    format: Format,
    meter: Meter,
    received: Mutex<Received>,
}

impl<'a> Intake<'a> {
    /// `folder` takes what memory should not hold.
    pub fn new(afresh: &'a Afresh, narrow: Narrow, format: Format, meter: Meter, folder: PathBuf) -> Self {
        let received = Received {
            spill: Spill::new(folder),
            ids: RoaringTreemap::new(),
            unreadable: 0,
            rescued: Rescued::default(),
            failed: None,
        };
        Self { afresh, narrow, format, meter, received: Mutex::new(received) }
    }

    /// All that came in. The error of taking it in, if there is one, is the cause of whatever the reading says.
    pub fn finish(self) -> Result<Received, PullError> {
        let mut received = self.received.into_inner().unwrap_or_else(PoisonError::into_inner);
        received.failed.take().map_or(Ok(received), Err)
    }

    fn lock(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn receive(&self, decoded: &Decoded, bytes: usize, keep: &[bool]) -> Result<(), PullError> {
        let nameless = decoded.ids.iter().zip(keep).filter(|(id, keep)| id.is_none() && **keep).count();
        let named = decoded.ids.iter().zip(keep).filter(|(id, _)| id.is_some());
        let kept: BooleanArray = named.map(|(_, keep)| Some(*keep)).collect();
        let wanted = and(&kept, &self.narrow.wanted(&decoded.batch)).map_err(BatchError::from)?;
        let batch = filter_record_batch(&decoded.batch, &wanted).map_err(BatchError::from)?;
        let ids = decoded.batch.column(0).as_primitive::<Int64Type>();

        let mut guard = self.lock();
        let received = &mut *guard;
        received.unreadable += nameless as u64;
        let mut first = vec![false; ids.len()];
        for row in (0..ids.len()).filter(|row| wanted.value(*row)) {
            first[row] = received.ids.insert(ids.value(row).cast_unsigned());
        }
        self.meter.page(first.iter().filter(|first| **first).count());
        for (_, key) in decoded.rescued.iter().filter(|(row, _)| first[*row]) {
            received.rescued.cells += 1;
            *received.rescued.by_key.entry(key.clone()).or_default() += 1;
        }
        if let Some(most) = self.format.most_rows().filter(|most| received.ids.len() > *most) {
            let what = format!(
                "these are more tickets than the {most} that one {} sheet holds; write Parquet or CSV, or ask for fewer",
                self.format.name()
            );
            return Err(PullError::Usage(what));
        }
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let share = bytes * batch.num_rows() / decoded.ids.len().max(1);
        received.spill.add(batch, share, self.afresh.file_schema().schema())
    }
}

impl Sink<Rows, ReadError> for Intake<'_> {
    async fn take(&self, rows: Rows, keep: &[bool]) -> Result<(), ReadError> {
        let Some(decoded) = rows.decoded else { return Ok(()) };
        self.receive(&decoded, rows.bytes, keep).map_err(|why| {
            self.lock().failed.get_or_insert(why);
            ReadError::Stopped
        })
    }

    async fn done(&self, _: Span) -> Result<(), ReadError> {
        Ok(())
    }
}

/// Takes only the ids of rows.
#[derive(Default)]
pub struct Ids {
    seen: Mutex<(RoaringTreemap, u64)>,
}

impl Ids {
    /// The ids, and how many could not be read.
    pub fn finish(self) -> (RoaringTreemap, u64) {
        self.seen.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink<Rows, ReadError> for Ids {
    async fn take(&self, rows: Rows, _: &[bool]) -> Result<(), ReadError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for id in rows.decoded.iter().flat_map(|decoded| &decoded.ids) {
            match id {
                Some(id) => drop(seen.0.insert(id.cast_unsigned())),
                None => seen.1 += 1,
            }
        }
        Ok(())
    }

    async fn done(&self, _: Span) -> Result<(), ReadError> {
        Ok(())
    }
}
