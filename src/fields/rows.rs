//! Rows of the two small tables, as values and as Arrow.

use std::sync::Arc;

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListBuilder, RecordBatch, StringArray,
        StringBuilder, TimestampMicrosecondArray,
    },
    datatypes::{Int64Type, Schema, SchemaRef, TimestampMicrosecondType},
    error::ArrowError,
};

use crate::columns::{Column, Type};

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Null,
    Text(String),
    Bool(bool),
    /// An integer, or an instant in microseconds since 1970.
    Int(i64),
    Texts(Vec<Option<String>>),
}

impl Value {
    /// The text, where there is one.
    pub fn text(&self) -> Option<&str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    /// The number, where there is one.
    pub fn int(&self) -> Option<i64> {
        if let Value::Int(int) = self { Some(*int) } else { None }
    }

    fn bool(&self) -> Option<bool> {
        if let Value::Bool(bool) = self { Some(*bool) } else { None }
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        value.map_or(Value::Null, Value::Text)
    }
}

impl From<Option<bool>> for Value {
    fn from(value: Option<bool>) -> Self {
        value.map_or(Value::Null, Value::Bool)
    }
}

/// The cells of one row, in the table's column order.
pub type Row = Vec<Value>;

/// The number of a column of a small table.
pub fn number(columns: &[Column], name: &str) -> usize {
    columns.iter().position(|c| c.name == name).unwrap_or(usize::MAX)
}

/// The Arrow schema of a table.
pub fn schema(columns: &[Column]) -> SchemaRef {
    Arc::new(Schema::new(columns.iter().map(Column::field).collect::<Vec<_>>()))
}

/// Rows to a batch.
pub fn to_batch(columns: &[Column], rows: &[Row]) -> Result<RecordBatch, ArrowError> {
    let column = |(at, column): (usize, &Column)| -> ArrayRef {
        let cells = rows.iter().map(|row| row.get(at).unwrap_or(&Value::Null));
        match column.of {
            Type::Bool => Arc::new(cells.map(Value::bool).collect::<BooleanArray>()),
            Type::Instant => {
                Arc::new(cells.map(Value::int).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
            }
            Type::TextList => {
                let mut lists = ListBuilder::new(StringBuilder::new());
                for cell in cells {
                    match cell {
                        Value::Texts(texts) => lists.append_value(texts.iter().map(Option::as_deref)),
                        _ => lists.append_null(),
                    }
                }
                Arc::new(lists.finish())
            }
            Type::Int64 => Arc::new(cells.map(Value::int).collect::<Int64Array>()),
            _ => Arc::new(cells.map(Value::text).collect::<StringArray>()),
        }
    };
    RecordBatch::try_new(schema(columns), columns.iter().enumerate().map(column).collect())
}

/// A batch to rows; a column that is missing or of another type gives nulls.
pub fn from_batch(columns: &[Column], batch: &RecordBatch) -> Vec<Row> {
    let arrays: Vec<_> = columns.iter().map(|c| batch.column_by_name(c.name)).collect();
    let cell = |at: usize, row: usize| -> Value {
        match arrays[at] {
            Some(array) if array.is_valid(row) => value(array, columns[at].of, row),
            _ => Value::Null,
        }
    };
    (0..batch.num_rows()).map(|row| (0..columns.len()).map(|at| cell(at, row)).collect()).collect()
}

fn value(array: &ArrayRef, of: Type, row: usize) -> Value {
    let text = |array: &ArrayRef, row| array.as_string_opt::<i32>().map(|a| a.value(row).to_owned());
    match of {
        Type::Bool => array.as_boolean_opt().map(|a| a.value(row)).into(),
        Type::Int64 => {
            array.as_primitive_opt::<Int64Type>().map_or(Value::Null, |a| Value::Int(a.value(row)))
        }
        Type::Instant => array
            .as_primitive_opt::<TimestampMicrosecondType>()
            .map_or(Value::Null, |a| Value::Int(a.value(row))),
        Type::TextList => array.as_list_opt::<i32>().map_or(Value::Null, |lists| {
            let list = lists.value(row);
            Value::Texts(
                (0..list.len()).map(|i| list.is_valid(i).then(|| text(&list, i)).flatten()).collect(),
            )
        }),
        _ => text(array, row).into(),
    }
}
