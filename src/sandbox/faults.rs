//! What goes wrong with answers, by chance.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use serde_json::json;

use super::answer::{Answer, Asked};
use super::options::{Fault, FaultKind};

/// Parts of a query that differ each time the same is asked.
const FRESH: [&str; 3] = ["sign", "timestamp", "nonce"];
/// A client that asks for ever more must not fill the memory.
const MOST_QUESTIONS: usize = 100_000;

/// The chance of every fault, drawn from a seeded sequence.
#[derive(Debug)]
pub struct Faults(Mutex<State>);

#[derive(Debug)]
struct State {
    faults: Vec<Fault>,
    /// How often the answer to one question is spoilt; none for always when drawn.
    at_most: Option<u32>,
    rng: fastrand::Rng,
    spoilt: HashMap<String, u32>,
    injected: BTreeMap<&'static str, u64>,
}

impl Faults {
    pub fn new(faults: Vec<Fault>, at_most: Option<u32>, seed: u64) -> Faults {
        let rng = fastrand::Rng::with_seed(seed);
        let injected = FaultKind::ALL.iter().map(|kind| (kind.name(), 0)).collect();
        Faults(Mutex::new(State { faults, at_most, rng, spoilt: HashMap::new(), injected }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts other faults in place; what was injected stays counted.
    pub fn set(&self, other: Faults) {
        let other = other.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.state();
        *state = State { injected: std::mem::take(&mut state.injected), ..other };
    }

    /// What goes wrong with the answer to this question, if anything; the first fault that comes up is it.
    pub fn draw(&self, asked: &Asked) -> Option<FaultKind> {
        let mut state = self.state();
        if state.faults.is_empty() {
            return None;
        }
        let question = question(asked);
        let spoilt = state.spoilt.get(&question).copied().unwrap_or(0);
        if state.at_most.is_some_and(|most| spoilt >= most) {
            return None;
        }
        let State { faults, rng, .. } = &mut *state;
        let kind = faults.iter().find(|fault| rng.f64() < fault.probability).map(|fault| fault.kind)?;
        if state.spoilt.len() < MOST_QUESTIONS {
            state.spoilt.insert(question, spoilt + 1);
        }
        Some(kind)
    }

    /// Counts a fault that was injected.
    pub fn count(&self, kind: FaultKind) {
        *self.state().injected.entry(kind.name()).or_default() += 1;
    }

    /// How often each kind was injected.
    pub fn injected(&self) -> BTreeMap<&'static str, u64> {
        self.state().injected.clone()
    }

    /// A number below `end`, from the same sequence.
    pub fn below(&self, end: usize) -> usize {
        self.state().rng.usize(..end.max(1))
    }

    /// The answer that a fault gives in place of the right one; none where the fault is in how it is sent.
    pub fn in_place_of(&self, kind: FaultKind, right: &Answer, code_key: bool) -> Option<Answer> {
        Some(match kind {
            FaultKind::Http500 => {
                let (status, title) = match self.below(3) {
                    0 => (StatusCode::INTERNAL_SERVER_ERROR, "500 Internal Server Error"),
                    1 => (StatusCode::BAD_GATEWAY, "502 Bad Gateway"),
                    _ => (StatusCode::SERVICE_UNAVAILABLE, "503 Service Temporarily Unavailable"),
                };
                Answer::html(status, title)
            }
            FaultKind::Html200 => Answer::html(StatusCode::OK, "系统维护中"),
            FaultKind::BrokenJson => {
                let kept = 1 + self.below(right.body.len().saturating_sub(1));
                Answer::json(right.body.slice(..kept.min(right.body.len())))
            }
            FaultKind::Error200 if code_key => {
                Answer::json(json!({"status": 9999, "message": "系统繁忙,请稍后再试"}).to_string())
            }
            FaultKind::Error200 => {
                Answer::json(json!({"error": 500, "message": "server busy, try again"}).to_string())
            }
            FaultKind::NoList if code_key => {
                Answer::json(json!({"status": 0, "message": "成功", "size": 0}).to_string())
            }
            FaultKind::NoList => Answer::json(json!({"count": 0}).to_string()),
            FaultKind::Truncate | FaultKind::Reset | FaultKind::Hang | FaultKind::Slow => return None,
        })
    }
}

/// What makes two requests the same question.
fn question(asked: &Asked) -> String {
    let mut pairs: Vec<_> = asked.params().filter(|(key, _)| !FRESH.contains(&key.as_str())).collect();
    pairs.sort();
    format!("{} {} {pairs:?} {}", asked.method, asked.path, String::from_utf8_lossy(&asked.body))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, Method};

    use super::*;

    fn asked(query: &str) -> Asked {
        let (path, query) = ("/apiv2/tickets".to_owned(), query.to_owned());
        let (headers, body) = (HeaderMap::new(), Bytes::new());
        Asked { method: Method::GET, path, segments: Vec::new(), query, headers, body }
    }

    #[test]
    fn faults_come_as_often_as_asked() {
        let faults = Faults::new(vec!["reset:0.25".parse().unwrap()], None, 7);
        let hits = (0..10_000).filter(|_| faults.draw(&asked("")).is_some()).count();
        assert!((2_300..2_700).contains(&hits), "{hits}");
    }

    #[test]
    fn one_question_is_spoilt_at_most_so_often() {
        let faults = Faults::new(vec!["reset:1".parse().unwrap()], Some(2), 7);
        let drawn: Vec<_> = ["page=1&sign=a", "sign=b&page=1", "page=1&sign=c", "page=2"]
            .map(|query| faults.draw(&asked(query)).is_some())
            .to_vec();
        assert_eq!(drawn, [true, true, false, true]);
    }
}
