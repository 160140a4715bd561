//! How a person reads a verification: a table of the laws, what was found, how the sources compare, one closing line.

use comfy_table::{Cell, Table};

use super::{
    check::SourceFiles,
    difference::{Against, Repaired},
    finding::Finding,
    report::{Law, Report},
};
use crate::{
    figures,
    summary::Outcome,
    tables::{self, right},
};

/// Findings of a law, and ids of a difference, that are written out.
const SHOWN: usize = 20;

/// Text of several lines, the last one ended; no colours.
pub fn render(report: &Report) -> String {
    let mut text = format!("{}\n", laws(&report.invariants));
    for law in &report.invariants {
        text += &details(law);
    }
    for files in &report.sources {
        text += &format!(
            "{}: {} tickets in {} partitions, {}\n",
            files.name,
            figures::count(files.rows),
            figures::count(files.partitions),
            figures::size(files.bytes)
        );
        text += &files.against.as_ref().map(against).unwrap_or_default();
    }
    if let Some(repaired) = &report.repaired {
        for (word, lines) in [("repaired", &repaired.done), ("not repaired", &repaired.left)] {
            for line in lines {
                text += &format!("{word}: {line}\n");
            }
        }
        let from_source =
            |source: &SourceFiles| source.against.as_ref().is_some_and(|a| a.repaired.is_some());
        if repaired.done.is_empty() && repaired.left.is_empty() && !report.sources.iter().any(from_source) {
            text += "nothing needed repair\n";
        }
    }
    for note in &report.notes {
        text += &format!("note: {note}\n");
    }
    text + &closing(report) + "\n"
}

fn laws(laws: &[Law]) -> Table {
    let mut table = tables::plain(["", "what must hold", "", "found"]);
    for law in laws {
        let mark = if law.holds { "✓" } else { "✗" };
        let found = match (law.count, law.notes.len()) {
            (0, 0) => String::new(),
            (0, notes) => format!("{notes} to note"),
            (count, _) => figures::count(count),
        };
        let found = right(found);
        table.add_row([Cell::new(law.number.number()), Cell::new(law.law), Cell::new(mark), found]);
    }
    table
}

fn details(law: &Law) -> String {
    let mut text = String::new();
    if !law.holds {
        text += &format!("{} ✗ {}; else {}\n", law.number.number(), law.law, law.breaks);
        text += &lines(&law.findings, law.count);
    }
    if !law.notes.is_empty() {
        text += &format!("{} to note\n", law.number.number());
        text += &lines(&law.notes, law.notes.len() as u64);
    }
    text
}

fn lines(findings: &[Finding], count: u64) -> String {
    let mut text = String::new();
    for finding in findings.iter().take(SHOWN) {
        text += &format!("   {}: {}; {}\n", place(finding), finding.what, finding.remedy);
    }
    let more = count.saturating_sub(SHOWN as u64);
    if more > 0 {
        text += &format!("   and {} more\n", figures::count(more));
    }
    text
}

fn place(finding: &Finding) -> String {
    let ticket = finding.ticket.map(|id| format!("ticket {id}"));
    let place = finding.file.clone().or_else(|| finding.source.clone());
    place.into_iter().chain(ticket).collect::<Vec<_>>().join(", ")
}

fn against(against: &Against) -> String {
    if let Some(why) = &against.error {
        return format!("   not compared with the source: {why}\n");
    }
    let mut text = format!("   the source has {} tickets", figures::count(against.tickets));
    let differences = against.difference.all();
    if differences.iter().all(|(_, ids)| ids.is_empty()) && !against.definitions_differ {
        text += ", all as in the lake";
    }
    text.push('\n');
    for (what, ids) in differences.into_iter().filter(|(_, ids)| !ids.is_empty()) {
        let shown: Vec<String> = ids.iter().take(SHOWN).map(|id| id.cast_signed().to_string()).collect();
        let more = if ids.len() > shown.len() as u64 { ", …" } else { "" };
        text += &format!("   {} {what}: {}{more}\n", figures::count(ids.len()), shown.join(", "));
    }
    if against.definitions_differ {
        text += "   the field definitions differ from ticket_fields and ticket_field_options\n";
    }
    let unproven =
        against.unproven.as_ref().map(|why| format!("the reading is not proven to be whole: {why}"));
    let repaired = against.repaired.as_ref().map(|repaired| format!("repaired: {}", brought(repaired)));
    for line in [unproven, against.unconfirmed.clone(), repaired].into_iter().flatten() {
        text += &format!("   {line}\n");
    }
    text
}

/// What was read again; what was set aside is listed with all other repairs.
pub fn brought(repaired: &Repaired) -> String {
    let Repaired { read_again, gone_since, marked, files_written, set_aside: _ } = repaired;
    let counts = [
        (read_again, "tickets read again"),
        (gone_since, "gone meanwhile"),
        (marked, "marked as deleted"),
        (files_written, "files written"),
    ];
    let counts = counts.into_iter().filter(|(count, _)| **count > 0);
    let done: Vec<String> =
        counts.map(|(count, what)| format!("{} {what}", figures::count(*count))).collect();
    if done.is_empty() { "nothing to read again".to_owned() } else { done.join(", ") }
}

fn closing(report: &Report) -> String {
    let failed = |source: &SourceFiles| source.against.as_ref().is_some_and(|a| a.error.is_some());
    let compared = report.sources.iter().any(|source| source.against.is_some());
    let said = match (report.outcome, compared) {
        (Outcome::Complete, false) => "Sound: every invariant holds",
        (Outcome::Complete, true) if report.repaired.is_some() => "Sound, and equal to the sources now",
        (Outcome::Complete, true) => "Sound, and equal to the sources",
        (Outcome::Failed, _) => "Damaged: see above what to do",
        _ if report.sources.iter().any(failed) => "Sound, but not every source could be compared: see above",
        _ => {
            "Sound, but not equal to the sources; `ticketlake verify --against-source --repair` reads again what differs"
        }
    };
    let took = report.finished_at.duration_since(report.started_at).unsigned_abs();
    let memory = report.peak_memory_bytes.map(|bytes| format!(", {} of memory", figures::size(bytes)));
    format!("{said} ({}{})", figures::span(took), memory.unwrap_or_default())
}
