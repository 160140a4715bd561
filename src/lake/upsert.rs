//! Rows brought into a file: its keys are read, the merge plan is made, and the output is interleaved and written in steps.

use std::ops::Range;

use arrow::array::RecordBatch;
use roaring::RoaringTreemap;

use super::{
    FileSchema, Lake, LakeError,
    existing::Existing,
    reader,
    store::{self, Expected},
    writer::{WrittenFile, write_file},
};
use crate::batch::{Incoming, MergePlan, PlanBuilder, interleave, row_bytes};

/// The most rows and bytes of one step of the output.
const STEP_ROWS: usize = 4096;
const STEP_BYTES: usize = 16 * 1024 * 1024;
/// How often an upsert is tried again where another worker has put the file meanwhile.
const TRIES: usize = 10;

/// What an upsert does to a partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upserted {
    pub new: RoaringTreemap,
    pub changed: RoaringTreemap,
    /// Ids whose existing row stays, be it newer or equal.
    pub unchanged: u64,
    /// The new file, or `None` if nothing changed and the old one stays.
    pub written: Option<WrittenFile>,
    /// Files of other partitions that rows left.
    pub moved: Vec<WrittenFile>,
}

/// Brings rows into the file at `key`.
pub(super) fn upsert(
    lake: &Lake,
    key: &str,
    incoming: &Incoming,
    schema: &FileSchema,
) -> Result<Upserted, LakeError> {
    let _turn = store::lock_partitions(lake)?;
    for _ in 1..TRIES {
        match upsert_once(lake, key, incoming, schema) {
            Err(LakeError::Overtaken { .. }) => {}
            upserted => return upserted,
        }
    }
    upsert_once(lake, key, incoming, schema)
}

fn upsert_once(
    lake: &Lake,
    key: &str,
    incoming: &Incoming,
    schema: &FileSchema,
) -> Result<Upserted, LakeError> {
    let at = &store::path(lake, key);
    if incoming.rows().is_empty() {
        return Ok(Upserted::default());
    }
    let Some(file) = reader::open(at)? else {
        let written = create(lake, key, incoming, schema)?;
        return Ok(Upserted { new: written.keys.ids.clone(), written: Some(written), ..Upserted::default() });
    };
    let existing = Existing::new(file, schema)?;
    let mut plan = PlanBuilder::new(incoming);
    for batch in existing.keys()? {
        plan.existing(&batch?).map_err(LakeError::rows(at))?;
    }
    let mut plan = plan.finish();
    if plan.replaces_any() {
        let (mut start, mut equal) = (0, RoaringTreemap::new());
        for batch in existing.batches()? {
            let batch = batch?;
            equal |= plan.equal_ids(&batch, start).map_err(LakeError::rows(at))?;
            start += batch.num_rows();
        }
        plan.keep(&equal);
    }
    let ((new, changed), unchanged) = (plan.ids(), plan.counts().unchanged);
    let upserted = Upserted { new, changed, unchanged, ..Upserted::default() };
    if plan.is_empty() {
        return Ok(upserted);
    }
    let mut output = Output::new(at, incoming, &plan, Box::new(existing.batches()?), schema);
    let expected = Expected::Version(existing.version());
    let written = write_file(lake, key, &expected, schema, plan.rows() as u64, &mut output)?;
    Ok(Upserted { written: Some(written), ..upserted })
}

/// Writes rows as a new file at `key`, where none is.
pub(super) fn create(
    lake: &Lake,
    key: &str,
    incoming: &Incoming,
    schema: &FileSchema,
) -> Result<WrittenFile, LakeError> {
    let at = &store::path(lake, key);
    let plan = PlanBuilder::new(incoming).finish();
    let nothing = Box::new(std::iter::empty());
    let mut output = Output::new(at, incoming, &plan, nothing, schema);
    write_file(lake, key, &Expected::Nothing, schema, plan.rows() as u64, &mut output)
}

type Batches<'a> = Box<dyn Iterator<Item = Result<RecordBatch, LakeError>> + 'a>;

/// The output of a merge plan, step by step.
struct Output<'a> {
    at: &'a store::Location,
    schema: &'a FileSchema,
    incoming: &'a Incoming,
    plan: &'a MergePlan<'a>,
    existing: Batches<'a>,
    /// How many existing rows have been taken.
    taken: usize,
    step: Option<Step<'a>>,
    began: bool,
}

/// The output among the rows of one existing batch.
struct Step<'a> {
    existing: RecordBatch,
    sources: Vec<&'a RecordBatch>,
    rows: Vec<(usize, usize)>,
    /// The output rows that are still to be given.
    left: Range<usize>,
    most: usize,
}

impl<'a> Output<'a> {
    fn new(
        at: &'a store::Location,
        incoming: &'a Incoming,
        plan: &'a MergePlan<'a>,
        existing: Batches<'a>,
        schema: &'a FileSchema,
    ) -> Self {
        Self { at, schema, incoming, plan, existing, taken: 0, step: None, began: false }
    }

    fn begin(&mut self, existing: RecordBatch) {
        let range = self.taken..self.taken + existing.num_rows();
        self.taken = range.end;
        let (sources, rows) = self.plan.output(range);
        let widest = self.incoming.row_bytes().max(row_bytes(&existing)).max(1);
        let left = 0..rows.len();
        let most = (STEP_BYTES / widest).clamp(1, STEP_ROWS);
        self.step = Some(Step { existing, sources, rows, left, most });
        self.began = true;
    }
}

impl Iterator for Output<'_> {
    type Item = Result<RecordBatch, LakeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(step) = self.step.as_mut().filter(|step| !step.left.is_empty()) {
                let rows = step.left.start..step.left.end.min(step.left.start + step.most);
                step.left.start = rows.end;
                let sources: Vec<&RecordBatch> =
                    std::iter::once(&step.existing).chain(step.sources.iter().copied()).collect();
                let batch =
                    interleave(self.schema.schema(), &sources, step.rows.get(rows).unwrap_or_default());
                return Some(batch.map_err(LakeError::rows(self.at)));
            }
            match self.existing.next() {
                Some(Ok(batch)) => self.begin(batch),
                Some(Err(cause)) => return Some(Err(cause)),
                // Without existing rows the new ones follow no batch.
                None if !self.began => self.begin(RecordBatch::new_empty(self.schema.schema().clone())),
                None => return None,
            }
        }
    }
}
