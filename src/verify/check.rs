//! The lake against its laws: every file once, then what the files say together.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use futures::{StreamExt, stream};
use jiff::Timestamp;
use roaring::RoaringTreemap;
use serde::Serialize;

use super::{
    Names, blocking, columns,
    files::{FileCheck, FileFacts, Known},
    finding::{Finding, Findings, REPAIR, SYNC, Weight},
    invariant::Invariant,
    manifest::{self, Entry},
};
use crate::{
    columns::{TICKET_FIELD_OPTIONS, TICKET_FIELDS},
    lake::{self, Inventory, Lake, LakeError, PartitionKey, TableFile, TicketFile},
    sync::{Checkpoint, SourceState, take_in_windows},
};

/// Files looked at at a time: each may hold a batch of rows in memory.
const MOST_SIDE_BY_SIDE: usize = 4;

/// What the whole lake turned out to be.
#[derive(Default)]
pub struct Checked {
    pub findings: Findings,
    pub sources: Vec<SourceFiles>,
    pub inventory: Inventory,
    /// Who was at work meanwhile.
    pub beside: Option<String>,
}

/// The files of one source, in numbers, and what is to be done about them.
#[derive(Debug, Default, Serialize)]
pub struct SourceFiles {
    pub name: String,
    /// As the configuration says.
    pub kind: Option<String>,
    pub partitions: u64,
    pub rows: u64,
    pub bytes: u64,
    /// Partitions whose file can be read.
    #[serde(skip)]
    pub readable: Vec<PartitionKey>,
    /// Partitions whose file must be set aside, and the files of small tables.
    #[serde(skip)]
    pub broken: Vec<PartitionKey>,
    #[serde(skip)]
    pub broken_tables: Vec<PathBuf>,
    /// Tickets that were found in these, and others with a value that only the source can give again.
    #[serde(skip)]
    pub reread: RoaringTreemap,
}

/// Checks the sources of these names, each with its kind where that is known. `is_ours`: no run is at work.
pub async fn check(lake: &Lake, names: &Names, is_ours: bool) -> Result<Checked, LakeError> {
    let mut checked = Checked::default();
    let holder = || if is_ours { Ok(None) } else { lake::lock::holder(lake) };
    checked.beside = holder()?;
    // Before the files are listed: a file is put before a state names it.
    let mut states = Vec::new();
    for name in names.keys() {
        states.push(load(lake, name, &mut checked.findings)?);
    }
    checked.inventory = lake::inventory(lake)?;
    check_places(lake, &checked.inventory, &mut checked.findings)?;
    for ((name, kind), loaded) in names.iter().zip(states) {
        let source = Source { lake, name, kind: *kind, inventory: &checked.inventory };
        let files = source.check(loaded, &mut checked.findings).await?;
        checked.sources.push(files);
    }
    checked.beside = checked.beside.take().or(holder()?);
    checked.findings.settle(checked.beside.is_some());
    Ok(checked)
}

/// What lies under the tables' folders where nothing should, and what crashed runs have left.
fn check_places(lake: &Lake, inventory: &Inventory, findings: &mut Findings) -> Result<(), LakeError> {
    let law = Invariant::OneFileEach;
    for stray in &inventory.strays {
        let finding = Finding::new(None, Some(stray), "it does not belong under a table", REPAIR);
        findings.add(law, Weight::Breach, finding);
    }
    let cut = lake.calendar().key(None).cut();
    if let Some(other) = inventory.tickets.iter().find(|file| file.key.cut() != cut) {
        let what = "the lake is partitioned in another way than `partition` under [lake] says";
        let finding = Finding::new(None, Some(&other.path()), what, "set `partition` to what the lake has");
        findings.add(law, Weight::Breach, finding);
    }
    for absent in &inventory.absent {
        // Of one that had tickets the manifest knows.
        let what = "no file is there: a run ended before it could put one, or it was deleted";
        findings.add(law, Weight::Note, Finding::new(Some(&absent.source), Some(&absent.path()), what, SYNC));
    }
    for name in lake::leftovers(lake)? {
        let path = Path::new("_ticketlake/staging").join(name);
        let what = "a temporary file, of a run at work or of one that crashed";
        findings.add(Invariant::NothingStaged, Weight::Note, Finding::new(None, Some(&path), what, SYNC));
    }
    Ok(())
}

/// The state of a source, the windows that workers recorded taken in, as a run would see it; and whether there are any.
fn load(lake: &Lake, name: &str, findings: &mut Findings) -> Result<(Option<Checkpoint>, bool), LakeError> {
    let loaded = Checkpoint::load(lake, name, "").and_then(|checkpoint| {
        let has_windows = take_in_windows(&checkpoint)?;
        Ok((Some(checkpoint), has_windows))
    });
    match loaded {
        Err(LakeError::Damaged { at, what }) => {
            let path = inside(lake, &at);
            let finding = Finding::new(Some(name), Some(&path), format!("it cannot be read: {what}"), REPAIR);
            findings.add(Invariant::StateReadable, Weight::Breach, finding);
            Ok((None, false))
        }
        loaded => loaded,
    }
}

/// A path of the lake as an error names it, relative to the lake.
pub fn inside(lake: &Lake, at: &str) -> PathBuf {
    let inside = at.strip_prefix(&lake.place().to_string()).unwrap_or(at);
    PathBuf::from(inside.trim_start_matches('/'))
}

struct Source<'a> {
    lake: &'a Lake,
    name: &'a str,
    kind: Option<&'static str>,
    inventory: &'a Inventory,
}

impl Source<'_> {
    fn finding(&self, what: impl Into<String>) -> Finding {
        Finding::new(Some(self.name), None, what, SYNC)
    }

    async fn check(
        &self,
        (checkpoint, has_windows): (Option<Checkpoint>, bool),
        findings: &mut Findings,
    ) -> Result<SourceFiles, LakeError> {
        let mut files = SourceFiles { name: self.name.to_owned(), ..SourceFiles::default() };
        files.kind = self.kind.map(str::to_owned);
        let state = checkpoint.as_ref().map(|checkpoint| checkpoint.with(|state| state.clone()));
        let state = state.unwrap_or_default();
        let manifest = checkpoint.filter(Checkpoint::has_manifest);
        let manifest = manifest.map(|known| known.table.manifest(|manifest| manifest.clone()));
        let mut entries = manifest.map(|manifest| manifest::entries(self.name, manifest));
        let checks = self.file_checks(&state, has_windows, &mut entries);
        if entries.is_none() && !checks.is_empty() {
            let what = "its state has no manifest: the next run makes it from the files";
            findings.add(Invariant::ManifestAgrees, Weight::Note, self.finding(what));
        }
        for (path, entry) in entries.into_iter().flatten() {
            let finding = Finding::new(Some(self.name), Some(&path), entry.missing(), SYNC);
            findings.add(Invariant::ManifestAgrees, Weight::Passing, finding);
        }
        let held = self.look(checks, &mut files, findings).await;
        self.duplicates(&held, &state, has_windows, findings);
        let all = held.iter().fold(RoaringTreemap::new(), |all, (_, ids)| all | ids);
        for (weight, what) in manifest::unfinished(&state, &all) {
            findings.add(Invariant::ManifestAgrees, weight, self.finding(what));
        }
        self.times(&state, findings);
        Ok(files)
    }

    /// What every file of the source is measured by; takes its entry out of `entries`.
    fn file_checks(
        &self,
        state: &SourceState,
        has_windows: bool,
        entries: &mut Option<BTreeMap<PathBuf, Entry>>,
    ) -> Vec<FileCheck> {
        let custom = state.columns.as_deref().map(columns::expected);
        let tickets = self.inventory.tickets.iter().filter(|file| file.source == self.name);
        let tickets = tickets.map(|file| (TicketFile::path(file), Some(file.key), custom.clone()));
        let tables = self.inventory.tables.iter().filter(|file| file.source == self.name);
        let tables = tables.map(|file| {
            let is_of_fields = file.table == "ticket_fields";
            let columns = if is_of_fields { TICKET_FIELDS } else { TICKET_FIELD_OPTIONS };
            (TableFile::path(file), None, Some(columns::of_table(columns)))
        });
        let check = |(path, key, columns)| FileCheck {
            known: match entries.as_mut().map(|entries| entries.remove(&path)) {
                None => Known::Nothing,
                Some(entry) if has_windows || state.writing => Known::Outdated(entry),
                Some(entry) => Known::Entry(entry),
            },
            lake: self.lake.clone(),
            source: self.name.to_owned(),
            path,
            key,
            kind: self.kind,
            columns,
            facts: FileFacts::default(),
        };
        tickets.chain(tables).map(check).collect()
    }

    /// Looks at every file; gives the tickets of each partition.
    async fn look(
        &self,
        checks: Vec<FileCheck>,
        files: &mut SourceFiles,
        findings: &mut Findings,
    ) -> Vec<(PartitionKey, RoaringTreemap)> {
        tracing::info!(source = self.name, files = checks.len(), "checking the files");
        let side_by_side = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_SIDE_BY_SIDE);
        let looks = checks.into_iter().map(|check| blocking(|| check.run()));
        let mut looks = stream::iter(looks).buffered(side_by_side);
        let mut held = Vec::new();
        while let Some(FileCheck { path, key, facts, .. }) = looks.next().await {
            findings.absorb(facts.findings);
            let Some(key) = key else {
                files.broken_tables.extend(facts.is_broken.then_some(path));
                continue;
            };
            files.partitions += 1;
            files.rows += facts.rows;
            files.bytes += facts.bytes;
            files.readable.extend(facts.schema.map(|_| key));
            files.reread |= facts.unfit;
            if facts.is_broken {
                files.broken.push(key);
                files.reread |= &facts.ids;
            }
            held.push((key, facts.ids));
        }
        held
    }

    /// Tickets that more than one partition has. One that is being moved may, and so may one that moved between the windows
    /// of two workers.
    fn duplicates(
        &self,
        held: &[(PartitionKey, RoaringTreemap)],
        state: &SourceState,
        has_windows: bool,
        findings: &mut Findings,
    ) {
        let (mut all, mut twice) = (RoaringTreemap::new(), RoaringTreemap::new());
        for (_, ids) in held {
            twice |= &all & ids;
            all |= ids;
        }
        for id in twice {
            let may = has_windows || state.moves.iter().any(|step| step.ids.contains(id));
            let weight = if may { Weight::Note } else { Weight::Passing };
            let holding = held.iter().filter(|(_, ids)| ids.contains(id)).map(|(key, _)| key.folder());
            let folders: Vec<String> = holding.collect();
            let finding = self.finding(format!("it is in more than one partition: {}", folders.join(", ")));
            let finding = Finding { ticket: Some(id.cast_signed()), ..finding };
            findings.add(Invariant::EachTicketOnce, weight, finding);
        }
    }

    /// Times that have not come yet.
    fn times(&self, state: &SourceState, findings: &mut Findings) {
        let times = [
            ("cursor", state.cursor),
            ("start of the last full read", state.whole_at),
            ("start of the last complete run", state.complete_at),
            ("time of the last reading of definitions", state.fields_read_at),
        ];
        let now = Timestamp::now();
        for (name, time) in times.into_iter().filter_map(|(name, time)| Some((name, time?))) {
            if time > now {
                let finding = self.finding(format!("the {name} is {time}, which has not come yet"));
                findings.add(Invariant::StateReadable, Weight::Breach, finding);
            }
        }
    }
}
