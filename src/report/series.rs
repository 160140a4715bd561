//! Days put together for a chart: the smallest unit of time that fits, without holes.

use jiff::{ToSpan, civil::Date};
use serde::Serialize;

/// What one point of a chart stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    Day,
    /// From Monday on.
    Week,
    Month,
    Year,
}

impl Unit {
    const ALL: [Self; 4] = [Self::Day, Self::Week, Self::Month, Self::Year];

    /// The first day of the unit that a day lies in.
    fn begin(self, day: Date) -> Date {
        match self {
            Self::Day => day,
            Self::Week => {
                let since_monday = i64::from(day.weekday().to_monday_zero_offset());
                day.checked_sub(since_monday.days()).unwrap_or(day)
            }
            Self::Month => day.first_of_month(),
            Self::Year => day.first_of_year(),
        }
    }

    /// `None` at the end of the calendar.
    fn next(self, begin: Date) -> Option<Date> {
        let step = match self {
            Self::Day => 1.day(),
            Self::Week => 1.week(),
            Self::Month => 1.month(),
            Self::Year => 1.year(),
        };
        begin.checked_add(step).ok()
    }

    /// The beginnings of the units from the one of `first` to the one of `last`; `None` if they are more than `most`.
    fn begins(self, first: Date, last: Date, most: usize) -> Option<Vec<Date>> {
        let all = std::iter::successors(Some(self.begin(first)), |begin| self.next(*begin));
        let begins: Vec<Date> = all.take_while(|begin| *begin <= last).take(most + 1).collect();
        (begins.len() <= most).then_some(begins)
    }
}

/// Points of equal width in time, the first days of their units.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Series {
    pub unit: Unit,
    pub begins: Vec<Date>,
    pub values: Vec<u64>,
    /// Whether the last unit is not over on the day up to which is known.
    pub unfinished: bool,
}

/// How days become one point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// Their sum; a day without a value is 0.
    Sum,
    /// The last of them; a unit without a value has that of the one before it.
    Last,
}

/// At most `most` points for days in ascending order. Where even years are too many, the first days are left out.
pub fn series(days: &[(Date, u64)], joined: Joined, most: usize, as_of: Date) -> Series {
    let (Some((first, _)), Some((last, _))) = (days.first(), days.last()) else {
        return Series { unit: Unit::Day, begins: Vec::new(), values: Vec::new(), unfinished: false };
    };
    let fits = |unit: Unit| Some((unit, unit.begins(*first, *last, most)?));
    let (unit, begins) = Unit::ALL.into_iter().find_map(fits).unwrap_or_else(|| {
        let years = i64::try_from(most).unwrap_or(i64::MAX).saturating_sub(1).clamp(0, 9000);
        let first = Unit::Year.begin(*last).checked_sub(years.years()).unwrap_or(*last);
        (Unit::Year, Unit::Year.begins(first, *last, most).unwrap_or_default())
    });
    let mut values = vec![None; begins.len()];
    let mut before = 0;
    for (day, value) in days {
        let begin = unit.begin(*day);
        let Some(place) = begins.binary_search(&begin).ok().and_then(|place| values.get_mut(place)) else {
            before = *value;
            continue;
        };
        *place = match joined {
            Joined::Sum => Some(place.unwrap_or_default() + value),
            Joined::Last => Some(*value),
        };
    }
    let mut last = before;
    let filled = values.into_iter().map(|value| match joined {
        Joined::Sum => value.unwrap_or_default(),
        Joined::Last => {
            last = value.unwrap_or(last);
            last
        }
    });
    let unfinished = begins.last().is_some_and(|begin| unit.next(*begin).is_none_or(|next| as_of < next));
    Series { unit, values: filled.collect(), begins, unfinished }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;
    use proptest::prelude::*;

    use super::*;

    fn series(days: &[(Date, u64)], joined: Joined, most: usize) -> Series {
        super::series(days, joined, most, date(2024, 3, 10))
    }

    #[test]
    fn the_smallest_unit_that_fits() {
        let days = [(date(2024, 1, 30), 1), (date(2024, 2, 2), 2), (date(2024, 3, 5), 4)];
        let of = |most| series(&days, Joined::Sum, most);
        assert_eq!((of(36).unit, of(36).values.len()), (Unit::Day, 36));
        assert_eq!((of(35).unit, of(35).values), (Unit::Week, vec![3, 0, 0, 0, 0, 4]));
        assert_eq!((of(3).unit, of(3).values), (Unit::Month, vec![1, 2, 4]));
        assert_eq!((of(1).unit, of(1).values), (Unit::Year, vec![7]));
        assert_eq!(series(&days, Joined::Last, 6).values, [2, 2, 2, 2, 2, 4]);
        let unfinished =
            [35, 36].map(|most| super::series(&days, Joined::Sum, most, date(2024, 3, 8)).unfinished);
        assert_eq!((unfinished, of(35).unfinished, of(3).unfinished), ([true, false], true, true));
        assert!(series(&[], Joined::Sum, 10).values.is_empty());
    }

    #[test]
    fn a_day_ages_ago_does_not_make_a_thousand_points() {
        let days = [(date(1000, 1, 1), 5), (date(2024, 2, 2), 2)];
        let last = series(&days, Joined::Last, 3);
        assert_eq!((last.unit, last.begins[0], last.values), (Unit::Year, date(2022, 1, 1), vec![5, 5, 2]));
        let end = [(date(-9999, 1, 1), 1), (date(9999, 12, 31), 1)];
        assert_eq!(series(&end, Joined::Sum, 5).values, [0, 0, 0, 0, 1]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(offsets in prop::collection::btree_map(0_i64..900, 1_u64..9, 1..30), most in 4_usize..80) {
            let days: Vec<_> = offsets.iter().map(|(day, n)| (date(2023, 1, 1).checked_add(day.days()).unwrap(), *n)).collect();
            let sum = series(&days, Joined::Sum, most);
            prop_assert!(sum.values.len() <= most);
            prop_assert_eq!(sum.values.iter().sum::<u64>(), offsets.values().sum::<u64>());
            let last = series(&days, Joined::Last, most);
            prop_assert_eq!(last.values.last(), offsets.values().last());
        }
    }
}
