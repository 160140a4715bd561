//! The index of places: where each page of a column is, and which row it begins with.

use std::ops::Range;

use super::{
    super::thrift::{END, Kind, field, read_field, read_list, take_byte, write_field, write_list},
    Page,
};

const PAGES: u8 = field(1, Kind::List);
const START: u8 = field(1, Kind::I64);
const SIZE: u8 = field(1, Kind::I32);
const FIRST_ROW: u8 = field(1, Kind::I64);

/// Appends the places of these pages.
pub(super) fn write(pages: &[Page], out: &mut Vec<u8>) {
    write_list(PAGES, Kind::Structure, pages.len(), out);
    pages.iter().for_each(|page| write_one(&page.place, page.first_row, out));
    out.push(END);
}

/// Takes the places of pages that lie one behind the other in `within`, and of which each holds some of `rows` rows;
/// gives how many there are.
pub(super) fn read(within: &Range<usize>, rows: usize, bytes: &mut &[u8]) -> Option<usize> {
    let (mut end, mut next) = (within.start, 0);
    let pages = each(bytes, |place, first_row| {
        // The first page begins with the first row, each other one later than the one before it.
        let follows = place.start == end && (first_row == 0) == (next == 0);
        (follows && (next..rows).contains(&first_row)).then_some(())?;
        (end, next) = (place.end, first_row + 1);
        Some(())
    })?;
    (end == within.end).then_some(pages)
}

/// Appends places from another file, where the column begins at `from`, as they are where it begins at `to`; `None` if
/// these are none.
pub(super) fn write_moved(mut places: &[u8], from: usize, to: usize, out: &mut Vec<u8>) -> Option<()> {
    let mut pages = places;
    write_list(PAGES, Kind::Structure, read_list(PAGES, Kind::Structure, &mut pages)?, out);
    let moved = |at: usize| (at + to).checked_sub(from);
    each(&mut places, |place, first_row| {
        write_one(&(moved(place.start)?..moved(place.end)?), first_row, out);
        Some(())
    })?;
    out.push(END);
    Some(())
}

fn write_one(place: &Range<usize>, first_row: usize, out: &mut Vec<u8>) {
    write_field(START, place.start, out);
    write_field(SIZE, place.len(), out);
    write_field(FIRST_ROW, first_row, out);
    out.push(END);
}

/// Takes one page after the other; gives how many there are.
fn each(bytes: &mut &[u8], mut page: impl FnMut(Range<usize>, usize) -> Option<()>) -> Option<usize> {
    let pages = read_list(PAGES, Kind::Structure, bytes)?;
    for _ in 0..pages {
        let (start, size) = (read_field(START, bytes)?, read_field(SIZE, bytes)?);
        page(start..start.checked_add(size)?, read_field(FIRST_ROW, bytes)?)?;
        take_byte(END, bytes)?;
    }
    take_byte(END, bytes)?;
    Some(pages)
}
