//! Keys and fields resolved to column numbers, once for many tickets.

use std::{collections::HashMap, fmt, sync::Arc};

use arrow::datatypes::SchemaRef;

use super::{CustomShape, Mapping, To, ways::Ways};
use crate::{
    columns::{self, Type},
    fields::Fields,
    spare::Spare,
};

/// [`To`] with column numbers in place of names.
#[derive(Debug)]
pub(super) enum Slot {
    Text(usize),
    Code(usize),
    Int64(usize),
    Bool(usize),
    Instant(usize),
    FirstInstant,
    Int64List(usize),
    TextList(usize),
    Named { label: usize, code: usize, names: &'static [(&'static str, &'static str)] },
    Ranked { label: usize, rank: usize, ranks: &'static [(&'static str, i8)] },
    Flag { number: usize, flag: usize },
    Object(Keys),
    Custom,
}

/// The known keys of one object.
pub(super) struct Keys {
    pub list: Vec<(&'static str, Slot)>,
    by_name: HashMap<&'static str, usize>,
}

impl fmt::Debug for Keys {
    /// In the order of the mapping, the same in every run: the map has none.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.list.fmt(out)
    }
}

impl Keys {
    /// The number of a key.
    pub fn find(&self, key: &str) -> Option<usize> {
        self.by_name.get(key).copied()
    }
}

/// What a decoder needs to know: the mapping and the fields, resolved.
#[derive(Debug)]
pub struct Layout {
    pub(super) keys: Keys,
    pub(super) shape: CustomShape,
    pub(super) constants: Vec<(usize, &'static str)>,
    /// The column that several keys may fill, and those keys by rank.
    pub(super) first_instant: Option<(usize, Vec<&'static str>)>,
    pub(super) id: usize,
    /// Column of each custom field, in field order; a twin is the next one.
    pub(super) custom: Vec<usize>,
    /// Types of all columns up to `_rescued`.
    pub(super) types: Vec<Type>,
    /// The fields this was made for.
    pub fields: Arc<Fields>,
    /// The schema of the batches.
    pub schema: SchemaRef,
    /// How the server writes what is read under this layout, as readers that have ended learned it.
    pub(super) learned: Spare<Ways>,
}

impl Layout {
    /// Resolves a mapping for the fields of a source.
    pub fn new(mapping: &'static Mapping, fields: Arc<Fields>) -> Self {
        let schema = fields.schema();
        let mut types: Vec<_> = columns::TICKETS.iter().map(|c| c.of).collect();
        let mut custom = Vec::new();
        for field in fields.iter() {
            custom.push(types.len());
            types.push(field.column);
            if field.twin {
                types.push(Type::Text);
            }
        }
        let mut first = Vec::new();
        collect_first(mapping.keys, &mut first);
        Self {
            keys: resolve(mapping.keys),
            shape: mapping.custom,
            constants: mapping.constants.iter().map(|(name, value)| (number(name), *value)).collect(),
            first_instant: first
                .first()
                .map(|(column, _)| (number(column), first.iter().map(|f| f.1).collect())),
            id: number("id"),
            custom,
            types,
            fields,
            schema,
            learned: Spare::new(),
        }
    }
}

fn collect_first(keys: &'static [(&'static str, To)], first: &mut Vec<(&'static str, &'static str)>) {
    for (key, to) in keys {
        if let To::FirstInstant(column) = to {
            first.push((column, key));
        }
    }
}

fn resolve(keys: &'static [(&'static str, To)]) -> Keys {
    let slot = |to: &'static To| match to {
        To::Text(name) => Slot::Text(number(name)),
        To::Code(name) => Slot::Code(number(name)),
        To::Int64(name) => Slot::Int64(number(name)),
        To::Bool(name) => Slot::Bool(number(name)),
        To::Instant(name) => Slot::Instant(number(name)),
        To::FirstInstant(_) => Slot::FirstInstant,
        To::Int64List(name) => Slot::Int64List(number(name)),
        To::TextList(name) => Slot::TextList(number(name)),
        To::Named { label, code, names } => Slot::Named { label: number(label), code: number(code), names },
        To::Ranked { label, rank, ranks } => Slot::Ranked { label: number(label), rank: number(rank), ranks },
        To::Flag { number: status, flag } => Slot::Flag { number: number(status), flag: number(flag) },
        To::Object(keys) => Slot::Object(resolve(keys)),
        To::Custom => Slot::Custom,
    };
    let list: Vec<_> = keys.iter().map(|(key, to)| (*key, slot(to))).collect();
    let by_name = list.iter().enumerate().map(|(at, (key, _))| (*key, at)).collect();
    Keys { list, by_name }
}

/// The number of a canonical column.
///
/// A mapping is written by hand in the program; a name that the table of columns lacks is caught by each source's test.
fn number(name: &str) -> usize {
    columns::TICKETS.iter().position(|c| c.name == name).unwrap_or_else(|| panic!("no column `{name}`"))
}
