//! The lake against its laws: every file once, then what the files, the manifest and the state say together.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use futures::{StreamExt, stream};
use jiff::Timestamp;
use roaring::RoaringTreemap;
use serde::Serialize;

use super::{
    Names, blocking, columns,
    difference::Against,
    files::{FileCheck, FileFacts},
    finding::{Finding, Findings, REPAIR, SYNC, Weight},
    invariant::Invariant,
};
use crate::{
    columns::{TICKET_FIELD_OPTIONS, TICKET_FIELDS},
    lake::{self, FileVersion, Inventory, Lake, LakeError, Manifest, PartitionKey, TableFile, TicketFile},
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
    pub kind: Option<&'static str>,
    pub partitions: u64,
    pub rows: u64,
    pub bytes: u64,
    /// With `--against-source`: how it compares.
    pub against: Option<Against>,
    /// Partitions whose file can be read.
    #[serde(skip)]
    pub readable: Vec<PartitionKey>,
    /// Files that must be set aside.
    #[serde(skip)]
    pub broken: Vec<PathBuf>,
    /// Tickets with a value that only the source can give again.
    #[serde(skip)]
    pub unfit: RoaringTreemap,
}

impl Checked {
    /// With how the sources compare that were compared.
    pub fn with(mut self, mut compared: BTreeMap<String, Against>) -> Self {
        for source in &mut self.sources {
            source.against = compared.remove(&source.name);
        }
        self
    }
}

/// Checks the sources of these names, each with its kind where that is known. `is_ours`: no run is at work.
pub async fn check(lake: &Lake, names: &Names, is_ours: bool) -> Result<Checked, LakeError> {
    let mut checked = Checked::default();
    let holder = || if is_ours { Ok(None) } else { lake::lock::holder(lake) };
    checked.beside = holder()?;
    // Before the files are listed: a file is put before a state names it.
    let mut sources = Vec::new();
    for (name, kind) in names {
        sources.push(Source::load(lake, name, *kind, &mut checked.findings)?);
    }
    checked.inventory = lake::inventory(lake)?;
    check_places(lake, &checked.inventory, &mut checked.findings)?;
    for source in sources {
        let files = source.check(&checked.inventory, &mut checked.findings).await;
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

/// A path of the lake as an error names it, relative to the lake.
pub fn inside(lake: &Lake, at: &str) -> PathBuf {
    let inside = at.strip_prefix(&lake.place().to_string()).unwrap_or(at);
    PathBuf::from(inside.trim_start_matches('/'))
}

/// A source as its state and manifest describe it.
struct Source<'a> {
    lake: &'a Lake,
    name: &'a str,
    kind: Option<&'static str>,
    state: SourceState,
    manifest: Option<Manifest>,
    /// Workers wrote windows that no run has taken in yet.
    has_windows: bool,
}

impl<'a> Source<'a> {
    /// The state with the windows that workers recorded, as a run would see it.
    fn load(
        lake: &'a Lake,
        name: &'a str,
        kind: Option<&'static str>,
        findings: &mut Findings,
    ) -> Result<Self, LakeError> {
        let state = SourceState::default();
        let mut source = Self { lake, name, kind, state, manifest: None, has_windows: false };
        let loaded = Checkpoint::load(lake, name, "")
            .and_then(|checkpoint| Ok((take_in_windows(&checkpoint)?, checkpoint)));
        match loaded {
            Ok((has_windows, known)) => {
                let manifest = known.has_manifest().then(|| known.table.manifest(|known| known.clone()));
                (source.has_windows, source.manifest) = (has_windows, manifest);
                source.state = known.with(|state| state.clone());
            }
            Err(LakeError::Damaged { at, what }) => {
                let (path, what) = (inside(lake, &at), format!("it cannot be read: {what}"));
                let finding = Finding::new(Some(name), Some(&path), what, REPAIR);
                findings.add(Invariant::StateReadable, Weight::Breach, finding);
            }
            Err(why) => return Err(why),
        }
        Ok(source)
    }

    fn finding(&self, what: impl Into<String>) -> Finding {
        Finding::new(Some(self.name), None, what, SYNC)
    }

    async fn check(&self, inventory: &Inventory, findings: &mut Findings) -> SourceFiles {
        let checks = self.file_checks(inventory);
        let there: BTreeSet<PathBuf> = checks.iter().map(|check| check.path.clone()).collect();
        self.missing(&there, findings);
        let mut files = SourceFiles { name: self.name.to_owned(), kind: self.kind, ..SourceFiles::default() };
        let held = self.look(checks, &mut files, findings).await;
        let all = self.duplicates(&held, findings);
        self.left_over(&all, findings);
        files
    }

    /// What every file of the source is measured by.
    fn file_checks(&self, inventory: &Inventory) -> Vec<FileCheck> {
        let custom = self.state.columns.as_deref().map(columns::expected);
        let tickets = inventory.tickets.iter().filter(|file| file.source == self.name);
        let tickets = tickets.map(|file| (file.path(), Some(file.key), custom.clone()));
        let tables = inventory.tables.iter().filter(|file| file.source == self.name).map(|file| {
            let is_of_fields = file.table == "ticket_fields";
            let columns = if is_of_fields { TICKET_FIELDS } else { TICKET_FIELD_OPTIONS };
            (file.path(), None, Some(columns::of_table(columns)))
        });
        let check = |(path, key, columns)| FileCheck {
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

    /// Files of the manifest that are not there.
    fn missing(&self, there: &BTreeSet<PathBuf>, findings: &mut Findings) {
        let (law, source) = (Invariant::ManifestAgrees, || self.name.to_owned());
        let Some(manifest) = &self.manifest else {
            if !there.is_empty() {
                let what = "its state has no manifest: the next run makes it from the files";
                findings.add(law, Weight::Note, self.finding(what));
            }
            return;
        };
        let partitions = manifest.partitions.iter().map(|(key, known)| {
            let what = format!("it is missing, with {} tickets", known.ids.len());
            (TicketFile { source: source(), key: *key }.path(), what)
        });
        let tables = lake::TABLES.into_iter().filter(|table| manifest.tables.contains_key(*table));
        let tables =
            tables.map(|table| (TableFile { table, source: source() }.path(), "it is missing".to_owned()));
        for (path, what) in partitions.chain(tables).filter(|(path, _)| !there.contains(path)) {
            findings.add(law, Weight::Passing, Finding::new(Some(self.name), Some(&path), what, SYNC));
        }
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
        while let Some(mut check) = looks.next().await {
            self.compare(&mut check);
            let FileCheck { path, key, facts, .. } = check;
            findings.absorb(facts.findings);
            files.broken.extend(facts.is_broken.then_some(path));
            let Some(key) = key else { continue };
            files.partitions += 1;
            files.rows += facts.rows;
            files.bytes += facts.bytes;
            files.readable.extend(facts.is_readable.then_some(key));
            files.unfit |= facts.unfit;
            held.push((key, facts.ids));
        }
        held
    }

    /// Compares a file with what the manifest says of it.
    fn compare(&self, check: &mut FileCheck) {
        let (Some(manifest), Some((version, checksum))) = (&self.manifest, check.facts.put.take()) else {
            return;
        };
        let partition = check.key.and_then(|key| manifest.partitions.get(&key));
        let table = check.path.iter().next().and_then(|table| manifest.tables.get(table.to_str()?));
        let known: Option<(&FileVersion, u64)> = partition
            .map(|known| (&known.version, known.checksum))
            .or(table.map(|known| (&known.version, known.checksum)));
        let law = Invariant::ManifestAgrees;
        match known {
            // The same bytes under another time of change are a copy, and no damage.
            Some((_, known)) if known == checksum => {
                let keys = (&check.facts.ids, &check.facts.deleted);
                let same = |known: &lake::Partition| (&known.ids, &known.deleted) == keys;
                if check.facts.is_readable && !partition.is_none_or(same) {
                    check.broken(law, "the manifest knows other tickets or deletion marks in it");
                }
            }
            // No run puts a file under the version of another.
            Some((known, _)) if *known == version => {
                check.broken(law, "its bytes are not those that were written");
            }
            _ if self.has_windows || self.state.writing => {
                let what =
                    "a run that crashed, or a worker, wrote it: the manifest does not know this version";
                check.found(law, Weight::Note, what, SYNC);
            }
            Some(_) => {
                check.found(law, Weight::Passing, "it was changed or replaced since the last run", SYNC)
            }
            None => check.found(law, Weight::Passing, "the manifest does not know it", SYNC),
        }
    }

    /// Tickets that more than one partition has; gives all that there are. One that is being moved may, and so may one that
    /// moved between the windows of two workers.
    fn duplicates(&self, held: &[(PartitionKey, RoaringTreemap)], findings: &mut Findings) -> RoaringTreemap {
        let (mut all, mut twice) = (RoaringTreemap::new(), RoaringTreemap::new());
        for (_, ids) in held {
            twice |= &all & ids;
            all |= ids;
        }
        for id in twice {
            let may = self.has_windows || self.state.moves.iter().any(|step| step.ids.contains(id));
            let weight = if may { Weight::Note } else { Weight::Passing };
            let holding = held.iter().filter(|(_, ids)| ids.contains(id)).map(|(key, _)| key.folder());
            let folders: Vec<String> = holding.collect();
            let finding = self.finding(format!("it is in more than one partition: {}", folders.join(", ")));
            let finding = Finding { ticket: Some(id.cast_signed()), ..finding };
            findings.add(Invariant::EachTicketOnce, weight, finding);
        }
        all
    }

    /// What the state says of work that is not finished, and its times that have not come yet. `held`: the tickets that the
    /// files hold.
    fn left_over(&self, held: &RoaringTreemap, findings: &mut Findings) {
        let state = &self.state;
        let mut add = |law, weight, what| findings.add(law, weight, self.finding(what));
        let law = Invariant::ManifestAgrees;
        let absent = (&state.reread - held).len();
        if absent > 0 {
            let what = "tickets are missing: their files were lost, and they are not read again yet";
            add(law, Weight::Passing, format!("{absent} {what}"));
        }
        let suspect = state.reread.len() - absent;
        if suspect > 0 {
            let what = "tickets are to be read again: their files were changed";
            add(law, Weight::Note, format!("{suspect} {what}"));
        }
        for step in &state.moves {
            let (tickets, from, to) = (step.ids.len(), step.from.folder(), step.to.folder());
            add(law, Weight::Note, format!("{tickets} tickets are being moved from {from} to {to}"));
        }
        if state.writing {
            add(law, Weight::Note, "a run is writing, or crashed while it did".to_owned());
        }
        let times = [
            ("cursor", state.cursor),
            ("start of the last full read", state.whole_at),
            ("start of the last complete run", state.complete_at),
            ("time of the last reading of definitions", state.fields_read_at),
        ];
        let now = Timestamp::now();
        for (name, time) in times.into_iter().filter_map(|(name, time)| Some((name, time?))) {
            if time > now {
                let what = format!("the {name} is {time}, which has not come yet");
                add(Invariant::StateReadable, Weight::Breach, what);
            }
        }
    }
}
