//! When may the next request be sent? One budget per account, and a pause for everyone after a refusal.
//!
//! A server may count in any window it likes, so requests are spaced evenly and a little slower than the limit. For a limit of R per
//! span P, the spacing is T = P·(1 + [`SLACK`])/R, and a request that a timer woke late may be followed sooner, by the tolerance τ at most. At
//! most 1 + (P + τ + J)/T requests then arrive in any span P when their ways differ by J: never more than R while τ + J < P·SLACK.

use std::{
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, Reference},
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};
use tokio::time::{Instant, sleep_until};

use crate::config::Rate;

/// How much slower than the limit we go, to leave room for τ and for uneven ways to the server.
const SLACK: f64 = 0.0125;
/// The part of [`SLACK`] that makes up for late timers.
const CATCH_UP: f64 = 0.4;
/// Timers are late by a millisecond or two, a busy machine by some more; beyond this there is nothing to make up for.
const LATEST_TIMER: Duration = Duration::from_millis(20);
/// Governor counts whole cells; a request is many of them, so that τ can be a fraction of a request.
const CELLS: NonZeroU32 = NonZeroU32::new(64).unwrap();

/// The pace of one account, shared by all who send to it.
#[derive(Debug)]
pub struct Pace {
    budget: Option<Limiter>,
    not_before: Mutex<Option<Instant>>,
    waiting: Mutex<Waiters>,
}

/// How many wait, and for what.
#[derive(Debug, Default)]
struct Waiters {
    count: usize,
    last: Option<Waiting>,
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, TokioClock, NoOpMiddleware<Tick>>;

/// What everyone waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waiting {
    pub until: Instant,
    /// A refusal by the server is the reason, not the configured rate.
    pub refused: bool,
}

impl Pace {
    /// A pace for `rate`; `None` sends at once.
    pub fn new(rate: Option<Rate>) -> Self {
        let budget = rate.and_then(quota).map(|quota| RateLimiter::direct_with_clock(quota, TokioClock));
        Self { budget, not_before: Mutex::default(), waiting: Mutex::default() }
    }

    /// Returns when one request may be sent. There is no queue: a caller whose future rests for a while, as in a set of
    /// futures of which another one is at work, must not stand before those that could go.
    pub async fn wait(&self) {
        let _mark = Mark::new(&self.waiting);
        loop {
            if let Some(until) = self.paused() {
                self.sleep(Waiting { until, refused: true }).await;
                continue;
            }
            let Some(budget) = &self.budget else { return };
            match budget.check_n(CELLS) {
                Ok(Err(early)) => {
                    let wait = early.wait_time_from(TokioClock.now());
                    self.sleep(Waiting { until: Instant::now() + wait, refused: false }).await;
                }
                // Too small a bucket cannot be: `quota` makes it larger than one request.
                Ok(Ok(())) | Err(_) => return,
            }
        }
    }

    /// Nobody sends before `until`. A pause is never shortened.
    pub fn pause_until(&self, until: Instant) {
        let mut not_before = self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        *not_before = (*not_before).max(Some(until));
    }

    /// What the next request waits for, if it waits.
    pub fn waiting(&self) -> Option<Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).last
    }

    fn paused(&self) -> Option<Instant> {
        let not_before = *self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        not_before.filter(|until| *until > Instant::now())
    }

    async fn sleep(&self, waiting: Waiting) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).last = Some(waiting);
        sleep_until(waiting.until).await;
    }
}

/// Takes the sign down with the last one who waits, also when they are cancelled.
struct Mark<'a>(&'a Mutex<Waiters>);

impl<'a> Mark<'a> {
    fn new(waiters: &'a Mutex<Waiters>) -> Self {
        waiters.lock().unwrap_or_else(PoisonError::into_inner).count += 1;
        Self(waiters)
    }
}

impl Drop for Mark<'_> {
    fn drop(&mut self) {
        let mut waiters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiters.count -= 1;
        if waiters.count == 0 {
            waiters.last = None;
        }
    }
}

/// `None` where the rate is beyond what a clock can tell.
fn quota(rate: Rate) -> Option<Quota> {
    let cell = rate.per.mul_f64(1.0 + SLACK).div_f64(f64::from(rate.requests.get()) * f64::from(CELLS.get()));
    let late = rate.per.mul_f64(SLACK * CATCH_UP).min(LATEST_TIMER);
    let spare = late.as_nanos().checked_div(cell.as_nanos())?;
    let burst = CELLS.saturating_add(u32::try_from(spare).unwrap_or(u32::MAX));
    Some(Quota::with_period(cell)?.allow_burst(burst))
}

/// Governor on tokio's clock, so that tests can stop time.
#[derive(Debug, Clone, Copy)]
struct TokioClock;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Tick(Instant);

impl Clock for TokioClock {
    type Instant = Tick;

    fn now(&self) -> Tick {
        Tick(Instant::now())
    }
}

impl Reference for Tick {
    fn duration_since(&self, earlier: Self) -> Nanos {
        self.0.saturating_duration_since(earlier.0).into()
    }

    fn saturating_sub(&self, duration: Nanos) -> Self {
        Self(self.0.checked_sub(duration.into()).unwrap_or(self.0))
    }
}

impl std::ops::Add<Nanos> for Tick {
    type Output = Self;

    fn add(self, other: Nanos) -> Self {
        Self(self.0 + Duration::from(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Sends `count` requests in stopped time; each timer is late by `late()`, each request under way for `way()`. Gives arrivals.
    fn arrivals(
        rate: Rate,
        count: usize,
        mut late: impl FnMut() -> Duration,
        mut way: impl FnMut() -> Duration,
    ) -> Vec<Duration> {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let mut arrivals: Vec<_> = runtime.block_on(async {
            let (pace, start) = (Pace::new(Some(rate)), Instant::now());
            let mut arrivals = Vec::new();
            for _ in 0..count {
                pace.wait().await;
                arrivals.push(start.elapsed() + way());
                tokio::time::advance(late()).await;
            }
            arrivals
        });
        arrivals.sort();
        arrivals
    }

    /// A server that refuses the request that comes less than `per` after the one `requests` before it.
    fn refused(rate: Rate, arrivals: &[Duration]) -> usize {
        let span = rate.requests.get() as usize;
        arrivals.iter().zip(arrivals.iter().skip(span)).filter(|(old, new)| **new - **old < rate.per).count()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_strictest_server_never_refuses_and_little_time_is_lost(
            requests in 1u32..2000, per in prop_oneof![Just(1u64), Just(60), Just(3600)], seed: u64,
        ) {
            let rate = Rate { requests: NonZeroU32::new(requests).unwrap(), per: Duration::from_secs(per) };
            let mut random = fastrand::Rng::with_seed(seed);
            let mut other = random.fork();
            // Timers late by up to 3 ms, ways that differ by half the slack.
            let ways = (rate.per.mul_f64(SLACK / 2.0)).as_micros() as u64;
            let count = (requests as usize * 3).clamp(50, 3000);
            let arrivals = arrivals(rate, count, || Duration::from_micros(random.u64(0..3000)), || Duration::from_micros(other.u64(0..=ways)));
            prop_assert_eq!(refused(rate, &arrivals), 0);
            let ideal = rate.per.mul_f64(count as f64 / f64::from(requests));
            if f64::from(requests) / per as f64 <= 300.0 {
                prop_assert!(*arrivals.last().unwrap() <= ideal.mul_f64(1.03), "{:?} for {ideal:?}", arrivals.last());
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_for_everyone_and_is_never_shortened() {
        let (pace, start) = (Pace::new(None), Instant::now());
        pace.wait().await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        pace.pause_until(start + Duration::from_secs(9));
        pace.pause_until(start + Duration::from_secs(2));
        tokio::join!(pace.wait(), pace.wait(), async {
            tokio::task::yield_now().await;
            assert_eq!(
                pace.waiting(),
                Some(Waiting { until: start + Duration::from_secs(9), refused: true })
            );
        });
        assert!(start.elapsed() >= Duration::from_secs(9));
        assert_eq!(pace.waiting(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_rests_does_not_hold_up_the_others() {
        let per = Duration::from_secs(1);
        let pace = Pace::new(Some(Rate { requests: NonZeroU32::MIN, per }));
        pace.wait().await;
        let mut resting = std::pin::pin!(pace.wait());
        assert!(futures::poll!(&mut resting).is_pending());
        let others = async {
            pace.wait().await;
            pace.wait().await;
        };
        tokio::time::timeout(3 * per, others).await.expect("two more may go in three seconds");
        resting.await;
        assert_eq!(pace.waiting(), None);
    }
}
