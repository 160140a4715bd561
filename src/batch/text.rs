//! How a value of each type reads as text, once its column has become one.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, AsArray, ListArray, StringArray},
    compute::cast,
    datatypes::{DataType, Float64Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType},
};
use jiff::{
    SignedDuration,
    civil::{DateTime, Time},
};

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// The column as text: ISO form for dates, times and instants (a fraction only where there is one),
/// `true` and `false`, lists as compact JSON, decimal numbers in their shortest form. Null stays null.
/// `None` for a type that has no text form.
pub fn as_text(column: &ArrayRef) -> Option<ArrayRef> {
    use DataType::{
        Boolean, Date32, Float64, Int8, Int16, Int32, Int64, List, Null, Time64, Timestamp, Utf8,
    };
    Some(match column.data_type() {
        Utf8 => column.clone(),
        Null | Boolean | Int8 | Int16 | Int32 | Int64 | Date32 => cast(column, &Utf8).ok()?,
        Float64 => texts(column.as_primitive::<Float64Type>().iter(), decimal),
        Time64(TimeUnit::Microsecond) => texts(column.as_primitive::<Time64MicrosecondType>().iter(), time),
        Timestamp(TimeUnit::Microsecond, _) => {
            texts(column.as_primitive::<TimestampMicrosecondType>().iter(), instant)
        }
        List(_) => json_lists(column.as_list::<i32>())?,
        _ => return None,
    })
}

fn texts<T>(cells: impl Iterator<Item = Option<T>>, text: impl Fn(T) -> String) -> ArrayRef {
    Arc::new(cells.map(|cell| cell.map(&text)).collect::<StringArray>())
}

fn json_lists(lists: &ListArray) -> Option<ArrayRef> {
    let (elements, are_texts) = (as_text(lists.values())?, lists.value_type() == DataType::Utf8);
    let elements = elements.as_string::<i32>();
    let element = |at: usize| match elements.value(at) {
        _ if elements.is_null(at) => "null".to_owned(),
        // serde_json escapes only what JSON demands.
        text if are_texts => serde_json::to_string(text).unwrap_or_default(),
        text => text.to_owned(),
    };
    let bounds = lists.value_offsets();
    let list = |row: usize| {
        let cells: Vec<String> = (bounds[row] as usize..bounds[row + 1] as usize).map(element).collect();
        format!("[{}]", cells.join(","))
    };
    Some(texts((0..lists.len()).map(|row| lists.is_valid(row).then_some(row)), list))
}

/// Digits that read back to the same number; an exponent only where plain digits would be long.
fn decimal(value: f64) -> String {
    match value.abs() {
        size if size != 0.0 && !(1e-7..1e21).contains(&size) => format!("{value:e}"),
        _ => value.to_string(),
    }
}

fn time(micros: i64) -> String {
    let time = Time::midnight().checked_add(SignedDuration::from_micros(micros));
    time.map_or_else(|_| micros.to_string(), |time| time.to_string())
}

fn instant(micros: i64) -> String {
    // Not a timestamp: jiff has none for the last 26 hours of the year 9999.
    let instant = EPOCH.checked_add(SignedDuration::from_micros(micros));
    instant.map_or_else(|_| micros.to_string(), |instant| format!("{instant}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{
        BooleanArray, Date32Array, Float64Array, Int64Array, ListBuilder, StringBuilder,
        Time64MicrosecondArray, TimestampMicrosecondArray,
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
