//! What a lake holds at this moment: sources in numbers, how far they are, the last runs, what is left to do.

mod grid;
mod past;
mod render;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

pub use self::{past::render as render_runs, render::render};
use crate::{
    lake::{self, Lake, LakeError, PartitionKey, TicketStatistics, runs, state},
    summary::{self, Gap, Outcome, Summary, reason},
    sync::{SourceState, Unfinished, partitions_of},
    walk::Span,
};

/// Runs that are told.
const RUNS: usize = 5;
/// Runs that are looked through for a source's last one.
const LOOKED_THROUGH: usize = 50;

/// The state of a lake.
#[derive(Debug, Serialize)]
pub struct LakeStatus {
    /// Where the lake lies.
    pub lake: String,
    pub exists: bool,
    /// Who works on it now, in words.
    pub held_by: Option<String>,
    pub sources: Vec<SourceStatus>,
    /// The last runs, the newest first.
    pub runs: Vec<RunStatus>,
    /// What a run has still to do, in words; empty when all is well.
    pub work_left: Vec<String>,
}

/// One source of a lake.
#[derive(Debug, Serialize)]
pub struct SourceStatus {
    pub name: String,
    pub kind: Option<String>,
    /// Tickets, those that are gone at the source among them.
    pub rows: u64,
    pub partitions: usize,
    pub first_partition: Option<String>,
    pub last_partition: Option<String>,
    /// Of the tickets' files.
    pub bytes: u64,
    /// Everything that changed before this moment at the source is in the lake.
    pub cursor: Option<Timestamp>,
    /// When the last complete reading of everything began.
    pub whole_at: Option<Timestamp>,
    pub fields_read_at: Option<Timestamp>,
    /// When the last complete run of it began, and how long that is ago: what was at the source then is in the lake.
    pub complete_at: Option<Timestamp>,
    pub seconds_ago: Option<u64>,
    pub last_run: Option<SourceRun>,
    /// Tickets of the lake, without those marked as deleted; `None` before the first run of this version.
    pub lake_total: Option<u64>,
    /// What is missing: partitions whose files are gone, and tickets that must be read again.
    pub missing: Missing,
    /// What could not be read, and is tried again by each run.
    pub gaps: Vec<Gap>,
    /// Tickets that the source said it has, when it was asked last.
    pub source_total: Option<u64>,
    /// Partitions whose files somebody changed, or of which the manifest does not know.
    pub changed_files: Vec<String>,
    /// Readings that have begun and are not finished.
    pub begun: Vec<Begun>,
}

/// What the lake had and has not.
#[derive(Debug, Default, Serialize)]
pub struct Missing {
    pub partitions: Vec<String>,
    pub tickets: u64,
}

/// A reading by the time of creation that a run left.
#[derive(Debug, Serialize)]
pub struct Begun {
    pub at: Timestamp,
    /// Unix seconds; without bounds everything is read.
    pub range: Span,
    pub done: Vec<Span>,
    /// Of a list that has only page numbers.
    pub pages: Option<Pages>,
}

/// How far a reading by page numbers came.
#[derive(Debug, Serialize)]
pub struct Pages {
    /// Tickets of the list that were read.
    pub read: u64,
    /// The list's length, where the source tells.
    pub of: Option<u64>,
}

/// How a run ended for one source.
#[derive(Debug, Clone, Serialize)]
pub struct SourceRun {
    pub run_id: String,
    pub command: String,
    pub finished_at: Option<Timestamp>,
    pub outcome: Outcome,
    pub error: Option<String>,
}

/// One run.
#[derive(Debug, Serialize)]
pub struct RunStatus {
    pub run_id: String,
    pub command: String,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub outcome: Outcome,
    /// By source, why it is not complete.
    pub errors: BTreeMap<String, String>,
}

/// Looks at the sources of these names.
pub fn read(lake: &Lake, names: &[String]) -> Result<LakeStatus, LakeError> {
    let held_by = lake::lock::holder(lake)?;
    let summaries: Vec<Summary> = runs::last(lake, LOOKED_THROUGH)?;
    let summaries: Vec<Summary> = summaries.into_iter().map(|run| run.as_of_now(held_by.is_some())).collect();
    let mut work_left = Vec::new();
    let mut sources = Vec::new();
    for name in names {
        let state = state::load::<SourceState>(lake, name)?.map(|(_, state)| state);
        let source = source(lake, name, state.as_ref(), &summaries, held_by.is_some())?;
        work_left.extend(left_over(&source, state.as_ref()));
        sources.push(source);
    }
    let staged = lake::staged(lake)?;
    if staged > 0 && held_by.is_none() {
        work_left.push(format!("a run that died left {staged} staged files; the next sync sweeps them away"));
    }
    Ok(LakeStatus {
        lake: lake.place().to_string(),
        exists: lake.is_there()?,
        held_by,
        sources,
        runs: summaries.into_iter().take(RUNS).map(run).collect(),
        work_left,
    })
}

fn source(
    lake: &Lake,
    name: &str,
    state: Option<&SourceState>,
    summaries: &[Summary],
    is_held: bool,
) -> Result<SourceStatus, LakeError> {
    let held = statistics(lake, name, state)?;
    let found = missing(lake, name, state, is_held)?;
    let of_run = |summary: &Summary| {
        let source = summary.sources.iter().find(|source| source.name == name)?;
        let run = SourceRun {
            run_id: summary.run_id.clone(),
            command: summary.command.clone(),
            finished_at: summary.finished_at,
            outcome: source.outcome,
            error: source.error.clone(),
        };
        Some((run, source.kind.clone()))
    };
    let last = summaries.iter().find_map(of_run);
    let (last_run, told_kind) = last.unzip();
    // A state of an earlier version does not know it.
    let complete_at = match state {
        Some(state) if state.account.is_some() => state.complete_at,
        Some(_) => summary::last_complete(summaries.iter(), name),
        None => None,
    };
    // The default partition sorts first, and is no date.
    let dated = |key: &&PartitionKey| !matches!(key, PartitionKey::Default(_));
    Ok(SourceStatus {
        name: name.to_owned(),
        kind: held.kind.or(told_kind),
        rows: held.rows,
        partitions: held.partitions.len(),
        first_partition: held.partitions.iter().find(dated).map(ToString::to_string),
        last_partition: held.partitions.iter().rfind(dated).map(ToString::to_string),
        bytes: held.bytes,
        cursor: state.and_then(|state| state.cursor),
        whole_at: state.and_then(|state| state.whole_at),
        fields_read_at: state.and_then(|state| state.fields_read_at),
        complete_at,
        seconds_ago: complete_at.map(|at| Timestamp::now().duration_since(at).unsigned_abs().as_secs()),
        last_run,
        lake_total: state.and_then(|state| Some(state.manifest.as_ref()?.live())),
        gaps: state.iter().flat_map(|state| &state.gaps).map(|open| open.gap.clone()).collect(),
        source_total: state.and_then(|state| state.source_total),
        missing: found.missing,
        changed_files: found.changed,
        begun: state.map(begun).unwrap_or_default(),
    })
}

/// The tickets of a source in numbers: by the manifest, which opens no file, else by what the files say of themselves.
fn statistics(lake: &Lake, name: &str, state: Option<&SourceState>) -> Result<TicketStatistics, LakeError> {
    let Some(manifest) = state.and_then(|state| state.manifest.as_ref()) else {
        return lake::statistics(lake, name);
    };
    Ok(TicketStatistics {
        rows: manifest.rows(),
        bytes: manifest.bytes(),
        partitions: manifest.partitions.keys().copied().collect(),
        kind: state.and_then(|state| state.account.as_ref()).map(|account| account.kind.clone()),
    })
}

struct Found {
    missing: Missing,
    changed: Vec<String>,
}

/// Compares the files with the manifest. While a run holds the lake, it is ahead of the manifest.
fn missing(lake: &Lake, name: &str, state: Option<&SourceState>, is_held: bool) -> Result<Found, LakeError> {
    let nothing = Found { missing: Missing::default(), changed: Vec::new() };
    let Some(manifest) = state.and_then(|state| state.manifest.as_ref()).filter(|_| !is_held) else {
        return Ok(nothing);
    };
    let found = manifest.compare(lake, name)?;
    let lost = found.missing.iter().filter_map(|key| manifest.partitions.get(key));
    let lost: u64 = lost.map(|partition| partition.ids.len()).sum();
    let absent = state.map(|state| &state.reread - manifest.ids()).unwrap_or_default();
    let mut gone = found.missing;
    gone.extend(state.iter().flat_map(|state| partitions_of(&state.lost_rows, &absent)));
    gone.sort_unstable();
    gone.dedup();
    let names = |keys: &[PartitionKey]| keys.iter().map(|key| key.folder()).collect::<Vec<_>>();
    let changed = [names(&found.changed), names(&found.unknown), found.extra].concat();
    Ok(Found { missing: Missing { partitions: names(&gone), tickets: lost + absent.len() }, changed })
}

fn begun(state: &SourceState) -> Vec<Begun> {
    let begun = |reading: &Unfinished| Begun {
        at: reading.began,
        range: reading.range,
        done: reading.done.clone(),
        pages: reading
            .pages
            .as_ref()
            .map(|pages| Pages { read: pages.reached.rows(), of: pages.reached.length }),
    };
    state.unfinished.iter().filter(|reading| reading.came_somewhere()).map(begun).collect()
}

/// What the next run has to do for a source.
fn left_over(source: &SourceStatus, state: Option<&SourceState>) -> Vec<String> {
    let name = &source.name;
    let mut left = Vec::new();
    match &source.last_run {
        _ if source.whole_at.is_none() => {
            let why = source.last_run.as_ref().and_then(|run| run.error.as_deref());
            let why = why.map(|why| format!(" ({})", reason(name, why))).unwrap_or_default();
            left.push(format!(
                "{name}: never read completely yet{why}; run `ticketlake sync --source {name}`"
            ));
        }
        Some(run) if run.outcome != Outcome::Complete => {
            let why = run.error.as_deref().map_or("no reason was given", |why| reason(name, why));
            left.push(format!(
                "{name}: the last run was not complete ({why}); give the same `ticketlake {}` again",
                run.command
            ));
        }
        _ => {}
    }
    for reading in state.iter().flat_map(|state| &state.unfinished) {
        let next = if reading.came_somewhere() { "goes on with it" } else { "starts it again" };
        left.push(format!(
            "{name}: a reading begun at {} is not finished; the next one {next}",
            reading.began
        ));
    }
    let Missing { partitions, tickets } = &source.missing;
    if *tickets > 0 || !partitions.is_empty() {
        let named =
            if partitions.is_empty() { String::new() } else { format!(" ({})", partitions.join(", ")) };
        left.push(format!("{name}: {tickets} tickets are missing{named}; the next sync reads them again"));
    }
    if !source.changed_files.is_empty() {
        left.push(format!(
            "{name}: files were changed since the last run ({}); the next sync looks at them",
            source.changed_files.join(", ")
        ));
    }
    if state.and_then(|state| state.masked.as_ref()).is_some_and(|masked| !masked.everywhere) {
        left.push(format!("{name}: `mask` has changed; the next sync reads everything again"));
    }
    if state.is_some_and(|state| state.columns.is_none()) {
        left.push(format!(
            "{name}: a run died while columns changed; the next sync brings all files to one set of columns"
        ));
    }
    left
}

fn run(summary: Summary) -> RunStatus {
    let error = |source: crate::summary::SourceSummary| Some((source.name, source.error?));
    RunStatus {
        run_id: summary.run_id,
        command: summary.command,
        started_at: summary.started_at,
        finished_at: summary.finished_at,
        outcome: summary.outcome,
        errors: summary.sources.into_iter().filter_map(error).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{LakeConfig, PartitionBy},
        summary::Run,
    };

    fn lake() -> (tempfile::TempDir, Lake) {
        let folder = tempfile::tempdir().expect("a folder");
        let config = LakeConfig {
            place: crate::config::Place::Folder(folder.path().to_owned()),
            timezone: jiff::tz::TimeZone::UTC,
            partition: PartitionBy::Day,
        };
        (folder, Lake::open(&config).expect("a lake"))
    }

    #[test]
    fn what_is_left_to_do_is_told_with_its_reason() {
        let (_folder, lake) = lake();
        let mut source = crate::summary::SourceSummary::begin(
            "shop",
            crate::config::Kind::ALL[0],
            crate::summary::Mode::Full,
        );
        source.error = Some("page 7 is broken".to_owned());
        let run = Run::begin();
        let summary = run.finish("sync", Outcome::Failed, vec![source]);
        runs::record(&lake, &run.run_id, &summary).expect("recorded");
        let state = SourceState { whole_at: Some(Timestamp::UNIX_EPOCH), ..SourceState::default() };
        state::commit(&lake, "shop", 1, &state).expect("committed");

        let status = read(&lake, &["shop".to_owned(), "new".to_owned()]).expect("read");
        assert_eq!(status.work_left.len(), 3, "{:?}", status.work_left);
        assert!(status.work_left[0].contains("not complete (page 7 is broken)"));
        assert!(status.work_left[1].contains("one set of columns"));
        assert!(status.work_left[2].starts_with("new: never read"));
        assert_eq!(status.runs[0].errors["shop"], "page 7 is broken");
        assert_eq!((status.held_by, status.sources[0].rows), (None, 0));
    }
}
