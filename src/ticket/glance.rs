//! What a ticket is and when, without decoding it.

use super::{
    layout::Layout,
    scalar::{self, Cell},
};
use crate::{
    json::{Cursor, Malformed},
    when::Clock,
};

/// A ticket's id, and its times in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Glance {
    pub id: i64,
    pub created: i64,
    pub updated: i64,
}

/// Reads the id and the times of a ticket; `None` unless the first of each can be read. What stands behind them is not
/// looked at: whoever glances knows the whole ticket by its digest, or decodes it.
pub fn glance(layout: &Layout, clock: &Clock, ticket: &str) -> Option<Glance> {
    let [id, created, updated] = layout.glanced;
    let mut found = [None; 3];
    let enough = Malformed { at: 0, expected: "nothing more" };
    let walked = Cursor::new(ticket).object(|key, cursor| {
        let (slot, cell) = if key.is(id) {
            (0, scalar::integer(&cursor.value()?))
        } else if key.is(created) {
            (1, scalar::instant(&cursor.value()?, clock))
        } else if key.is(updated) {
            (2, scalar::instant(&cursor.value()?, clock))
        } else {
            return cursor.pass();
        };
        found[slot] = match cell {
            Cell::Value(value) if found[slot].is_none() => Some(value),
            _ => return Err(Malformed { at: 0, expected: "a key once" }),
        };
        if found.contains(&None) { Ok(()) } else { Err(enough) }
    });
    if walked.is_err_and(|why| why != enough) {
        return None;
    }
    Some(Glance { id: found[0]?, created: found[1]?, updated: found[2]? })
}
