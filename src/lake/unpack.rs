//! A column as it is read back from pages of the form that `pages` gives them.
//!
//! The library's reader sets up a decompressor of 150 KB and a dozen buffers for each column that it reads: for a day of
//! rows that costs several times the rows. Here a column of exactly our form is taken apart with one set of buffers;
//! whatever is not so, damage included, is left to the library, which says what is wrong with it.

mod levels;
mod values;

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, BooleanBufferBuilder, ListArray},
    buffer::{NullBuffer, OffsetBuffer, ScalarBuffer},
    datatypes::{DataType, Field},
};
use parquet::{basic::Compression, file::metadata::ColumnChunkMetaData};

use self::{
    levels::Levels,
    values::{Stored, Values},
};
use super::{
    numbered::Distinct,
    page_header::{Holds, PageHeader},
};
use crate::spare::Spare;

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
    /// Those at these places, which ascend, of `rows`. Not of lists.
    Some { rows: usize, places: &'a [u32] },
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
    let mut seen: usize = 0;
    let mut bench = BENCHES.borrow();
    let mut distinct = None;
    while !rest.is_empty() {
        let header = PageHeader::read(&mut rest)?;
        let packed = rest.split_off(..header.packed)?;
        if header.bytes > most {
            return None;
        }
        let page = bench.unpack(packed, header.bytes)?;
        if header.holds == Holds::Distinct {
            (seen == 0 && distinct.is_none()).then_some(())?;
            distinct = Some(Distinct::read(page, header.count)?);
            continue;
        }
        let rows = seen..seen.checked_add(header.count)?;
        seen = rows.end;
        let stored = |bytes| {
            Some(match header.holds {
                Holds::Values => Stored::Values(bytes),
                Holds::Differences => Stored::Differences(bytes),
                Holds::Numbers | Holds::Distinct => Stored::Numbers(bytes, distinct.as_ref()?),
            })
        };
        match wanted {
            Wanted::All(_) => parts.take(header.count, page, stored)?,
            Wanted::Some { places, .. } => parts.take_some(&rows, page, within(places, &rows)?, stored)?,
        }
    }
    let rows = match wanted {
        Wanted::All(rows) => rows,
        Wanted::Some { rows, places } => (seen == rows).then_some(places.len())?,
    };
    parts.finish(field, rows)
}

/// The places that lie on a page of these rows.
fn within<'a>(places: &'a [u32], rows: &Range<usize>) -> Option<&'a [u32]> {
    let before = |end: usize| places.partition_point(|place| (*place as usize) < end);
    places.get(before(rows.start)..before(rows.end))
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

impl Parts {
    /// `None` for a type that no lake has.
    fn new(field: &Field) -> Option<Self> {
        let (of, lists) = match field.data_type() {
            DataType::List(item) => {
                (item.data_type(), Some(Lists { offsets: vec![0], valid: BooleanBufferBuilder::new(0) }))
            }
            plain => (plain, None),
        };
        let values = Values::new(of)?;
        let required = !field.is_nullable();
        (lists.is_none() || !required).then_some(Self {
            values,
            valid: BooleanBufferBuilder::new(0),
            required,
            lists,
        })
    }

    /// Takes in a page of `count` levels; `None` where it does not hold just what it must.
    fn take<'a>(
        &mut self,
        count: usize,
        mut page: &'a [u8],
        stored: impl Fn(&'a [u8]) -> Option<Stored<'a>>,
    ) -> Option<()> {
        let Some(lists) = &mut self.lists else {
            let levels = self.levels(count, &mut page)?;
            levels.append_to(count, &mut self.valid)?;
            return self.values.take(stored(page)?, levels.stored(count), levels.numbers(count));
        };
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
        let count = valid.len();
        levels.append_to(count, &mut self.valid)?;
        self.values.take(stored(page)?, levels.stored(count), levels.numbers(count))
    }

    /// Takes in some places of a page that holds these rows.
    fn take_some<'a>(
        &mut self,
        rows: &Range<usize>,
        mut page: &'a [u8],
        places: &[u32],
        stored: impl Fn(&'a [u8]) -> Option<Stored<'a>>,
    ) -> Option<()> {
        self.lists.is_none().then_some(())?;
        let levels = self.levels(rows.len(), &mut page)?;
        let places = places.iter().map(|place| *place as usize - rows.start);
        places.clone().for_each(|at| self.valid.append(levels.get(at) == 1));
        self.values.take(stored(page)?, levels.stored(rows.len()), levels.numbers_of(places))
    }

    /// Takes the levels of rows that are no lists.
    fn levels<'a>(&self, count: usize, page: &mut &'a [u8]) -> Option<Levels<'a>> {
        if self.required { Some(Levels::Run(1)) } else { Levels::read(page, count, 1) }
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
