//! The header of a page, version 1, in Thrift's compact protocol.

use super::thrift::{END, Kind, field, read_field, take_byte, write_field};

/// What a header tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageHeader {
    pub(super) holds: Holds,
    /// Of the page, before compression.
    pub(super) bytes: usize,
    /// Of the page, as it is stored.
    pub(super) packed: usize,
    /// Of rows: levels. Of distinct values: how many there are.
    pub(super) count: usize,
}

/// What stands on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// The distinct values of a column, plain.
    Distinct,
    /// Rows: levels, then plain values.
    Values,
    /// Rows: levels, then the differences between whole numbers.
    Differences,
    /// Rows: levels, then numbers of distinct values.
    Numbers,
}

/// A number behind its neighbour.
const NEXT: u8 = field(1, Kind::I32);

const PLAIN: usize = 0;
const RLE: usize = 3;
const DIFFERENCES: usize = 5;
const NUMBERS: usize = 8;
const DATA_PAGE: usize = 0;
const DICTIONARY_PAGE: usize = 2;

impl Holds {
    /// The type of the page, the distance from its size to the structure that tells more, and the encodings told there: of
    /// values, and of both kinds of levels.
    fn told(self) -> (usize, u8, &'static [usize]) {
        match self {
            Holds::Distinct => (DICTIONARY_PAGE, 4, &[PLAIN]),
            Holds::Values => (DATA_PAGE, 2, &[PLAIN, RLE, RLE]),
            Holds::Differences => (DATA_PAGE, 2, &[DIFFERENCES, RLE, RLE]),
            Holds::Numbers => (DATA_PAGE, 2, &[NUMBERS, RLE, RLE]),
        }
    }
}

impl PageHeader {
    pub(super) fn write(self, out: &mut Vec<u8>) {
        let (kind, distance, encodings) = self.holds.told();
        for value in [kind, self.bytes, self.packed] {
            write_field(NEXT, value, out);
        }
        out.push(field(distance, Kind::Structure));
        write_field(NEXT, self.count, out);
        encodings.iter().for_each(|encoding| write_field(NEXT, *encoding, out));
        out.extend([END, END]);
    }

    /// Takes a header from the front of `bytes`; `None` where anything else stands there.
    pub(super) fn read(bytes: &mut &[u8]) -> Option<Self> {
        let all = *bytes;
        [Holds::Values, Holds::Differences, Holds::Numbers, Holds::Distinct].into_iter().find_map(|holds| {
            *bytes = all;
            Self::read_as(holds, bytes)
        })
    }

    fn read_as(holds: Holds, bytes: &mut &[u8]) -> Option<Self> {
        let (kind, distance, encodings) = holds.told();
        (read_field(NEXT, bytes)? == kind).then_some(())?;
        let (whole, packed) = (read_field(NEXT, bytes)?, read_field(NEXT, bytes)?);
        take_byte(field(distance, Kind::Structure), bytes)?;
        let count = read_field(NEXT, bytes)?;
        for encoding in encodings {
            (read_field(NEXT, bytes)? == *encoding).then_some(())?;
        }
        take_byte(END, bytes)?;
        take_byte(END, bytes)?;
        Some(Self { holds, bytes: whole, packed, count })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_header_reads_as_it_was_written(
            bytes in 0usize..1 << 40, packed in 0usize..1 << 40, count in 0usize..1 << 30,
            holds in prop_oneof![Just(Holds::Distinct), Just(Holds::Values), Just(Holds::Differences), Just(Holds::Numbers)],
        ) {
            let header = PageHeader { holds, bytes, packed, count };
            let mut written = Vec::new();
            header.write(&mut written);
            for end in 0..written.len() {
                prop_assert_eq!(PageHeader::read(&mut &written[..end]), None);
            }
            written.push(7);
            let mut rest = written.as_slice();
            prop_assert_eq!(PageHeader::read(&mut rest), Some(header));
            prop_assert_eq!(rest, [7].as_slice());
        }
    }
}
