//! What a lake holds, found in its folders and files alone: no configuration and no state is needed.

use std::{collections::BTreeSet, sync::Arc};

use arrow::datatypes::{Field, Schema, SchemaRef};

use super::{Lake, LakeError, PartitionKey, inventory::TABLES, partitions, reader, state, ticket_file};

/// The names of all sources that have a folder or a state in the lake, sorted.
pub fn sources(lake: &Lake) -> Result<Vec<String>, LakeError> {
    let mut names: BTreeSet<String> = state::sources(lake)?.into_iter().collect();
    for table in TABLES {
        let folders = lake.store.list(table)?;
        names.extend(folders.iter().filter_map(|folder| folder.strip_prefix("source=").map(str::to_owned)));
    }
    // What the configuration would refuse is none of ours, and would need care in paths and queries.
    names.retain(|name| is_source_name(name));
    Ok(names.into_iter().collect())
}

fn is_source_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.bytes().next().is_some_and(plain) && name.bytes().all(|b| plain(b) || b"_-".contains(&b))
}

/// The tickets of one source in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TicketStatistics {
    pub rows: u64,
    pub bytes: u64,
    /// Those that have a file, sorted.
    pub partitions: Vec<PartitionKey>,
    /// The vendor's short name, as the files say.
    pub kind: Option<String>,
}

/// Counts the tickets of a source by what its files say of themselves.
pub fn statistics(lake: &Lake, source: &str) -> Result<TicketStatistics, LakeError> {
    let mut sum = TicketStatistics { partitions: partitions(lake, source)?, ..TicketStatistics::default() };
    for key in &sum.partitions {
        // A file may go while we look.
        let Some(file) = reader::open(&ticket_file(lake, source, *key))? else { continue };
        sum.rows += file.rows();
        sum.bytes += file.bytes();
        sum.kind = file.source_kind().map(str::to_owned).or(sum.kind);
    }
    Ok(sum)
}

/// The columns of a source's tickets; `None` without a file. Where files may differ, as after a run that crashed, pass
/// `uniform` as false to have the columns of all of them.
pub fn schema_of_source(lake: &Lake, source: &str, uniform: bool) -> Result<Option<SchemaRef>, LakeError> {
    let keys = partitions(lake, source)?;
    let looked_at = if uniform { 1 } else { keys.len() };
    let mut whole: Option<SchemaRef> = None;
    for key in keys.into_iter().rev().take(looked_at) {
        let Some(file) = reader::open(&ticket_file(lake, source, key))? else { continue };
        whole = Some(match whole {
            None => file.schema().clone(),
            Some(known) => union(&known, file.schema()),
        });
    }
    Ok(whole)
}

/// All columns of `known`, then those of `other` that it lacks.
fn union(known: &SchemaRef, other: &SchemaRef) -> SchemaRef {
    let new = other.fields().iter().filter(|field| known.field_with_name(field.name()).is_err());
    let fields: Vec<Arc<Field>> = known.fields().iter().chain(new).cloned().collect();
    Arc::new(Schema::new(fields))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::tests::lakes;

    #[test]
    fn sources_are_found_by_folder_and_other_names_are_left_out() {
        for (_folder, lake) in lakes() {
            assert_eq!(sources(&lake).unwrap(), Vec::<String>::new());
            for key in [
                "tickets/source=b-1/x",
                "ticket_fields/source=a/x",
                "_ticketlake/state/c/1",
                "tickets/source=O'x/x",
            ] {
                lake.store.create(key, b"").unwrap();
            }
            assert_eq!(sources(&lake).unwrap(), ["a", "b-1", "c"]);
            assert_eq!(statistics(&lake, "b-1").unwrap(), TicketStatistics::default());
            assert_eq!(schema_of_source(&lake, "b-1", true).unwrap(), None);
        }
    }
}
