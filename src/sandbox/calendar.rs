//! When tickets come in: growing over 400 days, less on weekends, hardly any at night.

/// Days of history before the world's now.
pub const DAYS: i64 = 400;

const HOUR: i64 = 3600;
const BY_HOUR: [f64; 24] = [
    1.5, 0.8, 0.5, 0.3, 0.3, 0.5, 1.0, 2.5, 5.0, 9.0, 10.0, 9.5, 6.0, 7.0, 9.0, 9.5, 9.0, 8.0, 6.0, 6.5, 7.5,
    7.0, 5.0, 3.0,
];
const BY_WEEKDAY: [f64; 7] = [1.2, 1.1, 1.0, 1.0, 1.05, 0.7, 0.6];

/// Turns a share of all tickets into the second by which that share has come in.
#[derive(Debug)]
pub struct Calendar {
    first: i64,
    now: i64,
    /// Share of the tickets that came in before the end of each hour, ascending to 1.
    shares: Vec<f64>,
}

impl Calendar {
    pub fn until(now: i64) -> Calendar {
        let first = now - DAYS * 24 * HOUR;
        let mut sum = 0.0;
        let mut shares = Vec::new();
        let mut hour = first;
        while hour < now {
            let at = super::clock::local(hour);
            let weekday = usize::try_from(at.date().weekday().to_monday_zero_offset()).unwrap_or(0);
            let growth = 1.0 + 1.5 * (hour - first) as f64 / (now - first) as f64;
            let of_day = BY_HOUR.get(at.hour() as usize).copied().unwrap_or(1.0);
            sum += growth * of_day * BY_WEEKDAY.get(weekday).copied().unwrap_or(1.0);
            shares.push(sum);
            hour += HOUR;
        }
        shares.iter_mut().for_each(|share| *share /= sum);
        Calendar { first, now, shares }
    }

    /// The second by which `share` (0 to 1) of all tickets has come in; never after now.
    pub fn second(&self, share: f64) -> i64 {
        let hour = self.shares.partition_point(|end| *end < share);
        let start = match hour.checked_sub(1).and_then(|before| self.shares.get(before)) {
            Some(start) => *start,
            None => 0.0,
        };
        let end = self.shares.get(hour).copied().unwrap_or(1.0);
        let within = if end > start { (share - start) / (end - start) } else { 0.0 };
        let second = self.first + hour as i64 * HOUR + (within * HOUR as f64) as i64;
        second.min(self.now - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_ascend_up_to_now_and_follow_the_day() {
        let now = 1_760_000_000;
        let calendar = Calendar::until(now);
        let seconds: Vec<i64> = (0..5_000).map(|i| calendar.second(f64::from(i) / 5_000.0)).collect();
        assert!(seconds.is_sorted());
        assert!(seconds.iter().all(|second| (now - DAYS * 86_400..now).contains(second)));
        let in_hours = |hours: std::ops::Range<i8>| {
            let count = |s: &&i64| hours.contains(&super::super::clock::local(**s).hour());
            seconds.iter().filter(count).count()
        };
        assert!(in_hours(9..12) > 5 * in_hours(2..5));
    }
}
