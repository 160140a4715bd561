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

/// Reads the id and the times of a ticket; `None` unless each is there once and can be read. The rest is only measured.
pub fn glance(layout: &Layout, clock: &Clock, ticket: &str) -> Option<Glance> {
    let [id, created, updated] = layout.glanced;
    let mut found = [None; 3];
    let twice = Malformed { at: 0, expected: "a key once" };
    Cursor::new(ticket)
        .object(|key, cursor| {
            let (slot, cell) = if key.is(id) {
                (0, scalar::integer(&cursor.value()?))
            } else if key.is(created) {
                (1, scalar::instant(&cursor.value()?, clock))
            } else if key.is(updated) {
                (2, scalar::instant(&cursor.value()?, clock))
            } else {
                return cursor.pass();
            };
            match cell {
                Cell::Value(value) if found[slot].is_none() => found[slot] = Some(value),
                _ => return Err(twice),
            }
            Ok(())
        })
        .ok()?;
    Some(Glance { id: found[0]?, created: found[1]?, updated: found[2]? })
}
