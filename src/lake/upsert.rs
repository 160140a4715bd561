//! Rows brought into a file: its keys are read, the merge plan is made, and the output is interleaved and written in steps.

use std::iter;

use arrow::array::RecordBatch;
use roaring::RoaringTreemap;

use super::{
    FileSchema, Lake, LakeError,
    existing::{Batches, Existing},
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
    let _lock = store::lock_partitions(lake)?;
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
    let (new, changed) = plan.ids();
    let upserted = Upserted { new, changed, unchanged: plan.unchanged(), ..Upserted::default() };
    if plan.is_empty() {
        return Ok(upserted);
    }
    let expected = Expected::Version(existing.version());
    let written = write(lake, key, &expected, schema, &plan, existing.batches()?)?;
    Ok(Upserted { written: Some(written), ..upserted })
}

/// Writes rows as a new file at `key`, where none is.
pub(super) fn create(
    lake: &Lake,
    key: &str,
    incoming: &Incoming,
    schema: &FileSchema,
) -> Result<WrittenFile, LakeError> {
    let plan = PlanBuilder::new(incoming).finish();
    write(lake, key, &Expected::Nothing, schema, &plan, Box::new(iter::empty()))
}

/// Writes the output of a merge plan over the existing rows, in steps.
fn write<'a>(
    lake: &Lake,
    key: &str,
    expected: &Expected,
    schema: &'a FileSchema,
    plan: &'a MergePlan<'a>,
    existing: Batches<'a>,
) -> Result<WrittenFile, LakeError> {
    let at = &store::path(lake, key);
    // Without existing rows the new ones follow an empty batch.
    let nothing = || RecordBatch::new_empty(schema.schema().clone());
    let existing: Batches<'_> =
        if plan.existing() == 0 { Box::new(iter::once(Ok(nothing()))) } else { existing };
    let mut taken = 0;
    let mut output = existing.flat_map(|batch| -> Batches<'_> {
        let batch = match batch {
            Ok(batch) => batch,
            Err(cause) => return Box::new(iter::once(Err(cause))),
        };
        let (sources, rows) = plan.output(taken..taken + batch.num_rows());
        taken += batch.num_rows();
        let widest = sources.iter().copied().chain([&batch]).map(row_bytes).max().unwrap_or_default();
        let step = (STEP_BYTES / widest.max(1)).clamp(1, STEP_ROWS);
        Box::new((0..rows.len()).step_by(step).map(move |from| {
            let sources: Vec<&RecordBatch> = iter::once(&batch).chain(sources.iter().copied()).collect();
            let rows = rows.get(from..rows.len().min(from + step)).unwrap_or_default();
            interleave(schema.schema(), &sources, rows).map_err(LakeError::rows(at))
        }))
    });
    write_file(lake, key, expected, schema, plan.rows() as u64, &mut output)
}
