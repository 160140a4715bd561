//! What all small files of one form say alike, encoded once: encoding the schema for each file costs as much as its rows.

use parquet::{
    basic::Type,
    errors::ParquetError,
    file::{
        metadata::{KeyValue, SortingColumn},
        properties::WriterPropertiesPtr,
        writer::SerializedFileWriter,
    },
    schema::types::{ColumnDescriptor, SchemaDescriptor},
};

use super::{
    super::{
        page_header::Holds,
        thrift::{END, Kind, field, truth, write_bytes, write_field, write_list, write_number},
    },
    GROUPS, LENGTH_BYTES, MAGIC, PAIRS, ROWS,
};
use crate::batch::ID;

const PLAIN: usize = 0;
const RLE: usize = 3;
const DIFFERENCES: usize = 5;
const NUMBERS: usize = 8;
const ZSTD: usize = 6;

/// The parts of a footer that do not differ from file to file.
#[derive(Debug)]
pub struct Frame {
    /// The format's version, and the schema.
    pub(super) beginning: Vec<u8>,
    pub heads: Vec<Head>,
    /// Of the row group, between its number of rows and its size: what it is sorted by, and where it begins.
    pub(super) group: Vec<u8>,
    /// The pairs that every file has, and their number.
    pub(super) pairs: (usize, Vec<u8>),
    /// Who has written it, and how its columns are ordered.
    pub(super) end: Vec<u8>,
}

/// What is told of a column first.
#[derive(Debug)]
pub struct Head {
    /// Of one whose pages hold values as they are, differences, and numbers of distinct values.
    plain: Vec<u8>,
    differences: Vec<u8>,
    distinct: Vec<u8>,
    pub(super) of: Type,
    pub(super) is_list: bool,
    pub is_id: bool,
}

impl Frame {
    /// Of files with these columns and properties. Schema and order of columns are as the library tells them of a file
    /// without rows.
    pub fn new(
        descriptor: &SchemaDescriptor,
        properties: &WriterPropertiesPtr,
    ) -> Result<Self, ParquetError> {
        let mut empty = Vec::new();
        SerializedFileWriter::new(&mut empty, descriptor.root_schema_ptr(), properties.clone())?.finish()?;
        let told = properties.key_value_metadata().map_or(&[][..], Vec::as_slice);
        let mut pairs = Vec::new();
        told.iter().for_each(|pair| write_pair(pair, &mut pairs));
        let mut known = Vec::new();
        write_field(ROWS, 0, &mut known);
        write_list(GROUPS, Kind::Structure, 0, &mut known);
        write_list(PAIRS, Kind::Structure, told.len(), &mut known);
        known.extend_from_slice(&pairs);
        let footer = empty.get(MAGIC.len()..empty.len().saturating_sub(LENGTH_BYTES + MAGIC.len()));
        let (beginning, end) = footer.and_then(|footer| around(&known, footer)).ok_or_else(|| {
            ParquetError::General("the library tells a file without rows in another way".to_owned())
        })?;
        let (beginning, end) = (beginning.to_vec(), end.to_vec());
        let heads = descriptor.columns().iter().map(|column| Head::new(column)).collect();
        let group = group(properties.sorting_columns().map_or(&[][..], Vec::as_slice));
        Ok(Self { beginning, heads, group, pairs: (told.len(), pairs), end })
    }
}

/// What stands before and behind some bytes.
fn around<'a>(part: &[u8], whole: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = whole.windows(part.len()).position(|window| window == part)?;
    Some((whole.get(..at)?, whole.get(at + part.len()..)?))
}

impl Head {
    fn new(column: &ColumnDescriptor) -> Self {
        let head = |encodings: &[usize]| {
            let mut out = Vec::new();
            // A place that readers are to leave alone, and the structure that tells the rest.
            write_field(field(2, Kind::I64), 0, &mut out);
            out.push(field(1, Kind::Structure));
            write_field(field(1, Kind::I32), column.physical_type() as usize, &mut out);
            write_list(field(1, Kind::List), Kind::I32, encodings.len(), &mut out);
            encodings.iter().for_each(|encoding| write_number(*encoding, &mut out));
            let path = column.path().parts();
            write_list(field(1, Kind::List), Kind::Bytes, path.len(), &mut out);
            path.iter().for_each(|part| write_bytes(part.as_bytes(), &mut out));
            write_field(field(1, Kind::I32), ZSTD, &mut out);
            out
        };
        Self {
            plain: head(&[PLAIN, RLE]),
            differences: head(&[RLE, DIFFERENCES]),
            distinct: head(&[PLAIN, RLE, NUMBERS]),
            of: column.physical_type(),
            is_list: column.max_rep_level() > 0,
            is_id: column.path().parts() == [ID],
        }
    }

    /// What is told of a column with such pages.
    pub(super) fn of_pages(&self, holds: Holds) -> &[u8] {
        match holds {
            Holds::Values => &self.plain,
            Holds::Differences => &self.differences,
            Holds::Numbers | Holds::Distinct => &self.distinct,
        }
    }
}

fn group(sorted: &[SortingColumn]) -> Vec<u8> {
    let mut out = Vec::new();
    if !sorted.is_empty() {
        write_list(field(1, Kind::List), Kind::Structure, sorted.len(), &mut out);
        for by in sorted {
            write_field(field(1, Kind::I32), by.column_idx.max(0) as usize, &mut out);
            out.extend_from_slice(&[truth(1, by.descending), truth(1, by.nulls_first), END]);
        }
    }
    write_field(field(if sorted.is_empty() { 2 } else { 1 }, Kind::I64), MAGIC.len(), &mut out);
    out
}

/// Appends a pair of the file's metadata.
fn write_pair(pair: &KeyValue, out: &mut Vec<u8>) {
    out.push(field(1, Kind::Bytes));
    write_bytes(pair.key.as_bytes(), out);
    if let Some(value) = &pair.value {
        out.push(field(1, Kind::Bytes));
        write_bytes(value.as_bytes(), out);
    }
    out.push(END);
}
