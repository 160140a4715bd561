//! One file of the lake, looked at whole: its bytes, what it promises, and every row of it.

use std::path::PathBuf;

use arrow::datatypes::SchemaRef;
use roaring::RoaringTreemap;

use super::{
    columns::{self, Columns},
    finding::{Finding, Findings, REPAIR, SYNC, Weight},
    invariant::Invariant,
    rows::RowCheck,
};
use crate::lake::{
    self, FileVersion, Inspection, Lake, LakeError, ParquetFile, PartitionKey, SCHEMA_VERSION,
};

/// A file, and what it is measured by.
pub struct FileCheck {
    pub lake: Lake,
    pub source: String,
    /// Relative to the lake.
    pub path: PathBuf,
    /// Of a file of tickets.
    pub key: Option<PartitionKey>,
    /// As the configuration says.
    pub kind: Option<&'static str>,
    /// The columns that it must have; `None` while files of the source may differ.
    pub columns: Option<Columns>,
    pub facts: FileFacts,
}

/// What a file turned out to be.
#[derive(Default)]
pub struct FileFacts {
    pub rows: u64,
    pub bytes: u64,
    /// Version and checksum; `None` for a file that cannot be opened.
    pub put: Option<(FileVersion, u64)>,
    pub is_readable: bool,
    pub ids: RoaringTreemap,
    /// Of these, the ones that carry a deletion mark.
    pub deleted: RoaringTreemap,
    /// Tickets with a value that only the source can give again.
    pub unfit: RoaringTreemap,
    /// Whether it must be set aside and its tickets read again.
    pub is_broken: bool,
    pub findings: Findings,
}

impl FileCheck {
    /// Looks at the file.
    pub fn run(mut self) -> Self {
        match self.look() {
            Err(LakeError::Damaged { what, .. }) => {
                self.broken(Invariant::Decodable, format!("it cannot be read: {what}"));
            }
            Err(why) => {
                let remedy = "see to the disk or the network, and check again";
                self.found(Invariant::Decodable, Weight::Breach, why.to_string(), remedy);
            }
            Ok(()) => {}
        }
        self
    }

    /// Notes something about the file.
    pub fn found(&mut self, law: Invariant, weight: Weight, what: impl Into<String>, remedy: &'static str) {
        let finding = Finding::new(Some(&self.source), Some(&self.path), what, remedy);
        self.facts.findings.add(law, weight, finding);
    }

    /// A fault for which the file is set aside.
    pub fn broken(&mut self, law: Invariant, what: impl Into<String>) {
        self.facts.is_broken = true;
        self.found(law, Weight::Breach, what, REPAIR);
    }

    fn look(&mut self) -> Result<(), LakeError> {
        let Some(file) = lake::open(&self.lake.at(&self.path))? else {
            // It was listed a moment ago.
            self.found(Invariant::OneFileEach, Weight::Passing, "it vanished while it was looked at", SYNC);
            return Ok(());
        };
        (self.facts.rows, self.facts.bytes) = (file.rows(), file.bytes());
        self.facts.put = Some((file.version(), file.checksum()?));
        self.metadata(&file);
        self.columns(file.schema());
        let inspection = Inspection::of(&file)?;
        self.form(&inspection);
        let mut rows = self.key.map(|key| RowCheck::new(self.lake.calendar(), key));
        for batch in file.batches()? {
            let batch = batch?;
            let mut tell = |law, ticket, what| self.row(law, ticket, what);
            rows.iter_mut().for_each(|rows| rows.batch(&batch, &mut tell));
        }
        self.facts.is_readable = true;
        if let Some(RowCheck { ids, deleted, .. }) = rows {
            self.look_ups(&ids, &inspection);
            (self.facts.ids, self.facts.deleted) = (ids, deleted);
        }
        Ok(())
    }

    fn metadata(&mut self, file: &ParquetFile) {
        let law = Invariant::Metadata;
        let value = |key: &str| file.metadata_value(key).filter(|value| !value.is_empty());
        for key in ["ticketlake.version", "ticketlake.schema_version", "ticketlake.source_kind"] {
            if value(key).is_none() {
                self.broken(law, format!("it has no {key}"));
            }
        }
        let version = value("ticketlake.schema_version").and_then(|version| version.parse::<u32>().ok());
        if let Some(version) = version.filter(|version| *version > SCHEMA_VERSION) {
            let what =
                format!("its schema_version is {version}, this program knows {SCHEMA_VERSION} at most");
            self.found(law, Weight::Breach, what, "use the newer ticketlake that wrote it");
        }
        if let (Some(found), Some(kind)) =
            (file.source_kind(), self.kind.filter(|kind| file.source_kind() != Some(kind)))
        {
            // It is the configuration that is wrong, rather than a whole lake.
            let what = format!("its source_kind is {found}, the source is of kind {kind}");
            self.found(law, Weight::Breach, what, "correct `kind` in the source's configuration");
        }
    }

    fn columns(&mut self, schema: &SchemaRef) {
        let found = crate::columns::of_schema(schema);
        // Until the state names the custom columns they may differ, the canonical ones never.
        let wanted = self.columns.take().unwrap_or_else(|| columns::with_own(&found));
        if let Some(said) = columns::difference(&found, &wanted) {
            self.facts.is_broken = true;
            self.found(Invariant::SameColumns, Weight::Passing, said, REPAIR);
        }
    }

    fn form(&mut self, inspection: &Inspection) {
        let lists = [
            (&inspection.other_compression, "are compressed otherwise than with Zstandard"),
            (&inspection.without_statistics, "have no statistics"),
            (&inspection.without_page_index, "have no page index"),
        ];
        for (columns, lack) in lists.into_iter().filter(|(columns, _)| !columns.is_empty()) {
            self.broken(Invariant::FileForm, format!("columns {lack}: {}", columns.join(", ")));
        }
        if self.key.is_some() && inspection.id_required != Some(true) {
            self.broken(Invariant::SortedById, "it has no column id that forbids null");
        }
        if self.key.is_some() && inspection.lacks_bloom_filter() {
            self.broken(Invariant::FileForm, "column id has no Bloom filter");
        }
    }

    fn row(&mut self, law: Invariant, ticket: Option<i64>, what: String) {
        // What a cell says is the source's to correct; the file is as good as before.
        match ticket.filter(|_| law == Invariant::RescuedIsObject) {
            Some(id) => _ = self.facts.unfit.insert(id.cast_unsigned()),
            None => self.facts.is_broken = true,
        }
        let finding = Finding::new(Some(&self.source), Some(&self.path), what, REPAIR);
        self.facts.findings.add(law, Weight::Breach, Finding { ticket, ..finding });
    }

    /// Whether readers that skip find every ticket.
    fn look_ups(&mut self, ids: &RoaringTreemap, inspection: &Inspection) {
        let is_found = |id: i64| {
            inspection.groups.iter().any(|group| {
                let (least, most) = group.ids.unwrap_or((i64::MIN, i64::MAX));
                (least..=most).contains(&id) && group.filter_finds(id) != Some(false)
            })
        };
        if let Some(id) = ids.iter().map(u64::cast_signed).find(|id| !is_found(*id)) {
            let what = format!("readers skip ticket {id}: the statistics or the Bloom filter deny it");
            self.broken(Invariant::FileForm, what);
        }
    }
}
