//! Whether the files of a source are those that its manifest knows, byte for byte and ticket for ticket.

use std::path::Path;

use roaring::RoaringTreemap;

use super::{
    files::FileFacts,
    finding::{Finding, Findings, REPAIR, SYNC},
    invariant::Invariant,
};
use crate::{
    lake::{FileVersion, Manifest, Partition, PartitionKey, TABLES, TableFile, TableVersion, TicketFile},
    sync::SourceState,
};

/// The manifest of a source as it was loaded.
pub struct Known<'a> {
    pub source: &'a str,
    pub manifest: &'a Manifest,
    /// A run crashed while it wrote, or workers wrote windows that no run has taken in yet: files may be newer.
    pub is_behind: bool,
}

impl Known<'_> {
    /// Compares the file of a partition. What a run may be doing is passing.
    pub fn partition(&self, key: PartitionKey, facts: &mut FileFacts) {
        let Some((version, checksum)) = facts.content.clone() else { return };
        let path = TicketFile { source: self.source.to_owned(), key }.path();
        let known = self.manifest.partitions.get(&key);
        let remembered = known.map(|known| (&known.version, known.checksum));
        self.bytes(&path, remembered, (&version, checksum), facts);
        let Some(known) = known.filter(|known| known.checksum == checksum && facts.schema.is_some()) else {
            return;
        };
        for (what, remembered, found) in
            [("tickets", &known.ids, &facts.ids), ("deletion marks", &known.deleted, &facts.deleted)]
        {
            if remembered != found {
                let (remembered, found) = (remembered.len(), found.len());
                let what =
                    format!("the manifest knows {remembered} {what} in it, or others than its {found}");
                facts.is_broken = true;
                let finding = Finding::of_file(self.source, &path, what, REPAIR);
                facts.findings.add(Invariant::ManifestAgrees, finding);
            }
        }
    }

    /// Compares the file of a small table.
    pub fn table(&self, file: &TableFile, facts: &mut FileFacts) {
        let Some((version, checksum)) = facts.content.clone() else { return };
        let known = self.manifest.tables.get(file.table);
        let remembered = known.map(|TableVersion { version, checksum }| (version, *checksum));
        self.bytes(&file.path(), remembered, (&version, checksum), facts);
    }

    fn bytes(
        &self,
        path: &Path,
        remembered: Option<(&FileVersion, u64)>,
        found: (&FileVersion, u64),
        facts: &mut FileFacts,
    ) {
        let finding = |what, remedy| Finding::of_file(self.source, path, what, remedy);
        let law = Invariant::ManifestAgrees;
        match remembered {
            // The same bytes under another time of change are a copy, and no damage.
            Some((_, checksum)) if checksum == found.1 => {}
            // No run puts a file under the version of another.
            Some((version, _)) if version == found.0 => {
                facts.is_broken = true;
                facts.findings.add(law, finding("its bytes are not those that were written", REPAIR));
            }
            _ if self.is_behind => {
                let what = "the manifest does not know this version of it: a run that crashed, or a worker, wrote it";
                facts.findings.note(law, finding(what, SYNC));
            }
            _ => {
                let what = match remembered {
                    Some(_) => "it was changed or replaced since the last run",
                    None => "the manifest does not know it",
                };
                facts.findings.add(law, finding(what, SYNC).passing());
            }
        }
    }

    /// What the manifest knows and no file is there for.
    pub fn missing(&self, has: impl Fn(&Path) -> bool, findings: &mut Findings) {
        let file = |key: &PartitionKey| TicketFile { source: self.source.to_owned(), key: *key }.path();
        let tickets = |partition: &Partition| format!("it is missing, with {} tickets", partition.ids.len());
        let partitions =
            self.manifest.partitions.iter().map(|(key, partition)| (file(key), tickets(partition)));
        let tables = TABLES.into_iter().filter(|table| self.manifest.tables.contains_key(*table));
        let tables = tables.map(|table| {
            (TableFile { table, source: self.source.to_owned() }.path(), "it is missing".to_owned())
        });
        for (path, what) in partitions.chain(tables).filter(|(path, _)| !has(path)) {
            findings
                .add(Invariant::ManifestAgrees, Finding::of_file(self.source, &path, what, SYNC).passing());
        }
    }
}

/// What the state says of work that is not finished. `held`: the tickets that the files hold.
pub fn check_unfinished(source: &str, state: &SourceState, held: &RoaringTreemap, findings: &mut Findings) {
    let law = Invariant::ManifestAgrees;
    let of = |what: String| Finding::of_source(source, what, SYNC);
    let absent = (&state.reread - held).len();
    if absent > 0 {
        let what =
            format!("{absent} tickets are missing: their files were lost, and they are not read again yet");
        findings.add(law, of(what).passing());
    }
    let suspect = state.reread.len() - absent;
    if suspect > 0 {
        findings
            .note(law, of(format!("{suspect} tickets are to be read again: somebody changed their files")));
    }
    for step in &state.moves {
        let (tickets, from, to) = (step.ids.len(), step.from.folder(), step.to.folder());
        findings.note(law, of(format!("{tickets} tickets are being moved from {from} to {to}")));
    }
    if state.writing {
        findings.note(law, of("a run is writing, or crashed while it did".to_owned()));
    }
}
