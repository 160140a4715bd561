//! A column as it is read back from pages of the form that `pages` gives them.
//!
//! The library's reader sets up a decompressor of 150 KB and a dozen buffers for each column that it reads: for a day of
//! rows that costs several times the rows. Here a column of exactly our form is taken apart with one set of buffers;
//! whatever is not so, damage included, is left to the library, which says what is wrong with it.

use std::sync::Arc;

use arrow::{
    array::{Array, ArrayRef, BooleanArray, BooleanBufferBuilder, ListArray, PrimitiveArray, StringArray},
    buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer},
    datatypes::{
        ArrowPrimitiveType, DataType, Date32Type, Field, Float64Type, Int8Type, Int64Type,
        Time64MicrosecondType, TimeUnit::Microsecond, TimestampMicrosecondType,
    },
};
use parquet::{basic::Compression, file::metadata::ColumnChunkMetaData};

use super::{
    differences,
    numbered::{Distinct, Numbers, take_text},
    page_header::{Holds, PageHeader, read_varint},
    spare::Spare,
};

/// What one column after another is decompressed with.
#[derive(Default)]
struct Bench {
    page: Vec<u8>,
    zstd: Option<zstd::bulk::Decompressor<'static>>,
}

static BENCHES: Spare<Bench> = Spare::new();

/// Which rows of a column are wanted.
#[derive(Clone, Copy)]
pub(super) enum Wanted<'a> {
    /// As many as there are.
    All(usize),
    /// Those with true, of all. Not of lists.
    Some(&'a [bool]),
}

/// The wanted rows of a column in the bytes of its file; `None` where it is not exactly of our form.
pub(super) fn column(
    file: &[u8],
    chunk: &ColumnChunkMetaData,
    field: &Field,
    wanted: Wanted,
) -> Option<ArrayRef> {
    if !matches!(chunk.compression(), Compression::ZSTD(_)) {
        return None;
    }
    let (start, length) = chunk.byte_range();
    let stored = file.get(start as usize..)?.get(..length as usize)?;
    pages(stored, usize::try_from(chunk.uncompressed_size()).ok()?, field, wanted)
}

/// The same from its pages, of which none has more than `most` bytes before compression.
pub(super) fn pages(mut rest: &[u8], most: usize, field: &Field, wanted: Wanted) -> Option<ArrayRef> {
    let mut parts = Parts::new(field)?;
    let mut seen = 0;
    let mut bench = BENCHES.borrow();
    let mut distinct = None;
    while !rest.is_empty() {
        let header = PageHeader::read(&mut rest)?;
        let packed = rest.split_off(..header.packed)?;
        if header.bytes > most {
            return None;
        }
        let page = bench.unpack(packed, header.bytes)?;
        let distinct = match header.holds {
            Holds::Distinct => {
                (seen == 0 && distinct.is_none()).then_some(())?;
                distinct = Some(Distinct::read(page, header.count)?);
                continue;
            }
            Holds::Values | Holds::Differences => None,
            Holds::Numbers => Some(distinct.as_ref()?),
        };
        let marks = match wanted {
            Wanted::All(_) => None,
            Wanted::Some(marks) => Some(marks.get(seen..)?.get(..header.count)?),
        };
        seen += header.count;
        parts.take(&header, page, marks, distinct)?;
    }
    let rows = match wanted {
        Wanted::All(rows) => rows,
        Wanted::Some(marks) => {
            (seen == marks.len()).then_some(())?;
            marks.iter().filter(|mark| **mark).count()
        }
    };
    parts.finish(field, rows)
}

impl Bench {
    fn unpack(&mut self, packed: &[u8], bytes: usize) -> Option<&[u8]> {
        let zstd = match &mut self.zstd {
            Some(zstd) => zstd,
            none => none.insert(zstd::bulk::Decompressor::new().ok()?),
        };
        self.page.clear();
        self.page.reserve(bytes);
        let count = zstd.decompress_to_buffer(packed, &mut self.page).ok()?;
        (count == bytes).then_some(self.page.as_slice())
    }
}

/// What the pages of a column gave so far.
struct Parts {
    values: Values,
    /// Of each value.
    valid: BooleanBufferBuilder,
    required: bool,
    lists: Option<Lists>,
}

struct Lists {
    /// Values before each row, and after the last one.
    offsets: Vec<i32>,
    valid: BooleanBufferBuilder,
}

/// Values by the way in which they are stored; what stands for a null does not matter.
enum Values {
    Text { offsets: Vec<i32>, bytes: Vec<u8> },
    Int64(Vec<i64>),
    Int32(Vec<i32>),
    Int8(Vec<i8>),
    Double(Vec<f64>),
    Bool(BooleanBufferBuilder),
}

impl Parts {
    /// `None` for a type that no lake has.
    fn new(field: &Field) -> Option<Self> {
        let (of, lists) = match field.data_type() {
            DataType::List(item) => {
                (item.data_type(), Some(Lists { offsets: vec![0], valid: BooleanBufferBuilder::new(0) }))
            }
            plain => (plain, None),
        };
        let values = match of {
            DataType::Utf8 => Values::Text { offsets: vec![0], bytes: Vec::new() },
            DataType::Int64 | DataType::Timestamp(Microsecond, _) | DataType::Time64(Microsecond) => {
                Values::Int64(Vec::new())
            }
            DataType::Date32 => Values::Int32(Vec::new()),
            DataType::Int8 => Values::Int8(Vec::new()),
            DataType::Float64 => Values::Double(Vec::new()),
            DataType::Boolean => Values::Bool(BooleanBufferBuilder::new(0)),
            _ => return None,
        };
        let required = !field.is_nullable();
        (lists.is_none() || !required).then_some(Self {
            values,
            valid: BooleanBufferBuilder::new(0),
            required,
            lists,
        })
    }

    /// Takes in a page, or what is marked of it; `None` where it does not hold just what it must.
    fn take(
        &mut self,
        header: &PageHeader,
        mut page: &[u8],
        marks: Option<&[bool]>,
        distinct: Option<&Distinct>,
    ) -> Option<()> {
        let (count, is_differences) = (header.count, header.holds == Holds::Differences);
        let Some(lists) = &mut self.lists else {
            let levels = if self.required { Levels::Run(1) } else { Levels::read(&mut page, count, 1)? };
            match marks {
                None => levels.append_to(count, &mut self.valid)?,
                Some(marks) => {
                    let marked = marks.iter().enumerate().filter(|(_, mark)| **mark);
                    marked.for_each(|(at, _)| self.valid.append(levels.get(at) == 1));
                }
            }
            let wanted = |at: usize| marks.is_none_or(|marks| marks.get(at) == Some(&true));
            return match distinct {
                None if is_differences => self.values.take_differences(&levels, count, page, wanted),
                None => self.values.take(&levels, count, page, wanted),
                Some(distinct) => self.values.take_numbers(&levels, count, page, wanted, distinct),
            };
        };
        if marks.is_some() || distinct.is_some() || is_differences {
            return None;
        }
        let repeated = Levels::read(&mut page, count, 1)?;
        let defined = Levels::read(&mut page, count, 2)?;
        let mut valid = BooleanBufferBuilder::new(count);
        let mut values = *lists.offsets.last()?;
        for at in 0..count {
            let (goes_on, defined) = (repeated.get(at) == 1, defined.get(at));
            if goes_on {
                // Rows do not go over the end of a page, and a row that goes on has an element here.
                (at > 0 && defined >= 2).then_some(())?;
            } else {
                lists.valid.append(defined > 0);
                lists.offsets.push(values);
            }
            if defined >= 2 {
                valid.append(defined == 3);
                values = values.checked_add(1)?;
                *lists.offsets.last_mut()? = values;
            }
        }
        let levels = Levels::Packed { bits: valid.as_slice(), width: 1 };
        levels.append_to(valid.len(), &mut self.valid)?;
        self.values.take(&levels, valid.len(), page, |_| true)
    }

    fn finish(mut self, field: &Field, rows: usize) -> Option<ArrayRef> {
        let valid = nulls(&mut self.valid);
        let column = match field.data_type() {
            DataType::List(item) => {
                let mut lists = self.lists?;
                let values = self.values.finish(item.data_type(), valid)?;
                let offsets = OffsetBuffer::new(ScalarBuffer::from(lists.offsets));
                Arc::new(ListArray::try_new(item.clone(), offsets, values, nulls(&mut lists.valid)).ok()?)
            }
            plain => self.values.finish(plain, valid)?,
        };
        (column.len() == rows).then_some(column)
    }
}

fn nulls(valid: &mut BooleanBufferBuilder) -> Option<NullBuffer> {
    Some(NullBuffer::new(valid.finish())).filter(|nulls| nulls.null_count() > 0)
}

impl Values {
    /// Takes `slots` values, or what is wanted of them; those that are valid are stored, and nothing else is.
    fn take(
        &mut self,
        valid: &Levels,
        slots: usize,
        stored: &[u8],
        wanted: impl Fn(usize) -> bool,
    ) -> Option<()> {
        match self {
            Self::Int64(out) => fixed(out, valid, slots, stored, wanted, i64::from_le_bytes),
            Self::Int32(out) => fixed(out, valid, slots, stored, wanted, i32::from_le_bytes),
            Self::Int8(out) => {
                // Stored with four bytes.
                let mut wide = Vec::new();
                fixed(&mut wide, valid, slots, stored, wanted, i32::from_le_bytes)?;
                wide.into_iter().try_for_each(|value| i8::try_from(value).map(|value| out.push(value)).ok())
            }
            Self::Double(out) => fixed(out, valid, slots, stored, wanted, f64::from_le_bytes),
            Self::Bool(out) => {
                let mut taken = 0;
                for at in 0..slots {
                    let is_there = valid.get(at) == 1;
                    let bit = || stored.get(taken / 8).map(|byte| byte >> (taken % 8) & 1 == 1);
                    let value = if is_there { bit()? } else { false };
                    if wanted(at) {
                        out.append(value);
                    }
                    taken += usize::from(is_there);
                }
                (stored.len() == taken.div_ceil(8)).then_some(())
            }
            Self::Text { offsets, bytes } => {
                let mut rest = stored;
                for at in 0..slots {
                    let wanted = wanted(at);
                    if valid.get(at) == 1 {
                        let text = take_text(&mut rest)?;
                        if wanted {
                            bytes.extend_from_slice(text);
                        }
                    }
                    if wanted {
                        offsets.push(i32::try_from(bytes.len()).ok()?);
                    }
                }
                rest.is_empty().then_some(())
            }
        }
    }

    /// As [`Values::take`], where the differences between the values are stored.
    fn take_differences(
        &mut self,
        valid: &Levels,
        slots: usize,
        stored: &[u8],
        wanted: impl Fn(usize) -> bool,
    ) -> Option<()> {
        let present = (0..slots).filter(|at| valid.get(*at) == 1).count();
        let mut numbers = differences::read(stored, present)?.into_iter();
        for at in 0..slots {
            let number = if valid.get(at) == 1 { numbers.next()? } else { 0 };
            if wanted(at) {
                match self {
                    Self::Int64(out) => out.push(number),
                    Self::Int32(out) => out.push(i32::try_from(number).ok()?),
                    Self::Int8(out) => out.push(i8::try_from(number).ok()?),
                    _ => return None,
                }
            }
        }
        Some(())
    }

    /// As [`Values::take`], where the numbers of the values are stored.
    fn take_numbers(
        &mut self,
        valid: &Levels,
        slots: usize,
        stored: &[u8],
        wanted: impl Fn(usize) -> bool,
        distinct: &Distinct,
    ) -> Option<()> {
        let Self::Text { offsets, bytes } = self else { return None };
        let numbers = Numbers::read(stored)?;
        let mut taken = 0;
        for at in 0..slots {
            let (is_there, wanted) = (valid.get(at) == 1, wanted(at));
            if is_there && wanted {
                bytes.extend_from_slice(distinct.get(numbers.get(taken)?)?);
            }
            taken += usize::from(is_there);
            if wanted {
                offsets.push(i32::try_from(bytes.len()).ok()?);
            }
        }
        numbers.are(taken).then_some(())
    }

    fn finish(self, of: &DataType, valid: Option<NullBuffer>) -> Option<ArrayRef> {
        fn numbers<T: ArrowPrimitiveType>(
            values: Vec<T::Native>,
            of: &DataType,
            valid: Option<NullBuffer>,
        ) -> Option<ArrayRef> {
            let numbers = PrimitiveArray::<T>::try_new(values.into(), valid).ok()?;
            Some(Arc::new(numbers.with_data_type(of.clone())))
        }
        match (self, of) {
            (Self::Int64(values), DataType::Timestamp(..)) => {
                numbers::<TimestampMicrosecondType>(values, of, valid)
            }
            (Self::Int64(values), DataType::Time64(_)) => numbers::<Time64MicrosecondType>(values, of, valid),
            (Self::Int64(values), _) => numbers::<Int64Type>(values, of, valid),
            (Self::Int32(values), _) => numbers::<Date32Type>(values, of, valid),
            (Self::Int8(values), _) => numbers::<Int8Type>(values, of, valid),
            (Self::Double(values), _) => numbers::<Float64Type>(values, of, valid),
            (Self::Bool(mut values), _) => Some(Arc::new(BooleanArray::new(values.finish(), valid))),
            (Self::Text { offsets, bytes }, _) => {
                let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
                // Looks whether the bytes are UTF-8, text by text.
                Some(Arc::new(StringArray::try_new(offsets, Buffer::from_vec(bytes), valid).ok()?))
            }
        }
    }
}

/// Numbers of `N` bytes.
fn fixed<T: Copy + Default, const N: usize>(
    out: &mut Vec<T>,
    valid: &Levels,
    slots: usize,
    stored: &[u8],
    wanted: impl Fn(usize) -> bool,
    read: impl Fn([u8; N]) -> T,
) -> Option<()> {
    let (numbers, rest) = stored.as_chunks::<N>();
    if !rest.is_empty() {
        return None;
    }
    if matches!(valid, Levels::Run(1)) {
        let wanted = numbers.iter().enumerate().filter(|(at, _)| wanted(*at));
        out.extend(wanted.map(|(_, bytes)| read(*bytes)));
        return (numbers.len() == slots).then_some(());
    }
    let mut numbers = numbers.iter();
    for at in 0..slots {
        let value = if valid.get(at) == 1 { read(*numbers.next()?) } else { T::default() };
        if wanted(at) {
            out.push(value);
        }
    }
    numbers.next().is_none().then_some(())
}

/// One small number for each place on a page.
enum Levels<'a> {
    Run(u8),
    /// Packed from the lowest bit on.
    Packed {
        bits: &'a [u8],
        width: usize,
    },
}

impl<'a> Levels<'a> {
    /// Takes levels from the front of a page: one run, or all of them packed.
    fn read(page: &mut &'a [u8], count: usize, width: usize) -> Option<Self> {
        let (length, rest) = page.split_first_chunk()?;
        *page = rest;
        let mut bits = page.split_off(..u32::from_le_bytes(*length) as usize)?;
        let header = read_varint(&mut bits)?;
        let told = usize::try_from(header >> 1).ok()?;
        if header & 1 == 0 {
            let [level] = bits else { return None };
            return (told == count && usize::from(*level) < 1 << width).then_some(Self::Run(*level));
        }
        let whole = told == count.div_ceil(8) && bits.len() == told.checked_mul(width)?;
        whole.then_some(Self::Packed { bits, width })
    }

    /// The level of a place on the page.
    fn get(&self, at: usize) -> u8 {
        match self {
            Self::Run(level) => *level,
            Self::Packed { bits, width } => {
                let bit = at * width;
                bits.get(bit / 8).map_or(0, |byte| byte >> (bit % 8)) & ((1 << width) - 1)
            }
        }
    }

    /// Appends levels of 0 and 1 as bits.
    fn append_to(&self, count: usize, out: &mut BooleanBufferBuilder) -> Option<()> {
        match self {
            Self::Run(level) => out.append_n(count, *level == 1),
            Self::Packed { bits, .. } => {
                (bits.len() * 8 >= count).then(|| out.append_packed_range(0..count, bits))?;
            }
        }
        Some(())
    }
}
