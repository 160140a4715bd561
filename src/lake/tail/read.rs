//! The end of a small file, read back: only of a file in which all is exactly as it is written here, by this version of
//! the program and under this schema. `None` for any other; whoever wants to know what is wrong asks the library.

use std::ops::Range;

use super::{
    super::thrift::{END, Kind, read_bytes, read_field, read_list, take, take_byte},
    CHUNKS, Chunk, FIRST_GROUP, Frame, GROUP_BYTES, GROUP_ROWS, GROUP_STORED, GROUPS, Head, KEY,
    LENGTH_BYTES, MAGIC, PAIRS, ROWS, VALUE, bounds_index,
    chunk::{self, Besides},
    places,
};

/// What a file says of itself.
#[derive(Debug, PartialEq)]
pub struct Told<'a> {
    pub rows: usize,
    pub columns: Vec<Stored<'a>>,
    /// The bytes under a key of the metadata.
    pub trailer: Option<&'a [u8]>,
}

/// A column as it is stored in a file.
#[derive(Debug, PartialEq)]
pub struct Stored<'a> {
    pub chunk: Chunk,
    pub pages: &'a [u8],
    pub nulls: usize,
    /// As they stand in the file.
    pub(super) statistics: &'a [u8],
    pub(super) bounds: &'a [u8],
    pub(super) places: &'a [u8],
}

/// What a whole file of rows says of itself; `key` is that of its trailer.
pub fn read<'a>(file: &'a [u8], frame: &Frame, key: &str) -> Option<Told<'a>> {
    let mut before = file.strip_prefix(&MAGIC)?.strip_suffix(&MAGIC)?;
    let length = before.split_off(before.len().checked_sub(LENGTH_BYTES)?..)?;
    let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
    let mut footer = before.split_off(before.len().checked_sub(length)?..)?;
    let (rows, chunks) = read_group(frame, &mut footer)?;
    let trailer = read_pairs(frame, key, &mut footer)?;
    (footer == frame.end).then_some(())?;

    // All parts lie one behind the other: columns, the filter of ids, the trailer, indexes of bounds, indexes of places.
    let mut end = MAGIC.len();
    for (chunk, _) in &chunks {
        end = follow(end, &chunk.place)?;
    }
    for ((_, told), head) in chunks.iter().zip(&frame.heads) {
        if let Some(filter) = &told.filter {
            head.is_id.then_some(())?;
            end = follow(end, filter)?;
        }
    }
    let indexes = chunks.first()?.1.bounds.start;
    let trailer = match trailer {
        Some(place) => Some((place == end).then(|| file.get(end..indexes))??),
        None => (indexes == end).then_some(None)?,
    };
    let end = chunks.iter().try_fold(indexes, |end, (_, told)| follow(end, &told.bounds))?;
    let end = chunks.iter().try_fold(end, |end, (_, told)| follow(end, &told.places))?;
    (end == MAGIC.len() + before.len()).then_some(())?;

    let column = |(chunk, told): (Chunk, Besides<'a>), head| stored(file, rows, chunk, told, head);
    let columns = chunks.into_iter().zip(&frame.heads).map(|(told, head)| column(told, head));
    Some(Told { rows, columns: columns.collect::<Option<_>>()?, trailer })
}

/// Where a part ends that begins at `end`.
fn follow(end: usize, part: &Range<usize>) -> Option<usize> {
    (part.start == end).then_some(part.end)
}

/// Takes the number of rows and what is told of the columns, up to the pairs.
fn read_group<'a>(frame: &Frame, bytes: &mut &'a [u8]) -> Option<(usize, Vec<(Chunk, Besides<'a>)>)> {
    take(&frame.beginning, bytes)?;
    let rows = read_field(ROWS, bytes)?;
    (read_list(GROUPS, Kind::Structure, bytes)? == 1).then_some(())?;
    (read_list(CHUNKS, Kind::Structure, bytes)? == frame.heads.len()).then_some(())?;
    let mut chunks = Vec::with_capacity(frame.heads.len());
    let (mut whole, mut stored) = (0_usize, 0_usize);
    for head in &frame.heads {
        let (chunk, besides) = chunk::read(head, bytes)?;
        whole = whole.checked_add(chunk.bytes)?;
        stored = stored.checked_add(chunk.place.len())?;
        chunks.push((chunk, besides));
    }
    (read_field(GROUP_BYTES, bytes)? == whole && read_field(GROUP_ROWS, bytes)? == rows).then_some(())?;
    take(&frame.group, bytes)?;
    (read_field(GROUP_STORED, bytes)? == stored).then_some(())?;
    take(&FIRST_GROUP, bytes)?;
    Some((rows, chunks))
}

/// Takes the pairs of the metadata; gives where the trailer begins, if it is told.
fn read_pairs(frame: &Frame, key: &str, bytes: &mut &[u8]) -> Option<Option<usize>> {
    let (count, pairs) = &frame.pairs;
    let more = read_list(PAIRS, Kind::Structure, bytes)?.checked_sub(*count)?;
    take(pairs, bytes)?;
    if more == 0 {
        return Some(None);
    }
    take_byte(KEY, bytes)?;
    (more == 1 && read_bytes(bytes)? == key.as_bytes()).then_some(())?;
    take_byte(VALUE, bytes)?;
    let place = std::str::from_utf8(read_bytes(bytes)?).ok()?.parse().ok()?;
    take_byte(END, bytes)?;
    Some(Some(place))
}

fn stored<'a>(
    file: &'a [u8],
    rows: usize,
    chunk: Chunk,
    told: Besides<'a>,
    head: &Head,
) -> Option<Stored<'a>> {
    let (bounds, places) = (file.get(told.bounds)?, file.get(told.places)?);
    let first = chunk.place.start.checked_add(chunk.distinct)?;
    let mut rest = places;
    let pages = places::read(&(first..chunk.place.end), rows, &mut rest)?;
    let mut more = bounds;
    let nulls = bounds_index::read(head.of, pages, &mut more)?;
    let is_whole = rest.is_empty() && more.is_empty() && nulls == told.nulls;
    let has_levels = if head.is_list { chunk.levels >= rows } else { chunk.levels == rows };
    (is_whole && has_levels && nulls <= chunk.levels).then_some(())?;
    let pages = file.get(chunk.place.clone())?;
    Some(Stored { chunk, pages, nulls, statistics: told.statistics, bounds, places })
}
