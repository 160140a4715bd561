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
    let besides = |these: &Columns, those: &Columns| -> Vec<String> {
        let more = these.iter().filter(|column| !those.contains(column));
        more.map(|(name, of)| format!("{name} ({of})")).collect()
    };
    let differ = [("lacks", besides(expected, found)), ("has besides", besides(found, expected))];
    let differ = differ.into_iter().filter(|(_, columns)| !columns.is_empty());
    let said: Vec<String> = differ.map(|(how, columns)| format!("{how} {}", columns.join(", "))).collect();
    let in_order = !said.is_empty() || found == expected;
    let said = if in_order { said.join("; ") } else { "has its columns in another order".to_owned() };
    Some(said).filter(|said| !said.is_empty())
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
        assert_eq!(lacks.as_deref(), Some("lacks cf_a (Int64)"));
        let retyped = difference(&expected(&[custom(Type::Text)]), &wanted);
        assert_eq!(retyped.as_deref(), Some("lacks cf_a (Int64); has besides cf_a (Utf8)"));
        let mut moved = wanted.clone();
        moved.swap(1, 2);
        assert_eq!(difference(&moved, &wanted).as_deref(), Some("has its columns in another order"));
        assert_eq!(with_own(&wanted), wanted);
        assert_ne!(with_own(&moved), moved);
    }
}
