//! The sandbox's own paths: the ground truth, what was counted, changes on request, and the control of an account by tests.
//!
//! They need no credentials and know no limit, no fault and no latency, so that tests can ask them at any time.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures::stream;
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::account::{Account, Limit};
use super::answer::{Answer, Asked};
use super::faults::Faults;
use super::gate::Held;
use super::object::Object;
use super::options::{Fault, Op, Rate, RetryAfter};
use super::script::Script;
use super::store::{Ticket, TicketStore};
use super::udesk;
use super::vendor::Vendor;
use super::wire::{Body, whole};
use super::world::World;

const LINES_AT_ONCE: usize = 128;

/// Answers one of the sandbox's own paths; `own` is its first part.
pub async fn answer(world: &World, own: &str, path: &[&str], asked: &Asked) -> Response<Body> {
    match path {
        ["kf5", rest @ ..] => of_vendor(&world.kf5, own, rest, asked).await,
        ["udesk", "cascades"] if own == "__truth" => match world.udesk.tenant.clone().await {
            Some(tenant) => {
                let text = udesk::fields::cascades(&read(&tenant).fields);
                whole(Answer { content_type: "application/toml", ..Answer::json(text) })
            }
            None => unmade(),
        },
        ["udesk", rest @ ..] => of_vendor(&world.udesk, own, rest, asked).await,
        [] if own == "__stats" => whole(Answer::json(world.counted().to_string())),
        _ if own == "__control" => whole(control(world, path, asked).unwrap_or_else(|wrong| bad(&wrong))),
        _ => no_path(),
    }
}

/// The paths that are about one vendor.
async fn of_vendor<V: Vendor>(
    account: &Account<V>,
    own: &str,
    path: &[&str],
    asked: &Asked,
) -> Response<Body> {
    let Some(tenant) = account.tenant.clone().await else { return unmade() };
    let posts = asked.method == Method::POST;
    match (own, path) {
        ("__truth", []) => lines(read(&tenant).store()),
        ("__truth", ["fields"]) => {
            let fields = read(&tenant).fields();
            whole(Answer::json(fields.into_iter().map(|field| field + "\n").collect::<String>()))
        }
        ("__change", []) if posts => whole(change(account, &mut *write(&tenant), asked)),
        ("__change", ["fields"]) if posts => whole(done(write(&tenant).change_field(&asked.json()))),
        ("__control", ["gate"]) if asked.method == Method::GET => {
            let number = |key: &str| asked.param(key).and_then(|text| text.parse().ok());
            let wait = Duration::from_secs_f64(number("wait").unwrap_or(0.0_f64).clamp(0.0, 60.0));
            let next = account.gate.next(asked.param("done").and_then(|n| n.parse().ok()), wait).await;
            whole(Answer::json(next.map_or("{}".to_owned(), |number| json!({"list": number}).to_string())))
        }
        ("__control", [what]) => {
            whole(steer(account, &tenant, what, asked).unwrap_or_else(|wrong| bad(&wrong)))
        }
        _ => no_path(),
    }
}

/// One ticket, as a test puts it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Put {
    id: u64,
    /// Unix seconds by which lists order and filter; null for none.
    created: Option<i64>,
    updated: Option<i64>,
    /// The JSON text that is served, byte for byte.
    raw: String,
    /// Lists show it beside the current version.
    #[serde(default)]
    twice: bool,
}

/// Takes one setting of a vendor's account.
fn steer<V: Vendor>(
    account: &Account<V>,
    tenant: &Arc<RwLock<V>>,
    what: &str,
    asked: &Asked,
) -> Result<Answer, String> {
    let is_put = asked.method == Method::PUT;
    match what {
        "tickets" if asked.method == Method::DELETE => {
            let mut tenant = write(tenant);
            if asked.param("twice").is_some() {
                tenant.store_mut().remove_doubles();
            }
            for id in asked.ids() {
                tenant.store_mut().remove(id);
            }
        }
        "tickets" if is_put => {
            let mut tenant = write(tenant);
            let body = std::str::from_utf8(&asked.body).map_err(|why| why.to_string())?;
            let mut cards = Vec::new();
            for (number, line) in (1..).zip(body.lines().filter(|line| !line.is_empty())) {
                let put: Put = serde_json::from_str(line).map_err(|why| format!("line {number}: {why}"))?;
                let text = Object::parse(put.raw.as_bytes()).unwrap_or_default();
                let (id, created, updated, is_double) = (put.id, put.created, put.updated, put.twice);
                let text_bytes = Bytes::from(put.raw);
                cards.push(Ticket {
                    id,
                    created,
                    updated,
                    is_double,
                    text: text_bytes,
                    ..tenant.card(&text)
                });
            }
            if asked.param("replace").is_some() {
                *tenant.store_mut() = TicketStore::filled(cards);
            } else {
                cards.into_iter().for_each(|card| tenant.store_mut().put(card));
            }
        }
        "fields" if is_put => write(tenant).put_fields(body(asked)?),
        "quirks" if is_put => {
            let mut tenant = write(tenant);
            *tenant.quirks_mut() = merged(tenant.quirks(), asked)?;
        }
        "account" if is_put => {
            let mut credentials = account.credentials.lock().unwrap_or_else(PoisonError::into_inner);
            *credentials = merged(&*credentials, asked)?;
        }
        "rate" if is_put => account.set_limit(body::<Option<LimitPut>>(asked)?.unwrap_or_default().limit()),
        "gate" if is_put => account.gate.hold(body::<Option<Held>>(asked)?),
        _ => return Err(format!("`{what}` is not something to {}", asked.method)),
    }
    Ok(Answer::json("{}"))
}

/// So many requests in so many seconds.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct LimitPut {
    requests: u32,
    seconds: f64,
    retry_after: RetryAfter,
}

impl LimitPut {
    fn limit(&self) -> Limit {
        let per = Duration::from_secs_f64(self.seconds.clamp(0.0, 86_400.0));
        let rate = (self.requests > 0).then_some(Rate { requests: self.requests, per });
        Limit { rate, retry_after: self.retry_after, refused: 0 }
    }
}

/// Probabilities by the name of the fault.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
struct FaultsPut {
    faults: std::collections::BTreeMap<String, f64>,
    at_most: Option<u32>,
    seed: u64,
}

/// Settings of both vendors, and what is known of all requests.
fn control(world: &World, path: &[&str], asked: &Asked) -> Result<Answer, String> {
    let is_put = asked.method == Method::PUT;
    match path {
        ["requests"] => {
            let from = asked.param("from").and_then(|from| from.parse().ok()).unwrap_or(0);
            return Ok(Answer::json(world.requests.lines(from)));
        }
        ["stats"] => {
            let (requests, most_in_flight) = world.requests.counted();
            let lists = world.kf5.gate.lists() + world.udesk.gate.lists();
            let injected = world.faults.injected().into_iter().filter(|(_, count)| *count > 0);
            let injected: serde_json::Map<_, _> =
                injected.map(|(kind, count)| (kind.to_owned(), count.into())).collect();
            let stats = json!({"requests": requests, "lists": lists, "most_in_flight": most_in_flight, "injected": injected});
            return Ok(Answer::json(stats.to_string()));
        }
        ["script"] if is_put => world.set_script(Script::parse(&String::from_utf8_lossy(&asked.body))?),
        ["latency"] if is_put => {
            let seconds =
                asked.json().get("seconds").and_then(Value::as_f64).ok_or("`seconds` is missing")?;
            world.set_latency(Duration::from_secs_f64(seconds.clamp(0.0, 3600.0)));
        }
        ["faults"] if is_put => {
            let put: FaultsPut = body(asked)?;
            let faults = put.faults.iter().map(|(kind, probability)| {
                Ok(Fault { kind: kind.parse()?, probability: probability.clamp(0.0, 1.0) })
            });
            let faults = faults.collect::<Result<_, String>>()?;
            world.faults.set(Faults::new(faults, put.at_most, put.seed));
        }
        _ => return Err(format!("{} {} is not a control address", asked.method, asked.path)),
    }
    Ok(Answer::json("{}"))
}

fn body<T: DeserializeOwned>(asked: &Asked) -> Result<T, String> {
    serde_json::from_slice(&asked.body).map_err(|why| why.to_string())
}

/// The settings with those of the body in place; null is the default.
fn merged<T: Serialize + DeserializeOwned>(known: &T, asked: &Asked) -> Result<T, String> {
    let mut settings = match serde_json::to_value(known).map_err(|why| why.to_string())? {
        Value::Object(settings) => settings,
        _ => serde_json::Map::new(),
    };
    for (key, value) in body::<serde_json::Map<String, Value>>(asked)? {
        match value {
            Value::Null => settings.remove(&key),
            value => settings.insert(key, value),
        };
    }
    serde_json::from_value(Value::Object(settings)).map_err(|why| why.to_string())
}

fn bad(wrong: &str) -> Answer {
    refused(StatusCode::BAD_REQUEST, wrong)
}

fn no_path() -> Response<Body> {
    whole(refused(StatusCode::NOT_FOUND, "no such path of the sandbox"))
}

fn unmade() -> Response<Body> {
    whole(refused(StatusCode::INTERNAL_SERVER_ERROR, "the world could not be made"))
}

fn read<T>(tenant: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    tenant.read().unwrap_or_else(|broken| broken.into_inner())
}

fn write<T>(tenant: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    tenant.write().unwrap_or_else(|broken| broken.into_inner())
}

fn refused(status: StatusCode, message: &str) -> Answer {
    Answer::status(status, json!({"error": message}).to_string())
}

/// Every ticket on a line, as they stand at this moment.
fn lines(store: &TicketStore) -> Response<Body> {
    let mut texts = store.cards().map(|card| card.text.clone()).collect::<Vec<Bytes>>().into_iter();
    let blocks = std::iter::from_fn(move || {
        let block: Vec<Bytes> = texts.by_ref().take(LINES_AT_ONCE).collect();
        let mut lines = BytesMut::with_capacity(block.iter().map(|text| text.len() + 1).sum());
        for text in &block {
            lines.put_slice(text);
            lines.put_u8(b'\n');
        }
        (!block.is_empty()).then(|| lines.freeze())
    });
    let frames = stream::iter(blocks.map(|block| Ok(Frame::data(block))));
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    let kind = http::HeaderValue::from_static("application/x-ndjson; charset=utf-8");
    response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    response
}

/// `{"op":"update"|"insert"|"delete","count":N}` → `{"ids":[…]}`: N different tickets, or all there are. With a `seed` of its
/// own a change picks the same tickets again in the same world.
fn change<V: Vendor>(account: &Account<V>, tenant: &mut V, asked: &Asked) -> Answer {
    let body = asked.json();
    let op = body.get("op").and_then(Value::as_str).unwrap_or("");
    let op: Op = match op.parse() {
        Ok(op) => op,
        Err(wrong) => return bad(&wrong),
    };
    if let Some(seed) = body.get("seed").and_then(Value::as_u64) {
        *tenant.rng() = fastrand::Rng::with_seed(seed);
    }
    let count = body.get("count").and_then(Value::as_u64).unwrap_or(1);
    let count = if op == Op::Insert { count } else { count.min(tenant.store().len() as u64) };
    let mut ids = BTreeSet::new();
    while (ids.len() as u64) < count {
        let Some(id) = tenant.change(op) else {
            break;
        };
        ids.insert(id);
    }
    account.changes.fetch_add(ids.len() as u64, Ordering::Relaxed);
    Answer::json(json!({"ids": ids}).to_string())
}

/// What came of a change of a field definition.
fn done(result: Result<String, String>) -> Answer {
    match result {
        Ok(name) => Answer::json(json!({"field_name": name}).to_string()),
        Err(wrong) => refused(StatusCode::BAD_REQUEST, &wrong),
    }
}
