//! What the manifest of a source says of its files.

use std::{collections::BTreeMap, path::PathBuf};

use roaring::RoaringTreemap;

use super::finding::Weight;
use crate::{
    lake::{FileVersion, Manifest, TableFile, TicketFile},
    sync::SourceState,
};

/// What is known of a file.
#[derive(Debug, Clone)]
pub struct Entry {
    pub version: FileVersion,
    pub checksum: u64,
    /// Of a partition: its tickets, and those that carry a deletion mark.
    pub keys: Option<(RoaringTreemap, RoaringTreemap)>,
}

/// The files of a source by their paths relative to the lake.
pub fn entries(source: &str, manifest: Manifest) -> BTreeMap<PathBuf, Entry> {
    let source = || source.to_owned();
    let partitions = manifest.partitions.into_iter().map(|(key, partition)| {
        let keys = Some((partition.ids, partition.deleted));
        let entry = Entry { version: partition.version, checksum: partition.checksum, keys };
        (TicketFile { source: source(), key }.path(), entry)
    });
    let tables = crate::lake::TABLES.into_iter().filter_map(|table| {
        let known = manifest.tables.get(table)?;
        let entry = Entry { version: known.version.clone(), checksum: known.checksum, keys: None };
        Some((TableFile { table, source: source() }.path(), entry))
    });
    partitions.chain(tables).collect()
}

impl Entry {
    /// What a file that is missing takes with it, in words.
    pub fn missing(&self) -> String {
        match &self.keys {
            Some((ids, _)) => format!("it is missing, with {} tickets", ids.len()),
            None => "it is missing".to_owned(),
        }
    }
}

/// What the state says of work that is not finished. `held`: the tickets that the files hold.
pub fn unfinished(state: &SourceState, held: &RoaringTreemap) -> Vec<(Weight, String)> {
    let mut found = Vec::new();
    let absent = (&state.reread - held).len();
    if absent > 0 {
        let what = "tickets are missing: their files were lost, and they are not read again yet";
        found.push((Weight::Passing, format!("{absent} {what}")));
    }
    let suspect = state.reread.len() - absent;
    if suspect > 0 {
        found.push((
            Weight::Note,
            format!("{suspect} tickets are to be read again: their files were changed"),
        ));
    }
    for step in &state.moves {
        let (tickets, from, to) = (step.ids.len(), step.from.folder(), step.to.folder());
        found.push((Weight::Note, format!("{tickets} tickets are being moved from {from} to {to}")));
    }
    if state.writing {
        found.push((Weight::Note, "a run is writing, or crashed while it did".to_owned()));
    }
    found
}
