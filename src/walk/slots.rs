//! Which page of which size goes on from a row: pages of one size never overlap, pages of two sizes do.

/// A page number and the page size that goes with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    pub page: u32,
    pub per_page: u32,
}

impl Slot {
    /// The place of the page's first row in the list.
    pub fn start(&self) -> u64 {
        (u64::from(self.page) - 1) * u64::from(self.per_page)
    }

    /// The place after the page's last row.
    pub fn end(&self) -> u64 {
        u64::from(self.page) * u64::from(self.per_page)
    }
}

/// The page of at most `size` rows, not behind the `deepest`, that holds the row at `offset` and reaches farthest beyond it.
pub fn reaching(offset: u64, size: u32, deepest: Option<u32>) -> Option<Slot> {
    let smallest = (size / 2).max(1);
    (smallest..=size.max(1))
        .filter_map(|per_page| {
            let page = u32::try_from(offset / u64::from(per_page) + 1).ok()?;
            Some(Slot { page, per_page })
        })
        .filter(|slot| deepest.is_none_or(|deepest| slot.page <= deepest))
        .max_by_key(|slot| (slot.end(), slot.per_page))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_page_holds_the_row(offset in 0u64..10_000_000, size in 1u32..=100) {
            let slot = reaching(offset, size, None).unwrap();
            prop_assert!(slot.start() <= offset && offset < slot.end() && slot.per_page <= size);
        }
    }

    #[test]
    fn behind_the_deepest_page_there_is_none() {
        assert_eq!(reaching(950, 100, Some(10)), Some(Slot { page: 10, per_page: 100 }));
        assert_eq!(reaching(1_000, 100, Some(10)), None);
    }

    #[test]
    fn overlapping_costs_little() {
        let (mut offset, mut requests) = (0, 0);
        while offset < 100_000 {
            offset = reaching(u64::saturating_sub(offset, 1), 100, None).unwrap().end();
            requests += 1;
        }
        assert!(requests <= 1_150, "{requests}");
    }
}
