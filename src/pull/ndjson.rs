//! One JSON object a line, each with every column in order. Times are ISO text, lists are arrays, nulls are told.

use std::io::Write;

use arrow::{
    array::RecordBatch,
    datatypes::{DataType, SchemaRef},
    error::ArrowError,
    json::{WriterBuilder, writer::LineDelimited},
};

use super::{
    fault::PullError,
    format::{Cut, Paper, Sheet, with_text},
};
use crate::batch::conform;

pub struct Ndjson<W: Write> {
    inner: arrow::json::Writer<W, LineDelimited>,
    place: String,
    /// The same columns; times as text, since their form is ours to choose.
    schema: SchemaRef,
}

impl<W: Write> Ndjson<W> {
    pub fn new(paper: Paper<'_, W>) -> Self {
        let times =
            |of: &DataType| matches!(of, DataType::Timestamp(..) | DataType::Date32 | DataType::Time64(_));
        Self {
            inner: WriterBuilder::new().with_explicit_nulls(true).build(paper.out),
            place: paper.place.to_owned(),
            schema: with_text(paper.schema, times),
        }
    }
}

impl<W: Write + Send> Sheet for Ndjson<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), PullError> {
        let batch = conform(batch, &self.schema)?;
        self.inner.write(&batch).map_err(|why| failed(&self.place, why))
    }

    fn finish(mut self: Box<Self>) -> Result<Cut, PullError> {
        self.inner.finish().map_err(|why| failed(&self.place, why))?;
        self.inner.into_inner().flush().map_err(PullError::writing(&self.place))?;
        Ok(Cut::default())
    }
}

fn failed(place: &str, why: ArrowError) -> PullError {
    match why {
        ArrowError::IoError(_, cause) => PullError::Write { place: place.to_owned(), cause },
        other => PullError::Encode { format: "NDJSON", why: other.to_string() },
    }
}
