//! Distinct texts, and the numbers that stand for them, as `distinct` writes them.

use super::varint;

/// The distinct texts of a column.
pub(super) struct Distinct {
    bytes: Vec<u8>,
    /// Where each begins and ends.
    places: Vec<(usize, usize)>,
}

impl Distinct {
    /// Takes in a page of `count` texts; `None` where it does not hold just these.
    pub(super) fn read(page: &[u8], count: usize) -> Option<Self> {
        let (mut rest, mut places) = (page, Vec::new());
        for _ in 0..count {
            let text = take_text(&mut rest)?;
            let end = page.len() - rest.len();
            places.push((end - text.len(), end));
        }
        rest.is_empty().then(|| Self { bytes: page.to_vec(), places })
    }

    /// The bytes of a text.
    pub(super) fn get(&self, number: usize) -> Option<&[u8]> {
        let (start, end) = *self.places.get(number)?;
        self.bytes.get(start..end)
    }
}

/// Takes a text that stands behind its length from the front of a page.
pub(super) fn take_text<'a>(page: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, behind) = page.split_first_chunk()?;
    let (text, rest) = behind.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *page = rest;
    Some(text)
}

/// Numbers of texts: the same for all, or packed from the lowest bit on.
pub(super) struct Numbers<'a> {
    width: usize,
    /// How many there are; of packed ones there may be up to seven more, which mean nothing.
    count: usize,
    packed: Option<&'a [u8]>,
}

impl<'a> Numbers<'a> {
    /// Takes in the rest of a page; `None` where something else stands there.
    pub(super) fn read(mut stored: &'a [u8]) -> Option<Self> {
        let width = usize::from(*stored.split_off_first()?);
        let header = varint::read(&mut stored)?;
        let told = usize::try_from(header >> 1).ok()?;
        if header & 1 == 0 {
            return (width == 1 && stored == [0]).then_some(Self { width, count: told, packed: None });
        }
        let fits = (1..=16).contains(&width) && told.checked_mul(width)? == stored.len();
        fits.then_some(Self { width, count: told.checked_mul(8)?, packed: Some(stored) })
    }

    pub(super) fn get(&self, at: usize) -> Option<usize> {
        if at >= self.count {
            return None;
        }
        let Some(packed) = self.packed else { return Some(0) };
        let bit = at * self.width;
        let window = packed.get(bit / 8..)?;
        let bits = window.iter().take(3).rev().fold(0, |bits, byte| bits << 8 | usize::from(*byte));
        Some(bits >> (bit % 8) & ((1 << self.width) - 1))
    }

    /// Whether there are just so many.
    pub(super) fn are(&self, count: usize) -> bool {
        match self.packed {
            None => self.count == count,
            Some(_) => self.count == count.next_multiple_of(8),
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::StringArray;
    use proptest::prelude::*;

    use super::{super::distinct, *};

    proptest! {
        #[test]
        fn numbers_stand_for_the_texts_they_were_made_of(
            kinds in 1usize..600, rows in prop::collection::vec(prop::option::of(0usize..600), 0..1500),
        ) {
            let text = |row: &usize| format!("a text of some length {}", row % kinds);
            let texts: Vec<Option<String>> = rows.iter().map(|row| row.as_ref().map(text)).collect();
            let column = StringArray::from(texts.clone());
            if let Some(made) = distinct::Distinct::of(&column) {
                let (mut page, mut stored) = (Vec::new(), Vec::new());
                made.write_texts(&mut page);
                made.write_numbers(&mut stored);
                let (texts_read, numbers) = (Distinct::read(&page, made.len()).unwrap(), Numbers::read(&stored).unwrap());
                let present: Vec<&str> = texts.iter().flatten().map(String::as_str).collect();
                prop_assert!(numbers.are(present.len()));
                prop_assert!(Distinct::read(&page, made.len() + 1).is_none());
                for (at, text) in present.iter().enumerate() {
                    prop_assert_eq!(texts_read.get(numbers.get(at).unwrap()).unwrap(), text.as_bytes());
                }
            }
        }
    }

    #[test]
    fn what_repeats_is_stored_once_and_what_does_not_is_not() {
        let few: StringArray = (0..2_000).map(|row| Some(format!("label {}", row % 7))).collect();
        assert_eq!(distinct::Distinct::of(&few).unwrap().len(), 7);
        let all: StringArray = (0..2_000).map(|row| Some(format!("subject {row}"))).collect();
        assert!(distinct::Distinct::of(&all).is_none());
        let short: StringArray = (0..20).map(|_| Some("label")).collect();
        assert!(distinct::Distinct::of(&short).is_none());
    }
}
