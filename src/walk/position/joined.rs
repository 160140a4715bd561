//! Does an answer join the one before it?

use super::Reading;
use crate::walk::Key;

/// How an answer goes with the one before it.
#[derive(Debug, PartialEq, Eq)]
pub enum Joined {
    /// They share a row. `exclusive`: the server left out the bound itself when it was asked for.
    Yes { exclusive: bool },
    /// They share none: whatever lies between may be missing.
    No,
    /// A row of before is here now, but an answer that should have held it did not: bounds mean other times than rows.
    Shifted(i64),
}

/// Compares `keys`, asked from the bound `from`, with what `reading` remembers; `edge` is the second of its last row.
pub fn join(
    reading: &Reading,
    edge: i64,
    from: Option<i64>,
    keys: &[Key],
    time: impl Fn(&Key) -> Option<i64>,
) -> Joined {
    let shared = keys
        .iter()
        .filter(|key| {
            // What is newer than all of the last answer was not in it.
            key.id.is_some()
                && time(key) <= Some(edge)
                && reading.last.iter().any(|last| last.id == key.id && time(last) == time(key))
        })
        .filter_map(&time)
        .max();
    let Some(shared) = shared else { return Joined::No };
    match reading.back {
        0 => Joined::Yes { exclusive: false },
        // Only rows at the bound itself may have been left out.
        1 => Joined::Yes { exclusive: shared == edge },
        // Asked from `missed`, the server should have shown that row.
        _ if reading.missed.is_some_and(|missed| shared > missed + 1) => {
            Joined::Shifted(edge - from.unwrap_or(edge))
        }
        _ => Joined::Yes { exclusive: false },
    }
}
