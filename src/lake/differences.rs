//! Whole numbers as the differences between neighbours: Parquet's DELTA_BINARY_PACKED. Times of neighbouring tickets, their
//! people and groups are near each other, so that a day's numbers take less than Zstandard makes of them, in a tenth of
//! its time.

use super::varint;

/// Differences that share a least one.
const BLOCK: usize = 128;
const PARTS: usize = 4;
/// Differences that share a width.
const PART: usize = BLOCK / PARTS;
/// Room that is made on the mere word of a page.
const MOST_AT_ONCE: usize = 4096;

/// Appends numbers: how they are cut into blocks, how many there are and the first; then for each block the least
/// difference, the bits that a part's differences take above it, and these.
pub(super) fn write(numbers: &[i64], out: &mut Vec<u8>) {
    for value in [BLOCK, PARTS, numbers.len()] {
        varint::write(value as u64, out);
    }
    let (first, rest) = numbers.split_first().unwrap_or((&0, &[]));
    varint::write(zigzag(*first), out);
    let mut before = *first;
    let mut block = [0; BLOCK];
    for numbers in rest.chunks(BLOCK) {
        let mut least = i64::MAX;
        for (slot, number) in block.iter_mut().zip(numbers) {
            *slot = number.wrapping_sub(before);
            least = least.min(*slot);
            before = *number;
        }
        write_block(&mut block, numbers.len(), least, out);
    }
}

fn write_block(block: &mut [i64; BLOCK], held: usize, least: i64, out: &mut Vec<u8>) {
    varint::write(zigzag(least), out);
    let widths = out.len();
    out.resize(widths + PARTS, 0);
    // Whatever is left of the block before would widen a part.
    block.iter_mut().skip(held).for_each(|difference| *difference = least);
    for (at, part) in block.as_chunks::<PART>().0.iter().enumerate().take(held.div_ceil(PART)) {
        let above = part.map(|difference| difference.wrapping_sub(least).cast_unsigned());
        let width = u64::BITS - above.iter().fold(0, |all, above| all | above).leading_zeros();
        if let Some(told) = out.get_mut(widths + at) {
            *told = width as u8;
        }
        write_bits(&above, width, out);
    }
}

/// Appends numbers of `width` bits, from the lowest bit on. A part of them fills whole bytes.
fn write_bits(numbers: &[u64; PART], width: u32, out: &mut Vec<u8>) {
    let (mut bits, mut filled) = (0_u128, 0);
    for number in numbers {
        bits |= u128::from(*number) << filled;
        filled += width;
        if filled >= 64 {
            out.extend_from_slice(&(bits as u64).to_le_bytes());
            (bits, filled) = (bits >> 64, filled - 64);
        }
    }
    out.extend_from_slice(bits.to_le_bytes().get(..filled as usize / 8).unwrap_or_default());
}

/// Reads `count` numbers that [`write`] wrote; `None` where anything else stands there.
pub(super) fn read(mut bytes: &[u8], count: usize) -> Option<Vec<i64>> {
    for told in [BLOCK, PARTS, count] {
        (varint::read(&mut bytes)? == told as u64).then_some(())?;
    }
    let mut number = unzigzag(varint::read(&mut bytes)?);
    let mut numbers = Vec::with_capacity(count.min(MOST_AT_ONCE));
    if count > 0 {
        numbers.push(number);
    }
    while numbers.len() < count {
        let least = unzigzag(varint::read(&mut bytes)?);
        let widths = bytes.split_off(..PARTS)?;
        for width in widths {
            let left = count - numbers.len();
            if left == 0 {
                (*width == 0).then_some(())?;
                continue;
            }
            let width = u32::from(*width);
            (width <= u64::BITS).then_some(())?;
            let packed = bytes.split_off(..width as usize * PART / 8)?;
            for above in bits(packed, width).into_iter().take(left) {
                number = number.wrapping_add(least.wrapping_add(above.cast_signed()));
                numbers.push(number);
            }
        }
    }
    bytes.is_empty().then_some(numbers)
}

/// The numbers of a part, each of `width` bits from the lowest bit on.
fn bits(packed: &[u8], width: u32) -> [u64; PART] {
    // Each number lies within the sixteen bytes from its first one on.
    let mut padded = [0; PART * 8 + 16];
    padded.iter_mut().zip(packed).for_each(|(to, from)| *to = *from);
    let mask = u64::MAX.checked_shr(u64::BITS - width).unwrap_or(0);
    std::array::from_fn(|at| {
        let bit = at * width as usize;
        let window = padded.get(bit / 8..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default();
        (u128::from_le_bytes(window) >> (bit % 8)) as u64 & mask
    })
}

/// Small numbers of both signs as small numbers.
fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// What the library's reader makes of the bytes is tested with whole files.
        #[test]
        fn numbers_come_back_and_nothing_else_does(
            numbers in prop_oneof![
                prop::collection::vec(any::<i64>(), 0..300),
                prop::collection::vec(1_700_000_000_000_000..1_700_086_400_000_000_i64, 0..300),
                prop::collection::vec(-3..3_i64, 0..300),
                (0..300_usize).prop_map(|count| vec![7; count]),
            ],
            at: prop::sample::Index,
        ) {
            let mut written = Vec::new();
            write(&numbers, &mut written);
            prop_assert_eq!(read(&written, numbers.len()), Some(numbers.clone()));
            prop_assert_eq!(read(&written, numbers.len() + 1), None);
            prop_assert_eq!(read(&written[..at.index(written.len())], numbers.len()), None);
            written.push(0);
            prop_assert_eq!(read(&written, numbers.len()), None);
        }
    }
}
