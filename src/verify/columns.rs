//! Which columns every file of a source must have: the canonical ones, and the custom ones that its state names.

use arrow::datatypes::DataType;

use crate::{
    columns::{self, Type},
    fields::{KnownColumn, PREFIX, column_name, twin_name},
};

/// Name and type of each column, in order.
pub type Columns = Vec<(String, DataType)>;

/// The columns of tickets with these custom ones.
pub fn expected(custom: &[KnownColumn]) -> Columns {
    around(custom.iter().flat_map(|column| {
        let twin = column.twin.then(|| (twin_name(&column.field), Type::Text.arrow()));
        std::iter::once((column_name(&column.field), column.of.arrow())).chain(twin)
    }))
}

/// The columns of tickets with the custom ones of a file.
pub fn with_own(found: &Columns) -> Columns {
    around(found.iter().filter(|(name, _)| name.starts_with(PREFIX)).cloned())
}

fn around(custom: impl Iterator<Item = (String, DataType)>) -> Columns {
    of_table(columns::TICKETS).into_iter().chain(custom).chain(of_table(columns::LAST)).collect()
}

/// The columns of a table.
pub fn of_table(columns: &[columns::Column]) -> Columns {
    columns.iter().map(|column| (column.name.to_owned(), column.of.arrow())).collect()
}

/// Where `found` is not `expected`, in words; `None` where they are the same.
pub fn difference(found: &Columns, expected: &Columns) -> Option<String> {
    let of =
        |all: &Columns, name: &str| all.iter().find(|(known, _)| known == name).map(|(_, of)| of.clone());
    let absent = |these: &Columns, those: &Columns| -> Vec<String> {
        these.iter().filter(|(name, _)| of(those, name).is_none()).map(|(name, _)| name.clone()).collect()
    };
    let retyped = found.iter().filter_map(|(name, is)| {
        let wanted = of(expected, name)?;
        (*is != wanted).then(|| format!("{name} ({is}, not {wanted})"))
    });
    let lists = [
        ("lacks", absent(expected, found)),
        ("has besides", absent(found, expected)),
        ("has of another type", retyped.collect()),
    ];
    let lists = lists.iter().filter(|(_, names)| !names.is_empty());
    let said: Vec<String> = lists.map(|(word, names)| format!("{word} {}", names.join(", "))).collect();
    match said.is_empty() {
        false => Some(said.join("; ")),
        true if found == expected => None,
        true => Some("has its columns in another order".to_owned()),
    }
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
        assert_eq!(with_own(&wanted), wanted);
        assert_ne!(with_own(&moved), moved);
    }
}
