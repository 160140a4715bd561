//! A file of few rows: all of them at hand, one row group, every column encoded with the same buffers and compressors.

use std::io;

use arrow::{
    array::{Array, ArrayRef},
    datatypes::Fields,
};
use parquet::{basic::ZstdLevel, bloom_filter::Sbbf, errors::ParquetError};

use super::{
    LakeError,
    packing::Packer,
    page_header::{Holds, PageHeader},
    pages::Leaf,
    store::Draft,
    tail::{Chunk, Extras, Frame, Head, MAGIC, Page, Stored, Tail},
};
use crate::{batch::BatchError, spare::Spare};

/// How the columns of a small file are made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Making {
    /// Of one page, before compression.
    pub(super) page_bytes: usize,
    /// Bounds of texts are cut to this many bytes.
    pub(super) bound_bytes: usize,
    pub(super) bloom_false_positives: f64,
    pub(super) level: ZstdLevel,
}

/// A file goes out in parts of about so many bytes; a day of tickets is one.
const PART_BYTES: usize = 256 * 1024;

/// Buffers that one file after another is written with.
#[derive(Default)]
struct Bench {
    page: Vec<u8>,
    packed: Vec<u8>,
    /// The part of the file that has not gone out, and how many bytes have.
    part: Vec<u8>,
    gone: usize,
    pages: Vec<Page>,
    tail: Tail,
    packer: Packer,
}

/// Threads come and go, and the heap would keep a set for each of them.
static BENCHES: Spare<Bench> = Spare::new();

/// Bytes behind the rows, and the key under which the metadata says where.
pub(super) type Trailer<'a> = (&'a str, &'a [u8]);

/// Where a column of a file comes from.
pub(super) enum Source<'a> {
    Cells(ArrayRef),
    /// As it is stored in another file of the same form.
    Stored(&'a Stored<'a>),
}

/// Why a small file could not be made.
#[derive(Debug)]
pub(super) enum Fault {
    /// Of the rows that should be in it.
    Rows(BatchError),
    /// Of where a column comes from.
    Cells(Box<LakeError>),
    Writing(ParquetError),
}

impl From<BatchError> for Fault {
    fn from(cause: BatchError) -> Self {
        Self::Rows(cause)
    }
}

impl From<ParquetError> for Fault {
    fn from(cause: ParquetError) -> Self {
        Self::Writing(cause)
    }
}

impl From<io::Error> for Fault {
    fn from(cause: io::Error) -> Self {
        Self::Writing(cause.into())
    }
}

/// What a small file is made of.
pub(super) struct Parts<'a, 'b> {
    pub(super) rows: usize,
    pub(super) fields: &'a Fields,
    pub(super) frame: &'a Frame,
    /// One for each field; not asked for where there are no rows.
    pub(super) columns: &'a mut dyn Iterator<Item = Result<Source<'b>, Fault>>,
    pub(super) trailer: Option<Trailer<'a>>,
}

/// Writes a whole file; the trailer goes behind the rows, and its place into the metadata. Gives the file's size in bytes.
pub(super) fn write(file: &mut Draft, parts: Parts, making: Making) -> Result<usize, Fault> {
    let Parts { rows, fields, frame, columns, trailer } = parts;
    let mut bench = BENCHES.borrow();
    bench.begin();
    let mut filter = None;
    if rows > 0 {
        for ((field, head), column) in fields.iter().zip(&frame.heads).zip(columns) {
            match column? {
                Source::Stored(stored) => {
                    let start = bench.at();
                    bench.part.extend_from_slice(stored.pages);
                    let added = bench.tail.add_stored(head, stored, start);
                    added.ok_or_else(|| fault(format!("column `{}` is not as stored", field.name())))?;
                }
                Source::Cells(column) => {
                    let leaf = Leaf::new(&column, field.is_nullable());
                    let leaf = leaf.filter(|_| column.len() == rows).ok_or_else(|| {
                        fault(format!("column `{}` is not one of {rows} rows of the lake", field.name()))
                    })?;
                    bench.column(&leaf, head, rows, making)?;
                    if head.is_id {
                        filter = bloom(&leaf, rows, making.bloom_false_positives).transpose()?;
                    }
                }
            }
            if bench.part.len() >= PART_BYTES {
                bench.send(file)?;
            }
        }
        if bench.tail.columns() != frame.heads.len() {
            return Err(fault("a file lacks columns of its form".to_owned()).into());
        }
    }
    let mut extras = Extras::default();
    if let Some(filter) = filter {
        let start = bench.at();
        filter.write(&mut bench.part)?;
        extras.filter = Some(start..bench.at());
    }
    if let Some((key, bytes)) = trailer {
        extras.trailer = Some((key, bench.at()));
        bench.part.extend_from_slice(bytes);
    }
    let Bench { tail, part, gone, .. } = &mut *bench;
    tail.write(frame, rows, &extras, *gone + part.len(), part);
    bench.send(file)?;
    Ok(bench.gone)
}

fn fault(what: String) -> ParquetError {
    ParquetError::General(what)
}

impl Bench {
    /// Begins another file.
    fn begin(&mut self) {
        self.part.clear();
        self.part.extend_from_slice(&MAGIC);
        self.gone = 0;
        self.tail.clear();
    }

    /// How long the file is by now.
    fn at(&self) -> usize {
        self.gone + self.part.len()
    }

    fn send(&mut self, file: &mut Draft) -> io::Result<()> {
        file.write_all(&self.part)?;
        self.gone += self.part.len();
        self.part.clear();
        Ok(())
    }

    /// Appends a column to the file.
    fn column(&mut self, leaf: &Leaf, head: &Head, rows: usize, making: Making) -> io::Result<()> {
        let (start, mut row, mut levels, mut bytes) = (self.at(), 0, 0, 0);
        let distinct = leaf.distinct();
        let numbers = leaf.whole_numbers();
        let holds = match (&distinct, &numbers) {
            (Some(_), _) => Holds::Numbers,
            (None, Some(_)) => Holds::Differences,
            (None, None) => Holds::Values,
        };
        if let Some(distinct) = &distinct {
            self.page.clear();
            distinct.write_texts(&mut self.page);
            bytes += self.put_page(Holds::Distinct, distinct.len(), making.level)?;
        }
        let first_page = self.at() - start;
        self.pages.clear();
        while row < rows {
            self.page.clear();
            let (end, page) = match (&distinct, &numbers) {
                (Some(distinct), _) => (rows, leaf.write_numbers(distinct, &mut self.page)),
                (None, Some(numbers)) => (rows, leaf.write_differences(numbers, &mut self.page)),
                (None, None) => {
                    let end = leaf.page_end(row, making.page_bytes);
                    (end, leaf.write(row..end, &mut self.page))
                }
            };
            let from = self.at();
            bytes += self.put_page(holds, page.levels, making.level)?;
            let place = from..self.at();
            self.pages.push(Page { place, first_row: row, nulls: page.nulls, bounds: page.bounds });
            (levels, row) = (levels + page.levels, end);
        }
        let chunk = Chunk { place: start..self.at(), holds, distinct: first_page, levels, bytes };
        self.tail.add(head, &chunk, &self.pages, making.bound_bytes);
        Ok(())
    }

    /// Appends the page to the file, compressed; gives its bytes before that, with the header.
    fn put_page(&mut self, holds: Holds, count: usize, level: ZstdLevel) -> io::Result<usize> {
        self.packer.pack(holds, &self.page, level, &mut self.packed)?;
        let from = self.part.len();
        PageHeader { holds, bytes: self.page.len(), packed: self.packed.len(), count }.write(&mut self.part);
        let bytes = self.part.len() - from + self.page.len();
        self.part.extend_from_slice(&self.packed);
        Ok(bytes)
    }
}

fn bloom(leaf: &Leaf, rows: usize, false_positives: f64) -> Option<Result<Sbbf, ParquetError>> {
    let ids = leaf.integers()?;
    Some(Sbbf::new_with_ndv_fpp(rows as u64, false_positives).map(|mut filter| {
        ids.iter().for_each(|id| filter.insert(id));
        filter
    }))
}

#[cfg(test)]
pub(super) mod tests;
