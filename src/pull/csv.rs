//! Comma-separated text. A null is nothing at all and an empty text is `""`, so that the two stay apart; each record
//! ends with one line feed, and what stands inside a text stays as it is.

use std::io::Write;

use arrow::{
    array::{Array, AsArray, RecordBatch},
    datatypes::{DataType, SchemaRef},
};

use super::{
    fault::PullError,
    format::{Cut, Paper, Sheet, with_text},
    xlsx,
};
use crate::batch::conform;

pub struct Csv<W> {
    out: W,
    place: String,
    /// The same columns, all of them text.
    texts: SchemaRef,
    /// For each column whether it is text by itself, and whether it is a number.
    is_text: Vec<bool>,
    is_number: Vec<bool>,
    for_excel: bool,
    line: String,
}

impl<W: Write> Csv<W> {
    pub fn new(paper: Paper<'_, W>) -> Result<Self, PullError> {
        let is = |of: fn(&DataType) -> bool| -> Vec<bool> {
            paper.schema.fields().iter().map(|field| of(field.data_type())).collect()
        };
        let mut csv = Self {
            out: paper.out,
            place: paper.place.to_owned(),
            texts: with_text(paper.schema, |_| true),
            is_text: is(|of| matches!(of, DataType::Utf8)),
            is_number: is(|of| matches!(of, DataType::Int64)),
            for_excel: paper.for_excel,
            line: String::new(),
        };
        if csv.for_excel {
            // Without it Excel reads UTF-8 as the code page of the country.
            csv.line.push('\u{feff}');
        }
        for (at, field) in paper.schema.fields().iter().enumerate() {
            csv.cell(at, Some(field.name()), true);
        }
        csv.end_line()?;
        Ok(csv)
    }

    /// Adds a cell to the line; `None` is null.
    fn cell(&mut self, column: usize, value: Option<&str>, is_text: bool) {
        if column > 0 {
            self.line.push(',');
        }
        let Some(value) = value else { return };
        let guarded = self.for_excel
            && (is_text && is_formula(value) || self.is_number[column] && xlsx::is_long(value));
        let quoted =
            guarded || value.is_empty() || value.contains([',', '"', '\n', '\r']) || value.trim() != value;
        if !quoted {
            return self.line.push_str(value);
        }
        self.line.push('"');
        if guarded {
            self.line.push('\'');
        }
        for (nth, part) in value.split('"').enumerate() {
            if nth > 0 {
                self.line.push_str("\"\"");
            }
            self.line.push_str(part);
        }
        self.line.push('"');
    }

    fn end_line(&mut self) -> Result<(), PullError> {
        self.line.push('\n');
        let written = self.out.write_all(self.line.as_bytes());
        self.line.clear();
        written.map_err(PullError::writing(&self.place))
    }
}

/// What Excel and its kin take for a formula when it opens a text file.
fn is_formula(value: &str) -> bool {
    value.starts_with(['=', '+', '-', '@', '\t', '\r'])
}

impl<W: Write + Send> Sheet for Csv<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), PullError> {
        let batch = conform(batch, &self.texts)?;
        let columns: Vec<_> = batch.columns().iter().map(|column| column.as_string::<i32>()).collect();
        for row in 0..batch.num_rows() {
            for (at, column) in columns.iter().enumerate() {
                let value = column.is_valid(row).then(|| column.value(row));
                self.cell(at, value, self.is_text[at]);
            }
            self.end_line()?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Cut, PullError> {
        self.out.flush().map_err(PullError::writing(&self.place))?;
        Ok(Cut::default())
    }
}
