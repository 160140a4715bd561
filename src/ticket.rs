//! One ticket of a vendor as one row of the lake.
//!
//! A source tells by a [`Mapping`] which key goes where; nothing here knows a vendor's words. Values go from the JSON
//! text straight into Arrow builders.

mod cells;
mod custom;
mod decode;
mod entries;
mod layout;
mod origin;
mod rescue;
mod scalar;
mod slots;
mod ways;

pub use decode::{Decoded, Decoder};
pub use layout::Layout;
pub use origin::{Origin, origin};

/// Where the value of one key goes.
#[derive(Debug, Clone, Copy)]
pub enum To {
    Text(&'static str),
    /// Text in which `""` is null.
    Code(&'static str),
    Int64(&'static str),
    Bool(&'static str),
    Instant(&'static str),
    /// Several keys may fill the column; the first of the mapping that gives an instant does.
    FirstInstant(&'static str),
    Int64List(&'static str),
    TextList(&'static str),
    /// The text as sent, and its code where the text is a known name.
    Named {
        label: &'static str,
        code: &'static str,
        names: &'static [(&'static str, &'static str)],
    },
    /// The text as sent, and its rank where the text, compared without case, is a known one.
    Ranked {
        label: &'static str,
        rank: &'static str,
        ranks: &'static [(&'static str, i8)],
    },
    /// A small number, and whether it is 1 rather than 0.
    Flag {
        number: &'static str,
        flag: &'static str,
    },
    /// The keys inside an object.
    Object(&'static [(&'static str, To)]),
    /// The custom fields.
    Custom,
}

/// How a ticket carries its custom fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomShape {
    /// A list of objects with `name` and `value`.
    Entries,
    /// An object from name to value.
    Object,
}

/// A vendor's ticket in the lake's terms.
#[derive(Debug)]
pub struct Mapping {
    /// Key and place; the usual order of the keys makes reading quick.
    pub keys: &'static [(&'static str, To)],
    pub custom: CustomShape,
    /// Text columns that have one value in every ticket.
    pub constants: &'static [(&'static str, &'static str)],
}
