//! What the footer says of a column: where its pages and its indexes are, and what they hold.

use std::ops::Range;

use super::{
    super::{
        page_header::Holds,
        thrift::{END, Kind, field, read_field, read_number, take, take_byte, take_if, write_field},
    },
    frame::Head,
    statistics,
};

/// Levels, bytes before compression and bytes as stored, and where the first page of rows is.
const LEVELS: u8 = field(1, Kind::I64);
const BYTES: u8 = field(1, Kind::I64);
const STORED: u8 = field(1, Kind::I64);
const ROWS: u8 = field(2, Kind::I64);
/// Where the page of distinct values is; the statistics follow that, or the first page of rows.
const DISTINCT: u8 = field(2, Kind::I64);
const STATISTICS_OF_DISTINCT: u8 = field(1, Kind::Structure);
const STATISTICS: u8 = field(3, Kind::Structure);
const FILTER: u8 = field(2, Kind::I64);
const FILTER_BYTES: u8 = field(1, Kind::I32);
/// Where each index is, and its size: first that of places, then that of bounds.
const INDEX: u8 = field(1, Kind::I64);
const INDEX_BYTES: u8 = field(1, Kind::I32);

/// The pages of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Where they are in the file.
    pub place: Range<usize>,
    /// What those with rows hold.
    pub holds: Holds,
    /// Bytes before the first page of rows: of the page of distinct values, where there is one.
    pub distinct: usize,
    /// Values, and what stands in their place.
    pub levels: usize,
    /// Before compression.
    pub bytes: usize,
}

/// What the file of a column says of it besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Besides<'a> {
    /// The statistics as they are stored.
    pub(super) statistics: &'a [u8],
    pub(super) nulls: usize,
    pub(super) filter: Option<Range<usize>>,
    pub(super) places: Range<usize>,
    pub(super) bounds: Range<usize>,
}

/// Appends what is told of a column up to its statistics, which must follow.
pub(super) fn write_beginning(head: &Head, chunk: &Chunk, out: &mut Vec<u8>) {
    let Chunk { place, holds, distinct, levels, bytes } = chunk;
    out.extend_from_slice(head.of_pages(*holds));
    write_field(LEVELS, *levels, out);
    write_field(BYTES, *bytes, out);
    write_field(STORED, place.len(), out);
    write_field(ROWS, place.start + distinct, out);
    if *distinct > 0 {
        write_field(DISTINCT, place.start, out);
        out.push(STATISTICS_OF_DISTINCT);
    } else {
        out.push(STATISTICS);
    }
}

/// Appends what is told of a column behind its statistics: where its filter is, and its indexes of places and of bounds.
pub(super) fn write_end(
    filter: Option<&Range<usize>>,
    places: Range<usize>,
    bounds: Range<usize>,
    out: &mut Vec<u8>,
) {
    if let Some(filter) = filter {
        write_field(FILTER, filter.start, out);
        write_field(FILTER_BYTES, filter.len(), out);
    }
    out.push(END);
    for index in [places, bounds] {
        write_field(INDEX, index.start, out);
        write_field(INDEX_BYTES, index.len(), out);
    }
    out.push(END);
}

/// Takes what is told of a column with this head.
pub(super) fn read<'a>(head: &Head, bytes: &mut &'a [u8]) -> Option<(Chunk, Besides<'a>)> {
    let holds = [Holds::Values, Holds::Differences, Holds::Numbers];
    let holds = holds.into_iter().find(|holds| take(head.of_pages(*holds), bytes).is_some())?;
    let has_distinct = holds == Holds::Numbers;
    let (levels, whole) = (read_field(LEVELS, bytes)?, read_field(BYTES, bytes)?);
    let (stored, rows) = (read_field(STORED, bytes)?, read_field(ROWS, bytes)?);
    let start = if has_distinct { read_field(DISTINCT, bytes)? } else { rows };
    let distinct = rows.checked_sub(start)?;
    ((distinct > 0) == has_distinct).then_some(())?;
    take_byte(if has_distinct { STATISTICS_OF_DISTINCT } else { STATISTICS }, bytes)?;
    let all = *bytes;
    let nulls = statistics::read(head.of, bytes)?;
    let statistics = all.get(..all.len() - bytes.len())?;
    let range = |start: usize, length: usize| Some(start..start.checked_add(length)?);
    let filter = match take_if(FILTER, bytes) {
        true => Some(range(read_number(bytes)?, read_field(FILTER_BYTES, bytes)?)?),
        false => None,
    };
    take_byte(END, bytes)?;
    let mut index = || range(read_field(INDEX, bytes)?, read_field(INDEX_BYTES, bytes)?);
    let (places, bounds) = (index()?, index()?);
    take_byte(END, bytes)?;
    let chunk = Chunk { place: range(start, stored)?, holds, distinct, levels, bytes: whole };
    Some((chunk, Besides { statistics, nulls, filter, places, bounds }))
}
