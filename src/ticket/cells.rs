//! The column under construction: one Arrow builder per column, filled row by row.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Date32Builder, Float64Builder, Int8Builder, Int64Builder,
    ListBuilder, StringBuilder, Time64MicrosecondBuilder, TimestampMicrosecondBuilder,
};

use crate::columns::Type;

/// A column under construction.
pub enum Cells {
    Text(StringBuilder),
    Int64(Int64Builder),
    Int8(Int8Builder),
    Float64(Float64Builder),
    Bool(BooleanBuilder),
    Date(Date32Builder),
    Time(Time64MicrosecondBuilder),
    Instant(TimestampMicrosecondBuilder),
    TextList(ListBuilder<StringBuilder>),
    Int64List(ListBuilder<Int64Builder>),
}

macro_rules! each {
    ($cells:expr, $builder:ident => $body:expr) => {
        match $cells {
            Cells::Text($builder) => $body,
            Cells::Int64($builder) => $body,
            Cells::Int8($builder) => $body,
            Cells::Float64($builder) => $body,
            Cells::Bool($builder) => $body,
            Cells::Date($builder) => $body,
            Cells::Time($builder) => $body,
            Cells::Instant($builder) => $body,
            Cells::TextList($builder) => $body,
            Cells::Int64List($builder) => $body,
        }
    };
}

impl Cells {
    /// An empty column of a type, with room for `rows`.
    pub fn new(of: Type, rows: usize) -> Self {
        match of {
            Type::Text => Cells::Text(StringBuilder::with_capacity(rows, rows * 8)),
            Type::Int64 => Cells::Int64(Int64Builder::with_capacity(rows)),
            Type::Int8 => Cells::Int8(Int8Builder::with_capacity(rows)),
            Type::Float64 => Cells::Float64(Float64Builder::with_capacity(rows)),
            Type::Bool => Cells::Bool(BooleanBuilder::with_capacity(rows)),
            Type::Date => Cells::Date(Date32Builder::with_capacity(rows)),
            Type::Time => Cells::Time(Time64MicrosecondBuilder::with_capacity(rows)),
            Type::Instant => {
                Cells::Instant(TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(of.arrow()))
            }
            Type::TextList => Cells::TextList(ListBuilder::with_capacity(StringBuilder::new(), rows)),
            Type::Int64List => Cells::Int64List(ListBuilder::with_capacity(Int64Builder::new(), rows)),
        }
    }

    /// Rows so far.
    pub fn len(&self) -> usize {
        each!(self, builder => builder.len())
    }

    /// Appends nulls until there are `rows` rows.
    pub fn fill(&mut self, rows: usize) {
        let missing = rows.saturating_sub(self.len());
        if missing > 0 {
            each!(self, builder => builder.append_nulls(missing));
        }
    }

    /// The finished column; the builder is empty after it.
    pub fn finish(&mut self) -> ArrayRef {
        each!(self, builder => Arc::new(builder.finish()))
    }

    /// Appends to a text column; any other type gets a null.
    pub fn push_text(&mut self, value: &str) {
        match self {
            Cells::Text(builder) => builder.append_value(value),
            other => other.fill(other.len() + 1),
        }
    }

    /// Appends an integer, a time or an instant; any other type gets a null.
    pub fn push_int(&mut self, value: i64) {
        match self {
            Cells::Int64(builder) => builder.append_value(value),
            Cells::Time(builder) => builder.append_value(value),
            Cells::Instant(builder) => builder.append_value(value),
            other => other.fill(other.len() + 1),
        }
    }

    /// Appends to a column of small integers; any other type gets a null.
    pub fn push_small(&mut self, value: i8) {
        match self {
            Cells::Int8(builder) => builder.append_value(value),
            other => other.fill(other.len() + 1),
        }
    }

    /// Appends to a column of decimal numbers; any other type gets a null.
    pub fn push_decimal(&mut self, value: f64) {
        match self {
            Cells::Float64(builder) => builder.append_value(value),
            other => other.fill(other.len() + 1),
        }
    }

    /// Appends to a yes/no column; any other type gets a null.
    pub fn push_bool(&mut self, value: bool) {
        match self {
            Cells::Bool(builder) => builder.append_value(value),
            other => other.fill(other.len() + 1),
        }
    }

    /// Appends days since 1970 to a date column; any other type gets a null.
    pub fn push_date(&mut self, value: i32) {
        match self {
            Cells::Date(builder) => builder.append_value(value),
            other => other.fill(other.len() + 1),
        }
    }

    /// Appends to a column of text lists; any other type gets a null.
    pub fn push_texts(&mut self, value: impl IntoIterator<Item = Option<impl AsRef<str>>>) {
        match self {
            Cells::TextList(builder) => {
                for element in value {
                    builder.values().append_option(element);
                }
                builder.append(true);
            }
            other => other.fill(other.len() + 1),
        }
    }

    /// Appends to a column of integer lists; any other type gets a null.
    pub fn push_ints(&mut self, value: &[Option<i64>]) {
        match self {
            Cells::Int64List(builder) => {
                builder.values().extend(value.iter().copied());
                builder.append(true);
            }
            other => other.fill(other.len() + 1),
        }
    }
}
