//! The only HTTP and the only retry loop: build, wait, send, read, judge, and again.

use std::{
    error::Error,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};

use crate::{
    config::SourceConfig,
    pace::Pace,
    source::{self, Ask, Page, Refusal, Verdict},
};

mod backoff;
mod opening;

pub use opening::Opening;
use opening::{Received, Whole, open};

/// Unpacked bytes of one body that are read at most: a page of tickets is far smaller, an endless body is not.
const LARGEST_BODY: usize = 64 << 20;
/// Bytes that every body may have; beyond that one grows at a time, so that all in flight stay below 128 MB.
const FREE_BODY: usize = 2 << 20;
/// How often a 403 is asked again where nothing says that it is not the account's.
const FORBIDDEN_RETRIES: u32 = 3;
/// From this retry on people are told of each.
const WARNED_RETRY: u32 = 3;

/// One account, ready to be asked: its connections, its pace, its counts.
#[derive(Debug)]
pub struct Client {
    pub config: Arc<SourceConfig>,
    pub pace: Pace,
    pub counts: Counts,
    http: reqwest::Client,
    in_flight: Semaphore,
    /// Who reads a large body, or waits to.
    large: Semaphore,
    /// Whether the ticket list has given a page: then the account may read it.
    listed: AtomicBool,
    /// How far the server's clock is ahead of ours, as the last answer told.
    ahead: Mutex<Option<SignedDuration>>,
}

/// What was sent and what came of it.
#[derive(Debug, Default)]
pub struct Counts {
    /// Every attempt.
    pub sent: AtomicU64,
    /// Attempts after the first, for one request.
    pub retried: AtomicU64,
    /// Answers that said we ask too often.
    pub throttled: AtomicU64,
    /// Requests that were given up or refused.
    pub failed: AtomicU64,
    /// Bytes of bodies read.
    pub bytes: AtomicU64,
}

/// Why there is no page.
#[derive(Debug, Clone, thiserror::Error)]
pub enum FetchError {
    #[error(
        "source {source_name}: the credentials were refused ({why}); check `email` with `password` or `token`, or `secret`"
    )]
    Credentials { source_name: String, why: String },
    #[error(
        "source {source_name}: {asked} was refused ({why}); check `base_url` and the rights of the account"
    )]
    Refused { source_name: String, asked: String, why: String },
    #[error(
        "source {source_name}: {asked} failed {attempts} times at {host}, the last time with: {why}; check `base_url`, or raise `max_retries` or `timeout`"
    )]
    GaveUp {
        source_name: String,
        asked: String,
        host: String,
        attempts: u32,
        /// The HTTP status of the last answer, if there was one.
        status: Option<u16>,
        why: String,
    },
    #[error("source {source_name}: no HTTP client can be made: {why}")]
    Client { source_name: String, why: String },
}

impl Client {
    /// A client for one account. Connections are opened when they are needed.
    pub fn new(config: SourceConfig) -> Result<Self, FetchError> {
        crate::tls::provide();
        let mut builder = reqwest::Client::builder();
        // What is sent to this machine must not reach a proxy, with its credentials in clear.
        if is_loopback(&config.base_url) {
            builder = builder.no_proxy();
        }
        if let Some(roots) = crate::tls::built_in_roots() {
            builder = builder.tls_certs_only(roots);
        }
        let http = builder
            .user_agent(concat!("ticketlake/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(config.concurrency)
            .timeout(config.timeout)
            .build()
            .map_err(|error| FetchError::Client {
                source_name: config.name.clone(),
                why: chain(&error.without_url()),
            })?;
        let (pace, in_flight) = (Pace::new(config.rate), Semaphore::new(config.concurrency.max(1)));
        Ok(Self {
            config: Arc::new(config),
            pace,
            counts: Counts::default(),
            http,
            in_flight,
            large: Semaphore::new(1),
            listed: AtomicBool::new(false),
            ahead: Mutex::default(),
        })
    }

    /// How far the server's clock is ahead of ours, to about a second; `None` while no answer has told.
    pub fn server_ahead(&self) -> Option<SignedDuration> {
        *self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_time(&self, headers: &HeaderMap, received: Timestamp) {
        if let Some(told) = source::server_time(headers) {
            *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = Some(told.duration_since(received));
        }
    }
}

/// Asks until there is a page, a refusal, or no attempt left.
pub async fn fetch(client: &Client, ask: &Ask) -> Result<Page, FetchError> {
    fetch_as(client, ask, || Whole).await
}

/// [`fetch`], with what an opening makes of the page; each answer has one of its own, made by `begin`.
pub async fn fetch_as<O: Opening>(
    client: &Client,
    ask: &Ask,
    begin: impl Fn() -> O,
) -> Result<O::Made, FetchError> {
    fetch_with(client, ask, begin, None).await
}

/// [`fetch_as`], with at most so many retries.
pub async fn fetch_with<O: Opening>(
    client: &Client,
    ask: &Ask,
    begin: impl Fn() -> O,
    retries: Option<u32>,
) -> Result<O::Made, FetchError> {
    let outcome = attempts(client, ask, &begin, retries).await;
    if outcome.is_err() {
        client.counts.failed.fetch_add(1, Relaxed);
    }
    outcome
}

async fn attempts<O: Opening>(
    client: &Client,
    ask: &Ask,
    begin: &impl Fn() -> O,
    retries: Option<u32>,
) -> Result<O::Made, FetchError> {
    let config = &client.config;
    let max_retries = retries.map_or(config.max_retries, |retries| retries.min(config.max_retries));
    let (source_name, asked) = (|| config.name.clone(), || ask.to_string());
    let mut retry = 0;
    loop {
        let (status, verdict) = attempt(client, ask, begin(), retry > 0).await;
        let is_forbidden = matches!(verdict, Verdict::Forbidden { .. });
        let (why, throttled, after) = match verdict {
            Verdict::Page(page) => {
                if matches!(ask, Ask::Tickets { .. }) {
                    client.listed.store(true, Relaxed);
                }
                return Ok(page);
            }
            Verdict::Forbidden { why, after } => (why, true, after),
            Verdict::Refused(Refusal::Credentials { why }) => {
                return Err(FetchError::Credentials { source_name: source_name(), why });
            }
            Verdict::Refused(Refusal::Request { why }) => {
                return Err(FetchError::Refused { source_name: source_name(), asked: asked(), why });
            }
            Verdict::Later { why, throttled, after } => (why, throttled, after),
        };
        if throttled && !is_forbidden {
            client.counts.throttled.fetch_add(1, Relaxed);
        }
        // A 403 for some tickets by id, or for another list, is about those; else it is the account's, unless the list was given.
        let by_id = matches!(ask, Ask::One(_) | Ask::Ids(_) | Ask::Listed { .. });
        let few = is_forbidden && (by_id || !client.listed.load(Relaxed));
        let most = if few { max_retries.min(FORBIDDEN_RETRIES) } else { max_retries };
        if is_forbidden && retry >= most {
            return Err(match by_id || client.listed.load(Relaxed) {
                true => FetchError::Refused { source_name: source_name(), asked: asked(), why },
                false => FetchError::Credentials { source_name: source_name(), why },
            });
        }
        let wait = backoff::wait(retry, throttled, after);
        if throttled || after.is_some() {
            client.pace.pause_until(Instant::now() + wait);
        }
        if retry == max_retries {
            return Err(FetchError::GaveUp {
                source_name: source_name(),
                asked: asked(),
                host: config.base_url.origin().ascii_serialization(),
                attempts: retry + 1,
                status,
                why,
            });
        }
        if retry + 1 >= WARNED_RETRY {
            let seconds = wait.as_secs_f64();
            tracing::warn!(
                source = config.name,
                "{ask}: retry {} of {most} in {seconds:.1} s: {why}",
                retry + 1
            );
        } else {
            tracing::debug!(source = config.name, asked = %ask, retry = retry + 1, wait = ?wait, why, "asking again");
        }
        tokio::time::sleep(wait).await;
        retry += 1;
        client.counts.retried.fetch_add(1, Relaxed);
    }
}

/// One request, built after the wait because a signature is made just before sending.
/// `again`: the same was asked before, so that bytes which are no UTF-8 are the source's own and not the way's.
async fn attempt<O: Opening>(
    client: &Client,
    ask: &Ask,
    opening: O,
    again: bool,
) -> (Option<u16>, Verdict<O::Made>) {
    let slot = client.in_flight.acquire().await;
    client.pace.wait().await;
    let request = source::request(&client.config, ask);
    client.counts.sent.fetch_add(1, Relaxed);
    let url = request.url().clone();
    let mut http = match request.json() {
        None => client.http.get(url),
        Some(json) => client.http.post(url).header(CONTENT_TYPE, "application/json").body(json.to_owned()),
    };
    http = http.header(ACCEPT, "application/json");
    if let Some((user, password)) = request.basic() {
        http = http.basic_auth(user, Some(password.reveal()));
    }
    let answer = read(client, http).await;
    // The next request may go while this answer is opened.
    drop(slot);
    match answer {
        Ok((status, headers, body, _large)) => {
            let body = if again { readable(client, ask, body) } else { body };
            let received = Received { status, headers, body, at: Timestamp::now() };
            client.note_time(&received.headers, received.at);
            (Some(status), open(&client.config, ask, received, opening).await)
        }
        Err(Unread::Again(why)) => (None, Verdict::Later { why, throttled: false, after: None }),
        Err(Unread::TooLarge) => {
            let why = format!(
                "the answer is larger than {} MB; a smaller `page_size` may help",
                LARGEST_BODY >> 20
            );
            (None, Verdict::Refused(Refusal::Request { why }))
        }
    }
}

/// An answer as it came, unpacked, with the right to its memory if it is a large one.
type Read<'a> = (u16, HeaderMap, Bytes, Option<SemaphorePermit<'a>>);

async fn read(client: &Client, http: reqwest::RequestBuilder) -> Result<Read<'_>, Unread> {
    let why = |error: reqwest::Error| Unread::Again(reason(client, error));
    let count = |chunk: &Bytes| client.counts.bytes.fetch_add(chunk.len() as u64, Relaxed);
    let mut response = http.send().await.map_err(why)?;
    let expected =
        response.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    // Most answers come in one piece, which is then not copied.
    let mut body = response.chunk().await.map_err(why)?.unwrap_or_default();
    count(&body);
    let mut large = None;
    if let Some(second) = response.chunk().await.map_err(why)? {
        let mut whole = Vec::with_capacity(expected.min(FREE_BODY));
        whole.extend_from_slice(&body);
        let mut next = Some(second);
        while let Some(chunk) = next {
            count(&chunk);
            if whole.len() + chunk.len() > LARGEST_BODY {
                return Err(Unread::TooLarge);
            }
            if large.is_none() && whole.len() + chunk.len() > FREE_BODY {
                large = client.large.acquire().await.ok();
            }
            whole.extend_from_slice(&chunk);
            next = response.chunk().await.map_err(why)?;
        }
        body = whole.into();
    }
    Ok((response.status().as_u16(), std::mem::take(response.headers_mut()), body, large))
}

/// Why an answer was not read.
enum Unread {
    /// Another time it may be.
    Again(String),
    /// It would be the same again.
    TooLarge,
}

/// A failed request in words: for what a person can mend, what that is.
fn reason(client: &Client, error: reqwest::Error) -> String {
    if error.is_timeout() {
        return format!("no whole answer within {:?}", client.config.timeout);
    }
    let host = client.config.base_url.host_str().unwrap_or_default();
    let text = chain(&error.without_url());
    if text.contains("dns error") || text.contains("failed to lookup address") {
        return format!("host not found: `{host}`");
    }
    if text.contains("UnknownIssuer") || text.contains("self-signed") {
        return format!(
            "the certificate of `{host}` is signed by an authority that this machine does not know; name its file in `SSL_CERT_FILE`"
        );
    }
    source::excerpt(&client.config, text.as_bytes())
}

/// Whether an address is of this machine.
fn is_loopback(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    match host.parse::<std::net::IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// A body whose bytes that are no UTF-8 are U+FFFD.
fn readable(client: &Client, ask: &Ask, body: Bytes) -> Bytes {
    if simdutf8::basic::from_utf8(&body).is_ok() {
        return body;
    }
    tracing::warn!(source = client.config.name, "{ask} holds bytes that are no UTF-8; they become U+FFFD");
    String::from_utf8_lossy(&body).into_owned().into()
}

/// An error and all its causes on one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
