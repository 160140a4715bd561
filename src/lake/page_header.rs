//! The header of a page, version 1, in Thrift's compact protocol: each field is the distance to the one before it and
//! its type in one byte, then the value; a zero ends a structure.

use super::varint;

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

const INTEGER: u8 = 5;
const STRUCTURE: u8 = 12;
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
        let field = |value: usize, out: &mut Vec<u8>| {
            out.push(1 << 4 | INTEGER);
            // Zigzag, as all integers of the protocol.
            varint::write((value as u64) << 1, out);
        };
        let (kind, distance, encodings) = self.holds.told();
        for value in [kind, self.bytes, self.packed] {
            field(value, out);
        }
        out.push(distance << 4 | STRUCTURE);
        field(self.count, out);
        encodings.iter().for_each(|encoding| field(*encoding, out));
        out.extend([0, 0]);
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
        fn field(bytes: &mut &[u8]) -> Option<usize> {
            let value = (*bytes.split_off_first()? == 1 << 4 | INTEGER).then(|| varint::read(bytes))??;
            (value & 1 == 0).then(|| usize::try_from(value >> 1).ok())?
        }
        let (kind, distance, encodings) = holds.told();
        (field(bytes)? == kind).then_some(())?;
        let (whole, packed) = (field(bytes)?, field(bytes)?);
        (*bytes.split_off_first()? == distance << 4 | STRUCTURE).then_some(())?;
        let count = field(bytes)?;
        for encoding in encodings {
            (field(bytes)? == *encoding).then_some(())?;
        }
        (bytes.split_off(..2)? == [0, 0]).then_some(Self { holds, bytes: whole, packed, count })
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
