//! What lies under the tables' folders: one file in each partition and nothing else, and nothing left of dead runs.

use std::path::Path;

use jiff::Timestamp;

use super::{
    check::SourceFiles,
    finding::{Finding, Findings, REPAIR, REREAD, SYNC},
    invariant::Invariant,
};
use crate::{
    lake::{self, Inventory, Lake, LakeError},
    sync::Memory,
};

/// What lies where nothing should.
pub fn check_places(lake: &Lake, inventory: &Inventory, findings: &mut Findings) -> Result<(), LakeError> {
    let of = |path: &Path, what: &str, remedy| Finding {
        source: None,
        file: Some(path.display().to_string()),
        ticket: None,
        what: what.to_owned(),
        remedy,
    };
    for stray in &inventory.strays {
        let finding = of(stray, "it does not belong under a table", REPAIR);
        findings.add(Invariant::OneFileEach, finding);
    }
    let cut = lake.calendar().key(None).cut();
    if let Some(other) = inventory.tickets.iter().find(|file| file.key.cut() != cut) {
        let what = "the lake is cut in another way than `partition` under [lake] says";
        let remedy = "set `partition` to what the lake has";
        findings.add(Invariant::OneFileEach, of(&other.path(), what, remedy));
    }
    for name in lake::leftovers(lake)? {
        let path = Path::new("_ticketlake/staging").join(name);
        findings.note(Invariant::NothingStaged, of(&path, "left by a run that died", SYNC));
    }
    Ok(())
}

/// Partitions that have a folder and no file. A run that is killed between making the one and putting the other leaves
/// that too, but only for tickets that no finished run has read.
pub fn check_absent(
    lake: &Lake,
    inventory: &Inventory,
    files: &mut SourceFiles,
    memory: Option<&Memory>,
    findings: &mut Findings,
) -> Result<(), LakeError> {
    let calendar = lake.calendar();
    let finished = memory.filter(|memory| memory.columns.is_some() && memory.unfinished.is_empty());
    let read_until =
        finished.and_then(|memory| memory.cursor.max(memory.whole_at)).map(Timestamp::as_microsecond);
    let one_died = !lake::leftovers(lake)?.is_empty();
    for file in inventory.absent.iter().filter(|file| file.source == files.name) {
        let read = match calendar.span(file.key) {
            Some(span) => read_until.is_some_and(|until| span.end <= until),
            None => read_until.is_some(),
        };
        let path = file.path();
        let folder = path.parent().unwrap_or(&path);
        if read && !one_died {
            let what = "the folder has no part-0.parquet: its tickets are missing, or it is left over";
            findings.add(Invariant::OneFileEach, Finding::of_file(&files.name, folder, what, REREAD));
            files.lost.push(file.key);
        } else {
            let what = "the folder is empty: a run ended before it could put its file";
            findings.note(Invariant::OneFileEach, Finding::of_file(&files.name, folder, what, SYNC));
        }
    }
    Ok(())
}
