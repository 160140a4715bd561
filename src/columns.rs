//! The one table of columns: name, type and meaning of every column that does not come from a custom field.
//!
//! The Arrow schemas, `schemas/`, the data dictionary and the views are made from it.

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};

mod tables;
pub use tables::{DELETED_AT, LAST, RESCUED, SYNCED_AT, TICKET_FIELD_OPTIONS, TICKET_FIELDS, TICKETS};

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Type {
    #[serde(rename = "text")]
    Text,
    #[serde(rename = "int64")]
    Int64,
    #[serde(rename = "int8")]
    Int8,
    #[serde(rename = "float64")]
    Float64,
    #[serde(rename = "bool")]
    Bool,
    /// Days since 1970.
    #[serde(rename = "date32")]
    Date,
    /// Microseconds since midnight.
    #[serde(rename = "time64[us]")]
    Time,
    /// Microseconds since 1970, UTC.
    #[serde(rename = "instant")]
    Instant,
    #[serde(rename = "list of text")]
    TextList,
    #[serde(rename = "list of int64")]
    Int64List,
}

impl Type {
    /// The name that `ticket_fields.column_type` and the documents use.
    pub fn name(self) -> &'static str {
        match self {
            Type::Text => "text",
            Type::Int64 => "int64",
            Type::Int8 => "int8",
            Type::Float64 => "float64",
            Type::Bool => "bool",
            Type::Date => "date32",
            Type::Time => "time64[us]",
            Type::Instant => "instant",
            Type::TextList => "list of text",
            Type::Int64List => "list of int64",
        }
    }

    /// The Arrow type.
    pub fn arrow(self) -> DataType {
        match self {
            Type::Text => DataType::Utf8,
            Type::Int64 => DataType::Int64,
            Type::Int8 => DataType::Int8,
            Type::Float64 => DataType::Float64,
            Type::Bool => DataType::Boolean,
            Type::Date => DataType::Date32,
            Type::Time => DataType::Time64(TimeUnit::Microsecond),
            Type::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Type::TextList => DataType::new_list(DataType::Utf8, true),
            Type::Int64List => DataType::new_list(DataType::Int64, true),
        }
    }

    /// The type of an Arrow column of a lake; `None` where no lake has such a one.
    pub fn of_arrow(arrow: &DataType) -> Option<Self> {
        const ALL: [Type; 10] = [
            Type::Text,
            Type::Int64,
            Type::Int8,
            Type::Float64,
            Type::Bool,
            Type::Date,
            Type::Time,
            Type::Instant,
            Type::TextList,
            Type::Int64List,
        ];
        ALL.into_iter().find(|t| t.arrow().equals_datatype(arrow))
    }
}

/// One column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    pub name: &'static str,
    pub of: Type,
    /// Whether a null is possible.
    pub nullable: bool,
    /// What a value says, for the reader of a dictionary.
    pub meaning: &'static str,
}

impl Column {
    /// The Arrow field.
    pub fn field(&self) -> Field {
        Field::new(self.name, self.of.arrow(), self.nullable)
    }
}

/// Name and type of each column of a schema, in order; what is said about them does not count.
pub fn of_schema(schema: &Schema) -> Vec<(String, DataType)> {
    schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone())).collect()
}

const fn column(name: &'static str, of: Type, meaning: &'static str) -> Column {
    Column { name, of, nullable: true, meaning }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_types_come_back() {
        let all: Vec<_> = TICKETS.iter().chain(LAST).collect();
        let mut names: Vec<_> = all.iter().map(|c| c.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.len());
        for column in all {
            assert_eq!(Type::of_arrow(column.field().data_type()), Some(column.of));
            assert!(column.meaning.ends_with('.'), "{}", column.name);
        }
    }
}
