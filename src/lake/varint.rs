//! Numbers in as few bytes as they need, as Parquet and Thrift write lengths, counts and runs.

/// Appends a number: seven bits a byte, the lowest first; the highest bit says that another byte follows.
pub(super) fn write(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes such a number from the front of `bytes`; `None` where it does not end, or is larger than 64 bits.
pub(super) fn read(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let byte = *bytes.split_off_first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return (shift + 7 < u64::BITS || byte <= 1).then_some(value);
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
        fn a_number_comes_back_and_takes_no_more(value: u64, shift in 0..u64::BITS, behind: u8) {
            let value = value >> shift;
            let mut written = Vec::new();
            write(value, &mut written);
            prop_assert_eq!(read(&mut &written[..written.len() - 1]), None);
            written.push(behind);
            let mut rest = written.as_slice();
            prop_assert_eq!(read(&mut rest), Some(value));
            prop_assert_eq!(rest, &[behind]);
        }
    }

    #[test]
    fn numbers_of_more_than_64_bits_are_none() {
        let most = [[0xff; 9].as_slice(), &[1]].concat();
        assert_eq!(read(&mut most.as_slice()), Some(u64::MAX));
        let more = [[0xff; 9].as_slice(), &[2]].concat();
        assert_eq!(read(&mut more.as_slice()), None);
        assert_eq!(read(&mut [0xff; 11].as_slice()), None);
    }
}
