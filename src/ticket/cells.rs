//! The column under construction: one Arrow builder per column, filled row by row. A row keeps the first value that is put
//! into it; a value of another type than the column's is none. Rows that are passed over are null: most cells of a ticket
//! have no value, and are filled in one go.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Date32Builder, Float64Builder, Int8Builder, Int64Builder,
    ListBuilder, StringBuilder, Time64MicrosecondBuilder, TimestampMicrosecondBuilder,
};

use crate::columns::Type;

/// How much a column may come to hold without growing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Room {
    rows: usize,
    /// Elements of lists.
    elements: usize,
    /// Bytes of texts.
    bytes: usize,
}

/// A column under construction.
pub struct Cells {
    of: Type,
    room: Room,
    /// Made when the first value comes: many columns of a page have none.
    column: Option<Column>,
}

enum Column {
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
    ($column:expr, $builder:pat => $body:expr) => {
        match $column {
            Column::Text($builder) => $body,
            Column::Int64($builder) => $body,
            Column::Int8($builder) => $body,
            Column::Float64($builder) => $body,
            Column::Bool($builder) => $body,
            Column::Date($builder) => $body,
            Column::Time($builder) => $body,
            Column::Instant($builder) => $body,
            Column::TextList($builder) => $body,
            Column::Int64List($builder) => $body,
        }
    };
}

/// Fills the rows before `row`; whether `row` has no value yet.
macro_rules! vacant {
    ($builder:expr, $row:expr) => {
        match $row.checked_sub($builder.len()) {
            Some(0) => true,
            Some(missing) => {
                $builder.append_nulls(missing);
                true
            }
            None => false,
        }
    };
}

/// Appends a value in a row that has none yet.
macro_rules! put {
    ($builder:expr, $row:expr, $value:expr) => {
        if vacant!($builder, $row) {
            $builder.append_value($value);
        }
    };
}

impl Column {
    /// An empty column of a type.
    fn new(of: Type, room: Room) -> Self {
        let Room { rows, elements, bytes } = room;
        match of {
            Type::Text => Column::Text(StringBuilder::with_capacity(rows, bytes)),
            Type::Int64 => Column::Int64(Int64Builder::with_capacity(rows)),
            Type::Int8 => Column::Int8(Int8Builder::with_capacity(rows)),
            Type::Float64 => Column::Float64(Float64Builder::with_capacity(rows)),
            Type::Bool => Column::Bool(BooleanBuilder::with_capacity(rows)),
            Type::Date => Column::Date(Date32Builder::with_capacity(rows)),
            Type::Time => Column::Time(Time64MicrosecondBuilder::with_capacity(rows)),
            Type::Instant => {
                Column::Instant(TimestampMicrosecondBuilder::with_capacity(rows).with_data_type(of.arrow()))
            }
            Type::TextList => {
                let values = StringBuilder::with_capacity(elements, bytes);
                Column::TextList(ListBuilder::with_capacity(values, rows))
            }
            Type::Int64List => {
                Column::Int64List(ListBuilder::with_capacity(Int64Builder::with_capacity(elements), rows))
            }
        }
    }
}

impl Cells {
    /// An empty column of a type.
    pub fn new(of: Type, room: Room) -> Self {
        Self { of, room, column: None }
    }

    /// What another column of the same key will want: what this one holds, and some more bytes.
    pub fn room(&self, rows: usize) -> Room {
        let (elements, bytes) = match &self.column {
            Some(Column::Text(builder)) => (0, builder.values_slice().len()),
            Some(Column::TextList(builder)) => {
                let values = builder.values_ref();
                (values.len(), values.values_slice().len())
            }
            Some(Column::Int64List(builder)) => (builder.values_ref().len(), 0),
            _ => (0, 0),
        };
        let some_more = |held: usize| held + held / 8;
        Room { rows, elements: some_more(elements), bytes: some_more(bytes) }
    }

    pub fn of(&self) -> Type {
        self.of
    }

    #[inline]
    fn column(&mut self) -> &mut Column {
        match &mut self.column {
            Some(column) => column,
            none => none.insert(Column::new(self.of, self.room)),
        }
    }

    /// The finished column of `rows` rows; `None` where no value was put into it.
    pub fn finish(self, rows: usize) -> Option<ArrayRef> {
        each!(self.column?, mut builder => {
            vacant!(builder, rows);
            Some(Arc::new(builder.finish()))
        })
    }

    /// The number in the last of `rows` rows; `None` where there is none, or the column is not one of 64-bit numbers.
    pub fn last_int(&self, rows: usize) -> Option<i64> {
        match &self.column {
            Some(Column::Int64(builder)) if builder.len() == rows => builder.values_slice().last().copied(),
            _ => None,
        }
    }

    /// Puts a text into a row of a text column.
    pub fn put_text(&mut self, row: usize, value: &str) {
        if let Column::Text(builder) = self.column() {
            put!(builder, row, value);
        }
    }

    /// Puts an integer, a time or an instant into a row.
    pub fn put_int(&mut self, row: usize, value: i64) {
        match self.column() {
            Column::Int64(builder) => put!(builder, row, value),
            Column::Time(builder) => put!(builder, row, value),
            Column::Instant(builder) => put!(builder, row, value),
            _ => {}
        }
    }

    /// Puts a small integer into a row.
    pub fn put_small(&mut self, row: usize, value: i8) {
        if let Column::Int8(builder) = self.column() {
            put!(builder, row, value);
        }
    }

    /// Puts a decimal number into a row.
    pub fn put_decimal(&mut self, row: usize, value: f64) {
        if let Column::Float64(builder) = self.column() {
            put!(builder, row, value);
        }
    }

    /// Puts a yes or no into a row.
    pub fn put_bool(&mut self, row: usize, value: bool) {
        if let Column::Bool(builder) = self.column() {
            put!(builder, row, value);
        }
    }

    /// Puts a date, in days since 1970, into a row.
    pub fn put_date(&mut self, row: usize, value: i32) {
        if let Column::Date(builder) = self.column() {
            put!(builder, row, value);
        }
    }

    /// Puts a list of texts into a row.
    pub fn put_texts(&mut self, row: usize, value: impl IntoIterator<Item = Option<impl AsRef<str>>>) {
        if let Column::TextList(builder) = self.column()
            && vacant!(builder, row)
        {
            for element in value {
                builder.values().append_option(element);
            }
            builder.append(true);
        }
    }

    /// Puts a list of integers into a row.
    pub fn put_ints(&mut self, row: usize, value: &[Option<i64>]) {
        if let Column::Int64List(builder) = self.column()
            && vacant!(builder, row)
        {
            builder.values().extend(value.iter().copied());
            builder.append(true);
        }
    }
}
