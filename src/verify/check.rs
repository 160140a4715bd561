//! The lake against its laws: every file once, then what the files say together.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use arrow::datatypes::SchemaRef;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use roaring::RoaringTreemap;
use serde::Serialize;

use super::{
    blocking::blocking,
    columns::{self, Columns},
    fields::disagreements,
    files::{FileFacts, Measure, check_table, check_tickets},
    finding::{Finding, Findings, KEPT, REPAIR, SYNC},
    invariant::Invariant,
    manifest::{Known, check_unfinished},
    places::check_places,
};
use crate::{
    columns::{Column, TICKET_FIELD_OPTIONS, TICKET_FIELDS},
    lake::{self, Inventory, Lake, LakeError, PartitionKey, TableFile, TicketFile, state},
    sync::{Checkpoint, SourceState, take_in_windows},
};

/// The tables besides that of the tickets, and their columns.
const SMALL_TABLES: [(&str, &[Column]); 2] =
    [("ticket_fields", TICKET_FIELDS), ("ticket_field_options", TICKET_FIELD_OPTIONS)];

/// Files looked at at a time: each may hold a batch of rows in memory.
const MOST_SIDE_BY_SIDE: usize = 4;

/// What the whole lake turned out to be.
#[derive(Default)]
pub struct Checked {
    pub findings: Findings,
    pub sources: Vec<SourceFiles>,
    pub inventory: Inventory,
    /// The run that was at work meanwhile, in words.
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
    /// Partitions whose file must be set aside, with the tickets that were found in it.
    #[serde(skip)]
    pub broken: Vec<(PartitionKey, RoaringTreemap)>,
    #[serde(skip)]
    pub broken_tables: Vec<TableFile>,
    /// Tickets with a value that only the source can give again.
    #[serde(skip)]
    pub unfit: RoaringTreemap,
    /// Whether the lake has a state, or any file of it.
    #[serde(skip)]
    pub is_known: bool,
    #[serde(skip)]
    state_version: Option<u64>,
}

/// Checks the sources of these names, each with its kind where that is known. `is_ours`: no run is at work.
pub async fn check(
    lake: &Lake,
    names: &BTreeMap<String, Option<&'static str>>,
    is_ours: bool,
) -> Result<Checked, LakeError> {
    let mut checked = Checked::default();
    if !is_ours {
        checked.beside = lake::lock::holder(lake)?;
    }
    // Before the files are listed: a file is there before a state names it.
    let states = names.keys().map(|name| load(lake, name)).collect::<Result<Vec<_>, _>>()?;
    let inventory = lake::inventory(lake)?;
    check_places(lake, &inventory, &mut checked.findings)?;
    for ((name, kind), state) in names.iter().zip(states) {
        let measure = Measure { kind: *kind, columns: None, calendar: lake.calendar(), is_shared: !is_ours };
        let check = SourceCheck { lake, inventory: &inventory, name, measure };
        let part = check.run(state).await?;
        checked.sources.push(part.files);
        checked.findings.absorb(part.findings);
    }
    if !is_ours && checked.beside.is_none() {
        checked.beside = lake::lock::holder(lake)?;
        for files in &checked.sources {
            if checked.beside.is_none()
                && checked.findings.has_passing()
                && version(lake, &files.name)? != files.state_version
            {
                checked.beside = Some("it has ended by now".to_owned());
            }
        }
    }
    if checked.beside.is_some() {
        checked.findings.note_passing();
    }
    checked.inventory = inventory;
    Ok(checked)
}

/// The state of a source, the windows that workers recorded taken in, as a run would see it.
struct Loaded {
    checkpoint: Checkpoint,
    state: SourceState,
    version: Option<u64>,
    has_windows: bool,
}

/// `Err` inside: it cannot be read, and why.
type State = Result<Option<Loaded>, (PathBuf, String)>;

fn load(lake: &Lake, name: &str) -> Result<State, LakeError> {
    let load = || -> Result<Option<Loaded>, LakeError> {
        let (version, state) = state::load::<SourceState>(lake, name)?.unzip();
        let checkpoint = Checkpoint::load(lake, name, "")?;
        let has_windows = take_in_windows(&checkpoint)?;
        let state = state.unwrap_or_default();
        Ok((version.is_some() || has_windows).then_some(Loaded { checkpoint, state, version, has_windows }))
    };
    match load() {
        Err(LakeError::Damaged { at, what }) => Ok(Err((inside(lake, &at), what))),
        loaded => loaded.map(Ok),
    }
}

/// A path of the lake as an error names it, relative to the lake.
pub fn inside(lake: &Lake, at: &str) -> PathBuf {
    let inside = at.strip_prefix(&lake.place().to_string()).unwrap_or(at);
    PathBuf::from(inside.trim_start_matches('/'))
}

fn version(lake: &Lake, name: &str) -> Result<Option<u64>, LakeError> {
    Ok(state::load::<SourceState>(lake, name)?.map(|(version, _)| version))
}

struct SourceCheck<'a> {
    lake: &'a Lake,
    inventory: &'a Inventory,
    name: &'a str,
    measure: Measure,
}

#[derive(Default)]
struct Part {
    files: SourceFiles,
    findings: Findings,
}

impl SourceCheck<'_> {
    async fn run(mut self, state: State) -> Result<Part, LakeError> {
        let mut part = Part::default();
        part.files.name = self.name.to_owned();
        part.files.kind = self.measure.kind.map(str::to_owned);
        let loaded = state.unwrap_or_else(|(path, what)| {
            let finding = Finding::of_file(self.name, &path, format!("it cannot be read: {what}"), REPAIR);
            part.findings.add(Invariant::StateAgrees, finding);
            part.files.is_known = true;
            None
        });
        let state = loaded.as_ref().map(|loaded| &loaded.state);
        let custom = state.and_then(|state| state.columns.clone());
        self.measure.columns = custom.as_deref().map(columns::expected);
        let manifest = loaded.as_ref().filter(|loaded| loaded.checkpoint.has_manifest());
        let manifest = manifest.map(|loaded| loaded.checkpoint.table.manifest(|manifest| manifest.clone()));
        let known = manifest.as_ref().map(|manifest| Known {
            source: self.name,
            manifest,
            is_behind: loaded.as_ref().is_some_and(|loaded| loaded.has_windows || loaded.state.writing),
        });
        let (held, schema) = self.tickets(known.as_ref(), &mut part).await;
        self.duplicates(&held, loaded.as_ref(), &mut part);
        self.tables(known.as_ref(), custom.is_some(), &mut part).await;
        part.files.is_known |= loaded.is_some() || !held.is_empty();
        part.files.state_version = loaded.as_ref().and_then(|loaded| loaded.version);
        if let Some(known) = &known {
            let (tickets, tables) = (self.files(), self.inventory.tables.iter());
            let paths: Vec<PathBuf> =
                tickets.map(TicketFile::path).chain(tables.map(TableFile::path)).collect();
            known.missing(|path| paths.iter().any(|known| known == path), &mut part.findings);
        } else if part.files.is_known {
            let what = "its state has no manifest: the next run makes it from the files";
            part.findings.note(Invariant::ManifestAgrees, Finding::of_source(self.name, what, SYNC));
        }
        if let Some(state) = state {
            let all = held.iter().fold(RoaringTreemap::new(), |all, (_, ids)| all | ids);
            check_unfinished(self.name, state, &all, &mut part.findings);
            self.times(state, &mut part.findings);
        }
        if part.files.broken_tables.is_empty() {
            let found =
                disagreements(self.lake, self.name, schema.as_deref(), custom.as_deref().unwrap_or_default());
            for what in found.unwrap_or_default() {
                let finding = Finding::of_source(self.name, what, SYNC).passing();
                match custom.is_some() {
                    true => part.findings.add(Invariant::StateAgrees, finding),
                    false => part.findings.note(Invariant::StateAgrees, finding),
                }
            }
        }
        Ok(part)
    }

    fn files(&self) -> impl Iterator<Item = &TicketFile> {
        self.inventory.tickets.iter().filter(|file| file.source == self.name)
    }

    /// Looks at every file of tickets; gives the tickets of each, and the schema of all where it is one.
    async fn tickets(
        &self,
        known: Option<&Known<'_>>,
        part: &mut Part,
    ) -> (Vec<(PartitionKey, RoaringTreemap)>, Option<SchemaRef>) {
        tracing::info!(source = self.name, files = self.files().count(), "checking the files");
        let looks = self.files().map(|file| {
            let (lake, file, measure) = (self.lake.clone(), file.clone(), self.measure.clone());
            blocking(move |_| (file.key, check_tickets(&lake, &file, &measure)))
        });
        let side_by_side = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_SIDE_BY_SIDE);
        let mut looks = stream::iter(looks).buffered(side_by_side);
        let mut held = Vec::new();
        let mut schemas: Vec<(Columns, SchemaRef)> = Vec::new();
        while let Some((key, mut facts)) = looks.next().await {
            if let Some(known) = known {
                known.partition(key, &mut facts);
            }
            let FileFacts { rows, bytes, schema, ids, unfit, is_broken, findings, .. } = facts;
            let files = &mut part.files;
            (files.partitions, files.rows, files.bytes) =
                (files.partitions + 1, files.rows + rows, files.bytes + bytes);
            files.unfit |= unfit;
            if let Some(schema) = schema {
                files.readable.push(key);
                let columns = crate::columns::of_schema(&schema);
                if !schemas.iter().any(|(known, _)| *known == columns) {
                    schemas.push((columns, schema));
                }
            }
            if is_broken {
                files.broken.push((key, ids.clone()));
            }
            held.push((key, ids));
            part.findings.absorb(findings);
        }
        if self.measure.columns.is_none() && schemas.len() > 1 {
            let what =
                format!("its files have {} sets of columns: a run has not come to its end", schemas.len());
            part.findings.note(Invariant::SameColumns, Finding::of_source(self.name, what, SYNC));
        }
        let schema = schemas.first().filter(|_| schemas.len() == 1).map(|(_, schema)| Arc::clone(schema));
        (held, schema)
    }

    /// Tickets that more than one partition has. One that is being moved may, and so may one that moved between the windows
    /// of two workers.
    fn duplicates(&self, held: &[(PartitionKey, RoaringTreemap)], loaded: Option<&Loaded>, part: &mut Part) {
        let (mut all, mut twice) = (RoaringTreemap::new(), RoaringTreemap::new());
        for (_, ids) in held {
            twice |= &all & ids;
            all |= ids;
        }
        let moves = loaded.map(|loaded| loaded.state.moves.as_slice()).unwrap_or_default();
        let has_windows = loaded.is_some_and(|loaded| loaded.has_windows);
        let moving = moves.iter().fold(RoaringTreemap::new(), |all, step| all | &step.ids);
        for (number, id) in twice.iter().enumerate() {
            let holding = held.iter().filter(|(_, ids)| number < KEPT && ids.contains(id));
            let folders: Vec<String> = holding.map(|(key, _)| key.folder()).collect();
            let what = format!("it is in more than one partition: {}", folders.join(", "));
            let finding = Finding::of_source(self.name, what, SYNC).with_ticket(id.cast_signed()).passing();
            match has_windows || moving.contains(id) {
                true => part.findings.note(Invariant::EachTicketOnce, finding),
                false => part.findings.add(Invariant::EachTicketOnce, finding),
            }
        }
    }

    /// The two small tables. `is_settled`: the last run on the source has come to its end.
    async fn tables(&self, known: Option<&Known<'_>>, is_settled: bool, part: &mut Part) {
        for (table, columns) in SMALL_TABLES {
            let mut files = self.inventory.tables.iter();
            let Some(file) = files.find(|file| file.table == table && file.source == self.name).cloned()
            else {
                if is_settled && known.is_none_or(|known| !known.manifest.tables.contains_key(table)) {
                    let finding = Finding::of_source(self.name, format!("it has no {table}"), SYNC).passing();
                    part.findings.add(Invariant::OneFileEach, finding);
                }
                continue;
            };
            part.files.is_known = true;
            let measure = Measure { columns: Some(columns::of_table(columns)), ..self.measure.clone() };
            let (lake, of_file) = (self.lake.clone(), file.clone());
            let mut facts = blocking(move |_| check_table(&lake, &of_file, &measure)).await;
            if let Some(known) = known {
                known.table(&file, &mut facts);
            }
            if facts.is_broken {
                part.files.broken_tables.push(file);
            }
            part.findings.absorb(facts.findings);
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
        for (name, time) in times {
            if let Some(time) = time.filter(|time| *time > now) {
                let what = format!("the {name} is {time}, which has not come yet");
                findings.add(Invariant::StateAgrees, Finding::of_source(self.name, what, SYNC));
            }
        }
    }
}
