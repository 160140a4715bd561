//! What an answer without a page means by its status alone, and how long a server wants to be left alone.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, fmt::rfc2822::DateTimeParser};
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use super::{Refusal, Reply, Verdict, excerpt};
use crate::config::SourceConfig;

/// The longest pause that a server may ask of us at once; after it we ask again.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);

/// The meaning of a reply that holds no page.
pub fn by_status<T>(config: &SourceConfig, reply: Reply<'_>) -> Verdict<T> {
    let hidden = (200..300).contains(&reply.status) && !config.masks.columns.is_empty();
    let shown = match hidden {
        // It may be a page of tickets that was cut off.
        true => format!("{} bytes that are no page (not shown: the source has a `mask`)", reply.body.len()),
        false => excerpt(config, reply.body),
    };
    let why = format!("HTTP {}: {shown}", reply.status);
    let after = retry_after(reply.headers, reply.received);
    match reply.status {
        401 => Verdict::Refused(Refusal::Credentials { why }),
        403 => Verdict::Forbidden { why, after },
        429 => Verdict::Later { why, throttled: true, after },
        503 => Verdict::Later { why, throttled: after.is_some(), after },
        200..=299 | 408 | 425 | 500..=599 => Verdict::Later { why, throttled: false, after },
        300..=399 => Verdict::Refused(Refusal::Request {
            why: format!("HTTP {}: a redirect, which is never followed", reply.status),
        }),
        _ => Verdict::Refused(Refusal::Request { why }),
    }
}

/// `Retry-After` in both its forms. A date counts from the server's own clock where it tells it.
fn retry_after(headers: &HeaderMap, received: Timestamp) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse::<f64>() {
        return (seconds >= 0.0).then(|| Duration::from_secs_f64(seconds.min(LONGEST_PAUSE.as_secs_f64())));
    }
    let until = http_date(value)?;
    let now = server_time(headers).unwrap_or(received);
    // A date has whole seconds only: one more second is never too early.
    let wait = until.duration_since(now).max(SignedDuration::ZERO) + SignedDuration::from_secs(1);
    Duration::try_from(wait).ok().map(|wait| wait.min(LONGEST_PAUSE))
}

/// What the `Date` header says.
pub fn server_time(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

fn http_date(text: &str) -> Option<Timestamp> {
    DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};

    fn wait(pairs: &[(HeaderName, &'static str)]) -> Option<u64> {
        let headers =
            pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect();
        retry_after(&headers, "2026-01-01T00:00:00Z".parse().unwrap()).map(|wait| wait.as_millis() as u64)
    }

    #[test]
    fn both_forms_of_retry_after() {
        assert_eq!(wait(&[(RETRY_AFTER, "7")]), Some(7_000));
        assert_eq!(wait(&[(RETRY_AFTER, "0.5")]), Some(500));
        assert_eq!(wait(&[(RETRY_AFTER, "1e99")]), Some(600_000));
        assert_eq!(wait(&[(RETRY_AFTER, "NaN")]), None);
        assert_eq!(wait(&[(RETRY_AFTER, "soon")]), None);
        assert_eq!(wait(&[(RETRY_AFTER, "Thu, 01 Jan 2026 00:00:05 GMT")]), Some(6_000));
        assert_eq!(
            wait(&[(RETRY_AFTER, "Thu, 01 Jan 2026 00:00:05 GMT"), (DATE, "Thu, 01 Jan 2026 00:00:03 GMT")]),
            Some(3_000)
        );
        assert_eq!(wait(&[(RETRY_AFTER, "Thu, 01 Jan 2015 00:00:05 GMT")]), Some(1_000));
    }
}
