//! A workbook that spreadsheets open. Texts are text cells, whatever they begin with; a number is a number only where
//! Excel, which keeps 15 digits, does not spoil it.

use std::{
    borrow::Cow,
    collections::HashMap,
    io::{self, Write},
};

use arrow::{
    array::{Array, ArrayRef, AsArray, RecordBatch},
    datatypes::{
        DataType, Date32Type, Float64Type, Int8Type, Int64Type, SchemaRef, TimestampMicrosecondType,
    },
};
use rust_xlsxwriter::{Format, Workbook, Worksheet, XlsxError};

use super::{
    fault::PullError,
    format::{Cut, Paper, Sheet, with_text},
};
use crate::{
    batch::conform,
    columns,
    fields::{CustomField, Fields, twin_name},
};

/// Rows of a sheet, less the one with the names.
pub const MOST_ROWS: u64 = 1_048_575;
/// Columns of a sheet.
const MOST_COLUMNS: usize = 16_384;
/// Characters of a cell, counted as Excel does: in UTF-16.
const MOST_CHARACTERS: usize = 32_767;
/// The first whole number with 16 digits.
const TOO_LONG: u64 = 1_000_000_000_000_000;
/// Days from Excel's day 0 to 1970-01-01.
const EPOCH: f64 = 25_569.0;
/// 1900-03-01, before which Excel counts a day that never was.
const FIRST_DAY: f64 = 61.0;
const MICROS_PER_DAY: f64 = 86_400e6;
/// Cells that were cut and are told one by one.
const MOST_TOLD: usize = 5;

pub struct Xlsx<W> {
    book: Workbook,
    out: W,
    place: String,
    /// The schema, and the same with text where a cell cannot hold the value itself.
    schema: SchemaRef,
    texts: SchemaRef,
    row: u32,
    cut: Cut,
    formats: Formats,
}

struct Formats {
    instant: Format,
    date: Format,
    whole: Format,
}

impl<W: Write> Xlsx<W> {
    pub fn new(paper: Paper<'_, W>) -> Result<Self, PullError> {
        let fields = paper.schema.fields();
        if fields.len() > MOST_COLUMNS {
            let what = format!(
                "these {} columns are more than an Excel sheet has; write Parquet or CSV",
                fields.len()
            );
            return Err(PullError::Usage(what));
        }
        let formats = Formats {
            instant: Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
            date: Format::new().set_num_format("yyyy-mm-dd"),
            whole: Format::new().set_num_format("0"),
        };
        let mut book = Workbook::new();
        let failed = |why| failed(paper.place, why);
        book.set_tempdir(paper.folder).map_err(failed)?;
        book.add_worksheet_with_constant_memory().map_err(failed)?.set_name("tickets").map_err(failed)?;
        explain(&mut book, paper.schema, paper.fields).map_err(failed)?;
        let sheet = book.worksheet_from_index(0).map_err(failed)?;
        head(sheet, fields.iter().map(|field| field.name().as_str())).map_err(failed)?;
        for (at, field) in (0..).zip(fields) {
            let width = if matches!(field.data_type(), DataType::Timestamp(..)) { 19.0 } else { 14.0 };
            sheet.set_column_width(at, width).map_err(failed)?;
        }
        Ok(Self {
            book,
            out: paper.out,
            place: paper.place.to_owned(),
            schema: paper.schema.clone(),
            texts: with_text(paper.schema, |of| {
                !matches!(of, DataType::Int64 | DataType::Int8 | DataType::Float64 | DataType::Boolean)
            }),
            row: 0,
            cut: Cut::default(),
            formats,
        })
    }
}

impl<W: Write + Send> Sheet for Xlsx<W> {
    fn write(&mut self, batch: &RecordBatch) -> Result<(), PullError> {
        let texts = conform(batch, &self.texts)?;
        let ids = batch.column(0).as_primitive_opt::<Int64Type>();
        let sheet = self.book.worksheet_from_index(0).map_err(|why| failed(&self.place, why))?;
        for row in 0..batch.num_rows() {
            self.row += 1;
            for (at, field) in (0..).zip(self.schema.fields()) {
                let (value, text) = (batch.column(at.into()), texts.column(at.into()));
                if value.is_null(row) {
                    continue;
                }
                let place = (self.row, at);
                let whole = put(sheet, place, (value, text), row, &self.formats);
                if !whole.map_err(|why| failed(&self.place, why))? {
                    self.cut.cells += 1;
                    if self.cut.first.len() < MOST_TOLD {
                        let id = ids.map_or(0, |ids| ids.value(row));
                        self.cut.first.push((id, field.name().clone()));
                    }
                }
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<Cut, PullError> {
        let last = u16::try_from(self.schema.fields().len().saturating_sub(1)).unwrap_or(u16::MAX);
        let (place, row) = (self.place.clone(), self.row);
        let failed = |why| failed(&place, why);
        let sheet = self.book.worksheet_from_index(0).map_err(failed)?;
        sheet.autofilter(0, 0, row, last).map_err(failed)?;
        self.book.save_to_writer(&mut self.out).map_err(failed)?;
        self.out.flush().map_err(PullError::writing(&place))?;
        Ok(self.cut)
    }
}

/// Writes one cell; `false` where only the beginning of a text found room.
fn put(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    (value, text): (&ArrayRef, &ArrayRef),
    at: usize,
    formats: &Formats,
) -> Result<bool, XlsxError> {
    let serial = |days: f64| (days >= FIRST_DAY).then_some(days);
    let number = match value.data_type() {
        DataType::Boolean => {
            sheet.write_boolean(row, column, value.as_boolean().value(at))?;
            return Ok(true);
        }
        DataType::Int64 => {
            let whole = value.as_primitive::<Int64Type>().value(at);
            if whole.unsigned_abs() >= TOO_LONG {
                sheet.write_string(row, column, whole.to_string())?;
                return Ok(true);
            }
            Some((whole as f64, Some(&formats.whole)))
        }
        DataType::Int8 => Some((f64::from(value.as_primitive::<Int8Type>().value(at)), None)),
        DataType::Float64 => Some((value.as_primitive::<Float64Type>().value(at), None)),
        DataType::Timestamp(..) => {
            let micros = value.as_primitive::<TimestampMicrosecondType>().value(at);
            serial(micros as f64 / MICROS_PER_DAY + EPOCH).map(|days| (days, Some(&formats.instant)))
        }
        DataType::Date32 => {
            let days = f64::from(value.as_primitive::<Date32Type>().value(at)) + EPOCH;
            serial(days).map(|days| (days, Some(&formats.date)))
        }
        _ => None,
    };
    match number {
        Some((number, Some(format))) => sheet.write_number_with_format(row, column, number, format)?,
        Some((number, None)) => sheet.write_number(row, column, number)?,
        None => {
            let text = line_breaks(text.as_string::<i32>().value(at));
            let room = beginning(&text);
            sheet.write_string(row, column, room)?;
            return Ok(room.len() == text.len());
        }
    };
    Ok(true)
}

/// A line of a cell ends with a line feed alone; a carriage return would show.
fn line_breaks(text: &str) -> Cow<'_, str> {
    if !text.contains('\r') {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// As much of a text as a cell holds.
fn beginning(text: &str) -> &str {
    // A character of UTF-8 is never shorter than in UTF-16.
    if text.len() <= MOST_CHARACTERS {
        return text;
    }
    let mut length = 0;
    let end = text.char_indices().find_map(|(at, character)| {
        length += character.len_utf16();
        (length > MOST_CHARACTERS).then_some(at)
    });
    &text[..end.unwrap_or(text.len())]
}

/// Whether a whole number has more digits than Excel keeps.
pub fn is_long(number: &str) -> bool {
    number.parse::<i64>().is_ok_and(|number| number.unsigned_abs() >= TOO_LONG)
}

/// The second sheet: what each column is.
fn explain(book: &mut Workbook, schema: &SchemaRef, fields: &Fields) -> Result<(), XlsxError> {
    let sheet = book.add_worksheet_with_constant_memory()?.set_name("columns")?;
    head(sheet, ["column", "label", "type", "meaning"])?;
    for (column, width) in (0..).zip([28.0, 28.0, 14.0, 80.0]) {
        sheet.set_column_width(column, width)?;
    }
    let mut custom: HashMap<String, (&CustomField, bool)> = HashMap::new();
    for field in fields.iter() {
        custom.insert(field.column_name(), (field, false));
        if field.twin {
            custom.insert(twin_name(&field.name), (field, true));
        }
    }
    for (row, column) in (1..).zip(schema.fields()) {
        let name = column.name().as_str();
        let known = columns::TICKETS.iter().chain(columns::LAST).find(|column| column.name == name);
        let of = columns::Type::of_arrow(column.data_type()).map_or("", columns::Type::name);
        let (label, meaning) = match (known, custom.get(name)) {
            (Some(column), _) => ("", column.meaning.to_owned()),
            (None, Some((field, is_twin))) => (field.label.as_str(), meaning(field, *is_twin)),
            (None, None) => ("", "The source's name in the configuration.".to_owned()),
        };
        for (column, text) in (0..).zip([name, label, of, &meaning]) {
            sheet.write_string(row, column, beginning(text))?;
        }
    }
    Ok(())
}

fn meaning(field: &CustomField, is_twin: bool) -> String {
    match field.vendor_type.as_str() {
        "" => "A custom field without a definition.".to_owned(),
        vendor if is_twin => format!("As sent ({vendor})."),
        vendor => format!("A custom field ({vendor})."),
    }
}

/// The first row: the names, which stay in sight.
fn head<'n>(sheet: &mut Worksheet, names: impl IntoIterator<Item = &'n str>) -> Result<(), XlsxError> {
    let bold = Format::new().set_bold();
    sheet.set_freeze_panes(1, 0)?;
    for (column, name) in (0..).zip(names) {
        sheet.write_string_with_format(0, column, beginning(name), &bold)?;
    }
    Ok(())
}

fn failed(place: &str, why: XlsxError) -> PullError {
    match why {
        XlsxError::IoError(cause) | XlsxError::TempFileError(_, cause) => {
            PullError::Write { place: place.to_owned(), cause }
        }
        XlsxError::ZipError(zip) => {
            PullError::Write { place: place.to_owned(), cause: io::Error::other(zip) }
        }
        other => PullError::Encode { format: "an Excel workbook", why: other.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_holds_whole_characters() {
        assert_eq!(line_breaks("a\r\nb\rc\n\r\n"), "a\nb\nc\n\n");
        let text = "😀".repeat(20_000);
        assert_eq!(beginning(&text).encode_utf16().count(), MOST_CHARACTERS - 1);
        let text = "字".repeat(MOST_CHARACTERS);
        assert_eq!(beginning(&text), text);
    }

    #[test]
    fn long_numbers_are_told() {
        assert!(is_long("9007199254740993") && is_long("-1000000000000000") && !is_long("999999999999999"));
    }
}
