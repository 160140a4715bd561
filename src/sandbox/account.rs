//! A vendor's account: its tenant, its credentials, its limit, its gate, and what is counted about it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use http::header;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::Answer;
use super::gate::Gate;
use super::options::{Options, Rate, RetryAfter};

/// A tenant that may still be in the making; none when that failed.
pub type Coming<T> = Shared<BoxFuture<'static, Option<Arc<RwLock<T>>>>>;

/// Who may ask.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Credentials {
    pub email: String,
    pub password: String,
    pub token: String,
    pub secret: String,
}

impl Default for Credentials {
    fn default() -> Credentials {
        let [email, password, token, secret] =
            ["agent@example.com", "sandbox", "sandbox-token", "sandbox-secret"].map(str::to_owned);
        Credentials { email, password, token, secret }
    }
}

/// So many requests in any window of a length, and how a refusal says when there is room again.
#[derive(Debug, Clone, Copy, Default)]
pub struct Limit {
    pub rate: Option<Rate>,
    pub retry_after: RetryAfter,
    /// Refused so far.
    pub refused: u64,
}

/// Everything about one vendor that connections share.
pub struct Account<V> {
    pub tenant: Coming<V>,
    pub credentials: Mutex<Credentials>,
    pub gate: Gate,
    budget: Mutex<Budget>,
    pub requests: AtomicU64,
    pub changes: AtomicU64,
}

#[derive(Debug)]
struct Budget {
    limit: Limit,
    admitted: VecDeque<Instant>,
}

impl<V: Send + Sync + 'static> Account<V> {
    /// Begins to make the tenant, on a thread of its own; requests wait for it.
    pub fn new(options: &Options, make: impl FnOnce(&Options) -> V + Send + 'static) -> Account<V> {
        let limit = Limit { rate: options.rate, retry_after: options.retry_after, refused: 0 };
        let options = options.clone();
        let made = tokio::task::spawn_blocking(move || Arc::new(RwLock::new(make(&options))));
        Account {
            tenant: made.map(Result::ok).boxed().shared(),
            credentials: Mutex::new(Credentials::default()),
            gate: Gate::default(),
            budget: Mutex::new(Budget { limit, admitted: VecDeque::new() }),
            requests: AtomicU64::new(0),
            changes: AtomicU64::new(0),
        }
    }

    fn budget(&self) -> std::sync::MutexGuard<'_, Budget> {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts another limit in place; what was admitted before does not count.
    pub fn set_limit(&self, limit: Limit) {
        *self.budget() = Budget { limit, admitted: VecDeque::new() };
    }

    /// Admits a request, or gives the limit and how long the account must wait; a refused request does not count.
    pub fn admit(&self, now: Instant) -> Result<(), (Limit, Duration)> {
        self.budget().admit(now)
    }

    /// The counters as JSON.
    pub fn counted(&self) -> serde_json::Value {
        json!({
            "requests": self.requests.load(Ordering::Relaxed),
            "refused": self.budget().limit.refused,
            "list_answers": self.gate.lists(),
            "changes": self.changes.load(Ordering::Relaxed),
        })
    }
}

impl Budget {
    fn admit(&mut self, now: Instant) -> Result<(), (Limit, Duration)> {
        let Some(rate) = self.limit.rate else { return Ok(()) };
        while self.admitted.front().is_some_and(|first| now.duration_since(*first) >= rate.per) {
            self.admitted.pop_front();
        }
        match self.admitted.front() {
            Some(first) if self.admitted.len() >= rate.requests as usize => {
                self.limit.refused += 1;
                Err((self.limit, rate.per.saturating_sub(now.duration_since(*first))))
            }
            _ => {
                self.admitted.push_back(now);
                Ok(())
            }
        }
    }
}

impl Limit {
    /// The refusal with its `Retry-After`, if it is to have one.
    pub fn dressed(&self, refusal: Answer, wait: Duration) -> Answer {
        match self.retry_after(wait) {
            Some(value) => refusal.with(header::RETRY_AFTER, &value),
            None => refusal,
        }
    }

    /// The value of `Retry-After`, in the form that was asked for; rounded up, so that the wait is long enough.
    fn retry_after(&self, wait: Duration) -> Option<String> {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        let dated = match self.retry_after {
            RetryAfter::None => return None,
            RetryAfter::Seconds => false,
            RetryAfter::Date => true,
            RetryAfter::Alternate => self.refused.is_multiple_of(2),
        };
        Some(if dated { http_date(wait)? } else { seconds.to_string() })
    }
}

/// The real time after `wait` in the form of HTTP headers; rounded up.
fn http_date(wait: Duration) -> Option<String> {
    let until = jiff::Timestamp::now().checked_add(wait).ok()?;
    let until = jiff::Timestamp::from_second(until.as_second() + 1).ok()?;
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&until).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides() {
        let rate = Some(Rate { requests: 2, per: Duration::from_secs(10) });
        let mut budget = Budget { limit: Limit { rate, ..Limit::default() }, admitted: VecDeque::new() };
        let start = Instant::now();
        let mut at = |second| budget.admit(start + Duration::from_secs(second)).map_err(|(_, wait)| wait);
        assert_eq!(at(0), Ok(()));
        assert_eq!(at(4), Ok(()));
        assert_eq!(at(5), Err(Duration::from_secs(5)));
        assert_eq!(at(10), Ok(()));
        assert_eq!(at(13), Err(Duration::from_secs(1)));
    }
}
