//! A script: when a request is this one, its answer is that one. Rules are tried in order; the first that applies is it.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::answer::{Answer, Asked};
use super::object::Object;
use super::options::FaultKind;

/// The rules of a sandbox.
#[derive(Debug, Default)]
pub struct Script(Vec<Scripted>);

#[derive(Debug)]
struct Scripted {
    rule: Rule,
    /// How many requests met its conditions.
    met: AtomicU64,
}

/// One rule, as a script has it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    #[serde(default)]
    when: When,
    then: Then,
}

/// Which requests a rule is for; what is left out fits all.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct When {
    /// `kf5` or `udesk`.
    vendor: Option<String>,
    method: Option<String>,
    /// The path as sent.
    path: Option<String>,
    /// Parameters with these values.
    query: BTreeMap<String, String>,
    /// Texts that path and query, as sent, contain.
    contains: Texts,
    /// Texts that they do not contain.
    lacks: Texts,
    /// Whether it asks for a page of tickets.
    list: Option<bool>,
    /// Its answer would hold this ticket.
    holds: Option<u64>,
    /// From the so-many-th such request on, counted from 1.
    first: Option<u64>,
    /// Every so-many-th of them.
    every: Option<u64>,
    /// So many of them at most.
    times: Option<u64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(untagged)]
enum Texts {
    #[default]
    None,
    One(String),
    Several(Vec<String>),
}

impl Texts {
    fn as_slice(&self) -> &[String] {
        match self {
            Texts::None => &[],
            Texts::One(text) => std::slice::from_ref(text),
            Texts::Several(texts) => texts,
        }
    }
}

/// What becomes of the answer.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Then {
    /// Another status, with `body` in place of the right one where that is given.
    status: Option<u16>,
    /// Another body; `{target}` and `{headers}` in it stand for what was asked, as a proxy gives it back.
    body: Option<String>,
    headers: BTreeMap<String, String>,
    fault: Option<String>,
    /// Tickets that the page loses.
    without: Vec<u64>,
    /// The number of all rows: another one, or `"+1"`, `"-5"`.
    count: Option<Value>,
    /// Other values under top-level keys.
    set: BTreeMap<String, Box<RawValue>>,
    /// Bytes (base64) in place of a text.
    replace: Option<(String, String)>,
    /// Compressed, whatever was asked for.
    gzip: bool,
    /// As `200ms` or `2s`.
    delay: Option<String>,
}

/// A rule that applies to a request.
#[derive(Debug, Clone)]
pub struct Applied {
    then: Then,
    pub delay: Duration,
    pub fault: Option<FaultKind>,
}

impl Applied {
    /// The answer that needs no right one.
    pub fn whole_answer(&self, asked: &Asked) -> Option<Answer> {
        let then = &self.then;
        if then.status.is_none() && then.body.is_none() {
            return None;
        }
        let status = then.status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or_default();
        Some(self.dressed(Answer::status(status, filled_in(then.body.as_deref().unwrap_or(""), asked))))
    }

    /// The right answer as the rule changes it.
    pub fn changed(&self, right: Answer, asked: &Asked) -> Answer {
        if let Some(answer) = self.whole_answer(asked) {
            return answer;
        }
        let then = &self.then;
        let mut answer = without(right, &then.without);
        if then.count.is_some() || !then.set.is_empty() {
            answer.body = edited(&answer.body, then);
        }
        if let Some((text, bytes)) = &then.replace {
            let bytes = BASE64_STANDARD.decode(bytes).unwrap_or_default();
            answer.body = replaced(&answer.body, text.as_bytes(), &bytes);
        }
        self.dressed(answer)
    }

    fn dressed(&self, mut answer: Answer) -> Answer {
        for (name, value) in &self.then.headers {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
                answer.headers.push((name, value));
            }
        }
        if self.then.gzip {
            let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
            if packed.write_all(&answer.body).is_ok()
                && let Ok(packed) = packed.finish()
            {
                answer.body = packed.into();
                answer = answer.with(header::CONTENT_ENCODING, "gzip");
            }
        }
        answer
    }
}

impl Script {
    /// Reads rules: a JSON list, or one rule a line. Says what is wrong with which.
    pub fn parse(text: &str) -> Result<Script, String> {
        let rules: Vec<Rule> = match text.trim_start().starts_with('[') {
            true => serde_json::from_str(text).map_err(|why| why.to_string())?,
            false => {
                let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
                let rules = lines.map(|(number, line)| {
                    serde_json::from_str(line).map_err(|why| format!("line {number}: {why}"))
                });
                rules.collect::<Result<_, String>>()?
            }
        };
        for rule in &rules {
            applied(&rule.then)?;
        }
        Ok(Script(rules.into_iter().map(|rule| Scripted { rule, met: AtomicU64::new(0) }).collect()))
    }

    /// The rule for a request, before it is answered: those that look at the answer's tickets wait for it.
    pub fn before(&self, vendor: &str, is_list: bool, asked: &Asked) -> Option<Applied> {
        self.first(|when| when.holds.is_none() && when.fits(vendor, is_list, asked))
    }

    /// The rule for a request whose right answer is known.
    pub fn after(&self, vendor: &str, is_list: bool, asked: &Asked, right: &Answer) -> Option<Applied> {
        self.first(|when| {
            when.holds.is_some_and(|id| right.ids.contains(&id)) && when.fits(vendor, is_list, asked)
        })
    }

    fn first(&self, fits: impl Fn(&When) -> bool) -> Option<Applied> {
        let mut rules = self.0.iter().filter(|scripted| fits(&scripted.rule.when));
        let applies = rules.find(|scripted| {
            let when = &scripted.rule.when;
            let met = scripted.met.fetch_add(1, Ordering::Relaxed) + 1;
            let Some(since) = met.checked_sub(when.first.unwrap_or(1).max(1)) else { return false };
            let every = when.every.unwrap_or(1).max(1);
            since.is_multiple_of(every) && when.times.is_none_or(|times| since / every < times)
        });
        applies.and_then(|scripted| applied(&scripted.rule.then).ok())
    }
}

impl When {
    fn fits(&self, vendor: &str, is_list: bool, asked: &Asked) -> bool {
        let target = asked.target();
        let pairs = || asked.params().collect::<Vec<_>>();
        self.vendor.as_deref().is_none_or(|wanted| wanted == vendor)
            && self.method.as_deref().is_none_or(|method| asked.method.as_str() == method)
            && self.path.as_deref().is_none_or(|path| asked.path == path)
            && (self.query.is_empty()
                || self.query.iter().all(|(key, value)| pairs().iter().any(|(k, v)| k == key && v == value)))
            && self.contains.as_slice().iter().all(|text| target.contains(text))
            && !self.lacks.as_slice().iter().any(|text| target.contains(text))
            && self.list.is_none_or(|list| list == is_list)
    }
}

fn applied(then: &Then) -> Result<Applied, String> {
    let fault = match &then.fault {
        Some(name) => Some(name.parse()?),
        None => None,
    };
    let delay = match &then.delay {
        Some(text) => crate::config::quantity::duration(text)
            .map_err(|_| format!("`{text}` is not a duration: write 200ms or 2s"))?,
        None => Duration::ZERO,
    };
    Ok(Applied { then: then.clone(), delay, fault })
}

/// The body with what was asked in place of its placeholders.
fn filled_in(body: &str, asked: &Asked) -> String {
    let headers: Vec<String> = asked
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
        .collect();
    body.replace("{target}", &asked.target()).replace("{headers}", &headers.join("\n"))
}

/// A page of tickets without some of them; its count is as it was.
fn without(answer: Answer, lost: &[u64]) -> Answer {
    let Ok(mut object) = Object::parse(&answer.body) else { return answer };
    let key = ["tickets", "contents"].into_iter().find(|key| object.get(key).is_some());
    let Some((key, rows)) = key.and_then(|key| Some((key, object.get(key)?))) else { return answer };
    let Ok(rows) = serde_json::from_str::<Vec<&RawValue>>(rows) else { return answer };
    if lost.is_empty() || rows.len() != answer.ids.len() {
        return answer;
    }
    let kept = rows.iter().zip(&answer.ids).filter(|(_, id)| !lost.contains(id));
    let (rows, ids): (Vec<&str>, Vec<u64>) = kept.map(|(row, id)| (row.get(), *id)).unzip();
    let rows = format!("[{}]", rows.join(","));
    object.set(key, &rows);
    Answer { body: object.render().into(), ids, ..answer }
}

/// The body with other values under some of its keys.
fn edited(body: &Bytes, then: &Then) -> Bytes {
    let Ok(mut object) = Object::parse(body) else { return body.clone() };
    if let Some(count) = &then.count {
        for key in ["count", "total"] {
            let known = object.get(key).and_then(|known| known.parse::<i64>().ok());
            let Some(known) = known else { continue };
            let count = match count {
                Value::String(by) => by.parse::<i64>().map_or(known, |by| known + by),
                other => other.as_i64().unwrap_or(known),
            };
            object.set(key, &count.to_string());
        }
    }
    for (key, value) in &then.set {
        object.set(key, value.get());
    }
    object.render().into()
}

fn replaced(body: &Bytes, text: &[u8], with: &[u8]) -> Bytes {
    let at = body.windows(text.len().max(1)).position(|window| window == text);
    match at {
        Some(at) if !text.is_empty() => {
            let rest = body.get(at + text.len()..).unwrap_or_default();
            [body.get(..at).unwrap_or_default(), with, rest].concat().into()
        }
        _ => body.clone(),
    }
}
