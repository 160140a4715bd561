//! The distinct texts of a column: where they are few they are stored once, and each row holds the number of its own.

use arrow::array::{Array, StringArray};

use super::{bounds::Bounds, varint};

/// Columns of fewer bytes are left as they are: a second page costs more.
const LEAST_BYTES: usize = 512;
/// More distinct texts are no repetition.
const MOST: usize = 1024;
/// Whether the first quarter of the texts repeats tells whether the others are looked at; no fewer and no more of them.
const FIRST: [usize; 2] = [64, 256];

/// Places for the numbers of texts, by their hashes: twice as many as may be needed.
const MOST_SLOTS: usize = 2 * MOST;
const EMPTY: u16 = u16::MAX;

/// A column's texts, each once, and their numbers.
pub(super) struct Distinct<'a> {
    texts: Vec<&'a str>,
    /// Of each value that is there.
    numbers: Vec<u16>,
}

impl<'a> Distinct<'a> {
    /// The distinct ones of some texts; `None` if they take more than half of what all of them take.
    pub(super) fn of(column: &'a StringArray) -> Option<Self> {
        let present = column.len() - column.null_count();
        let offsets = column.value_offsets();
        let bytes = (offsets.last()? - offsets.first()?) as usize + 4 * present;
        if bytes < LEAST_BYTES {
            return None;
        }
        let mut distinct = Self { texts: Vec::new(), numbers: Vec::with_capacity(present) };
        let mut slots = vec![EMPTY; (2 * present).next_power_of_two().min(MOST_SLOTS)];
        let mut held = 0;
        let first = (present / 4).clamp(FIRST[0], FIRST[1]);
        for text in column.iter().flatten() {
            let number = distinct.find(text, &mut slots);
            if usize::from(number) == distinct.texts.len() {
                distinct.texts.push(text);
                held += text.len() + 4;
            }
            distinct.numbers.push(number);
            let begins_mixed = distinct.numbers.len() == first && distinct.texts.len() > first * 7 / 8;
            if begins_mixed || distinct.texts.len() > MOST || 2 * held > bytes {
                return None;
            }
        }
        Some(distinct)
    }

    /// The number of a text, or the next one for a text that is new.
    fn find(&self, text: &str, slots: &mut [u16]) -> u16 {
        let mut slot = slot(text.as_bytes(), slots.len());
        loop {
            let number = slots[slot];
            if number == EMPTY {
                slots[slot] = self.texts.len() as u16;
                return slots[slot];
            }
            if self.texts[usize::from(number)] == text {
                return number;
            }
            slot = (slot + 1) % slots.len();
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    pub(super) fn bounds(&self) -> Bounds {
        let pair = self.texts.iter().min().zip(self.texts.iter().max());
        Bounds::Text(pair.map(|(low, high)| ((*low).to_owned(), (*high).to_owned())))
    }

    /// Appends the texts, each behind its length.
    pub(super) fn write_texts(&self, out: &mut Vec<u8>) {
        self.texts.iter().for_each(|text| write_text(text, out));
    }

    /// Appends how many bits a number has, and the numbers: one run, or all of them packed from the lowest bit on.
    pub(super) fn write_numbers(&self, out: &mut Vec<u8>) {
        let width = width(self.texts.len());
        out.push(width as u8);
        if self.texts.len() == 1 {
            varint::write((self.numbers.len() as u64) << 1, out);
            out.push(0);
            return;
        }
        write_packed(&self.numbers, width, out);
    }
}

/// Appends numbers of `width` bits, packed from the lowest bit on, behind their count in groups of eight.
pub(super) fn write_packed<T: Copy + Into<u64>>(numbers: &[T], width: usize, out: &mut Vec<u8>) {
    let groups = numbers.len().div_ceil(8);
    varint::write((groups << 1 | 1) as u64, out);
    let end = out.len() + groups * width;
    let (mut bits, mut filled) = (0_u64, 0);
    for number in numbers {
        bits |= (*number).into() << filled;
        filled += width;
        while filled >= 8 {
            out.push(bits as u8);
            (bits, filled) = (bits >> 8, filled - 8);
        }
    }
    out.push(bits as u8);
    out.resize(end, 0);
}

/// Appends a text as a page holds it: behind its length.
pub(super) fn write_text(text: &str, out: &mut Vec<u8>) {
    out.extend((text.len() as u32).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// Where among `slots`, a power of two, a text is looked for first: by its length and its ends. Labels hardly agree in all.
fn slot(text: &[u8], slots: usize) -> usize {
    let mut ends = [0; 8];
    match (text.first_chunk::<4>(), text.last_chunk::<4>()) {
        (Some(first), Some(last)) => ends.as_chunks_mut().0.copy_from_slice(&[*first, *last]),
        _ => ends.iter_mut().zip(text).for_each(|(to, from)| *to = *from),
    }
    // The odd number of Fibonacci hashing: 2^64 over the golden ratio.
    let mixed = (u64::from_le_bytes(ends) ^ text.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as usize & (slots - 1)
}

/// Bits of the numbers of so many texts.
fn width(texts: usize) -> usize {
    (usize::BITS - texts.saturating_sub(1).leading_zeros()).max(1) as usize
}
