//! Which columns every file of a source must have: the canonical ones, and the custom ones that its state names.

use std::{collections::HashMap, sync::Arc};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};

use crate::{
    columns::{self, Type},
    fields::{KnownColumn, column_name, known_columns, twin_name, widen},
};

/// Name and type of each column, in order.
pub type Columns = Vec<(String, DataType)>;

/// The columns of tickets with these custom ones.
pub fn expected(custom: &[KnownColumn]) -> Columns {
    let canonical = |column: &columns::Column| (column.name.to_owned(), column.of.arrow());
    let mut all: Columns = columns::TICKETS.iter().map(canonical).collect();
    for column in custom {
        all.push((column_name(&column.field), column.of.arrow()));
        if column.twin {
            all.push((twin_name(&column.field), Type::Text.arrow()));
        }
    }
    all.extend(columns::LAST.iter().map(canonical));
    all
}

/// Where `found` is not `expected`, in words; `None` where they are the same.
pub fn difference(found: &Columns, expected: &Columns) -> Option<String> {
    let of =
        |all: &Columns, name: &str| all.iter().find(|(known, _)| known == name).map(|(_, of)| of.clone());
    let listed = |names: Vec<String>| names.join(", ");
    let missing: Vec<String> =
        expected.iter().filter(|(name, _)| of(found, name).is_none()).map(|(name, _)| name.clone()).collect();
    let extra: Vec<String> =
        found.iter().filter(|(name, _)| of(expected, name).is_none()).map(|(name, _)| name.clone()).collect();
    let retyped: Vec<String> = found
        .iter()
        .filter_map(|(name, is)| {
            let wanted = of(expected, name)?;
            (*is != wanted).then(|| format!("{name} ({is}, not {wanted})"))
        })
        .collect();
    let mut said = Vec::new();
    for (word, names) in [("lacks", missing), ("has besides", extra), ("has of another type", retyped)] {
        if !names.is_empty() {
            said.push(format!("{word} {}", listed(names)));
        }
    }
    match said.is_empty() {
        false => Some(said.join("; ")),
        true if found == expected => None,
        true => Some("has its columns in another order".to_owned()),
    }
}

/// Adds the custom columns of a file to those that are known, each of a type that holds both.
pub fn join(known: &mut Vec<KnownColumn>, schema: &Schema) {
    let names: HashMap<String, String> =
        known.iter().map(|column| (column_name(&column.field), column.field.clone())).collect();
    for found in known_columns(schema, &|column| names.get(column).cloned()) {
        match known.iter_mut().find(|column| column.field == found.field) {
            Some(column) => {
                column.of = widen(column.of, found.of);
                column.twin |= found.twin;
            }
            None => known.push(found),
        }
    }
}

/// The schema for files with these custom columns.
pub fn schema(custom: &[KnownColumn]) -> SchemaRef {
    let fields = expected(custom).into_iter().map(|(name, of)| {
        let canonical = columns::TICKETS.iter().chain(columns::LAST).find(|column| column.name == name);
        canonical.map_or_else(|| Field::new(&name, of, true), columns::Column::field)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_named() {
        let custom = |of| KnownColumn { field: "a".to_owned(), of, twin: false };
        let wanted = expected(&[custom(Type::Int64)]);
        assert_eq!(difference(&wanted, &wanted), None);
        let lacks = difference(&expected(&[]), &wanted);
        assert_eq!(lacks.as_deref(), Some("lacks cf_a"));
        let retyped = difference(&expected(&[custom(Type::Text)]), &wanted);
        assert_eq!(retyped.as_deref(), Some("has of another type cf_a (Utf8, not Int64)"));
        let mut moved = wanted.clone();
        moved.swap(1, 2);
        assert_eq!(difference(&moved, &wanted).as_deref(), Some("has its columns in another order"));
        let mut known = vec![custom(Type::Int64)];
        let field = Field::new("cf_a", DataType::Utf8, true);
        let file = Schema::new(vec![field]);
        join(&mut known, &file);
        assert_eq!(known, [custom(Type::Text)]);
    }
}
