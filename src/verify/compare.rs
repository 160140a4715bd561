//! The lake's rows against what the source's list held, partition by partition.

use std::collections::HashMap;

use roaring::RoaringTreemap;

use super::{against::tickets, blocking::Abandoned, difference::Compared};
use crate::{
    batch::{BatchError, conform, instant, instants_of},
    columns::DELETED_AT,
    lake::{self, FileSchema, Lake, LakeError, PartitionKey},
};

/// What is remembered of a ticket at the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    /// Microseconds since 1970.
    pub updated_at: Option<i64>,
    pub digest: u64,
}

/// Compares the partitions of a source with its tickets. The lake's rows are read under the schema of now, so that a column
/// that was widened meanwhile does not make a row differ.
pub fn compare(
    lake: &Lake,
    source: &str,
    keys: &[PartitionKey],
    schema: &FileSchema,
    at_source: &HashMap<i64, Ticket>,
    abandoned: &Abandoned,
) -> Result<Compared, LakeError> {
    let mut compared = Compared::default();
    let mut held = RoaringTreemap::new();
    for key in keys.iter().take_while(|_| !abandoned.is()) {
        let at = lake::ticket_file(lake, source, *key);
        let Some(file) = lake::open(&at)? else { continue };
        let rows = |cause: BatchError| LakeError::Rows { at: at.to_string(), cause };
        for batch in file.batches()? {
            let batch = conform(&batch?, schema.schema()).map_err(rows)?;
            let marks = instants_of(&batch, DELETED_AT);
            for (row, (id, here)) in tickets(&batch).into_iter().enumerate() {
                held.insert(id.cast_unsigned());
                let marked = instant(marks, row).is_some();
                compared.ticket(id, here, marked, at_source.get(&id).copied());
            }
        }
    }
    let ids = at_source.keys().map(|id| id.cast_unsigned());
    compared.missing = ids.filter(|id| !held.contains(*id)).collect();
    Ok(compared)
}

impl Compared {
    fn ticket(&mut self, id: i64, here: Ticket, marked: bool, there: Option<Ticket>) {
        self.live += u64::from(!marked);
        let id = id.cast_unsigned();
        let Some(there) = there else {
            if !marked {
                self.extra.insert(id);
            }
            return;
        };
        let times = (here.updated_at, there.updated_at);
        let reason = match times {
            (Some(ours), Some(theirs)) if ours > theirs => {
                self.newer.insert(id);
                return;
            }
            (Some(ours), Some(theirs)) if ours < theirs => &mut self.stale_because.older,
            _ if marked => &mut self.stale_because.marked,
            _ if here.digest != there.digest => &mut self.stale_because.contents,
            _ => return,
        };
        *reason += 1;
        self.stale.insert(id);
    }
}

#[cfg(test)]
mod tests {
    use super::{super::difference::Because, *};

    #[test]
    fn a_ticket_is_equal_stale_newer_or_extra() {
        let ticket = |updated_at, digest| Ticket { updated_at, digest };
        let mut compared = Compared::default();
        compared.ticket(1, ticket(Some(5), 7), false, Some(ticket(Some(5), 7)));
        compared.ticket(2, ticket(Some(4), 7), false, Some(ticket(Some(5), 8)));
        compared.ticket(3, ticket(Some(5), 7), false, Some(ticket(Some(5), 8)));
        compared.ticket(4, ticket(Some(5), 7), true, Some(ticket(Some(5), 7)));
        compared.ticket(5, ticket(Some(6), 7), false, Some(ticket(Some(5), 8)));
        compared.ticket(6, ticket(Some(5), 7), false, None);
        compared.ticket(7, ticket(Some(5), 7), true, None);
        assert_eq!(compared.stale.iter().collect::<Vec<_>>(), [2, 3, 4]);
        let Because { older, contents, marked } = compared.stale_because;
        assert_eq!((older, contents, marked), (1, 1, 1));
        assert_eq!(compared.newer.iter().collect::<Vec<_>>(), [5]);
        assert_eq!(compared.extra.iter().collect::<Vec<_>>(), [6]);
        assert_eq!(compared.live, 5);
    }
}
