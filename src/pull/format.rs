//! The forms of a file: which there are, which name means which, and what writes it.

use std::{io::Write, path::Path, sync::Arc};

use arrow::{
    array::RecordBatch,
    datatypes::{DataType, Field, Schema, SchemaRef},
};
use parquet::{arrow::ArrowWriter, errors::ParquetError};

use super::{csv::Csv, fault::PullError, ndjson::Ndjson, xlsx::Xlsx};
use crate::{
    config::Kind,
    fields::Fields,
    lake::{self, FileSchema, LakeError},
    sync,
};

/// The form of an extract.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// As the lake's own files
    Parquet,
    /// Text with commas; times in ISO form, lists as JSON
    Csv,
    /// One JSON object a line
    #[value(alias = "jsonl")]
    Ndjson,
    /// A workbook that Excel, LibreOffice and WPS open
    #[value(alias = "excel")]
    Xlsx,
}

impl Format {
    /// Its name on the command line and in summaries.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::Xlsx => "xlsx",
        }
    }

    /// The form that a file's name means.
    pub fn of(path: &Path) -> Option<Self> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "parquet" | "pq" => Some(Self::Parquet),
            "csv" => Some(Self::Csv),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            "xlsx" => Some(Self::Xlsx),
            _ => None,
        }
    }

    /// Whether it can go to a pipe, row by row.
    pub fn is_text(self) -> bool {
        matches!(self, Self::Csv | Self::Ndjson)
    }

    /// The rows that one file holds at most.
    pub fn most_rows(self) -> Option<u64> {
        (self == Self::Xlsx).then_some(super::xlsx::MOST_ROWS)
    }
}

/// Cells that a format could not hold whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cut {
    pub cells: u64,
    /// Ticket and column of the first ones.
    pub first: Vec<(i64, String)>,
}

/// What writes rows in one form. Batches have the schema that it was made for.
pub trait Sheet: Send {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), PullError>;

    /// Writes what is left.
    fn finish(self: Box<Self>) -> Result<Cut, PullError>;
}

/// Everything that a sheet is made from.
pub struct Paper<'a, W> {
    pub schema: &'a SchemaRef,
    /// What its custom columns are.
    pub fields: &'a Fields,
    pub kind: Kind,
    pub for_excel: bool,
    /// The place as messages name it, and the folder for what must be laid aside.
    pub place: &'a str,
    pub folder: &'a Path,
    pub out: W,
}

/// The writer of a form.
pub fn sheet<W: Write + Send + 'static>(
    format: Format,
    paper: Paper<'_, W>,
) -> Result<Box<dyn Sheet>, PullError> {
    Ok(match format {
        Format::Parquet => Box::new(Parquet::new(paper)?),
        Format::Csv => Box::new(Csv::new(paper)?),
        Format::Ndjson => Box::new(Ndjson::new(paper)),
        Format::Xlsx => Box::new(Xlsx::new(paper)?),
    })
}

struct Parquet<W: Write + Send> {
    inner: ArrowWriter<W>,
    place: String,
}

impl<W: Write + Send> Parquet<W> {
    fn new(paper: Paper<'_, W>) -> Result<Self, PullError> {
        let place = paper.place.to_owned();
        let schema = FileSchema::new(paper.schema, &sync::file_meta(paper.kind))
            .map_err(|why: LakeError| PullError::Encode { format: "Parquet", why: why.to_string() })?;
        let inner = lake::encode(&schema, u64::MAX, paper.out).map_err(|why| failed(&place, why))?;
        Ok(Self { inner, place })
    }
}

impl<W: Write + Send> Sheet for Parquet<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), PullError> {
        self.inner.write(batch).map_err(|why| failed(&self.place, why))
    }

    fn finish(self: Box<Self>) -> Result<Cut, PullError> {
        let Self { inner, place } = *self;
        inner.close().map_err(|why| failed(&place, why))?;
        Ok(Cut::default())
    }
}

fn failed(place: &str, why: ParquetError) -> PullError {
    match why {
        ParquetError::External(inner) => match inner.downcast() {
            Ok(cause) => PullError::Write { place: place.to_owned(), cause: *cause },
            Err(other) => PullError::Encode { format: "Parquet", why: other.to_string() },
        },
        other => PullError::Encode { format: "Parquet", why: other.to_string() },
    }
}

/// The same columns, those that `as_text` picks as text.
pub(super) fn with_text(schema: &Schema, as_text: fn(&DataType) -> bool) -> SchemaRef {
    let text = |field: &Arc<Field>| match as_text(field.data_type()) {
        true => Arc::new(Field::new(field.name(), DataType::Utf8, true)),
        false => Arc::clone(field),
    };
    Arc::new(Schema::new(schema.fields().iter().map(text).collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_mean_forms() {
        let of = |name: &str| Format::of(Path::new(name)).map(Format::name);
        assert_eq!(of("a/b.PARQUET"), Some("parquet"));
        assert_eq!(of("工单.xlsx"), Some("xlsx"));
        assert_eq!(of("x.jsonl"), Some("ndjson"));
        for other in ["x", "x.json", "x.xls", ".csv", "x.csv.gz"] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
