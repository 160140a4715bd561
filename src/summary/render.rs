//! How a person reads the summary: one table, what went wrong, one closing line.

use std::time::Duration;

use comfy_table::{Cell, Table};

use super::{Mode, Outcome, SourceSummary, Summary, reason};
use crate::{
    figures,
    tables::{self, right},
};

const HEAD: [&str; 10] =
    ["source", "outcome", "mode", "read", "new", "changed", "gone", "requests", "files", "time"];

/// Text of several lines, the last one ended; no colours.
pub fn render(summary: &Summary) -> String {
    let mut text = String::new();
    if !summary.sources.is_empty() {
        text += &format!("{}\n", table(summary));
    }
    for source in &summary.sources {
        if let Some(why) = &source.error {
            text += &format!("{}: {}\n", source.name, reason(&source.name, why));
        }
        if source.rescued.cells > 0 {
            text += &format!("{}\n", rescued(source));
        }
    }
    if is_backfill(summary) && !summary.sources.is_empty() {
        text += &format!("{}\n", effect(&summary.sources));
    }
    text += &closing(summary);
    text.push('\n');
    text
}

fn table(summary: &Summary) -> Table {
    let mut table = tables::plain(HEAD);
    for source in &summary.sources {
        let mode = match source.mode {
            Mode::Full => "full",
            Mode::Incremental => "incremental",
            Mode::Filter => "filter",
            Mode::Window => "window",
        };
        let numbers = [
            source.tickets.read,
            source.tickets.new,
            source.tickets.changed,
            source.tickets.deleted,
            source.requests.sent,
            source.lake.files_written,
        ];
        let seconds = Duration::try_from_secs_f64(source.seconds).unwrap_or_default();
        let words = [source.name.as_str(), source.outcome.name(), mode].map(Cell::new);
        let numbers = numbers.map(|number| right(figures::count(number)));
        table.add_row(words.into_iter().chain(numbers).chain([right(figures::span(seconds))]));
    }
    table
}

fn rescued(source: &SourceSummary) -> String {
    let mut keys: Vec<_> = source.rescued.by_key.iter().collect();
    keys.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let shown: Vec<String> =
        keys.iter().take(5).map(|(key, count)| format!("{key} {}", figures::count(**count))).collect();
    let more = if keys.len() > 5 { ", …" } else { "" };
    format!(
        "{}: {} values fit no column and are kept in _rescued ({}{more})",
        source.name,
        figures::count(source.rescued.cells),
        shown.join(", "),
    )
}

/// Whether only tickets of a window were asked for.
fn is_window(summary: &Summary) -> bool {
    !summary.sources.is_empty() && summary.sources.iter().all(|source| source.mode == Mode::Window)
}

fn is_backfill(summary: &Summary) -> bool {
    summary.command == "backfill"
}

/// What became of the tickets.
fn effect(sources: &[SourceSummary]) -> String {
    let sum = |of: fn(&SourceSummary) -> u64| figures::count(sources.iter().map(of).sum());
    format!(
        "{} added, {} changed, {} unchanged, {} vanished",
        sum(|source| source.tickets.new),
        sum(|source| source.tickets.changed),
        sum(|source| source.tickets.unchanged),
        sum(|source| source.tickets.deleted),
    )
}

/// One line that says how the run ended.
pub fn closing(summary: &Summary) -> String {
    let said = match summary.outcome {
        Outcome::Complete if is_window(summary) => {
            "Window complete: every ticket of the window is in the lake"
        }
        Outcome::Complete => "Complete: everything the sources hold is in the lake",
        Outcome::Incomplete if is_backfill(summary) => {
            "Incomplete: what was committed stands; the same command goes on from there"
        }
        Outcome::Interrupted if is_backfill(summary) => {
            "Interrupted: what was committed stands; the same command goes on from there"
        }
        Outcome::Incomplete => "Incomplete: what was committed stands, the next run goes on from there",
        Outcome::Failed => "Failed: no source came to its end; what was committed stands",
        Outcome::Interrupted => "Interrupted: what was committed stands, the next run goes on from there",
        Outcome::Running => "Not finished: the run goes on, or was killed; what it committed is kept",
        Outcome::Died => "Killed before it could finish; what it committed is kept, the next run resumes",
    };
    let effect = match is_backfill(summary) || summary.sources.is_empty() {
        true => String::new(),
        false => format!("; {}", effect(&summary.sources)),
    };
    let took = summary.took();
    let memory = summary.peak_memory_bytes.map(|bytes| format!(", {} of memory", figures::size(bytes)));
    format!("{said}{effect} (run {}, {}{})", summary.run_id, figures::span(took), memory.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Kind,
        summary::{Run, TicketCounts},
    };

    #[test]
    fn a_person_reads_what_happened() {
        let mut source = SourceSummary::begin("support", Kind::Kf5, Mode::Full);
        source.outcome = Outcome::Incomplete;
        source.error = Some("source support: page 7 came back broken".to_owned());
        source.tickets.read = 12_345;
        source.seconds = 12.3;
        source.rescued.cells = 3;
        source.rescued.by_key = [("sla".to_owned(), 1), ("cf".to_owned(), 2)].into();
        let mut summary = Run::begin().finish("sync", Outcome::Incomplete, vec![source]);
        summary.run_id = "R".to_owned();
        summary.finished_at = Some(summary.started_at);
        summary.peak_memory_bytes = None;
        let text = render(&summary);
        let table_end = text.find("support: page 7").expect("the reason");
        let (table, rest) = text.split_at(table_end);
        assert!(
            table.contains("12,345") && table.contains("incomplete") && table.contains("12 s"),
            "{table}"
        );
        assert_eq!(
            rest,
            "support: page 7 came back broken\n\
             support: 3 values fit no column and are kept in _rescued (cf 2, sla 1)\n\
             Incomplete: what was committed stands, the next run goes on from there; \
             0 added, 0 changed, 0 unchanged, 0 vanished (run R, 0.0 s)\n"
        );
    }

    #[test]
    fn a_backfill_says_what_became_of_its_tickets() {
        let mut source = SourceSummary::begin("support", Kind::Kf5, Mode::Window);
        source.outcome = Outcome::Complete;
        source.tickets = TicketCounts { read: 1_006, new: 4, changed: 2, unchanged: 1_000, deleted: 1 };
        let summary = Run::begin().finish("backfill", Outcome::Complete, vec![source.clone(), source]);
        let text = render(&summary);
        assert!(
            text.contains(
                "\n8 added, 4 changed, 2,000 unchanged, 2 vanished\nWindow complete: every ticket of the window"
            ),
            "{text}"
        );
    }
}
