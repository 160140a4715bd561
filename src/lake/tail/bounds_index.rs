//! The index of a column's bounds: what each of its pages holds, so that a reader may leave pages out.

use parquet::basic::Type;

use super::{
    super::{
        bounds::Bounds,
        thrift::{
            END, Kind, field, read_bytes, read_field, read_list, read_number, take_byte, write_field,
            write_list, write_number,
        },
    },
    Page,
    statistics::width,
};

const LIST: u8 = field(1, Kind::List);
const ORDER: u8 = field(1, Kind::I32);
/// How many values are no numbers: behind histograms that no file of ours has.
const NANS: u8 = field(3, Kind::List);
/// Truths in a list.
const TRUTHS: Kind = Kind::False;
const UNORDERED: usize = 0;
const ASCENDING: usize = 1;

/// Appends the index of these pages; texts are cut to about `most` bytes.
pub(super) fn write(pages: &[Page], most: usize, out: &mut Vec<u8>) {
    let list = |kind: Kind, out: &mut Vec<u8>| write_list(LIST, kind, pages.len(), out);
    list(TRUTHS, out);
    out.extend(pages.iter().map(|page| in_list(page.bounds.is_empty())));
    list(Kind::Bytes, out);
    pages.iter().for_each(|page| _ = page.bounds.write_low(most, out));
    list(Kind::Bytes, out);
    pages.iter().for_each(|page| _ = page.bounds.write_high(most, out));
    write_field(ORDER, order(pages.len()), out);
    list(Kind::I64, out);
    pages.iter().for_each(|page| write_number(page.nulls, out));
    if matches!(pages, [Page { bounds: Bounds::Double(_), .. }, ..]) {
        write_list(NANS, Kind::I64, pages.len(), out);
        // Decimal numbers of a lake are finite.
        pages.iter().for_each(|_| write_number(0, out));
    }
    out.push(END);
}

/// Takes the index of a column of this type and so many pages; gives how many values are missing on all of them.
pub(super) fn read(of: Type, pages: usize, bytes: &mut &[u8]) -> Option<usize> {
    let list =
        |field: u8, kind: Kind, bytes: &mut &[u8]| (read_list(field, kind, bytes)? == pages).then_some(());
    list(LIST, TRUTHS, bytes)?;
    let are_empty = bytes.split_off(..pages)?;
    let is_truth = |truth: &u8| *truth == in_list(true) || *truth == in_list(false);
    are_empty.iter().all(is_truth).then_some(())?;
    for _bound in 0..2 {
        list(LIST, Kind::Bytes, bytes)?;
        for is_empty in are_empty {
            let bound = read_bytes(bytes)?;
            let wanted = if *is_empty == in_list(true) { Some(0) } else { width(of) };
            wanted.is_none_or(|width| bound.len() == width).then_some(())?;
        }
    }
    (read_field(ORDER, bytes)? == order(pages)).then_some(())?;
    list(LIST, Kind::I64, bytes)?;
    let nulls = (0..pages).try_fold(0_usize, |nulls, _| nulls.checked_add(read_number(bytes)?))?;
    if of == Type::DOUBLE {
        list(NANS, Kind::I64, bytes)?;
        (0..pages).try_for_each(|_| (read_number(bytes)? == 0).then_some(()))?;
    }
    take_byte(END, bytes)?;
    Some(nulls)
}

/// A truth as it stands in a list.
fn in_list(is_true: bool) -> u8 {
    if is_true { Kind::True as u8 } else { Kind::False as u8 }
}

/// Of one page there is nothing that could be out of order.
fn order(pages: usize) -> usize {
    if pages == 1 { ASCENDING } else { UNORDERED }
}
