//! Udesk's Open API v2, as far as labels of cascades need it: definitions with their whole option trees, and signature v2.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::Tenant;
use super::fields::{Field, Kind};
use crate::sandbox::account::Credentials;
use crate::sandbox::answer::{Answer, Asked};

/// A signature is good for so many seconds before and after its time.
const SKEW: i64 = 300;
/// A nonce is used once in so many seconds.
const NONCE_SECONDS: i64 = 900;

/// Nonces that were used, with the second of each.
pub type Nonces = BTreeMap<String, i64>;

/// Answers a request below `/open_api_v1`.
pub fn answer(tenant: &mut Tenant, known: &Credentials, asked: &Asked) -> Answer {
    if let Some((code, message)) = refuse(&mut tenant.nonces, known, tenant.clock.now(), asked) {
        return coded(code, message);
    }
    let path: Vec<&str> = asked.segments.iter().map(String::as_str).collect();
    match path.as_slice() {
        [_, "custom_fields"] if asked.method == Method::GET => {
            let shown: Vec<Value> = match asked.param("category").as_deref() {
                Some("customer" | "organization") => Vec::new(),
                // An unknown category is taken for tickets.
                _ => tenant.fields.iter().map(shown).collect(),
            };
            Answer::json(json!({"code": 1000, "message": "成功", "fields": shown}).to_string())
        }
        _ => coded(2000, "未知的接口"),
    }
}

fn coded(code: u32, message: &str) -> Answer {
    Answer::json(json!({"code": code, "message": message}).to_string())
}

/// SHA256 of email, token, timestamp, nonce and version, joined by `&`.
fn refuse(nonces: &mut Nonces, known: &Credentials, now: i64, asked: &Asked) -> Option<(u32, &'static str)> {
    let part = |key: &str| asked.param(key).unwrap_or_default();
    let (email, timestamp, nonce) = (part("email"), part("timestamp"), part("nonce"));
    let Ok(second) = timestamp.parse::<i64>() else { return Some((20621, "timestamp 不正确")) };
    if nonce.is_empty() {
        return Some((20624, "nonce 不能为空"));
    }
    // The client signs with its own clock; the world's may stand elsewhere.
    let real = jiff::Timestamp::now().as_second();
    if (second - now).abs() > SKEW && (second - real).abs() > SKEW {
        return Some((20622, "timestamp 已过期"));
    }
    let signed = [email.as_str(), &known.token, &timestamp, &nonce, "v2"].join("&");
    let sign: String = Sha256::digest(signed.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    if part("sign_version") != "v2" || part("sign") != sign || email != known.email {
        return Some((2059, "签名错误"));
    }
    nonces.retain(|_, used| (second - *used).abs() <= NONCE_SECONDS);
    if nonces.insert(nonce, second).is_some() {
        return Some((20623, "nonce 已被使用"));
    }
    None
}

fn shown(field: &Field) -> Value {
    let text = |key: &str| field.definition.text(key);
    let options = match field.kind {
        Kind::Chained => below(field, ""),
        Kind::Select | Kind::Several => {
            field.options.iter().map(|(value, title)| option(value, title)).collect()
        }
        _ => Vec::new(),
    };
    json!({
        "field_name": field.name,
        "field_label": text("field_label"),
        "content_type": text("content_type"),
        "comment": text("comment"),
        "options": options,
    })
}

fn option(value: &str, title: &str) -> Value {
    json!({"title": title, "value": value, "default": false, "is_hide": false})
}

/// The options below a path of a cascade, each with its own below it; a value is the index under its parent.
fn below(field: &Field, path: &str) -> Vec<Value> {
    let children = field
        .options
        .iter()
        .filter(|(known, _)| known.rsplit_once(',').map_or("", |(parent, _)| parent) == path);
    let with_subs = children.map(|(known, title)| {
        let mut shown = option(known.rsplit(',').next().unwrap_or(known), title);
        let subs = below(field, known);
        if !subs.is_empty() {
            shown["subs"] = Value::from(subs);
        }
        shown
    });
    with_subs.collect()
}
