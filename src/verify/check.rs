//! The lake against its laws: every file once, then what the files say together.

use std::{collections::BTreeMap, sync::Arc};

use arrow::datatypes::SchemaRef;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use roaring::RoaringTreemap;
use serde::Serialize;

use super::{
    blocking::blocking,
    columns::{self, Columns},
    files::{FileFacts, Measure, check_table, check_tickets},
    finding::{FULL, Finding, Findings, REPAIR, SYNC},
    invariant::Invariant,
    places::{check_absent, check_places},
    remembered::{self, Held},
};
use crate::{
    columns::{Column, TICKET_FIELD_OPTIONS, TICKET_FIELDS},
    fields::KnownColumn,
    lake::{self, Inventory, Lake, LakeError, PartitionKey, TableFile, TicketFile, state_folder},
};

/// The tables besides that of the tickets, and their columns.
pub const SMALL_TABLES: [(&str, &[Column]); 2] =
    [("ticket_fields", TICKET_FIELDS), ("ticket_field_options", TICKET_FIELD_OPTIONS)];

/// Files looked at at a time: each may hold a batch of rows in memory.
const MOST_SIDE_BY_SIDE: usize = 4;
/// Duplicated tickets of which every place is looked for.
const NAMED_DUPLICATES: usize = 1000;

/// What the whole lake turned out to be.
#[derive(Default)]
pub struct Checked {
    pub findings: Findings,
    pub sources: Vec<SourceFiles>,
    pub inventory: Inventory,
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
    #[serde(skip)]
    pub keys: Vec<PartitionKey>,
    /// Partitions whose file cannot be read.
    #[serde(skip)]
    pub unreadable: Vec<PartitionKey>,
    /// Partitions that should have a file and have none.
    #[serde(skip)]
    pub lost: Vec<PartitionKey>,
    /// Partitions whose file should be written anew.
    #[serde(skip)]
    pub rewrite: Vec<PartitionKey>,
    /// Tickets that more than one partition has.
    #[serde(skip)]
    pub scattered: RoaringTreemap,
    /// The custom columns of all files together.
    #[serde(skip)]
    pub custom: Vec<KnownColumn>,
    /// A schema of each kind that was met.
    #[serde(skip)]
    pub schemas: Vec<SchemaRef>,
    #[serde(skip)]
    pub state_unreadable: bool,
    /// Whether the state names a moment that has not come yet.
    #[serde(skip)]
    pub ahead: bool,
    /// Whether the state names the columns of the files, as after a run that came to its end.
    #[serde(skip)]
    pub settled: bool,
    /// Small tables that cannot be read, and those that should be written anew.
    #[serde(skip)]
    pub tables_unreadable: Vec<TableFile>,
    #[serde(skip)]
    pub tables_to_rewrite: Vec<TableFile>,
}

/// Checks the sources of these names, each with its kind where that is known.
pub async fn check(
    lake: &Lake,
    names: &BTreeMap<String, Option<&'static str>>,
) -> Result<Checked, LakeError> {
    let inventory = lake::inventory(lake)?;
    let mut checked = Checked::default();
    check_places(lake, &inventory, &mut checked.findings)?;
    for (name, kind) in names {
        let (files, findings) = check_source(lake, &inventory, name, *kind).await?;
        checked.sources.push(files);
        checked.findings.absorb(findings);
    }
    checked.inventory = inventory;
    Ok(checked)
}

async fn check_source(
    lake: &Lake,
    inventory: &Inventory,
    name: &str,
    kind: Option<&'static str>,
) -> Result<(SourceFiles, Findings), LakeError> {
    let mut findings = Findings::default();
    let kind_told = kind.map(str::to_owned);
    let mut files = SourceFiles { name: name.to_owned(), kind: kind_told, ..SourceFiles::default() };
    let memory = match remembered::memory(lake, name) {
        Ok(memory) => memory,
        Err(LakeError::Damaged { at, what }) => {
            files.state_unreadable = true;
            let inside = at.strip_prefix(&lake.place().to_string()).unwrap_or(&at);
            let path = std::path::PathBuf::from(inside.trim_start_matches('/'));
            let finding = Finding::of_file(name, &path, format!("it cannot be read: {what}"), REPAIR);
            findings.add(Invariant::StateAgrees, finding);
            None
        }
        Err(other) => return Err(other),
    };
    let settled = memory.as_ref().and_then(|memory| memory.columns.clone());
    let measure =
        Measure { kind, columns: settled.as_deref().map(columns::expected), calendar: lake.calendar() };
    let of_source: Vec<&TicketFile> = inventory.tickets.iter().filter(|file| file.source == name).collect();
    let (mut all, mut repeated) = (RoaringTreemap::new(), RoaringTreemap::new());
    let mut newest = None;
    let mut layouts: Vec<Columns> = Vec::new();
    tracing::info!(source = name, files = of_source.len(), "checking the files");
    let looks = of_source.into_iter().map(|file| {
        let (lake, file, measure) = (lake.clone(), file.clone(), measure.clone());
        blocking(move |_| (file.key, check_tickets(&lake, &file, &measure)))
    });
    let side_by_side = std::thread::available_parallelism().map_or(1, usize::from).min(MOST_SIDE_BY_SIDE);
    let mut looks = stream::iter(looks).buffered(side_by_side);
    while let Some((key, facts)) = looks.next().await {
        files.take(key, &facts);
        repeated |= &all & &facts.ids;
        all |= &facts.ids;
        newest = newest.max(facts.newest);
        if let Some(schema) = facts.schema {
            let layout = crate::columns::of_schema(&schema);
            if !layouts.contains(&layout) {
                columns::join(&mut files.custom, &schema);
                layouts.push(layout);
                files.schemas.push(schema);
            }
        }
        findings.absorb(facts.findings);
    }
    check_absent(lake, inventory, &mut files, memory.as_ref(), &mut findings)?;
    name_duplicates(lake, name, &files, &repeated, &mut findings);
    files.scattered = repeated;
    if measure.columns.is_none() && layouts.len() > 1 {
        let what =
            format!("its files have {} sets of columns: a run on it has not come to its end", layouts.len());
        findings.note(Invariant::SameColumns, Finding::of_source(name, what, SYNC));
    }
    let schema = files.schemas.first().filter(|_| layouts.len() == 1).map(Arc::clone);
    let held = Held { rows: files.rows, newest, schema: schema.as_deref() };
    if let Some(memory) = &memory {
        files.ahead = remembered::check_cursor(name, memory, &held, Timestamp::now(), &mut findings);
    }
    remembered::check_count(lake, name, &held, &mut findings)?;
    if settled.is_some() && files.partitions == 0 {
        let finding = Finding::of_source(name, "it has a state, but no file of tickets", FULL);
        findings.add(Invariant::OneFileEach, finding);
    }
    check_tables(lake, inventory, &mut files, kind, settled.is_some(), &mut findings).await;
    if files.tables_unreadable.is_empty() {
        remembered::check_fields(lake, name, &held, settled.is_some(), &mut findings)?;
    }
    Ok((files, findings))
}

/// The two small tables of a source.
async fn check_tables(
    lake: &Lake,
    inventory: &Inventory,
    files: &mut SourceFiles,
    kind: Option<&'static str>,
    settled: bool,
    findings: &mut Findings,
) {
    for (table, columns) in SMALL_TABLES {
        let file = inventory.tables.iter().find(|file| file.table == table && file.source == files.name);
        let Some(file) = file.cloned() else {
            if settled {
                let finding = Finding::of_source(&files.name, format!("it has no {table}"), SYNC);
                findings.add(Invariant::OneFileEach, finding);
            }
            continue;
        };
        let wanted = columns.iter().map(|column| (column.name.to_owned(), column.of.arrow())).collect();
        let facts = {
            let (lake, file) = (lake.clone(), file.clone());
            blocking(move |_| check_table(&lake, &file, kind, &wanted)).await
        };
        match facts.schema {
            None => files.tables_unreadable.push(file),
            Some(_) if facts.rewrite => files.tables_to_rewrite.push(file),
            Some(_) => {}
        }
        findings.absorb(facts.findings);
    }
}

/// Names every partition that has a ticket which another one has too.
fn name_duplicates(
    lake: &Lake,
    name: &str,
    files: &SourceFiles,
    repeated: &RoaringTreemap,
    findings: &mut Findings,
) {
    if repeated.is_empty() {
        return;
    }
    let mut places: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    let named: RoaringTreemap = repeated.iter().take(NAMED_DUPLICATES).collect();
    for key in files.readable() {
        // A file that fails here has been named before.
        let marks = lake::marks(lake, name, key).unwrap_or_default();
        for mark in marks.iter().filter(|mark| named.contains(mark.id.cast_unsigned())) {
            places.entry(mark.id).or_default().push(key.folder());
        }
    }
    for id in repeated.iter().map(u64::cast_signed) {
        let where_ = places.get(&id).map_or_else(String::new, |folders| format!(": {}", folders.join(", ")));
        let what = format!("it stands in more than one partition{where_}");
        findings.add(Invariant::EachTicketOnce, Finding::of_source(name, what, REPAIR).with_ticket(id));
    }
}

impl SourceFiles {
    fn take(&mut self, key: PartitionKey, facts: &FileFacts) {
        self.partitions += 1;
        self.rows += facts.rows;
        self.bytes += facts.bytes;
        match facts.schema {
            None => self.unreadable.push(key),
            Some(_) if facts.rewrite => self.rewrite.push(key),
            Some(_) => {}
        }
        self.keys.push(key);
    }

    /// Partitions whose file can be read.
    pub fn readable(&self) -> impl Iterator<Item = PartitionKey> {
        self.keys.iter().copied().filter(|key| !self.unreadable.contains(key))
    }

    /// Where the state lies, relative to the lake.
    pub fn state(&self) -> std::path::PathBuf {
        state_folder(&self.name)
    }
}
