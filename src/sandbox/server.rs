//! Connections, and the way of a request.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::account::Account;
use super::answer::{Answer, Asked};
use super::control;
use super::options::{FaultKind, Options};
use super::vendor::{Route, Vendor};
use super::wire::{Body, Wire, cut, trickling, whole};
use super::world::World;

/// No client waits longer for an answer that never comes.
const LONGEST_HANG: Duration = Duration::from_secs(3_600);
const LARGEST_BODY: usize = 16 << 20;
/// Rest after a failed accept, as when no file descriptor is free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Serves both vendors on a bound listener until dropped; connections end with it.
///
/// It listens at once; the first requests wait until the world of the seed is made.
pub async fn serve(listener: TcpListener, options: Options) -> io::Result<()> {
    let origin = format!("http://{}", listener.local_addr()?);
    let world = Arc::new(World::begin(Options { origin, ..options }));
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
        ["apiv2", path @ ..] => answer(&world.kf5, "kf5", world, path, &asked).await,
        ["open_api_v1", ..] => answer(&world.udesk, "udesk", world, &segments, &asked).await,
        ["api", "v1" | "v2", path @ ..] => answer(&world.udesk, "udesk", world, path, &asked).await,
        [own, path @ ..] if own.starts_with("__") => Ok(control::answer(world, own, path, &asked).await),
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

/// Answers a request to a vendor: limit, latency, script, credentials, changes, the right answer, what goes wrong with it.
async fn answer<V: Vendor>(
    account: &Account<V>,
    vendor: &str,
    world: &World,
    path: &[&str],
    asked: &Asked,
) -> io::Result<Response<Body>> {
    let in_flight = world.requests.arrived(asked.method.as_str(), &asked.target());
    account.requests.fetch_add(1, Ordering::Relaxed);
    let send = |answer: Answer| {
        in_flight.answered(answer.status.as_u16());
        Ok(whole(answer))
    };
    let admitted = account.admit(Instant::now());
    let latency = world.latency();
    if admitted.is_ok() && !latency.is_zero() {
        tokio::time::sleep(latency).await;
    }
    let Some(tenant) = account.tenant.clone().await else {
        return send(Answer::html(StatusCode::INTERNAL_SERVER_ERROR, "500 Internal Server Error"));
    };
    if let Err((limit, wait)) = admitted {
        in_flight.limited();
        let tenant = tenant.read().unwrap_or_else(PoisonError::into_inner);
        return send(V::over_limit(&limit, tenant.quirks(), wait));
    }
    let route = V::Route::of(&asked.method, path);
    let (reads, lists) = (route.reads(), route.lists());
    let script = world.script();
    let mut rule = script.before(vendor, lists, asked);
    if let Some(rule) = &rule {
        tokio::time::sleep(rule.delay).await;
        if let Some(answer) = rule.whole_answer(asked).filter(|_| rule.fault.is_none()) {
            return send(answer);
        }
    }
    let known = account.credentials.lock().unwrap_or_else(PoisonError::into_inner).clone();
    if let Some(refusal) = V::refuse(asked, &known) {
        return send(refusal);
    }
    let right = if lists {
        let (number, _turn) = account.gate.pass().await;
        let mut due = world.due_changes(number).peekable();
        if due.peek().is_some() {
            let mut tenant = tenant.write().unwrap_or_else(PoisonError::into_inner);
            let made = due.filter_map(|op| tenant.change(op)).count();
            account.changes.fetch_add(made as u64, Ordering::Relaxed);
        }
        tenant.read().unwrap_or_else(PoisonError::into_inner).read(&route, asked)
    } else if reads {
        tenant.read().unwrap_or_else(PoisonError::into_inner).read(&route, asked)
    } else {
        tenant.write().unwrap_or_else(PoisonError::into_inner).write(&route, asked, &known)
    };
    rule = rule.or_else(|| script.after(vendor, lists, asked, &right));
    let right = match &rule {
        Some(rule) => rule.changed(right, asked),
        None => right,
    };
    let by_chance = || if reads { world.faults.draw(asked) } else { None };
    let Some(fault) = rule.and_then(|rule| rule.fault).or_else(by_chance) else {
        return send(right);
    };
    world.faults.count(fault);
    if let Some(wrong) = world.faults.in_place_of(fault, &right, vendor == "udesk") {
        return send(wrong);
    }
    in_flight.answered(right.status.as_u16());
    match fault {
        FaultKind::Reset => Err(io::Error::other("reset on purpose")),
        FaultKind::Hang => {
            tokio::time::sleep(LONGEST_HANG).await;
            Err(io::Error::other("never answered on purpose"))
        }
        FaultKind::Slow => Ok(trickling(right)),
        _ => {
            let length = world.faults.below(right.body.len());
            Ok(cut(right, length))
        }
    }
}
