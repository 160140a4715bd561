//! What a lake holds, told by its folders and files alone: no configuration is needed.

use std::{collections::BTreeSet, sync::Arc};

use arrow::datatypes::{Field, Schema, SchemaRef};

use super::{Lake, LakeError, PartitionKey, footer, held, schema_of, state, store, ticket_file};

const TABLES: [&str; 3] = ["tickets", "ticket_fields", "ticket_field_options"];

/// The names of all sources that have a folder or a state in the lake, sorted.
pub fn sources(lake: &Lake) -> Result<Vec<String>, LakeError> {
    let mut names: BTreeSet<String> = state::sources(lake)?.into_iter().collect();
    for table in TABLES {
        let folders = store::list(lake, table)?;
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
pub struct Holding {
    pub rows: u64,
    pub bytes: u64,
    /// Those that hold a file, sorted.
    pub partitions: Vec<PartitionKey>,
    /// The vendor's short name, as the files say.
    pub kind: Option<String>,
}

/// Counts the tickets of a source by what its files say of themselves.
pub fn holding(lake: &Lake, source: &str) -> Result<Holding, LakeError> {
    let mut sum = Holding { partitions: held(lake, source)?, ..Holding::default() };
    for key in &sum.partitions {
        // A file may go while we look.
        let Some(told) = footer(&ticket_file(lake, source, *key))? else { continue };
        sum.rows += told.rows;
        sum.bytes += told.bytes;
        sum.kind = told.source_kind().or(sum.kind);
    }
    Ok(sum)
}

/// The columns of a source's tickets; `None` without a file. Where files may differ, as after a run that died, pass
/// `uniform` as false to have the columns of all of them.
pub fn schema_of_source(lake: &Lake, source: &str, uniform: bool) -> Result<Option<SchemaRef>, LakeError> {
    let keys = held(lake, source)?;
    let looked_at = if uniform { 1 } else { keys.len() };
    let mut whole: Option<SchemaRef> = None;
    for key in keys.into_iter().rev().take(looked_at) {
        let Some(schema) = schema_of(&ticket_file(lake, source, key))? else { continue };
        whole = Some(match whole {
            None => schema,
            Some(known) => joined(&known, &schema),
        });
    }
    Ok(whole)
}

/// All columns of `known`, then those of `other` that it lacks.
fn joined(known: &SchemaRef, other: &SchemaRef) -> SchemaRef {
    let new = other.fields().iter().filter(|field| known.field_with_name(field.name()).is_err());
    let fields: Vec<Arc<Field>> = known.fields().iter().chain(new).cloned().collect();
    Arc::new(Schema::new(fields))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::tests::lakes;

    #[test]
    fn sources_are_found_by_folder_and_strangers_are_left_out() {
        for (_folder, lake) in lakes() {
            assert_eq!(sources(&lake).unwrap(), Vec::<String>::new());
            for key in [
                "tickets/source=b-1/x",
                "ticket_fields/source=a/x",
                "_ticketlake/state/c/1",
                "tickets/source=O'x/x",
            ] {
                store::create(&lake, key, b"").unwrap();
            }
            assert_eq!(sources(&lake).unwrap(), ["a", "b-1", "c"]);
            assert_eq!(holding(&lake, "b-1").unwrap(), Holding::default());
            assert_eq!(schema_of_source(&lake, "b-1", true).unwrap(), None);
        }
    }
}
