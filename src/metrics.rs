//! What a run tells monitors: one list of figures, for Prometheus and for OpenTelemetry alike.

mod textfile;

use std::collections::BTreeMap;

use jiff::Timestamp;

pub use self::textfile::{text, write};
use crate::{
    exit::Exit,
    summary::{Outcome, SourceSummary, Summary},
};

/// Figures of one name.
#[derive(Debug, Clone, PartialEq)]
pub struct Family {
    /// As Prometheus names it: the unit at the end, and behind it `_total` where it counts.
    pub name: &'static str,
    pub help: &'static str,
    pub of: Of,
    pub samples: Vec<Sample>,
}

/// What a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Counted from the start of the run.
    Count,
    State,
}

/// A figure with its labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub labels: Vec<(&'static str, String)>,
    pub value: f64,
}

/// The figures of a run that ended so. `complete_at` tells for each source when its last complete run began.
pub fn families(summary: &Summary, exit: Exit, complete_at: &BTreeMap<String, Timestamp>) -> Vec<Family> {
    let mut families = of_run(summary, exit);
    let of_sources = |name, help, of, value: &dyn Fn(&SourceSummary) -> Option<f64>| {
        let sample = |source: &SourceSummary| Some(Sample { labels: labels(source), value: value(source)? });
        Family { name, help, of, samples: summary.sources.iter().filter_map(sample).collect() }
    };
    let outcomes = summary.sources.iter().flat_map(|source| outcomes(source.outcome, labels(source)));
    families.push(Family {
        name: "ticketlake_source_outcome",
        help: "1 for the outcome that the source had, 0 for the others",
        of: Of::State,
        samples: outcomes.collect(),
    });
    families.push(of_sources(
        "ticketlake_source_duration_seconds",
        "How long the source took",
        Of::State,
        &|source| Some(source.seconds),
    ));
    families.push(of_sources(
        "ticketlake_source_last_complete_timestamp_seconds",
        "When the last complete run of the source began: what was there then is in the lake",
        Of::State,
        &|source| complete_at.get(&source.name).map(|at| seconds(*at)),
    ));
    families.extend(
        COUNTS.iter().map(|(name, help, value)| {
            of_sources(name, help, Of::Count, &|source| Some(value(source) as f64))
        }),
    );
    families.retain(|family| !family.samples.is_empty());
    families
}

type Count = (&'static str, &'static str, fn(&SourceSummary) -> u64);

const COUNTS: &[Count] = &[
    ("ticketlake_tickets_read_total", "Tickets read", |s| s.tickets.read),
    ("ticketlake_tickets_new_total", "Tickets that the lake did not have", |s| s.tickets.new),
    ("ticketlake_tickets_changed_total", "Tickets that the lake had otherwise", |s| s.tickets.changed),
    ("ticketlake_tickets_unchanged_total", "Tickets that the lake had so", |s| s.tickets.unchanged),
    ("ticketlake_tickets_deleted_total", "Tickets marked as gone from the source", |s| s.tickets.deleted),
    ("ticketlake_requests_total", "Requests sent, those asked again among them", |s| s.requests.sent),
    ("ticketlake_requests_retried_total", "Requests asked again", |s| s.requests.retried),
    ("ticketlake_requests_throttled_total", "Answers that said we ask too often", |s| s.requests.throttled),
    ("ticketlake_requests_failed_total", "Requests given up", |s| s.requests.failed),
    ("ticketlake_response_bytes_total", "Bytes of answers received", |s| s.requests.bytes),
    ("ticketlake_pages_total", "Pages of the ticket list read", |s| s.paging.pages),
    ("ticketlake_page_shifts_total", "Pages that moved while they were read", |s| s.paging.shifts_detected),
    ("ticketlake_rescued_cells_total", "Values that fit no column", |s| s.rescued.cells),
    ("ticketlake_lake_files_written_total", "Files written", |s| s.lake.files_written),
    ("ticketlake_lake_rows_written_total", "Rows written", |s| s.lake.rows_written),
    ("ticketlake_lake_written_bytes_total", "Bytes written", |s| s.lake.bytes_written),
    ("ticketlake_lake_commits_total", "Commits of the state", |s| s.lake.commits),
];

fn of_run(summary: &Summary, exit: Exit) -> Vec<Family> {
    let command = || vec![("command", summary.command.clone())];
    let one = |name, help, value| Family {
        name,
        help,
        of: Of::State,
        samples: vec![Sample { labels: command(), value }],
    };
    let took = summary.took();
    let mut families = vec![
        Family {
            name: "ticketlake_build_info",
            help: "The program's version",
            of: Of::State,
            samples: vec![Sample {
                labels: vec![("version", env!("CARGO_PKG_VERSION").to_owned())],
                value: 1.0,
            }],
        },
        Family {
            name: "ticketlake_run_outcome",
            help: "1 for the outcome that the run had, 0 for the others",
            of: Of::State,
            samples: outcomes(summary.outcome, command()).collect(),
        },
        one("ticketlake_run_exit_code", "The exit code of the run", f64::from(exit.code())),
        one("ticketlake_run_start_timestamp_seconds", "When the run began", seconds(summary.started_at)),
        one(
            "ticketlake_run_end_timestamp_seconds",
            "When the run ended",
            seconds(summary.finished_at.unwrap_or(summary.started_at)),
        ),
        one("ticketlake_run_duration_seconds", "How long the run took", took.as_secs_f64()),
    ];
    families.extend(summary.peak_memory_bytes.map(|bytes| {
        one("ticketlake_run_peak_memory_bytes", "The most memory that the run held", bytes as f64)
    }));
    families
}

fn labels(source: &SourceSummary) -> Vec<(&'static str, String)> {
    vec![("source", source.name.clone()), ("kind", source.kind.clone())]
}

fn outcomes(outcome: Outcome, labels: Vec<(&'static str, String)>) -> impl Iterator<Item = Sample> {
    const ALL: [Outcome; 4] = [Outcome::Complete, Outcome::Incomplete, Outcome::Failed, Outcome::Interrupted];
    ALL.into_iter().map(move |each| {
        let labels = labels.iter().cloned().chain([("outcome", each.name().to_owned())]).collect();
        Sample { labels, value: f64::from(u8::from(each == outcome)) }
    })
}

fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Kind,
        summary::{Mode, Run},
    };

    #[test]
    fn names_follow_the_conventions_and_figures_the_summary() {
        let mut source = SourceSummary::begin("shop \"客\"", Kind::ALL[1], Mode::Full);
        source.tickets.read = 12;
        let run = Run::begin();
        let summary = run.finish("sync", Outcome::Incomplete, vec![source]);
        let complete = BTreeMap::from([("shop \"客\"".to_owned(), Timestamp::from_second(7).unwrap())]);
        let families = families(&summary, Exit::Incomplete, &complete);
        for family in &families {
            assert_eq!(family.of == Of::Count, family.name.ends_with("_total"), "{}", family.name);
            assert!(family.name.starts_with("ticketlake_") && !family.help.contains('\n'));
        }
        let text = text(&families).unwrap();
        for line in [
            "# TYPE ticketlake_tickets_read_total counter",
            r#"ticketlake_tickets_read_total{source="shop \"客\"",kind="udesk"} 12.0"#,
            r#"ticketlake_source_outcome{source="shop \"客\"",kind="udesk",outcome="failed"} 1.0"#,
            r#"ticketlake_source_last_complete_timestamp_seconds{source="shop \"客\"",kind="udesk"} 7.0"#,
            r#"ticketlake_run_exit_code{command="sync"} 3.0"#,
            r#"ticketlake_run_outcome{command="sync",outcome="complete"} 0.0"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
