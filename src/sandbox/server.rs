//! Connections, and the way of a request: own paths first; then credentials, budget, latency, chance, answer.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::answer::{Answer, Asked};
use super::options::{FaultKind, Op, Options, RetryAfter};
use super::wire::{Body, Wire, cut, trickling, whole};
use super::world::{Account, Coming, World};
use super::{kf5, truth, udesk};

/// No client waits longer for an answer that never comes.
const LONGEST_HANG: Duration = Duration::from_secs(3_600);
const LARGEST_BODY: usize = 16 << 20;
/// Rest after a failed accept, as when no file descriptor is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Serves both vendors on a bound listener until dropped; connections end with it.
///
/// It listens at once; the first requests wait until the world of the seed is made.
pub async fn serve(listener: TcpListener, options: Options) -> io::Result<()> {
    let world = Arc::new(World::begin(options));
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(attend(stream, world.clone()));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn attend(stream: TcpStream, world: Arc<World>) {
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let wire = Wire { stream, reset: reset.clone() };
    let service = service_fn(|request| {
        let (world, reset) = (world.clone(), reset.clone());
        async move {
            let answered = respond(&world, request).await;
            if answered.is_err() {
                reset.store(true, Ordering::Relaxed);
            }
            answered
        }
    });
    // An error here is the client's leaving or a fault of ours on purpose.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(wire), service).await;
}

/// Answers one request; an error means that the connection is to be reset.
async fn respond(world: &World, request: Request<Incoming>) -> io::Result<Response<Body>> {
    let Some(asked) = receive(request).await else {
        return Ok(whole(Answer::html(StatusCode::PAYLOAD_TOO_LARGE, "413 Request Entity Too Large")));
    };
    let segments: Vec<&str> = asked.segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["apiv2", path @ ..] => {
            let route = kf5::Route::of(&asked.method, path);
            if let Some(refusal) = kf5::refuse(&asked) {
                world.kf5_account.requests.fetch_add(1, Ordering::Relaxed);
                return Ok(whole(refusal));
            }
            let turn = Turn {
                account: &world.kf5_account,
                tenant: &world.kf5,
                reads: route.reads(),
                lists: route.lists(),
                over: |wait| kf5_over(world, wait),
            };
            let change = kf5::change::change;
            let read = |tenant: &kf5::Tenant| kf5::list::answer(tenant, &route, &asked);
            turn.take(world, change, read, |tenant| kf5::write(tenant, &route, &asked)).await
        }
        ["api", "v1" | "v2", path @ ..] => {
            let route = udesk::Route::of(&asked.method, path);
            if let Some(refusal) = udesk::refuse(&asked) {
                world.udesk_account.requests.fetch_add(1, Ordering::Relaxed);
                return Ok(whole(refusal));
            }
            let turn = Turn {
                account: &world.udesk_account,
                tenant: &world.udesk,
                reads: route.reads(),
                lists: route.lists(),
                over: |wait| udesk::over_limit(world.options.udesk_refusal, wait),
            };
            let change = udesk::change::change;
            let read = |tenant: &udesk::Tenant| udesk::list::answer(tenant, &route, &asked);
            turn.take(world, change, read, |tenant| udesk::write(tenant, &route, &asked)).await
        }
        [own, path @ ..] if own.starts_with("__") => Ok(truth::answer(world, own, path, &asked).await),
        _ => Ok(whole(Answer::html(StatusCode::NOT_FOUND, "404 Not Found"))),
    }
}

/// Reads a request with its body; none when the body is too large or broken.
async fn receive(request: Request<Incoming>) -> Option<Asked> {
    let (parts, body) = request.into_parts();
    let body = match parts.method {
        Method::GET => Bytes::new(),
        _ => Limited::new(body, LARGEST_BODY).collect().await.ok()?.to_bytes(),
    };
    let path = parts.uri.path().to_owned();
    let plain = path.strip_suffix(".json").unwrap_or(&path);
    let segments = plain.split('/').filter(|part| !part.is_empty()).map(str::to_owned);
    Some(Asked {
        segments: segments.collect(),
        method: parts.method,
        query: parts.uri.query().unwrap_or("").to_owned(),
        headers: parts.headers,
        path,
        body,
    })
}

/// A request whose vendor and meaning are known.
struct Turn<'a, T, Over> {
    account: &'a Account,
    tenant: &'a Coming<T>,
    reads: bool,
    lists: bool,
    /// The refusal over the limit, given the wait.
    over: Over,
}

impl<T, Over: Fn(Duration) -> Answer> Turn<'_, T, Over> {
    async fn take(
        self,
        world: &World,
        change: impl Fn(&mut T, Op) -> Option<u64>,
        read: impl Fn(&T) -> Answer,
        write: impl Fn(&mut T) -> Answer,
    ) -> io::Result<Response<Body>> {
        self.account.requests.fetch_add(1, Ordering::Relaxed);
        if let Err(wait) = self.account.budget.admit(Instant::now()) {
            self.account.refused.fetch_add(1, Ordering::Relaxed);
            return Ok(whole((self.over)(wait)));
        }
        if !world.options.latency.is_zero() {
            tokio::time::sleep(world.options.latency).await;
        }
        let Some(tenant) = self.tenant.clone().await else {
            return Ok(whole(Answer::html(StatusCode::INTERNAL_SERVER_ERROR, "500 Internal Server Error")));
        };
        let fault = if self.reads { world.chance.draw() } else { None };
        if let Some(kind) = fault {
            world.count_fault(kind);
        }
        match fault {
            Some(FaultKind::Http500) => {
                let (status, title) = match world.chance.below(3) {
                    0 => (StatusCode::INTERNAL_SERVER_ERROR, "500 Internal Server Error"),
                    1 => (StatusCode::BAD_GATEWAY, "502 Bad Gateway"),
                    _ => (StatusCode::SERVICE_UNAVAILABLE, "503 Service Temporarily Unavailable"),
                };
                return Ok(whole(Answer::html(status, title)));
            }
            Some(FaultKind::Html200) => return Ok(whole(Answer::html(StatusCode::OK, "系统维护中"))),
            Some(FaultKind::Reset) => return Err(io::Error::other("reset on purpose")),
            Some(FaultKind::Hang) => {
                tokio::time::sleep(LONGEST_HANG).await;
                return Err(io::Error::other("never answered on purpose"));
            }
            _ => {}
        }
        let answer = if self.reads {
            if self.lists {
                self.change_before(world, &tenant, change);
            }
            read(&*tenant.read().unwrap_or_else(|broken| broken.into_inner()))
        } else {
            write(&mut *tenant.write().unwrap_or_else(|broken| broken.into_inner()))
        };
        Ok(match fault {
            Some(FaultKind::Truncate) => {
                let length = world.chance.below(answer.body.len());
                cut(answer, length)
            }
            Some(FaultKind::Slow) => trickling(answer),
            _ => whole(answer),
        })
    }

    fn change_before(&self, world: &World, tenant: &RwLock<T>, change: impl Fn(&mut T, Op) -> Option<u64>) {
        let due = world.due_changes(self.account);
        if due.is_empty() {
            return;
        }
        let mut tenant = tenant.write().unwrap_or_else(|broken| broken.into_inner());
        for op in due {
            if change(&mut tenant, op).is_some() {
                self.account.changes.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// KF5's 429, with `Retry-After` in the form that was asked for.
fn kf5_over(world: &World, wait: Duration) -> Answer {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let refused = world.kf5_account.refused.load(Ordering::Relaxed);
    let dated = match world.options.retry_after {
        RetryAfter::Seconds => false,
        RetryAfter::Date => true,
        RetryAfter::Alternate => refused.is_multiple_of(2),
    };
    let retry_after = if dated { http_date(wait) } else { None };
    kf5::problem(StatusCode::TOO_MANY_REQUESTS, "TooManyRequests", "请求过于频繁,请稍后再试")
        .with(header::RETRY_AFTER, &retry_after.unwrap_or_else(|| seconds.to_string()))
}

/// The real time after `wait` in the form of HTTP headers; rounded up, so that the wait is long enough.
fn http_date(wait: Duration) -> Option<String> {
    let until = jiff::Timestamp::now().checked_add(wait).ok()?;
    let until = jiff::Timestamp::from_second(until.as_second() + 1).ok()?;
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&until).ok()
}
