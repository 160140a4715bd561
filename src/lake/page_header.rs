//! The header of a data page, version 1, of plain values, in Thrift's compact protocol: each field is the distance to the
//! one before it and its type in one byte, then the value; a zero ends a structure.

/// What a header tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PageHeader {
    /// Of the page, before compression.
    pub(super) bytes: usize,
    /// Of the page, as it is stored.
    pub(super) packed: usize,
    pub(super) levels: usize,
}

const INTEGER: u8 = 5;
const STRUCTURE: u8 = 12;
const PLAIN: usize = 0;
const RLE: usize = 3;
const DATA_PAGE: usize = 0;
/// The encodings of values and of both kinds of levels.
const ENCODINGS: [usize; 3] = [PLAIN, RLE, RLE];
/// The distance from the size to the structure that tells of data pages.
const TO_DATA_PAGE: u8 = 2;

impl PageHeader {
    pub(super) fn write(self, out: &mut Vec<u8>) {
        let field = |value: usize, out: &mut Vec<u8>| {
            out.push(1 << 4 | INTEGER);
            // Zigzag, as all integers of the protocol.
            write_varint((value as u64) << 1, out);
        };
        for value in [DATA_PAGE, self.bytes, self.packed] {
            field(value, out);
        }
        out.push(TO_DATA_PAGE << 4 | STRUCTURE);
        for value in [self.levels].into_iter().chain(ENCODINGS) {
            field(value, out);
        }
        out.extend([0, 0]);
    }

    /// Takes a header from the front of `bytes`; `None` where anything else stands there.
    pub(super) fn read(bytes: &mut &[u8]) -> Option<Self> {
        fn field(bytes: &mut &[u8]) -> Option<usize> {
            let value = (*bytes.split_off_first()? == 1 << 4 | INTEGER).then(|| read_varint(bytes))??;
            (value & 1 == 0).then(|| usize::try_from(value >> 1).ok())?
        }
        let kind = field(bytes)?;
        let header = Self { bytes: field(bytes)?, packed: field(bytes)?, levels: 0 };
        let is_structure = *bytes.split_off_first()? == TO_DATA_PAGE << 4 | STRUCTURE;
        let levels = field(bytes)?;
        let encodings = [field(bytes)?, field(bytes)?, field(bytes)?];
        let ends = bytes.split_off(..2)? == [0, 0];
        (kind == DATA_PAGE && is_structure && encodings == ENCODINGS && ends)
            .then_some(Self { levels, ..header })
    }
}

/// Seven bits a byte, the lowest first.
pub(super) fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes such a number from the front of `bytes`.
pub(super) fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = *bytes.split_off_first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_header_reads_as_it_was_written(bytes in 0usize..1 << 40, packed in 0usize..1 << 40, levels in 0usize..1 << 30) {
            let header = PageHeader { bytes, packed, levels };
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
