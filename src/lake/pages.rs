//! How rows of a column stand on a page: their levels, then the values one after another.
//!
//! Small files are encoded here rather than by the library's writer, which sets up a compressor, a decompressor and a
//! dozen buffers for each column of each file: for a day of rows that costs several times the rows.

use std::ops::Range;

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, StringArray},
    buffer::NullBuffer,
    datatypes::{
        DataType, Date32Type, Float64Type, Int8Type, Int64Type, Time64MicrosecondType,
        TimestampMicrosecondType,
    },
    util::bit_iterator::BitIndexIterator,
};

use super::{
    bounds::Bounds,
    differences,
    distinct::{Distinct, write_packed, write_text},
    varint,
};

/// The values of a column, or of its lists, by the way in which they are stored.
enum Values<'a> {
    Text(&'a StringArray),
    Int64(&'a [i64]),
    Int8(&'a [i8]),
    Int32(&'a [i32]),
    Double(&'a [f64]),
    Bool(&'a BooleanArray),
}

/// A column as it is stored: values, and where it is one of lists, which of them belong to which row.
pub(super) struct Leaf<'a> {
    values: Values<'a>,
    valid: Option<&'a NullBuffer>,
    lists: Option<Lists<'a>>,
    required: bool,
    rows: usize,
}

struct Lists<'a> {
    offsets: &'a [i32],
    valid: Option<&'a NullBuffer>,
}

/// What a page holds.
pub(super) struct Page {
    /// Values, and what stands in their place: nulls, empty and missing lists.
    pub(super) levels: usize,
    pub(super) nulls: usize,
    pub(super) bounds: Bounds,
}

impl<'a> Leaf<'a> {
    /// A column of one of the lake's types; `None` for any other.
    pub(super) fn new(column: &'a ArrayRef, nullable: bool) -> Option<Self> {
        let rows = column.len();
        if let DataType::List(item) = column.data_type() {
            let list = column.as_list::<i32>();
            let values = values(list.values())?;
            let lists = Lists { offsets: list.value_offsets(), valid: list.nulls() };
            let plain = nullable && item.is_nullable();
            let leaf =
                Self { values, valid: list.values().nulls(), lists: Some(lists), required: false, rows };
            return plain.then_some(leaf);
        }
        let leaf =
            Self { values: values(column)?, valid: column.nulls(), lists: None, required: !nullable, rows };
        (nullable || column.null_count() == 0).then_some(leaf)
    }

    /// The values, where they are integers.
    pub(super) fn integers(&self) -> Option<&'a [i64]> {
        match self.values {
            Values::Int64(values) => Some(values),
            _ => None,
        }
    }

    /// The distinct values, where storing them once pays.
    pub(super) fn distinct(&self) -> Option<Distinct<'a>> {
        match self.values {
            Values::Text(texts) if self.lists.is_none() => Distinct::of(texts),
            _ => None,
        }
    }

    /// Rows from `start` on that fill a page of about `most` bytes; at least one, where there is one.
    pub(super) fn page_end(&self, start: usize, most: usize) -> usize {
        if self.bytes_of(&self.all_values(start..self.rows)) <= most {
            return self.rows;
        }
        let mut bytes = 0;
        for row in start..self.rows {
            bytes += self.bytes_of(&self.values_of(row));
            if bytes > most && row > start {
                return row;
            }
        }
        self.rows
    }

    fn bytes_of(&self, values: &Range<usize>) -> usize {
        let each = match &self.values {
            Values::Text(texts) => {
                let offsets = texts.value_offsets();
                let (from, to) = (offsets[values.start], offsets[values.end]);
                return (to - from) as usize + 4 * values.len();
            }
            Values::Int64(_) | Values::Double(_) => 8,
            Values::Int32(_) | Values::Int8(_) => 4,
            Values::Bool(_) => 1,
        };
        each * values.len()
    }

    /// The values of some rows, and what may lie between them.
    fn all_values(&self, rows: Range<usize>) -> Range<usize> {
        match &self.lists {
            None => rows,
            Some(lists) => lists.offsets[rows.start] as usize..lists.offsets[rows.end] as usize,
        }
    }

    /// The values that belong to a row.
    fn values_of(&self, row: usize) -> Range<usize> {
        match &self.lists {
            None => row..row + 1,
            Some(lists) if lists.valid.is_some_and(|valid| valid.is_null(row)) => 0..0,
            Some(lists) => lists.offsets[row] as usize..lists.offsets[row + 1] as usize,
        }
    }

    /// The values that are there, where they are whole numbers and no lists; `None` where there is none.
    pub(super) fn whole_numbers(&self) -> Option<Vec<i64>> {
        let is_whole = matches!(self.values, Values::Int64(_) | Values::Int32(_) | Values::Int8(_));
        if !is_whole || self.lists.is_some() {
            return None;
        }
        let rows = 0..self.rows;
        let numbers = match self.valid {
            None => self.whole_numbers_at(rows),
            Some(valid) => self.whole_numbers_at(places(valid, &rows)),
        };
        // Readers count the differences of 32-bit numbers in 32 bits; dates are far from that.
        let fit = !matches!(self.values, Values::Int32(_))
            || numbers.iter().all(|number| number.unsigned_abs() < 1 << 30);
        (fit && !numbers.is_empty()).then_some(numbers)
    }

    fn whole_numbers_at(&self, present: impl Iterator<Item = usize>) -> Vec<i64> {
        let mut numbers = Vec::with_capacity(self.rows - self.valid.map_or(0, NullBuffer::null_count));
        match &self.values {
            Values::Int64(values) => numbers.extend(present.map(|at| values[at])),
            Values::Int32(values) => numbers.extend(present.map(|at| i64::from(values[at]))),
            Values::Int8(values) => numbers.extend(present.map(|at| i64::from(values[at]))),
            _ => {}
        }
        numbers
    }

    /// Appends all rows to `out`, with the differences between their values.
    pub(super) fn write_differences(&self, numbers: &[i64], out: &mut Vec<u8>) -> Page {
        let nulls = self.write_levels(0..self.rows, out);
        differences::write(numbers, out);
        let pair = numbers.iter().min().copied().zip(numbers.iter().max().copied());
        let bounds = match self.values {
            Values::Int64(_) => Bounds::Int64(pair),
            // They were of 32 bits or fewer.
            _ => Bounds::Int32(pair.map(|(low, high)| (low as i32, high as i32))),
        };
        Page { levels: self.rows, nulls, bounds }
    }

    /// Appends all rows to `out`, with the numbers of their values.
    pub(super) fn write_numbers(&self, distinct: &Distinct, out: &mut Vec<u8>) -> Page {
        let nulls = self.write_levels(0..self.rows, out);
        distinct.write_numbers(out);
        Page { levels: self.rows, nulls, bounds: distinct.bounds() }
    }

    /// Appends the levels of rows that are no lists; gives how many are null.
    fn write_levels(&self, rows: Range<usize>, out: &mut Vec<u8>) -> usize {
        let nulls = self.valid.map(|valid| valid.slice(rows.start, rows.len()));
        if !self.required {
            write_validity(nulls.as_ref(), rows.len(), out);
        }
        nulls.map_or(0, |nulls| nulls.null_count())
    }

    /// Appends the rows of a page to `out`.
    pub(super) fn write(&self, rows: Range<usize>, out: &mut Vec<u8>) -> Page {
        match &self.lists {
            None => {
                let nulls = self.write_levels(rows.clone(), out);
                let levels = rows.len();
                let bounds = match self.valid {
                    None => self.write_values(rows, out),
                    Some(valid) => self.write_values(places(valid, &rows), out),
                };
                Page { levels, nulls, bounds }
            }
            Some(lists) => {
                let (mut repeated, mut defined) = (Vec::new(), Vec::new());
                for row in rows.clone() {
                    let values = self.values_of(row);
                    if values.is_empty() {
                        repeated.push(0);
                        defined.push(u8::from(lists.valid.is_none_or(|valid| valid.is_valid(row))));
                    }
                    for (place, value) in values.enumerate() {
                        repeated.push(u8::from(place > 0));
                        defined.push(2 + u8::from(self.valid.is_none_or(|valid| valid.is_valid(value))));
                    }
                }
                write_levels(&repeated, 1, out);
                write_levels(&defined, 2, out);
                let valid = |at: &usize| self.valid.is_none_or(|valid| valid.is_valid(*at));
                let present = rows.flat_map(|row| self.values_of(row)).filter(valid);
                let bounds = self.write_values(present, out);
                let nulls = defined.iter().filter(|level| **level < 3).count();
                Page { levels: defined.len(), nulls, bounds }
            }
        }
    }

    /// Appends the values at some places, one after another.
    fn write_values(&self, present: impl Iterator<Item = usize>, out: &mut Vec<u8>) -> Bounds {
        match &self.values {
            Values::Int64(values) => {
                let values = present.map(|at| values[at]);
                Bounds::Int64(write_each(values, |value, out| out.extend(value.to_le_bytes()), out))
            }
            Values::Int32(values) => {
                let values = present.map(|at| values[at]);
                Bounds::Int32(write_each(values, |value, out| out.extend(value.to_le_bytes()), out))
            }
            Values::Int8(values) => {
                let values = present.map(|at| i32::from(values[at]));
                Bounds::Int32(write_each(values, |value, out| out.extend(value.to_le_bytes()), out))
            }
            Values::Double(values) => {
                let values = present.map(|at| values[at]);
                let pair = write_each(values, |value, out| out.extend(value.to_le_bytes()), out);
                let pair = pair.filter(|(low, high)| !low.is_nan() && !high.is_nan());
                // Readers may take either zero for the other, so the bounds hold both.
                let zero = |value: f64, sign: f64| if value == 0.0 { sign } else { value };
                Bounds::Double(pair.map(|(low, high)| (zero(low, -0.0), zero(high, 0.0))))
            }
            Values::Bool(values) => {
                let start = out.len();
                let mut pair: Option<(bool, bool)> = None;
                for (place, at) in present.enumerate() {
                    if place % 8 == 0 {
                        out.push(0);
                    }
                    let value = values.value(at);
                    if value && let Some(byte) = out.get_mut(start + place / 8) {
                        *byte |= 1 << (place % 8);
                    }
                    pair = Some(pair.map_or((value, value), |(low, high)| (low & value, high | value)));
                }
                Bounds::Bool(pair)
            }
            Values::Text(texts) => {
                let values = present.map(|at| Ranked::new(texts.value(at)));
                let pair = write_each(values, |ranked, out| write_text(ranked.text, out), out);
                Bounds::Text(pair.map(|(low, high)| (low.text.to_owned(), high.text.to_owned())))
            }
        }
    }
}

/// The rows of a column that is no list in which there is a value.
fn places(valid: &NullBuffer, rows: &Range<usize>) -> impl Iterator<Item = usize> {
    let start = rows.start;
    BitIndexIterator::new(valid.validity(), valid.offset() + start, rows.len()).map(move |at| start + at)
}

fn values(column: &ArrayRef) -> Option<Values<'_>> {
    use arrow::datatypes::TimeUnit::Microsecond;
    Some(match column.data_type() {
        DataType::Utf8 => Values::Text(column.as_string()),
        DataType::Int64 => Values::Int64(column.as_primitive::<Int64Type>().values()),
        DataType::Timestamp(Microsecond, _) => {
            Values::Int64(column.as_primitive::<TimestampMicrosecondType>().values())
        }
        DataType::Time64(Microsecond) => {
            Values::Int64(column.as_primitive::<Time64MicrosecondType>().values())
        }
        DataType::Int8 => Values::Int8(column.as_primitive::<Int8Type>().values()),
        DataType::Date32 => Values::Int32(column.as_primitive::<Date32Type>().values()),
        DataType::Float64 => Values::Double(column.as_primitive::<Float64Type>().values()),
        DataType::Boolean => Values::Bool(column.as_boolean()),
        _ => return None,
    })
}

/// A text that is mostly compared by its first bytes alone.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
struct Ranked<'a> {
    /// The first eight bytes as a number; what is missing of them is zero.
    first: u64,
    text: &'a str,
}

impl<'a> Ranked<'a> {
    fn new(text: &'a str) -> Self {
        let first = text.as_bytes().first_chunk().copied().unwrap_or_else(|| {
            let mut first = [0; 8];
            first.iter_mut().zip(text.as_bytes()).for_each(|(to, from)| *to = *from);
            first
        });
        Self { first: u64::from_be_bytes(first), text }
    }
}

/// Appends each value; gives the least and the greatest.
fn write_each<T: Copy + PartialOrd>(
    values: impl Iterator<Item = T>,
    write: impl Fn(T, &mut Vec<u8>),
    out: &mut Vec<u8>,
) -> Option<(T, T)> {
    let mut pair: Option<(T, T)> = None;
    for value in values {
        write(value, out);
        pair = Some(pair.map_or((value, value), |(low, high)| {
            (if value < low { value } else { low }, if value > high { value } else { high })
        }));
    }
    pair
}

/// Levels of 0 and 1 are, packed, the bits that Arrow keeps.
fn write_validity(nulls: Option<&NullBuffer>, rows: usize, out: &mut Vec<u8>) {
    match nulls.filter(|nulls| nulls.null_count() > 0) {
        None => write_run(1, rows, out),
        Some(nulls) if nulls.null_count() == rows => write_run(0, rows, out),
        Some(nulls) => {
            let bits = nulls.inner().sliced();
            let groups = rows.div_ceil(8);
            behind_length(out, |out| {
                varint::write((groups << 1 | 1) as u64, out);
                out.extend_from_slice(bits.as_slice().get(..groups).unwrap_or_default());
            });
        }
    }
}

/// One level for all rows.
fn write_run(level: u8, rows: usize, out: &mut Vec<u8>) {
    behind_length(out, |out| {
        varint::write((rows as u64) << 1, out);
        out.push(level);
    });
}

/// Levels of `width` bits, packed from the lowest bit on.
fn write_levels(levels: &[u8], width: usize, out: &mut Vec<u8>) {
    behind_length(out, |out| write_packed(levels, width, out));
}

/// Appends bytes behind their number.
fn behind_length(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; 4]);
    write(out);
    let bytes = (out.len() - start - 4) as u32;
    if let Some(length) = out.get_mut(start..).and_then(|written| written.first_chunk_mut()) {
        *length = bytes.to_le_bytes();
    }
}
