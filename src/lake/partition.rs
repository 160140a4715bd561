//! Which partition a row lies in: the calendar date, or month, of its creation in the lake's zone.

use std::{collections::HashMap, fmt, ops::Range};

use arrow::array::RecordBatch;
use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::{
    batch::{BatchError, instants_of, interleave},
    config::PartitionBy as Cut,
};

const CREATED_AT: &str = "created_at";
/// What Hive, and so every reader, calls the partition of rows without a value.
const DEFAULT: &str = "__HIVE_DEFAULT_PARTITION__";
const MICROS_PER_DAY: i64 = 86_400_000_000;
const EPOCH: Date = Date::constant(1970, 1, 1);

/// One partition of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PartitionKey {
    /// Rows whose time of creation is not known, in a lake cut this way.
    Default(Cut),
    /// A month, by its first date.
    Month(Date),
    Day(Date),
}

impl Cut {
    /// The name of the partition column.
    pub(super) fn column(self) -> &'static str {
        match self {
            Self::Day => "created_date",
            Self::Month => "created_month",
        }
    }
}

impl PartitionKey {
    pub fn cut(self) -> Cut {
        match self {
            Self::Default(cut) => cut,
            Self::Month(_) => Cut::Month,
            Self::Day(_) => Cut::Day,
        }
    }

    /// The folder's name, such as `created_date=2024-01-05`.
    pub fn folder(self) -> String {
        format!("{}={self}", self.cut().column())
    }

    /// The partition of a folder's name, or `None` for a name that no partition has.
    pub fn parse(folder: &str) -> Option<Self> {
        let (column, value) = folder.split_once('=')?;
        let cut = [Cut::Day, Cut::Month].into_iter().find(|cut| cut.column() == column)?;
        let key = match (cut, value) {
            (_, DEFAULT) => Self::Default(cut),
            (Cut::Day, _) => Self::Day(value.parse().ok()?),
            (Cut::Month, _) => Self::Month(format!("{value}-01").parse().ok()?),
        };
        // Only the one spelling that we write: a date can be told in several.
        (key.folder() == folder).then_some(key)
    }

    fn of(cut: Cut, date: Date) -> Self {
        match cut {
            Cut::Day => Self::Day(date),
            Cut::Month => Self::Month(date.first_of_month()),
        }
    }

    /// The first date of the partition and of the next one; `None` for tickets of unknown creation.
    pub fn dates(self) -> Option<(Date, Date)> {
        match self {
            Self::Default(_) => None,
            Self::Day(date) => Some((date, date.tomorrow().ok()?)),
            Self::Month(first) => Some((first, first.last_of_month().tomorrow().ok()?)),
        }
    }
}

/// As the folder's name.
impl Serialize for PartitionKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.folder())
    }
}

impl<'de> Deserialize<'de> for PartitionKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let folder = String::deserialize(deserializer)?;
        Self::parse(&folder).ok_or_else(|| D::Error::custom(format!("`{folder}` is not a partition")))
    }
}

impl fmt::Display for PartitionKey {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Default(_) => out.write_str(DEFAULT),
            Self::Month(first) => write!(out, "{:04}-{:02}", first.year(), first.month()),
            Self::Day(date) => write!(out, "{date}"),
        }
    }
}

/// Tells partitions in one zone. Remembers the partition of the last date.
#[derive(Debug, Clone)]
pub struct Calendar {
    zone: TimeZone,
    cut: Cut,
    last: (i64, PartitionKey),
}

impl Calendar {
    pub fn new(zone: TimeZone, cut: Cut) -> Self {
        Self { zone, cut, last: (i64::MIN, PartitionKey::Default(cut)) }
    }

    /// The partition of an instant, in microseconds since the epoch.
    pub fn key(&mut self, micros: Option<i64>) -> PartitionKey {
        let Some(day) = micros.and_then(|micros| self.day(micros)) else {
            return PartitionKey::Default(self.cut);
        };
        if day != self.last.0 {
            let date = Span::new().try_days(day).and_then(|span| EPOCH.checked_add(span));
            let Ok(date) = date else { return PartitionKey::Default(self.cut) };
            self.last = (day, PartitionKey::of(self.cut, date));
        }
        self.last.1
    }

    /// The date of an instant in the zone, in days since the epoch.
    fn day(&self, micros: i64) -> Option<i64> {
        // jiff has no timestamp for the last 26 hours of the year 9999. No zone changes its clocks in them.
        let last = Timestamp::MAX.as_second() * 1_000_000;
        let instant = Timestamp::from_microsecond(micros.min(last)).ok()?;
        let offset = i64::from(self.zone.to_offset(instant).seconds()) * 1_000_000;
        Some(micros.saturating_add(offset).div_euclid(MICROS_PER_DAY))
    }

    /// The instants of a partition, in microseconds since the epoch: the first one, and the first one after it.
    /// `None` for the default partition.
    pub fn span(&self, key: PartitionKey) -> Option<Range<i64>> {
        let (first, next) = key.dates()?;
        Some(self.start_of(first)?..self.start_of(next)?)
    }

    /// Whether a partition begins at this Unix second.
    pub fn starts_partition(&self, second: i64) -> bool {
        let Some(micros) = second.checked_mul(1_000_000) else { return false };
        let key = self.clone().key(Some(micros));
        self.span(key).is_some_and(|span| span.start == micros)
    }

    fn start_of(&self, date: Date) -> Option<i64> {
        let start = date.to_zoned(self.zone.clone()).ok()?;
        Some(start.timestamp().as_microsecond())
    }
}

/// Cuts batches of one schema by the partition of `created_at`; rows keep their order inside each part. Parts come in the
/// order in which they are first met, and all share the same buffers.
pub fn split(
    calendar: &mut Calendar,
    batches: &[RecordBatch],
) -> Result<Vec<(PartitionKey, RecordBatch)>, BatchError> {
    let mut parts: Vec<(PartitionKey, Vec<(usize, usize)>)> = Vec::new();
    let mut places: HashMap<PartitionKey, usize> = HashMap::new();
    for (number, batch) in batches.iter().enumerate() {
        let times = instants_of(batch, CREATED_AT)
            .ok_or(BatchError::Column { column: CREATED_AT, wanted: "an instant in microseconds" })?;
        for (row, time) in times.iter().enumerate() {
            let key = calendar.key(time);
            let place = *places.entry(key).or_insert(parts.len());
            match parts.get_mut(place) {
                Some((_, rows)) => rows.push((number, row)),
                None => parts.push((key, vec![(number, row)])),
            }
        }
    }
    let Some(first) = batches.first() else { return Ok(Vec::new()) };
    let rows: Vec<(usize, usize)> = parts.iter().flat_map(|(_, rows)| rows).copied().collect();
    let sorted = interleave(&first.schema(), &batches.iter().collect::<Vec<_>>(), &rows)?;
    if let [(key, _)] = parts.as_slice() {
        return Ok(vec![(*key, sorted)]);
    }
    let mut from = 0;
    let cut = |(key, rows): (PartitionKey, Vec<_>)| {
        let part = sorted.slice(from, rows.len());
        from += rows.len();
        (key, part)
    };
    Ok(parts.into_iter().map(cut).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::SignedDuration;
    use proptest::prelude::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn micros(instant: &str) -> i64 {
        instant.parse::<Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn the_date_is_that_of_the_lakes_zone() {
        let mut day = Calendar::new(zone("Asia/Shanghai"), Cut::Day);
        let key = day.key(Some(micros("2024-01-04T16:00:00Z")));
        assert_eq!(key.folder(), "created_date=2024-01-05");
        assert_eq!(day.span(key), Some(micros("2024-01-04T16:00:00Z")..micros("2024-01-05T16:00:00Z")));
        assert_eq!(day.key(None).folder(), "created_date=__HIVE_DEFAULT_PARTITION__");
        let mut month = Calendar::new(zone("Asia/Shanghai"), Cut::Month);
        let key = month.key(Some(micros("2024-01-31T16:00:00Z")));
        assert_eq!(key.folder(), "created_month=2024-02");
        assert_eq!(month.span(key), Some(micros("2024-01-31T16:00:00Z")..micros("2024-02-29T16:00:00Z")));
    }

    #[test]
    fn an_instant_lies_in_one_partition_whatever_was_looked_up_before() {
        let end = EPOCH.until(Date::MAX).unwrap().get_days();
        let end = (i64::from(end) + 1) * MICROS_PER_DAY;
        for (name, instant, folder) in [
            ("Asia/Shanghai", end - 8 * 3_600_000_000 - 1, "created_date=9999-12-31"),
            // A date of the year 10000 has no name.
            ("Asia/Shanghai", end - 1, "created_date=__HIVE_DEFAULT_PARTITION__"),
            ("America/New_York", end - 1, "created_date=9999-12-31"),
            ("America/New_York", micros("1000-01-01T00:00:00Z"), "created_date=0999-12-31"),
        ] {
            let mut fresh = Calendar::new(zone(name), Cut::Day);
            let mut used = fresh.clone();
            used.key(Some(micros("9999-12-01T00:00:00Z")));
            assert_eq!(fresh.key(Some(instant)).folder(), folder, "{name}");
            assert_eq!(used.key(Some(instant)).folder(), folder, "{name}");
            let parsed = PartitionKey::parse(folder).map(PartitionKey::folder);
            assert_eq!(parsed.as_deref(), Some(folder));
        }
    }

    #[test]
    fn only_our_own_folder_names_are_partitions() {
        for name in [
            "created_date=2024-1-5",
            "created_date=2024-01-32",
            "created_month=2024-01-05",
            "created_date=",
            "source=x",
            "created_date=20240105",
        ] {
            assert_eq!(PartitionKey::parse(name), None, "{name}");
        }
    }

    proptest! {
        /// Remembered offsets give what a look-up gives, in zones that change their clocks too.
        #[test]
        fn a_calendar_agrees_with_the_zone(
            name in prop_oneof![Just("Asia/Shanghai"), Just("America/New_York"), Just("Australia/Lord_Howe")],
            seconds in prop::collection::vec(-1_000_000_000..4_000_000_000_i64, 1..20),
            month in any::<bool>(),
        ) {
            let by = if month { Cut::Month } else { Cut::Day };
            let zone = zone(name);
            let mut calendar = Calendar::new(zone.clone(), by);
            // Each instant is followed by its clock changes, where remembering may go wrong.
            for second in seconds {
                let instant = Timestamp::from_second(second).unwrap();
                let change = zone.following(instant).next().map(|at| at.timestamp());
                let around = [Some(instant), change, change.map(|at| at - SignedDuration::from_micros(1))];
                for instant in around.into_iter().flatten() {
                    let date = instant.to_zoned(zone.clone()).date();
                    let key = calendar.key(Some(instant.as_microsecond()));
                    prop_assert_eq!(key, PartitionKey::of(by, date));
                    prop_assert_eq!(PartitionKey::parse(&key.folder()), Some(key));
                }
            }
        }
    }
}
