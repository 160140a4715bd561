//! A mask that has changed: what the lake holds is masked at once, and everything is read again in time.

use super::source_state::{Checkpoint, CommitError, Masked};
use crate::{
    config::SourceConfig,
    lake::{FileSchema, WrittenFile},
    mask, source,
    walk::Span,
};

/// Whether rows of the lake may have been written under another mask than the source has now.
pub fn differs(masked: Option<&Masked>, config: &SourceConfig) -> bool {
    let now = mask::fingerprint(&config.masks);
    masked.map_or(!now.is_empty(), |masked| masked.with != now || !masked.everywhere)
}

/// Masks the rows that an earlier mask left open, also those of tickets that are gone from the source. What an earlier
/// mask covered in another way, or covers no longer, comes with the next reading of everything.
pub fn renew(
    config: &SourceConfig,
    checkpoint: &Checkpoint,
    schema: &FileSchema,
) -> Result<Vec<WrittenFile>, CommitError> {
    if !checkpoint.with(|state| differs(state.masked.as_ref(), config)) {
        return Ok(Vec::new());
    }
    let with = mask::fingerprint(&config.masks);
    // First it is noted, so that a run that crashes amid this is gone on with.
    let begun = checkpoint.with(|state| {
        let known = state.masked.as_ref().is_some_and(|masked| masked.with == with);
        if !known {
            state.masked = Some(Masked { with, everywhere: false });
            state.unfinished.retain(|reading| reading.range != Span::default());
        }
        !known
    });
    let partitions = checkpoint.table.partitions();
    if begun && !partitions.is_empty() {
        tracing::info!(source = config.name, "the mask has changed: masking what the lake holds");
        checkpoint.commit()?;
    }
    checkpoint.begin_writing()?;
    let rule = |batch| Ok(mask::apply_again(&config.masks, source::ticket(config.kind), batch)?);
    let mut written = Vec::new();
    for key in partitions {
        written.extend(checkpoint.table.rewrite(key, schema, &rule)?);
    }
    Ok(written)
}
