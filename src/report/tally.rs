//! The one thing that is asked of a chunk again and again: how many rows have which values in some columns.

use polars::prelude::{AnyValue, DataFrame, ExplodeOptions, PolarsResult, UniqueKeepStrategy};

/// A value of a key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    Null,
    Bool(bool),
    Int(i64),
    Text(String),
}

impl Cell {
    pub fn int(&self) -> Option<i64> {
        if let Self::Int(int) = self { Some(*int) } else { None }
    }

    pub fn bool(&self) -> Option<bool> {
        if let Self::Bool(bool) = self { Some(*bool) } else { None }
    }

    /// The text itself; none for a null.
    pub fn into_text(self) -> Option<String> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

impl From<AnyValue<'_>> for Cell {
    fn from(value: AnyValue<'_>) -> Self {
        match value {
            AnyValue::Boolean(bool) => Self::Bool(bool),
            AnyValue::String(text) => Self::Text(text.to_owned()),
            AnyValue::StringOwned(text) => Self::Text(text.to_string()),
            other => other.extract::<i64>().map_or(Self::Null, Self::Int),
        }
    }
}

/// The values that occur together in these columns, and in how many rows.
pub fn tally<const N: usize>(rows: &DataFrame, keys: [&str; N]) -> PolarsResult<Vec<([Cell; N], u64)>> {
    let groups = rows.group_by(keys)?;
    let columns = groups.keys();
    let mut counted = Vec::with_capacity(groups.get_groups().len());
    for (row, group) in groups.get_groups().iter().enumerate() {
        let mut cells = [const { Cell::Null }; N];
        for (cell, column) in cells.iter_mut().zip(&columns) {
            *cell = column.get(row)?.into();
        }
        counted.push((cells, group.len() as u64));
    }
    Ok(counted)
}

/// As [`tally`], of a list column: in how many rows each element occurs, once or more; nulls are left out.
pub fn tally_elements(rows: &DataFrame, list: &str, row: &str) -> PolarsResult<Vec<(String, u64)>> {
    let flat = exploded(&rows.select([row, list])?, list, row)?;
    let counted = tally(&flat, [list])?;
    Ok(counted.into_iter().filter_map(|([cell], count)| Some((cell.into_text()?, count))).collect())
}

/// A row for each different element of a list column; a list that is null or empty gives one null.
pub fn exploded(rows: &DataFrame, list: &str, row: &str) -> PolarsResult<DataFrame> {
    let options = ExplodeOptions { empty_as_null: true, keep_nulls: true };
    let flat = rows.explode([list], options)?;
    flat.unique::<(), ()>(Some(&[row.to_owned(), list.to_owned()]), UniqueKeepStrategy::Any, None)
}

#[cfg(test)]
mod tests {
    use polars::prelude::*;

    use super::*;

    #[test]
    fn values_are_counted_together() {
        let rows = df!("a" => [Some("x"), None, Some("x")], "b" => [1_i64, 1, 1], "c" => [true, false, true]);
        let mut counted = tally(&rows.expect("rows"), ["a", "b", "c"]).expect("counted");
        counted.sort();
        assert_eq!(
            counted,
            [
                ([Cell::Null, Cell::Int(1), Cell::Bool(false)], 1),
                ([Cell::Text("x".to_owned()), Cell::Int(1), Cell::Bool(true)], 2),
            ]
        );
    }

    #[test]
    fn an_element_counts_once_a_row() {
        let list = |texts: &[&str]| Some(Series::new("".into(), texts));
        let lists = [list(&["a", "b", "a"]), None, list(&[]), list(&["b"])];
        let lists: ListChunked = lists.into_iter().collect();
        let rows = DataFrame::new_infer_height(vec![
            Series::new("id".into(), [1_i64, 2, 3, 4]).into(),
            lists.with_name("tags".into()).into_column(),
        ]);
        let mut counted = tally_elements(&rows.expect("rows"), "tags", "id").expect("counted");
        counted.sort();
        assert_eq!(counted, [("a".to_owned(), 1), ("b".to_owned(), 2)]);
    }
}
