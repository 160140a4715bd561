//! One value of a ticket put into the columns that its key fills.

use super::{
    cells::Cells,
    layout::Slot,
    scalar::{self, Cell},
};
use crate::{json::Json, when::Clock};

/// Puts a value into its columns in a row; `false` where it does not fit and nothing was put. Custom fields, sub-objects
/// and keys that share a column are not put here.
pub(super) fn put(cells: &mut [Cells], row: usize, slot: &Slot, json: &Json, clock: &Clock) -> bool {
    let cell = match slot {
        Slot::Text(column) => scalar::text(json).map(|v| cells[*column].put_text(row, &v)),
        Slot::Code(column) => scalar::code(json).map(|v| cells[*column].put_text(row, &v)),
        Slot::Int64(column) => scalar::integer(json).map(|v| cells[*column].put_int(row, v)),
        Slot::Bool(column) => scalar::boolean(json).map(|v| cells[*column].put_bool(row, v)),
        Slot::Instant(column) => scalar::instant(json, clock).map(|v| cells[*column].put_int(row, v)),
        Slot::Int64List(column) => scalar::integers(json).map(|v| cells[*column].put_ints(row, &v)),
        Slot::TextList(column) => {
            scalar::texts(json).map(|v| cells[*column].put_texts(row, v.iter().map(Option::as_deref)))
        }
        Slot::Named { label, code, names } => scalar::text(json).map(|v| {
            cells[*label].put_text(row, &v);
            if let Some((_, name)) = names.iter().find(|(name, _)| *name == v) {
                cells[*code].put_text(row, name);
            }
        }),
        Slot::Ranked { label, rank, ranks } => scalar::text(json).map(|v| {
            cells[*label].put_text(row, &v);
            if let Some((_, number)) = ranks.iter().find(|(name, _)| name.eq_ignore_ascii_case(&v)) {
                cells[*rank].put_small(row, *number);
            }
        }),
        Slot::Flag { number, flag } => scalar::small_integer(json).map(|v| {
            cells[*number].put_small(row, v);
            if v == 0 || v == 1 {
                cells[*flag].put_bool(row, v == 1);
            }
        }),
        Slot::FirstInstant | Slot::Object { .. } | Slot::Custom => Cell::Null,
    };
    !matches!(cell, Cell::Unfit)
}
