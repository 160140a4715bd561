//! How far an object or a list reaches, by its brackets and quotes alone: 64 bytes at a time, a bit for each.
//!
//! A page's tickets are cut apart before anything is read of them, so each byte of a run passes here.

use wide::u8x16;

const BLOCK: usize = 64;

/// Where bytes of some kinds stand in a block, its first byte in the lowest bit.
#[derive(Default)]
struct Marks {
    quotes: u64,
    backslashes: u64,
    opening: u64,
    closing: u64,
}

/// What a block leaves to the next one.
#[derive(Default)]
struct State {
    /// Whether the first byte is escaped by the last one of the block before.
    escaped: bool,
    /// All bits, inside a string; otherwise none.
    in_string: u64,
    depth: u32,
}

/// The offset behind an object or a list that begins at `start`; `None` if it does not end in the text.
pub(super) fn end_of(text: &str, start: usize) -> Option<usize> {
    let mut state = State::default();
    let mut at = start;
    for block in text.as_bytes().get(start..)?.chunks(BLOCK) {
        if let Some(end) = state.pass(&marks(block)) {
            return Some(at + end);
        }
        at += BLOCK;
    }
    None
}

fn marks(block: &[u8]) -> Marks {
    // What is missing of a last block is no mark.
    let mut whole = [0; BLOCK];
    let block: &[u8; BLOCK] = block.try_into().unwrap_or_else(|_| {
        whole[..block.len()].copy_from_slice(block);
        &whole
    });
    let mut marks = Marks::default();
    for (number, bytes) in block.as_chunks().0.iter().enumerate() {
        let bytes = u8x16::new(*bytes);
        // One bit apart: `[` and `{`, `]` and `}`.
        let brackets = bytes | u8x16::splat(0x20);
        let bits = |of: u8x16, byte| u64::from(of.simd_eq(u8x16::splat(byte)).to_bitmask()) << (16 * number);
        marks.quotes |= bits(bytes, b'"');
        marks.backslashes |= bits(bytes, b'\\');
        marks.opening |= bits(brackets, b'{');
        marks.closing |= bits(brackets, b'}');
    }
    marks
}

impl State {
    /// Passes over a block; gives the bytes up to the end of the whole, where it lies in this block.
    fn pass(&mut self, marks: &Marks) -> Option<usize> {
        let quotes = marks.quotes & !self.escapes(marks.backslashes);
        let strings = odd_before_or_at(quotes) ^ self.in_string;
        self.in_string = if strings >> (BLOCK - 1) == 1 { u64::MAX } else { 0 };
        let (mut opening, mut closing) = (marks.opening & !strings, marks.closing & !strings);
        if opening | closing == 0 {
            return None;
        }
        if closing.count_ones() < self.depth {
            self.depth = self.depth + opening.count_ones() - closing.count_ones();
            return None;
        }
        while closing > 0 {
            let end = closing.trailing_zeros();
            let before = opening & ((1 << end) - 1);
            self.depth = (self.depth + before.count_ones()).saturating_sub(1);
            if self.depth == 0 {
                return Some(end as usize + 1);
            }
            opening &= !before;
            closing &= closing - 1;
        }
        self.depth += opening.count_ones();
        None
    }

    /// The bytes that a backslash takes its meaning from: every second one of those that follow each other.
    fn escapes(&mut self, backslashes: u64) -> u64 {
        const EVEN: u64 = u64::MAX / 3;
        if backslashes == 0 {
            return u64::from(std::mem::take(&mut self.escaped));
        }
        let first = u64::from(self.escaped);
        let backslashes = backslashes & !first;
        let behind = backslashes << 1 | first;
        // Adding a run's first bit carries through it: the runs that begin at odd places end one bit further.
        let odd_starts = backslashes & !EVEN & !behind;
        let (carried, overflow) = odd_starts.overflowing_add(backslashes);
        self.escaped = overflow;
        (EVEN ^ carried << 1) & behind
    }
}

/// For each bit whether an odd number of bits is set up to it, itself among them.
fn odd_before_or_at(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Byte by byte.
    fn slowly(text: &str, start: usize) -> Option<usize> {
        let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
        for (at, byte) in text.bytes().enumerate().skip(start) {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = !in_string,
                b'{' | b'[' if !in_string => depth += 1,
                b'}' | b']' if !in_string => {
                    depth -= 1;
                    if depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// Backslashes stand in strings only, or what follows would not be an object.
        #[test]
        fn blocks_find_what_single_bytes_find(
            before in 0..70_usize,
            inside in "([\\[\\]{}:,1 ]|\"([\\[\\]{}中a]|\\\\[\"\\\\n]|\\\\{2}){0,40}\"){0,30}",
            behind in "[\\[\\]{}\"]{0,70}",
        ) {
            let text = format!("{}[{inside}]{behind}", " ".repeat(before));
            prop_assert_eq!(end_of(&text, before), slowly(&text, before));
        }
    }
}
