//! Thrift's compact protocol, as far as the footers of files need it. A field of a structure is one byte, the distance to
//! the field before it and its type, and then the value; a zero ends the structure.
//!
//! What is read must be as it is written here: `None` for anything else.

use super::varint;

/// The type of a field, or of what a list holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A field that is true is no more than its type.
    True = 1,
    /// As well a field that is false; in lists, both.
    False = 2,
    I16 = 4,
    I32 = 5,
    I64 = 6,
    Bytes = 8,
    List = 9,
    Structure = 12,
}

/// Ends a structure.
pub(super) const END: u8 = 0;

/// So many elements of a list are told in the byte of their type.
const SHORT: usize = 14;

/// What begins a field.
pub(super) const fn field(distance: u8, kind: Kind) -> u8 {
    distance << 4 | kind as u8
}

/// A field that is true or false.
pub(super) const fn truth(distance: u8, is_true: bool) -> u8 {
    field(distance, if is_true { Kind::True } else { Kind::False })
}

/// Appends a field with a number. Short ones at once: byte by byte it takes three times the instructions.
pub(super) fn write_field(field: u8, number: usize, out: &mut Vec<u8>) {
    // Zigzag, as all numbers of the protocol.
    let number = (number as u64) << 1;
    let more = |shift: u32| (number >> shift) as u8 | 0x80;
    match number {
        ..0x80 => out.extend_from_slice(&[field, number as u8]),
        0x80..0x4000 => out.extend_from_slice(&[field, more(0), (number >> 7) as u8]),
        0x4000..0x20_0000 => out.extend_from_slice(&[field, more(0), more(7), (number >> 14) as u8]),
        _ => {
            out.push(field);
            varint::write(number, out);
        }
    }
}

/// Appends a number as one in a list.
pub(super) fn write_number(number: usize, out: &mut Vec<u8>) {
    varint::write((number as u64) << 1, out);
}

/// Appends bytes behind their count.
pub(super) fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    varint::write(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Appends a field with a list, of which the elements must follow.
pub(super) fn write_list(field: u8, kind: Kind, count: usize, out: &mut Vec<u8>) {
    if count <= SHORT {
        out.extend_from_slice(&[field, self::field(count as u8, kind)]);
    } else {
        out.extend_from_slice(&[field, self::field(SHORT as u8 + 1, kind)]);
        varint::write(count as u64, out);
    }
}

/// Takes just these bytes from the front.
pub(super) fn take(expected: &[u8], bytes: &mut &[u8]) -> Option<()> {
    *bytes = bytes.strip_prefix(expected)?;
    Some(())
}

/// Takes a byte if it is this one; gives whether it was.
pub(super) fn take_if(expected: u8, bytes: &mut &[u8]) -> bool {
    match bytes {
        [first, rest @ ..] if *first == expected => {
            *bytes = rest;
            true
        }
        _ => false,
    }
}

/// Takes just this byte.
pub(super) fn take_byte(expected: u8, bytes: &mut &[u8]) -> Option<()> {
    take_if(expected, bytes).then_some(())
}

/// Takes a field that is true or false.
pub(super) fn read_truth(distance: u8, bytes: &mut &[u8]) -> Option<bool> {
    let is_true = take_if(truth(distance, true), bytes);
    (is_true || take_if(truth(distance, false), bytes)).then_some(is_true)
}

/// Takes a field with a number that is not negative.
pub(super) fn read_field(field: u8, bytes: &mut &[u8]) -> Option<usize> {
    take_byte(field, bytes)?;
    read_number(bytes)
}

/// Takes a number that is not negative.
pub(super) fn read_number(bytes: &mut &[u8]) -> Option<usize> {
    let number = match bytes {
        // Nearly all numbers are short.
        [low @ ..0x80, rest @ ..] => {
            let number = u64::from(*low);
            *bytes = rest;
            number
        }
        [low, high @ ..0x80, rest @ ..] => {
            let number = u64::from(*low & 0x7f) | u64::from(*high) << 7;
            *bytes = rest;
            number
        }
        [low, middle, high @ ..0x80, rest @ ..] => {
            let number = u64::from(*low & 0x7f) | u64::from(*middle & 0x7f) << 7 | u64::from(*high) << 14;
            *bytes = rest;
            number
        }
        _ => varint::read(bytes)?,
    };
    (number & 1 == 0).then(|| usize::try_from(number >> 1).ok())?
}

/// Takes bytes that stand behind their count.
pub(super) fn read_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let count = varint::read(bytes)?;
    bytes.split_off(..usize::try_from(count).ok()?)
}

/// Takes a field with a list, but not its elements; gives how many follow.
pub(super) fn read_list(field: u8, kind: Kind, bytes: &mut &[u8]) -> Option<usize> {
    take_byte(field, bytes)?;
    let byte = *bytes.split_off_first()?;
    (byte & 0xf == kind as u8).then_some(())?;
    match usize::from(byte >> 4) {
        count @ ..=SHORT => Some(count),
        _ => usize::try_from(varint::read(bytes)?).ok().filter(|count| *count > SHORT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(
            number in prop_oneof![0usize..300, 0usize..3 << 20, 0..usize::MAX / 2], count in 0usize..40, text in "\\PC{0,200}", is_true: bool,
        ) {
            let mut out = Vec::new();
            write_field(field(3, Kind::I64), number, &mut out);
            write_list(field(1, Kind::List), Kind::Structure, count, &mut out);
            write_bytes(text.as_bytes(), &mut out);
            out.push(truth(2, is_true));
            let read = |bytes: &mut &[u8]| {
                let number = read_field(field(3, Kind::I64), bytes)?;
                let count = read_list(field(1, Kind::List), Kind::Structure, bytes)?;
                Some((number, count, read_bytes(bytes)?.to_vec(), read_truth(2, bytes)?))
            };
            for end in 0..out.len() {
                prop_assert_eq!(read(&mut &out[..end]), None);
            }
            out.push(7);
            let mut rest = out.as_slice();
            prop_assert_eq!(read(&mut rest), Some((number, count, text.into_bytes(), is_true)));
            prop_assert_eq!(rest, [7].as_slice());
        }
    }
}
