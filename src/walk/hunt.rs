//! Where a stretch of the list goes on, when the page that was asked for showed other rows: the list has shifted since its offsets were true.
//!
//! Steps that double find a row before the place and one behind it; between the two the search halves.

/// What the answers that missed told, offset by offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hunt {
    /// Answers in a row that did not carry the stretch on.
    pub misses: u32,
    /// Of these, those that held its end, and at most one place after it.
    pub stuck: u32,
    /// Rows before this offset lie before the place that is looked for.
    low: Option<u64>,
    /// Rows from this offset on lie after it.
    high: Option<u64>,
    /// The offset that the next page must hold; `None` before the first miss.
    pub aim: Option<u64>,
}

/// Which rows an answer showed in place of those that were looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Miss {
    /// Rows before the place; the offset after the last of them.
    Before(u64),
    /// Rows after the place, or none; the offset of the first.
    After(u64),
    /// The end of the stretch and nothing more, or rows that all share one place; the offset after the end.
    Stuck(u64),
}

impl Hunt {
    /// Notes an answer that missed, and aims anew. The next page reaches at least about `reach` rows beyond the offset that it must hold.
    pub fn miss(&mut self, miss: Miss, reach: u64) {
        self.misses += 1;
        match miss {
            Miss::Before(offset) => {
                self.low = self.low.max(Some(offset));
                // The list moved again: what was seen earlier is no longer so.
                self.high = self.high.filter(|high| self.low.is_some_and(|low| low < *high));
            }
            Miss::After(offset) => {
                self.high = Some(self.high.map_or(offset, |high| high.min(offset)));
                self.low = self.low.filter(|low| self.high.is_some_and(|high| *low < high));
            }
            Miss::Stuck(offset) => {
                self.stuck += 1;
                (self.low, self.high) = (Some(offset), Some(offset));
            }
        }
        let step = reach.max(1) << (self.misses - 1).min(30);
        // The row before the place joins the page to what is known.
        let joined = |low: u64| low.saturating_sub(1);
        self.aim = Some(match (self.low, self.high) {
            (Some(low), Some(high)) if high > low + reach => {
                (low + (high - low) / 2).saturating_sub(reach).max(joined(low))
            }
            (Some(low), Some(_)) => joined(low),
            (Some(low), None) => low.saturating_add(step - reach.max(1)),
            (None, Some(high)) => high.saturating_sub(step + reach),
            (None, None) => 0,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_shift_is_found_in_few_steps(place in 0u64..2_000_000, guess in 0u64..2_000_000, reach in 1u64..50) {
            let (mut hunt, mut at) = (Hunt::default(), guess);
            // The row before the place and the one after it are in one page.
            while !(at < place && place < at + reach + 1 || at == 0 && place == 0) {
                let miss = if at < place { Miss::Before(at + reach + 1) } else { Miss::After(at) };
                hunt.miss(if hunt.stuck == 0 && at + reach + 1 == place { Miss::Stuck(place) } else { miss }, reach);
                at = hunt.aim.unwrap_or_default();
                prop_assert!(hunt.misses <= 48, "{hunt:?}");
            }
        }
    }

    #[test]
    fn a_small_shift_takes_one_step() {
        let mut hunt = Hunt::default();
        hunt.miss(Miss::After(500), 50);
        assert_eq!(hunt.aim, Some(400));
        let mut hunt = Hunt::default();
        hunt.miss(Miss::Before(500), 50);
        assert_eq!(hunt.aim, Some(500));
        hunt.miss(Miss::After(510), 50);
        assert_eq!(hunt.aim, Some(499));
    }
}
