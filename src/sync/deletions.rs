//! Tickets that the lake has and the source has not: looked for, confirmed, marked; and the brake on that.

use roaring::RoaringTreemap;

use super::{
    buffer::{RowBuffer, is_within, meets},
    reading::{ReadError, TicketReader},
    source_state::Checkpoint,
};
use crate::{
    batch::{ID, id_values, instant, instants_of},
    lake::{LakeError, Partition, PartitionKey},
    walk::Span,
};

/// The lake's tickets created within `span` that are not marked as deleted. Only partitions that lie partly in it are opened.
pub fn live_within(checkpoint: &Checkpoint, span: Span) -> Result<RoaringTreemap, LakeError> {
    let table = &checkpoint.table;
    let calendar = table.lake.calendar();
    let mut live = RoaringTreemap::new();
    let partitions: Vec<(PartitionKey, RoaringTreemap)> = table.manifest(|manifest| {
        let of = |partition: &Partition| &partition.ids - &partition.deleted;
        manifest.partitions.iter().map(|(key, partition)| (*key, of(partition))).collect()
    });
    for (key, ids) in partitions {
        if is_within(&calendar, key, &[span]) {
            live |= ids;
        } else if meets(&calendar, key, span) {
            let Some(file) = table.open(key)? else { continue };
            for batch in file.columns(&[ID, "created_at"])? {
                let batch = batch?;
                let created = instants_of(&batch, "created_at");
                let is_in = |row| {
                    instant(created, row).is_some_and(|micros| span.holds(micros.div_euclid(1_000_000)))
                };
                let rows = id_values(&batch).iter().enumerate().filter(|(row, _)| is_in(*row));
                live.extend(rows.map(|(_, id)| id.cast_unsigned()).filter(|id| ids.contains(*id)));
            }
        }
    }
    Ok(live)
}

/// The lake's tickets created within `span` that are not marked and were not met.
pub fn missing(
    checkpoint: &Checkpoint,
    span: Span,
    met: &RoaringTreemap,
) -> Result<RoaringTreemap, LakeError> {
    Ok(live_within(checkpoint, span)? - met)
}

/// The same of those whose time of creation is not known.
pub fn missing_undated(checkpoint: &Checkpoint, met: &RoaringTreemap) -> RoaringTreemap {
    checkpoint.table.manifest(|manifest| {
        let undated = manifest.partitions.iter().filter(|(key, _)| matches!(key, PartitionKey::Default(_)));
        undated.fold(RoaringTreemap::new(), |all, (_, partition)| all | (&partition.ids - &partition.deleted))
    }) - met
}

/// Asks the source for each ticket by its id; those that it still has are taken in. Gives those that are gone.
pub async fn confirm(
    reader: &TicketReader<'_>,
    buffer: &RowBuffer,
    ids: &[i64],
) -> Result<RoaringTreemap, ReadError> {
    let asked: RoaringTreemap = ids.iter().map(|id| id.cast_unsigned()).collect();
    let by_id = reader.read_ids(ids, buffer).await?;
    Ok(asked - by_id.found - by_id.unknown)
}
