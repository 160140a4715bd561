//! How a server writes its tickets: what stands between the values is mostly the same in all of them, page after page.

use super::{
    cells::Room,
    entries::Habit,
    layout::{Layout, Slot},
};
use crate::json::Trail;

/// What one reader of tickets has learned.
#[derive(Debug)]
pub(super) struct Ways {
    pub keys: Trail,
    /// Inside the object under each key.
    pub inside: Vec<Trail>,
    pub fields: Trail,
    pub entries: Habit,
    /// For each column what a page held of it.
    pub room: Vec<Room>,
}

impl Ways {
    /// Nothing is known yet.
    pub fn new(layout: &Layout) -> Self {
        let (keys, fields) = (&layout.keys.list, layout.custom.len());
        let inside = |(_, slot): &(_, Slot)| match slot {
            Slot::Object(keys) => Trail::new(keys.list.len()),
            _ => Trail::new(0),
        };
        Self {
            keys: Trail::new(keys.len()),
            inside: keys.iter().map(inside).collect(),
            fields: Trail::new(fields),
            entries: Habit::new(fields),
            room: vec![Room::default(); layout.types.len()],
        }
    }
}
