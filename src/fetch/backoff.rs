//! How long to wait before asking again.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(15);
/// Refusals without a time are about windows of seconds to a minute.
const FIRST_THROTTLED: Duration = Duration::from_secs(1);
const LONGEST_THROTTLED: Duration = Duration::from_secs(60);

/// From this on a server's own word is a time to wait; less, as `Retry-After: 0`, says nothing.
const SHORTEST_AFTER: Duration = Duration::from_secs(1);

/// The wait before retry number `retry` (from 0). The server's own word wins; else it doubles, with full jitter; after a refusal without a
/// time at least half of it, since everyone waits together then.
pub fn wait(retry: u32, throttled: bool, after: Option<Duration>) -> Duration {
    if let Some(after) = after.filter(|after| *after >= SHORTEST_AFTER) {
        return after;
    }
    let (first, longest) = if throttled { (FIRST_THROTTLED, LONGEST_THROTTLED) } else { (FIRST, LONGEST) };
    let most = first.saturating_mul(2u32.saturating_pow(retry)).min(longest);
    match throttled {
        true => most.mul_f64(0.5 + fastrand::f64() / 2.0),
        false => most.mul_f64(fastrand::f64()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_stay_in_their_bounds() {
        for retry in [0, 1, 5, 31, 32, u32::MAX] {
            assert!(wait(retry, false, None) <= LONGEST);
            let throttled = wait(retry, true, None);
            assert!(throttled >= FIRST_THROTTLED / 2 && throttled <= LONGEST_THROTTLED);
            assert_eq!(wait(retry, true, Some(LONGEST)), LONGEST);
            assert!(wait(retry, true, Some(Duration::ZERO)) >= FIRST_THROTTLED / 2);
        }
    }
}
