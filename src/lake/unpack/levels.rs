//! The levels of a page: which of its places have a value, and where among the stored ones that is.

use arrow::array::BooleanBufferBuilder;

use super::super::varint;

/// One small number for each place on a page.
pub(super) enum Levels<'a> {
    Run(u8),
    /// Packed from the lowest bit on.
    Packed {
        bits: &'a [u8],
        width: usize,
    },
}

impl<'a> Levels<'a> {
    /// Takes levels from the front of a page: one run, or all of them packed.
    pub(super) fn read(page: &mut &'a [u8], count: usize, width: usize) -> Option<Self> {
        let (length, rest) = page.split_first_chunk()?;
        *page = rest;
        let mut bits = page.split_off(..u32::from_le_bytes(*length) as usize)?;
        let header = varint::read(&mut bits)?;
        let told = usize::try_from(header >> 1).ok()?;
        if header & 1 == 0 {
            let [level] = bits else { return None };
            return (told == count && usize::from(*level) < 1 << width).then_some(Self::Run(*level));
        }
        let whole = told == count.div_ceil(8) && bits.len() == told.checked_mul(width)?;
        whole.then_some(Self::Packed { bits, width })
    }

    /// The level of a place on the page.
    pub(super) fn get(&self, at: usize) -> u8 {
        match self {
            Self::Run(level) => *level,
            Self::Packed { bits, width } => {
                let bit = at * width;
                bits.get(bit / 8).map_or(0, |byte| byte >> (bit % 8)) & ((1 << width) - 1)
            }
        }
    }

    /// Appends levels of 0 and 1 as bits.
    pub(super) fn append_to(&self, count: usize, out: &mut BooleanBufferBuilder) -> Option<()> {
        match self {
            Self::Run(level) => out.append_n(count, *level == 1),
            Self::Packed { bits, .. } => {
                (bits.len() * 8 >= count).then(|| out.append_packed_range(0..count, bits))?;
            }
        }
        Some(())
    }

    /// How many of the places from `from` to `to` have level 1, where levels are 0 and 1.
    fn ones(&self, from: usize, to: usize) -> usize {
        match self {
            Self::Run(level) => {
                if *level == 1 {
                    to - from
                } else {
                    0
                }
            }
            Self::Packed { .. } => {
                let next = from.next_multiple_of(8).min(to);
                let last = (to - to % 8).max(next);
                let edges = (from..next).chain(last..to).filter(|at| self.get(*at) == 1).count();
                edges + self.bytes(next / 8, last / 8).map(|byte| byte.count_ones() as usize).sum::<usize>()
            }
        }
    }

    fn bytes(&self, from: usize, to: usize) -> impl Iterator<Item = &u8> {
        let bits = match self {
            Self::Run(_) => &[],
            Self::Packed { bits, .. } => *bits,
        };
        bits.get(from..to).unwrap_or_default().iter()
    }

    /// How many values are stored for `count` places.
    pub(super) fn stored(&self, count: usize) -> usize {
        self.ones(0, count)
    }

    /// Of each place the number of its value among the stored ones; `None` for one without a value.
    pub(super) fn numbers(&self, count: usize) -> impl Iterator<Item = Option<usize>> {
        let mut next = 0;
        (0..count).map(move |at| {
            let is_there = self.get(at) == 1;
            next += usize::from(is_there);
            is_there.then(|| next - 1)
        })
    }

    /// The same of some places, which ascend.
    pub(super) fn numbers_of(
        &self,
        places: impl Iterator<Item = usize>,
    ) -> impl Iterator<Item = Option<usize>> {
        let (mut seen, mut before) = (0, 0);
        places.map(move |at| {
            before += self.ones(seen, at);
            seen = at;
            (self.get(at) == 1).then_some(before)
        })
    }
}
