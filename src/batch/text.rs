//! How a value of each type reads as text, once its column has become one.

use std::{fmt::Write, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, StringArray, StringBuilder},
    datatypes::{
        DataType, Date32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time64MicrosecondType,
        TimeUnit, TimestampMicrosecondType,
    },
};
use jiff::{SignedDuration, civil::Date};

const MICROS_PER_SECOND: i64 = 1_000_000;
const EPOCH: Date = Date::constant(1970, 1, 1);

/// The column as text: ISO form for dates, times and instants (a fraction only where there is one),
/// `true` and `false`, lists as compact JSON, decimal numbers in their shortest form. Null stays null.
/// `None` for a type that has no text form.
pub fn as_text(column: &ArrayRef) -> Option<ArrayRef> {
    if column.data_type() == &DataType::Utf8 {
        return Some(column.clone());
    }
    if column.data_type() == &DataType::Null {
        return Some(Arc::new(StringArray::new_null(column.len())));
    }
    let write = writer(column.as_ref())?;
    let mut out = StringBuilder::with_capacity(column.len(), column.len() * 8);
    let mut cell = String::new();
    for row in 0..column.len() {
        if column.is_null(row) {
            out.append_null();
        } else {
            cell.clear();
            write(row, &mut cell);
            out.append_value(&cell);
        }
    }
    Some(Arc::new(out.finish()))
}

type WriteCell<'a> = Box<dyn Fn(usize, &mut String) + 'a>;

macro_rules! plain {
    ($array:expr) => {{
        let array = $array;
        Box::new(move |row, out| push(out, format_args!("{}", array.value(row))))
    }};
}

fn writer(column: &dyn Array) -> Option<WriteCell<'_>> {
    Some(match column.data_type() {
        DataType::Boolean => plain!(column.as_boolean()),
        DataType::Int8 => plain!(column.as_primitive::<Int8Type>()),
        DataType::Int16 => plain!(column.as_primitive::<Int16Type>()),
        DataType::Int32 => plain!(column.as_primitive::<Int32Type>()),
        DataType::Int64 => plain!(column.as_primitive::<Int64Type>()),
        DataType::Float64 => {
            let array = column.as_primitive::<Float64Type>();
            Box::new(move |row, out| push_decimal(out, array.value(row)))
        }
        DataType::Date32 => {
            let array = column.as_primitive::<Date32Type>();
            Box::new(move |row, out| push_date(out, array.value(row)))
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            let array = column.as_primitive::<Time64MicrosecondType>();
            Box::new(move |row, out| push_time(out, array.value(row)))
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let array = column.as_primitive::<TimestampMicrosecondType>();
            Box::new(move |row, out| push_instant(out, array.value(row)))
        }
        DataType::List(_) => {
            let lists = column.as_list::<i32>();
            let texts = lists.value_type() == DataType::Utf8;
            let cell = if texts {
                json_strings(lists.values().as_string::<i32>())
            } else {
                writer(lists.values().as_ref())?
            };
            Box::new(move |row, out| {
                let bounds = lists.value_offsets();
                let range = bounds[row] as usize..bounds[row + 1] as usize;
                out.push('[');
                for (nth, at) in range.enumerate() {
                    if nth > 0 {
                        out.push(',');
                    }
                    if lists.values().is_null(at) {
                        out.push_str("null");
                    } else {
                        cell(at, out);
                    }
                }
                out.push(']');
            })
        }
        _ => return None,
    })
}

fn json_strings(texts: &StringArray) -> WriteCell<'_> {
    Box::new(move |row, out| {
        // serde_json escapes only what JSON demands.
        out.push_str(&serde_json::to_string(texts.value(row)).unwrap_or_default());
    })
}

fn push(out: &mut String, text: std::fmt::Arguments) {
    // Writing into a String cannot fail.
    let _ = out.write_fmt(text);
}

/// Digits that read back to the same number; an exponent only where plain digits would be long.
fn push_decimal(out: &mut String, value: f64) {
    let size = value.abs();
    if size != 0.0 && !(1e-7..1e21).contains(&size) {
        push(out, format_args!("{value:e}"));
    } else {
        push(out, format_args!("{value}"));
    }
}

fn push_date(out: &mut String, days: i32) {
    let span = jiff::Span::new().try_days(days);
    match span.and_then(|span| EPOCH.checked_add(span)) {
        Ok(date) => push(out, format_args!("{date}")),
        Err(_) => push(out, format_args!("{days}")),
    }
}

fn push_time(out: &mut String, micros: i64) {
    let seconds = micros / MICROS_PER_SECOND;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    push(out, format_args!("{hour:02}:{minute:02}:{second:02}"));
    let fraction = micros % MICROS_PER_SECOND;
    if fraction != 0 {
        let digits = format!("{fraction:06}");
        push(out, format_args!(".{}", digits.trim_end_matches('0')));
    }
}

fn push_instant(out: &mut String, micros: i64) {
    // Not a timestamp: jiff has none for the last 26 hours of the year 9999.
    match EPOCH.at(0, 0, 0, 0).checked_add(SignedDuration::from_micros(micros)) {
        Ok(instant) => push(out, format_args!("{instant}Z")),
        Err(_) => push(out, format_args!("{micros}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        BooleanArray, Date32Array, Float64Array, Int64Array, ListBuilder, Time64MicrosecondArray,
        TimestampMicrosecondArray,
    };

    fn texts(column: ArrayRef) -> Vec<Option<String>> {
        let out = as_text(&column).unwrap();
        let out = out.as_string::<i32>();
        out.iter().map(|cell| cell.map(str::to_owned)).collect()
    }

    fn some(cells: &[&str]) -> Vec<Option<String>> {
        cells.iter().map(|cell| Some(cell.to_string())).collect()
    }

    /// The last microsecond of the year 9999.
    const LAST: i64 = 253_402_300_800_000_000 - 1;

    #[test]
    fn scalars_read_as_people_write_them() {
        let instants =
            TimestampMicrosecondArray::from(vec![1_714_979_289_000_000, 1_714_979_289_120_000, -1, LAST])
                .with_timezone("UTC");
        assert_eq!(
            texts(Arc::new(instants)),
            some(&[
                "2024-05-06T07:08:09Z",
                "2024-05-06T07:08:09.12Z",
                "1969-12-31T23:59:59.999999Z",
                "9999-12-31T23:59:59.999999Z"
            ])
        );
        assert_eq!(texts(Arc::new(Date32Array::from(vec![19_849, -1]))), some(&["2024-05-06", "1969-12-31"]));
        assert_eq!(
            texts(Arc::new(Time64MicrosecondArray::from(vec![25_689_000_000, 500_000]))),
            some(&["07:08:09", "00:00:00.5"])
        );
        assert_eq!(
            texts(Arc::new(BooleanArray::from(vec![Some(true), None, Some(false)]))),
            vec![Some("true".into()), None, Some("false".into())]
        );
        assert_eq!(
            texts(Arc::new(Int64Array::from(vec![-9_007_199_254_740_993]))),
            some(&["-9007199254740993"])
        );
        assert_eq!(
            texts(Arc::new(Float64Array::from(vec![1.0, 0.1, -0.0, 1e21, 1.5e-9]))),
            some(&["1", "0.1", "-0", "1e21", "1.5e-9"])
        );
    }

    #[test]
    fn lists_become_compact_json() {
        let mut lists = ListBuilder::new(StringBuilder::new());
        lists.append_value([Some("华东"), Some("a\"b/\n"), None]);
        lists.append_value(Vec::<Option<&str>>::new());
        assert_eq!(texts(Arc::new(lists.finish())), some(&["[\"华东\",\"a\\\"b/\\n\",null]", "[]"]));
    }
}
