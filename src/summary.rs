//! What a run did, for scripts and for the record of runs; the keys and their order are a promise.

mod render;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::render::{closing, render};
use crate::{config::Kind, error::Error};

/// How far a run, or one source of it, came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every ticket that existed at the source from the start of the run to its end is in the lake.
    Complete,
    /// Something was committed, and something is missing or unproven.
    Incomplete,
    /// Nothing could be done.
    #[default]
    Failed,
    /// Stopped by a signal.
    Interrupted,
    /// It has begun and left no other word; of a run that holds no lake it means that it was killed.
    Running,
    /// It was killed before it could say how it ended.
    Died,
}

/// What was read of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Everything.
    Full,
    /// What changed since the cursor.
    Incremental,
    /// What a filter of recent changes lists.
    Filter,
    /// The tickets created in a window.
    Window,
}

/// A whole run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Sortable by time: `20261122T123456Z-k3x9`.
    pub run_id: String,
    pub command: String,
    pub started_at: Timestamp,
    /// `None` while it runs, and for ever if it was killed.
    pub finished_at: Option<Timestamp>,
    pub outcome: Outcome,
    pub sources: Vec<SourceSummary>,
    #[serde(default)]
    pub exit_code: Option<u8>,
    /// Why nothing could be begun.
    #[serde(default)]
    pub error: Option<String>,
    /// The most memory the process ever held; `None` where the system does not tell.
    pub peak_memory_bytes: Option<u64>,
}

/// One source of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SourceSummary {
    pub name: String,
    pub kind: String,
    pub outcome: Outcome,
    pub mode: Mode,
    pub tickets: TicketCounts,
    pub fields: FieldCounts,
    pub requests: RequestCounts,
    pub paging: PagingCounts,
    pub rescued: Rescued,
    pub lake: LakeCounts,
    /// What could not be read, and is tried again by the next run.
    #[serde(default)]
    pub gaps: Vec<Gap>,
    #[serde(default)]
    pub recovered: RecoveredCounts,
    /// Tickets that the source says it has; `None` where it does not tell.
    #[serde(default)]
    pub source_total: Option<u64>,
    /// Tickets of the source in the lake at the end, without those marked as deleted; `None` for windows.
    #[serde(default)]
    pub lake_total: Option<u64>,
    /// The times of creation that were asked for.
    #[serde(default)]
    pub range: Range,
    pub cursor: Option<String>,
    pub seconds: f64,
    /// Why the source is not complete.
    pub error: Option<String>,
}

/// Tickets read, and what became of them in the lake.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TicketCounts {
    pub read: u64,
    pub new: u64,
    pub changed: u64,
    pub unchanged: u64,
    pub deleted: u64,
}

/// Custom-field definitions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldCounts {
    pub defined: u64,
    pub new: u64,
    pub changed: u64,
}

/// Requests on the wire, retries among `sent`; bytes of bodies received.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCounts {
    pub sent: u64,
    pub retried: u64,
    pub throttled: u64,
    pub failed: u64,
    pub bytes: u64,
}

/// How the pages moved under the reader.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PagingCounts {
    pub pages: u64,
    pub duplicates: u64,
    pub shifts_detected: u64,
    pub pages_reread: u64,
}

/// Values that no column could hold, in all and by key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rescued {
    pub cells: u64,
    pub by_key: BTreeMap<String, u64>,
}

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LakeCounts {
    pub partitions_written: u64,
    pub files_written: u64,
    pub rows_written: u64,
    pub bytes_written: u64,
    pub commits: u64,
}

/// Tickets of a source that cannot be read, as far as is known where they are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// What bounds it: `created`, `updated`, `id` or `page`.
    pub by: String,
    /// The times of its neighbours, where it lies between times.
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// The page of a list that has only page numbers.
    pub page: Option<u64>,
    pub ids: Vec<i64>,
    pub why: String,
}

impl Gap {
    /// Whether two may be the same: their bounds have something in common.
    pub fn meets(&self, other: &Gap) -> bool {
        let from = self.from.max(other.from);
        let to = match (self.to, other.to) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        let is_moment = |gap: &Gap| gap.from.is_some() && gap.from == gap.to;
        let meets = match from.zip(to) {
            Some((from, to)) => from < to || from == to && (is_moment(self) || is_moment(other)),
            None => true,
        };
        self.by == other.by && self.page == other.page && self.ids == other.ids && meets
    }

    /// Takes the narrower bounds of two that are the same, and the last reason.
    pub fn narrow(&mut self, other: &Gap) {
        self.from = self.from.max(other.from);
        self.to = match (self.to, other.to) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        self.why.clone_from(&other.why);
    }

    /// Where it is, for people.
    pub fn describe(&self) -> String {
        let place = match (self.page, self.from, self.to) {
            (Some(page), ..) => format!("on page {page}"),
            (None, Some(from), Some(to)) if from == to => format!("{} at {from}", self.by),
            (None, Some(from), Some(to)) => format!("{} between {from} and {to}", self.by),
            (None, Some(from), None) => format!("{} at {from} or later", self.by),
            (None, None, Some(to)) => format!("{} at {to} or before", self.by),
            (None, None, None) => "of an unknown time".to_owned(),
        };
        format!("a ticket {place} cannot be read: {}", self.why)
    }
}

/// What the lake had lost between two runs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveredCounts {
    /// Partitions whose file was lost, damaged or changed by somebody else.
    pub partitions: u64,
    /// Tickets that were read again because of that.
    pub tickets: u64,
    /// Tickets that the source does not have any more either.
    pub lost: u64,
}

/// A window of creation times; `None` is open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// A run that has begun: its name and its clock.
#[derive(Debug, Clone)]
pub struct Run {
    pub run_id: String,
    pub started_at: Timestamp,
}

impl Run {
    /// Names the run after this moment: to the second, then two characters for the milliseconds, so that names sort by
    /// time within a second too, and two random ones.
    pub fn begin() -> Self {
        let started_at = now();
        let millis = started_at.as_millisecond().rem_euclid(1000).unsigned_abs() as u32;
        let digits = [millis / 36, millis % 36].into_iter().filter_map(|digit| char::from_digit(digit, 36));
        let mark: String =
            digits.chain(std::iter::repeat_with(|| fastrand::char('a'..='z')).take(2)).collect();
        let run_id = format!("{}-{mark}", started_at.strftime("%Y%m%dT%H%M%SZ"));
        Self { run_id, started_at }
    }

    /// The record of the run while it goes on: one that is killed leaves this.
    pub fn running(&self, command: &str) -> Summary {
        Summary { finished_at: None, ..self.finish(command, Outcome::Running, Vec::new()) }
    }

    /// The summary of the run, which ends now.
    pub fn finish(&self, command: &str, outcome: Outcome, sources: Vec<SourceSummary>) -> Summary {
        Summary {
            run_id: self.run_id.clone(),
            command: command.to_owned(),
            started_at: self.started_at,
            finished_at: Some(now()),
            outcome,
            sources,
            exit_code: None,
            error: None,
            peak_memory_bytes: peak_memory_bytes(),
        }
    }
}

impl Summary {
    /// How long the run took; nothing of one that has not ended.
    pub fn took(&self) -> std::time::Duration {
        self.finished_at.unwrap_or(self.started_at).duration_since(self.started_at).unsigned_abs()
    }

    /// The record of a run as it is now: one that says that it is running, while no run holds the lake, was killed.
    pub fn as_of_now(self, is_held: bool) -> Self {
        match self.outcome {
            Outcome::Running if !is_held => Self { outcome: Outcome::Died, ..self },
            _ => self,
        }
    }
}

impl SourceSummary {
    /// A source of which nothing is done yet; it counts as failed until it says otherwise.
    pub fn begin(name: &str, kind: Kind, mode: Mode) -> Self {
        Self {
            name: name.to_owned(),
            kind: kind.name().to_owned(),
            outcome: Outcome::Failed,
            mode,
            tickets: TicketCounts::default(),
            fields: FieldCounts::default(),
            requests: RequestCounts::default(),
            paging: PagingCounts::default(),
            rescued: Rescued::default(),
            lake: LakeCounts::default(),
            gaps: Vec::new(),
            recovered: RecoveredCounts::default(),
            source_total: None,
            lake_total: None,
            range: Range::default(),
            cursor: None,
            seconds: 0.0,
            error: None,
        }
    }
}

impl Outcome {
    /// The word for it, as in the summary.
    pub fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
            Self::Running => "running",
            Self::Died => "died",
        }
    }

    /// The outcome of a run that ended with an error before it could sum up its sources.
    pub fn of_error(error: &Error) -> Self {
        match error {
            Error::Interrupted => Self::Interrupted,
            Error::Incomplete(_) => Self::Incomplete,
            _ => Self::Failed,
        }
    }

    /// What the outcomes of its sources make of a run: interrupted when one was; complete or failed when all are; else
    /// incomplete. A run without sources did everything it was asked.
    pub fn of_all(sources: &[SourceSummary]) -> Self {
        let all = |outcome| sources.iter().all(|source| source.outcome == outcome);
        if sources.iter().any(|source| source.outcome == Self::Interrupted) {
            Self::Interrupted
        } else if all(Self::Complete) {
            Self::Complete
        } else if all(Self::Failed) {
            Self::Failed
        } else {
            Self::Incomplete
        }
    }
}

/// When the last complete `sync` of a source began, by summaries of which the newest come first: what was at the source
/// then is in the lake.
pub fn last_complete<'a>(
    mut summaries: impl Iterator<Item = &'a Summary>,
    source: &str,
) -> Option<Timestamp> {
    let complete =
        |s: &SourceSummary| s.name == source && s.outcome == Outcome::Complete && s.mode != Mode::Window;
    let found = summaries.find(|run| run.command == "sync" && run.sources.iter().any(complete));
    found.map(|run| run.started_at)
}

/// Milliseconds are enough for a person, and every reader of dates knows them.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
}

/// The largest resident set of this process so far, in bytes, as Linux tells it.
pub fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// Why a source's run is not complete, without the name of the source, which most reasons begin with: for lines that name it.
pub fn reason<'a>(source: &str, why: &'a str) -> &'a str {
    let own = why.strip_prefix("source ").and_then(|rest| rest.strip_prefix(source));
    own.and_then(|rest| rest.strip_prefix(": ")).unwrap_or(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stand_in_the_promised_order() {
        let source = SourceSummary::begin("support", Kind::Kf5, Mode::Full);
        let mut summary = Run::begin().finish("sync", Outcome::Complete, vec![source]);
        summary.run_id = "R".to_owned();
        summary.started_at = Timestamp::UNIX_EPOCH;
        summary.finished_at = Timestamp::from_millisecond(1500).ok();
        summary.peak_memory_bytes = Some(1024);
        let wanted = concat!(
            r#"{"run_id":"R","command":"sync","started_at":"1970-01-01T00:00:00Z","finished_at":"1970-01-01T00:00:01.5Z","#,
            r#""outcome":"complete","sources":[{"name":"support","kind":"kf5","outcome":"failed","mode":"full","#,
            r#""tickets":{"read":0,"new":0,"changed":0,"unchanged":0,"deleted":0},"#,
            r#""fields":{"defined":0,"new":0,"changed":0},"#,
            r#""requests":{"sent":0,"retried":0,"throttled":0,"failed":0,"bytes":0},"#,
            r#""paging":{"pages":0,"duplicates":0,"shifts_detected":0,"pages_reread":0},"#,
            r#""rescued":{"cells":0,"by_key":{}},"#,
            r#""lake":{"partitions_written":0,"files_written":0,"rows_written":0,"bytes_written":0,"commits":0},"#,
            r#""gaps":[],"recovered":{"partitions":0,"tickets":0,"lost":0},"source_total":null,"lake_total":null,"range":{"since":null,"until":null},"#,
            r#""cursor":null,"seconds":0.0,"error":null}],"exit_code":null,"error":null,"peak_memory_bytes":1024}"#,
        );
        let text = serde_json::to_string(&summary).expect("JSON");
        assert_eq!(text, wanted);
        assert_eq!(serde_json::from_str::<Summary>(&text).expect("a summary"), summary);
    }

    #[test]
    fn a_run_is_named_after_its_start() {
        let run = Run::begin();
        let (time, mark) = run.run_id.split_once('-').expect("two parts");
        assert_eq!((time.len(), mark.len()), (16, 4));
        assert_eq!(time, run.started_at.strftime("%Y%m%dT%H%M%SZ").to_string());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn memory_is_told() {
        assert!(peak_memory_bytes().expect("Linux tells it") > 100_000);
    }

    #[test]
    fn outcomes_add_up() {
        use Outcome::*;
        let of = |outcomes: &[Outcome]| {
            let source = |outcome: &Outcome| SourceSummary {
                outcome: *outcome,
                ..SourceSummary::begin("s", Kind::Udesk, Mode::Full)
            };
            Outcome::of_all(&outcomes.iter().map(source).collect::<Vec<_>>())
        };
        assert_eq!(of(&[]), Complete);
        assert_eq!(of(&[Complete, Complete]), Complete);
        assert_eq!(of(&[Complete, Failed]), Incomplete);
        assert_eq!(of(&[Failed, Failed]), Failed);
        assert_eq!(of(&[Complete, Interrupted]), Interrupted);
    }
}
