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

/// What Excel and its kin may take for a formula when they open a text file; in East Asia the wide signs as well.
fn is_formula(value: &str) -> bool {
    value.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
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

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use arrow::{
        array::{Int64Array, StringArray},
        datatypes::{Field, Schema},
    };

    use super::*;
    use crate::{config::Kind, fields::Fields};

    fn written(for_excel: bool, texts: &[Option<&str>]) -> String {
        let schema: SchemaRef = Arc::new(Schema::new(vec![
            Field::new("id", DataType::Int64, false),
            Field::new("cf_a,\"b\"", DataType::Utf8, true),
        ]));
        let ids = Int64Array::from_iter_values((0..).map(|n| 999_999_999_999_999 + n).take(texts.len()));
        let columns = vec![Arc::new(ids) as _, Arc::new(StringArray::from(texts.to_vec())) as _];
        let batch = RecordBatch::try_new(schema.clone(), columns).unwrap();
        let out = tempfile::NamedTempFile::new().unwrap();
        let paper = Paper {
            schema: &schema,
            fields: &Fields::default(),
            kind: Kind::Kf5,
            for_excel,
            place: "x",
            folder: Path::new("."),
            out: out.reopen().unwrap(),
        };
        let mut sheet = Box::new(Csv::new(paper).unwrap());
        sheet.write(&batch).unwrap();
        sheet.finish().unwrap();
        std::fs::read_to_string(out.path()).unwrap()
    }

    #[test]
    fn null_and_empty_stay_apart_and_only_what_must_is_quoted() {
        let text = written(false, &[None, Some(""), Some("a b"), Some("a,\"b\"\r\n"), Some(" =1")]);
        let lines = [
            "id,\"cf_a,\"\"b\"\"\"",
            "999999999999999,",
            "1000000000000000,\"\"",
            "1000000000000001,a b",
            "1000000000000002,\"a,\"\"b\"\"\r\n\"",
            "1000000000000003,\" =1\"",
        ];
        assert_eq!(text, lines.join("\n") + "\n");
    }

    #[test]
    fn excel_gets_a_mark_and_no_formula() {
        let text = written(true, &[Some("-1"), Some("=A1"), Some("＠x"), None]);
        let lines = [
            "\u{feff}id,\"cf_a,\"\"b\"\"\"",
            "999999999999999,\"'-1\"",
            "\"'1000000000000000\",\"'=A1\"",
            "\"'1000000000000001\",\"'＠x\"",
            "\"'1000000000000002\",",
        ];
        assert_eq!(text, lines.join("\n") + "\n");
    }
}
