//! The sandbox's own paths: what is true, what was counted, and changes at a word.
//!
//! They need no credentials and know no budget, no fault and no latency, so that tests can ask them at any time.

use std::collections::BTreeSet;
use std::sync::RwLock;

use bytes::{BufMut, Bytes, BytesMut};
use futures::stream;
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use serde_json::{Value, json};

use super::answer::{Answer, Asked};
use super::options::Op;
use super::shelf::Shelf;
use super::wire::{Body, whole};
use super::world::{Account, World};
use super::{kf5, udesk};

const LINES_AT_ONCE: usize = 128;

/// Answers one of the sandbox's own paths; `own` is its first part.
pub async fn answer(world: &World, own: &str, path: &[&str], asked: &Asked) -> Response<Body> {
    let (Some(kf5), Some(udesk)) = (world.kf5.clone().await, world.udesk.clone().await) else {
        return whole(refused(StatusCode::INTERNAL_SERVER_ERROR, "the world could not be made"));
    };
    let posts = asked.method == Method::POST;
    match (own, path) {
        ("__truth", ["kf5"]) => lines(&read(&kf5).shelf),
        ("__truth", ["udesk"]) => lines(&read(&udesk).shelf),
        ("__truth", ["kf5", "fields"]) => {
            let tenant = read(&kf5);
            let fields = tenant.fields.iter().map(|field| field.definition.render() + "\n");
            whole(Answer::json(fields.collect::<String>()))
        }
        ("__truth", ["udesk", "fields"]) => {
            let tenant = read(&udesk);
            let fields = tenant.fields.iter().map(|field| field.definition.render() + "\n");
            whole(Answer::json(fields.collect::<String>()))
        }
        ("__truth", ["udesk", "cascades"]) => {
            let text = udesk::fields::cascades(&read(&udesk).fields);
            whole(Answer { content_type: "application/toml", ..Answer::json(text) })
        }
        ("__stats", []) => whole(Answer::json(world.counted())),
        ("__change", ["kf5"]) if posts => {
            let mut tenant = write(&kf5);
            reseed(asked, &mut tenant.rng);
            let standing = tenant.shelf.len();
            whole(change(asked, &world.kf5_account, standing, |op| kf5::change::change(&mut tenant, op)))
        }
        ("__change", ["udesk"]) if posts => {
            let mut tenant = write(&udesk);
            reseed(asked, &mut tenant.rng);
            let standing = tenant.shelf.len();
            whole(change(asked, &world.udesk_account, standing, |op| udesk::change::change(&mut tenant, op)))
        }
        ("__change", ["kf5", "fields"]) if posts => {
            whole(done(kf5::change::change_field(&mut write(&kf5), &asked.json())))
        }
        ("__change", ["udesk", "fields"]) if posts => {
            whole(done(udesk::change::change_field(&mut write(&udesk), &asked.json())))
        }
        _ => whole(refused(StatusCode::NOT_FOUND, "no such path of the sandbox")),
    }
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
fn lines(shelf: &Shelf) -> Response<Body> {
    let mut texts = shelf.cards().map(|card| card.text.clone()).collect::<Vec<Bytes>>().into_iter();
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

/// A change with a seed of its own picks the same tickets again in the same world.
fn reseed(asked: &Asked, rng: &mut fastrand::Rng) {
    if let Some(seed) = asked.json().get("seed").and_then(Value::as_u64) {
        *rng = fastrand::Rng::with_seed(seed);
    }
}

/// `{"op":"update"|"insert"|"delete","count":N}` → `{"ids":[…]}`: N different tickets, or all there are of `standing`.
fn change(
    asked: &Asked,
    account: &Account,
    standing: usize,
    mut one: impl FnMut(Op) -> Option<u64>,
) -> Answer {
    let body = asked.json();
    let op = body.get("op").and_then(Value::as_str).unwrap_or("");
    let op: Op = match op.parse() {
        Ok(op) => op,
        Err(wrong) => return refused(StatusCode::BAD_REQUEST, &wrong),
    };
    let count = body.get("count").and_then(Value::as_u64).unwrap_or(1);
    let count = if op == Op::Insert { count } else { count.min(standing as u64) };
    let mut ids = BTreeSet::new();
    while (ids.len() as u64) < count {
        let Some(id) = one(op) else {
            break;
        };
        ids.insert(id);
    }
    account.changes.fetch_add(ids.len() as u64, std::sync::atomic::Ordering::Relaxed);
    Answer::json(json!({"ids": ids}).to_string())
}

/// What came of a change of a field definition.
fn done(result: Result<String, String>) -> Answer {
    match result {
        Ok(name) => Answer::json(json!({"field_name": name}).to_string()),
        Err(wrong) => refused(StatusCode::BAD_REQUEST, &wrong),
    }
}
