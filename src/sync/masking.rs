//! A mask that has changed: what the lake holds is masked at once, and everything is read again in time.

use super::memory::{Checkpoint, CommitError, Masked};
use crate::{
    config::SourceConfig,
    lake::{self, FileForm, Lake, Written},
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
    lake: &Lake,
    config: &SourceConfig,
    checkpoint: &Checkpoint,
    form: &FileForm,
) -> Result<Vec<Written>, CommitError> {
    if !checkpoint.with(|memory| differs(memory.masked.as_ref(), config)) {
        return Ok(Vec::new());
    }
    let with = mask::fingerprint(&config.masks);
    // First it is noted, so that a run that dies amid this is gone on with.
    let begun = checkpoint.with(|memory| {
        let known = memory.masked.as_ref().is_some_and(|masked| masked.with == with);
        if !known {
            memory.masked = Some(Masked { with, everywhere: false });
            memory.unfinished.retain(|reading| reading.range != Span::default());
        }
        !known
    });
    let partitions = lake::partitions(lake, &config.name)?;
    if begun && !partitions.is_empty() {
        tracing::info!(source = config.name, "the mask has changed: masking what the lake holds");
        checkpoint.commit()?;
    }
    let rule = |batch| mask::apply_again(&config.masks, source::ticket(config.kind), batch);
    let mut written = Vec::new();
    for key in partitions {
        written.extend(lake::change(lake, &config.name, key, &rule, form)?);
    }
    Ok(written)
}
