//! Tickets that the lake has and the source has not: looked for, confirmed, marked; and the brake on that.

use roaring::RoaringTreemap;

use super::{
    intake::Intake,
    reading::{ReadError, TicketReader},
};
use crate::{
    lake::{self, Lake, LakeError},
    walk::Span,
};

/// The lake's tickets created within `span` that are not marked and were not met.
pub fn missing(lake: &Lake, source: &str, span: Span, met: &RoaringTreemap) -> Result<Vec<i64>, LakeError> {
    let within =
        |created: Option<i64>| created.is_some_and(|micros| span.holds(micros.div_euclid(1_000_000)));
    unmet(lake, source, span, met, &within)
}

/// The same of those whose time of creation is not known.
pub fn missing_undated(lake: &Lake, source: &str, met: &RoaringTreemap) -> Result<Vec<i64>, LakeError> {
    let nowhere = Span { from: Some(0), to: Some(0) };
    unmet(lake, source, nowhere, met, &|created| created.is_none())
}

fn unmet(
    lake: &Lake,
    source: &str,
    span: Span,
    met: &RoaringTreemap,
    wanted: &dyn Fn(Option<i64>) -> bool,
) -> Result<Vec<i64>, LakeError> {
    let calendar = lake.calendar();
    let mut missing = Vec::new();
    for key in lake::partitions(lake, source)? {
        if !super::intake::meets(&calendar, key, span) {
            continue;
        }
        let marks = lake::marks(lake, source, key)?;
        let unmet = |mark: &&lake::Mark| mark.deleted_at.is_none() && !met.contains(mark.id.cast_unsigned());
        missing.extend(marks.iter().filter(|mark| wanted(mark.created_at)).filter(unmet).map(|mark| mark.id));
    }
    Ok(missing)
}

/// How many tickets of the source the lake has that are not marked as deleted.
pub fn live(lake: &Lake, source: &str) -> Result<u64, LakeError> {
    let mut live = 0;
    for key in lake::partitions(lake, source)? {
        live +=
            lake::marks(lake, source, key)?.iter().filter(|mark| mark.deleted_at.is_none()).count() as u64;
    }
    Ok(live)
}

/// Asks the source for each ticket by its id; those that it still has are taken in. Gives the others.
pub async fn confirm(
    reader: &TicketReader<'_>,
    intake: &Intake,
    ids: &[i64],
) -> Result<RoaringTreemap, ReadError> {
    let asked: RoaringTreemap = ids.iter().map(|id| id.cast_unsigned()).collect();
    Ok(asked - reader.read_ids(ids, intake).await?)
}
