//! What a sandbox is told: how big its world is and how it behaves and misbehaves.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::quirks::Quirk;
use super::script::Script;

/// All settings of a sandbox. The variations at the end stand for what the vendors leave undocumented; they are off by default.
#[derive(Debug, Clone)]
pub struct Options {
    /// Two worlds of one seed, size and `now` are the same to the byte.
    pub seed: u64,
    /// The address by which it is reached, as `http://127.0.0.1:8080`; the server sets it.
    pub origin: String,
    /// Tickets of each vendor at the start.
    pub tickets: usize,
    /// Requests that each vendor's account may send; none for no limit.
    pub rate: Option<Rate>,
    /// Wait before every answer.
    pub latency: Duration,
    pub faults: Vec<Fault>,
    pub changes: Vec<Change>,
    /// Unix seconds at which the world begins; the real time when not given.
    pub now: Option<i64>,
    /// More definitions than the usual ones, for each vendor.
    pub extra_fields: usize,
    /// Answers to certain requests.
    pub script: Arc<Script>,
    /// Choices where the documents are silent.
    pub quirks: Vec<Quirk>,
    /// How KF5 spells `Retry-After`.
    pub retry_after: RetryAfter,
    /// So many tickets in one second of creation, and the next so many in one second of update.
    pub burst: usize,
    /// Bytes of the longest description; 0 for none of that kind.
    pub longest_description: usize,
    /// Only ordinary tickets, none with an odd value.
    pub plain: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            seed: 1,
            origin: "http://127.0.0.1".to_owned(),
            tickets: 10_000,
            rate: Some(Rate { requests: 60, per: Duration::from_secs(60) }),
            latency: Duration::from_millis(20),
            faults: Vec::new(),
            changes: Vec::new(),
            now: None,
            extra_fields: 0,
            script: Arc::default(),
            quirks: Vec::new(),
            retry_after: RetryAfter::Seconds,
            burst: 0,
            longest_description: 0,
            plain: false,
        }
    }
}

/// The two legal forms of `Retry-After`, one after the other, or no such header.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    #[default]
    Seconds,
    Date,
    /// One after the other
    Alternate,
    None,
}

/// A budget: so many requests in any stretch of `per`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    pub requests: u32,
    pub per: Duration,
}

impl FromStr for Rate {
    type Err = String;

    /// `60/min`, `10/s`, `600/h`.
    fn from_str(text: &str) -> Result<Rate, String> {
        let wrong = || format!("`{text}` is no rate; write a number and a unit, as 10/s, 60/min or 600/h");
        let (requests, unit) = text.split_once('/').ok_or_else(wrong)?;
        let requests = requests.parse().ok().filter(|n| *n > 0).ok_or_else(wrong)?;
        let seconds = match unit {
            "s" => 1,
            "min" => 60,
            "h" => 3600,
            _ => return Err(wrong()),
        };
        Ok(Rate { requests, per: Duration::from_secs(seconds) })
    }
}

/// A way in which an answer goes wrong, and how often.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fault {
    pub kind: FaultKind,
    /// 0 to 1, for each reading request.
    pub probability: f64,
}

/// The ways in which an answer can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// 500, 502 or 503.
    Http500,
    /// An HTML page with status 200.
    Html200,
    /// The connection closes in the middle of the body.
    Truncate,
    /// The connection is reset before the answer.
    Reset,
    /// No answer until the client gives up.
    Hang,
    /// The body trickles for some 200 ms.
    Slow,
    /// A body that ends in the middle of its JSON, although nothing of it is missing.
    BrokenJson,
    /// An error in a body of JSON, with status 200.
    Error200,
    /// An envelope without its list.
    NoList,
}

impl FaultKind {
    pub const ALL: [FaultKind; 9] = [
        FaultKind::Http500,
        FaultKind::Html200,
        FaultKind::Truncate,
        FaultKind::Reset,
        FaultKind::Hang,
        FaultKind::Slow,
        FaultKind::BrokenJson,
        FaultKind::Error200,
        FaultKind::NoList,
    ];

    /// Its name on the command line and in the statistics.
    pub fn name(self) -> &'static str {
        match self {
            FaultKind::Http500 => "http500",
            FaultKind::Html200 => "html200",
            FaultKind::Truncate => "truncate",
            FaultKind::Reset => "reset",
            FaultKind::Hang => "hang",
            FaultKind::Slow => "slow",
            FaultKind::BrokenJson => "broken_json",
            FaultKind::Error200 => "error200",
            FaultKind::NoList => "no_list",
        }
    }
}

impl FromStr for FaultKind {
    type Err = String;

    fn from_str(name: &str) -> Result<FaultKind, String> {
        FaultKind::ALL.into_iter().find(|known| known.name() == name).ok_or_else(|| {
            let known: Vec<_> = FaultKind::ALL.iter().map(|kind| kind.name()).collect();
            format!("`{name}` is not a fault; write one of {}", known.join(", "))
        })
    }
}

impl FromStr for Fault {
    type Err = String;

    /// `http500:0.05`.
    fn from_str(text: &str) -> Result<Fault, String> {
        let (kind, probability) = text
            .split_once(':')
            .ok_or_else(|| format!("`{text}` is no fault; write KIND:PROBABILITY, as http500:0.05"))?;
        let kind = kind.parse()?;
        let probability = probability
            .parse()
            .ok()
            .filter(|p| (0.0..=1.0).contains(p))
            .ok_or_else(|| format!("`{probability}` is no probability; write a number from 0 to 1"))?;
        Ok(Fault { kind, probability })
    }
}

/// A change of the world while it is read: one before every `every`-th list answer of a vendor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    pub op: Op,
    pub every: u64,
}

/// What can happen to a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Insert,
    Update,
    Delete,
}

impl FromStr for Op {
    type Err = String;

    fn from_str(text: &str) -> Result<Op, String> {
        match text {
            "insert" => Ok(Op::Insert),
            "update" => Ok(Op::Update),
            "delete" => Ok(Op::Delete),
            _ => Err(format!("`{text}` is no change; write insert, update or delete")),
        }
    }
}

impl FromStr for Change {
    type Err = String;

    /// `insert:3`.
    fn from_str(text: &str) -> Result<Change, String> {
        let (op, every) = text
            .split_once(':')
            .ok_or_else(|| format!("`{text}` is no change; write OP:EVERY, as insert:3"))?;
        let op = op.parse()?;
        let every = every
            .parse()
            .ok()
            .filter(|n| *n > 0)
            .ok_or_else(|| format!("`{every}` is no count of list answers; write 1 or more"))?;
        Ok(Change { op, every })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_or_refused_with_what_is_allowed() {
        let rate: Rate = "60/min".parse().unwrap();
        assert_eq!((rate.requests, rate.per.as_secs()), (60, 60));
        for wrong in ["", "60", "0/s", "-1/s", "60/day", "x/s"] {
            assert!(wrong.parse::<Rate>().unwrap_err().contains("60/min"), "{wrong}");
        }
        let fault: Fault = "slow:0.5".parse().unwrap();
        assert_eq!((fault.kind, fault.probability), (FaultKind::Slow, 0.5));
        assert!("boom:1".parse::<Fault>().unwrap_err().contains("html200"));
        assert!("slow:1.5".parse::<Fault>().unwrap_err().contains("0 to 1"));
        let change: Change = "delete:10".parse().unwrap();
        assert_eq!((change.op, change.every), (Op::Delete, 10));
        assert!("delete:0".parse::<Change>().is_err());
        assert!("merge:1".parse::<Change>().unwrap_err().contains("insert"));
    }
}
