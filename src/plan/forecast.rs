//! What a run would read of a source, and what that costs. The keys of the JSON form are a promise.

use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use super::{
    Reading,
    cost::{self, Paging},
    units,
};
use crate::{config::SourceConfig, source, walk::Span};

/// Everything that a command would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Preview {
    /// The command that is planned.
    pub command: &'static str,
    /// The moment for which this holds.
    pub at: Timestamp,
    pub lake: String,
    pub sources: Vec<Forecast>,
    /// Of the slowest source; sources are read side by side. `None` where a rate is unlimited or a cost unknown.
    pub minutes: Option<f64>,
}

/// What would be read of one source.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Forecast {
    pub name: String,
    pub kind: &'static str,
    /// `full`, `incremental`, `filter` or `window`.
    pub reading: &'static str,
    pub why: String,
    /// An earlier run left this reading; only what is left of it is read.
    pub resumes: bool,
    /// Spans of time that are left to read, one after the other; each is cut further while it is read.
    pub windows: Vec<Window>,
    /// Tickets that the source would list; `None` where nobody can tell.
    pub rows: Option<u64>,
    /// Who told the rows.
    pub rows_from: Option<RowsFrom>,
    /// Requests in all, those for field definitions included, those to confirm deletions not.
    pub requests: Option<u64>,
    pub rate: String,
    /// At that rate; `None` where it is unlimited or the requests are not known.
    pub minutes: Option<f64>,
    pub partitions: Partitions,
    /// What a person should know before they start.
    pub notes: Vec<String>,
    /// Why the source could not be asked.
    pub error: Option<String>,
}

/// A span of time; an open end is null.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Window {
    /// What `sync --window` takes; `None` where it cannot be read by itself.
    pub id: Option<String>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

/// Partitions of the source in the lake.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Partitions {
    pub held: u64,
    /// Of these, those in which a ticket may change.
    pub rewritten_at_most: u64,
}

/// Who told a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RowsFrom {
    Source,
    Lake,
}

/// What must be known for a forecast.
#[derive(Debug, Clone)]
pub struct Given<'a> {
    pub config: &'a SourceConfig,
    pub reading: Reading,
    /// The tickets created then are read, in place of what `reading` says.
    pub window: Option<Span>,
    pub resumes: bool,
    /// The part read by the earlier run is read once more after what is left: it may have changed.
    pub second_lap: bool,
    /// Everything was read once: the source's total is asked for.
    pub counts: bool,
    /// What changed is read before everything.
    pub changes_first: bool,
    /// What is left to read of the range.
    pub left: Vec<Span>,
    /// Tickets, as the source counts them, and as the lake does.
    pub told: Option<u64>,
    pub held: Option<u64>,
    pub field_pages: u64,
    /// Partitions of the source in the lake, and those within the range.
    pub partitions: (u64, u64),
    /// The lake's zone, and when the oldest ticket was created, in Unix seconds, where that is known.
    pub zone: &'a TimeZone,
    pub oldest: Option<i64>,
    pub now: i64,
}

/// Requests of a list of changes that has one page.
const QUIET_NIGHT: u64 = 4;

/// What would be done, and what it costs.
pub fn forecast(given: &Given<'_>) -> Forecast {
    let config = given.config;
    let by_time = source::filters_by_time(config.kind);
    let (rows, rows_from) = match (given.told, given.held) {
        (Some(told), _) => (Some(told), Some(RowsFrom::Source)),
        (None, Some(held)) => (Some(held), Some(RowsFrom::Lake)),
        (None, None) => (None, None),
    };
    let requests = rows.map(|rows| requests(given, rows, by_time));
    let (held, within) = given.partitions;
    let rewritten = match given.reading {
        _ if given.window.is_some() => within,
        Reading::Whole { .. } => held,
        // Each row lies in one partition.
        Reading::Since(_) | Reading::Filter(_) => rows.map_or(held, |rows| held.min(rows)),
    };
    let (reading, why) = told(given);
    Forecast {
        name: config.name.clone(),
        kind: config.kind.name(),
        reading,
        why,
        resumes: given.resumes,
        windows: if by_time { windows(given) } else { Vec::new() },
        rows,
        rows_from,
        requests,
        rate: cost::written(config.rate),
        minutes: requests
            .and_then(|requests| cost::time(requests, config.rate))
            .map(|time| (time.as_secs_f64() / 0.06).round() / 1_000.0),
        partitions: Partitions { held, rewritten_at_most: rewritten },
        notes: notes(given, by_time),
        error: None,
    }
}

fn told(given: &Given<'_>) -> (&'static str, String) {
    match given.reading {
        _ if given.window.is_some() => ("window", "a window of creation times was asked for".to_owned()),
        Reading::Whole { because } => ("full", because.text().to_owned()),
        Reading::Since(since) => ("incremental", format!("what changed since {since}")),
        Reading::Filter(filter) => ("filter", format!("what ticket filter {filter} lists")),
    }
}

/// All requests of a reading that lists `rows` tickets.
fn requests(given: &Given<'_>, rows: u64, by_time: bool) -> u64 {
    let config = given.config;
    let pages = |paging| cost::pages(rows, config.page_size, paging);
    let listing = if !by_time {
        pages(Paging::ByNumber)
    } else if given.left.is_empty() {
        0
    } else {
        let workers = config.concurrency as u64;
        pages(Paging::ByTime { stretches: given.left.len() as u64, workers })
    };
    // Besides the list: its newest change; whether bounds mean what rows say, at a lower bound; tickets without a time
    // of creation, in a reading of everything; what moved to the end meanwhile.
    let besides = match given.reading {
        _ if !by_time => 0,
        _ if given.window.is_some_and(|window| window.from.is_some()) => u64::from(!given.resumes) + 2,
        Reading::Whole { .. } => u64::from(!given.resumes) + 3,
        Reading::Since(_) => 3 + u64::from(listing > 1),
        Reading::Filter(_) => 0,
    };
    // What changed costs about what a quiet night does; how much that is nobody has told.
    let changes = if given.changes_first { QUIET_NIGHT } else { 0 };
    given.field_pages + u64::from(given.counts) + changes + besides + listing
}

fn notes(given: &Given<'_>, by_time: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if !by_time && given.window.is_some() {
        notes.push(
            "the source cannot filter by date: every ticket is read, and only the window's partitions are written".to_owned(),
        );
    }
    if given.second_lap {
        notes.push(
            "what is left is read first, then the rest again: only that shows what changed there".to_owned(),
        );
    }
    if given.told.is_none() {
        notes.push(
            match given.held {
                Some(_) => {
                    "the source does not say how many tickets it lists; the lake's own rows stand for them"
                }
                None => "the source does not say how many tickets it lists",
            }
            .to_owned(),
        );
    }
    notes
}

fn windows(given: &Given<'_>) -> Vec<Window> {
    let instant = |second: Option<i64>| second.and_then(|second| Timestamp::from_second(second).ok());
    let by_creation = matches!(given.reading, Reading::Whole { .. }) || given.window.is_some();
    let mut windows = Vec::new();
    for span in &given.left {
        let parts = match by_creation {
            true => units::cut(*span, given.oldest, given.now, given.zone),
            // What changed lies in any partition.
            false => vec![*span],
        };
        windows.extend(parts.into_iter().map(|part| Window {
            id: units::name(&given.config.name, part, given.zone).filter(|_| by_creation),
            from: instant(part.from),
            to: instant(part.to),
        }));
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::quantity::rate, plan::Because, source::fixture};

    fn given(config: &SourceConfig) -> Given<'_> {
        Given {
            config,
            reading: Reading::Whole { because: Because::First },
            window: None,
            resumes: false,
            second_lap: false,
            counts: false,
            changes_first: false,
            left: vec![Span::default()],
            told: Some(10_000),
            held: None,
            field_pages: 1,
            partitions: (365, 30),
            zone: &UTC,
            oldest: None,
            now: 0,
        }
    }

    static UTC: TimeZone = TimeZone::UTC;

    #[test]
    fn a_first_run_costs_what_was_counted() {
        let config = SourceConfig { rate: rate("60/min").unwrap(), ..fixture::kf5() };
        let first = forecast(&given(&config));
        assert_eq!((first.reading, first.requests, first.minutes), ("full", Some(109), Some(1.8)));
        let unlimited = fixture::udesk();
        let first = forecast(&given(&unlimited));
        assert_eq!((first.requests, first.minutes, first.rate.as_str()), (Some(117), None, "unlimited"));
        assert!(first.windows.is_empty());
    }

    #[test]
    fn a_night_costs_in_proportion_to_the_change() {
        let config = fixture::kf5();
        let since = Reading::Since(Timestamp::UNIX_EPOCH);
        let night = forecast(&Given { reading: since, told: Some(25), ..given(&config) });
        assert_eq!((night.requests, night.partitions.rewritten_at_most), (Some(5), 25));
        let silent = forecast(&Given { reading: since, told: None, ..given(&config) });
        assert_eq!((silent.rows, silent.requests, silent.notes.len()), (None, None, 1));
    }

    #[test]
    fn a_window_touches_its_partitions_only() {
        let window = Span { from: Some(0), to: Some(86_400) };
        let asked =
            |config| Given { window: Some(window), left: vec![window], told: Some(300), ..given(config) };
        let (kf5, udesk) = (fixture::kf5(), fixture::udesk());
        let plan = forecast(&asked(&kf5));
        assert_eq!((plan.reading, plan.requests, plan.partitions.rewritten_at_most), ("window", Some(8), 30));
        assert_eq!(plan.windows[0].to, Timestamp::from_second(86_400).ok());
        let plan = forecast(&asked(&udesk));
        assert!(plan.notes[0].contains("cannot filter by date"));
        let done = forecast(&Given { left: Vec::new(), told: Some(0), resumes: true, ..asked(&kf5) });
        assert_eq!(done.requests, Some(3));
    }
}
