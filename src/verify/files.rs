//! One file of the lake, looked at whole: its bytes, what it promises, and every row of it.

use std::path::PathBuf;

use arrow::datatypes::SchemaRef;
use roaring::RoaringTreemap;

use super::{
    columns::{self, Columns},
    finding::{Finding, Findings, REPAIR, SYNC, Weight},
    invariant::Invariant,
    manifest::Entry,
    rows::RowCheck,
};
use crate::lake::{self, Inspection, Lake, LakeError, ParquetFile, PartitionKey, SCHEMA_VERSION};

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
    pub known: Known,
    pub facts: FileFacts,
}

/// What the manifest says of a file.
pub enum Known {
    /// There is no manifest.
    Nothing,
    Entry(Option<Entry>),
    /// A run crashed while it wrote, or workers wrote windows that no run has taken in yet: the file may be newer.
    Outdated(Option<Entry>),
}

/// What a file turned out to be.
#[derive(Default)]
pub struct FileFacts {
    pub rows: u64,
    pub bytes: u64,
    /// `None` for a file that cannot be decoded.
    pub schema: Option<SchemaRef>,
    pub ids: RoaringTreemap,
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

    fn found(&mut self, law: Invariant, weight: Weight, what: impl Into<String>, remedy: &'static str) {
        let finding = Finding::new(Some(&self.source), Some(&self.path), what, remedy);
        self.facts.findings.add(law, weight, finding);
    }

    /// A fault for which the file is set aside.
    fn broken(&mut self, law: Invariant, what: impl Into<String>) {
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
        let is_known = self.bytes(&file)?;
        self.metadata(&file);
        self.columns(file.schema());
        let inspection = Inspection::of(&file)?;
        self.form(&inspection);
        let mut rows = self.key.map(|key| RowCheck::new(self.lake.calendar(), key));
        for batch in file.batches()? {
            let batch = batch?;
            rows.iter_mut().for_each(|rows| rows.batch(&batch));
        }
        self.facts.schema = Some(file.schema().clone());
        if let Some(rows) = rows {
            self.rows(rows, &inspection, is_known);
        }
        Ok(())
    }

    /// Compares the bytes with what the manifest knows; whether they are the same.
    fn bytes(&mut self, file: &ParquetFile) -> Result<bool, LakeError> {
        let (law, checksum) = (Invariant::ManifestAgrees, file.checksum()?);
        match &self.known {
            Known::Nothing => return Ok(false),
            // The same bytes under another time of change are a copy, and no damage.
            Known::Entry(Some(known)) | Known::Outdated(Some(known)) if known.checksum == checksum => {
                return Ok(true);
            }
            // No run puts a file under the version of another.
            Known::Entry(Some(known)) | Known::Outdated(Some(known)) if known.version == file.version() => {
                self.broken(law, "its bytes are not those that were written");
            }
            Known::Outdated(_) => {
                let what =
                    "a run that crashed, or a worker, wrote it: the manifest does not know this version";
                self.found(law, Weight::Note, what, SYNC);
            }
            Known::Entry(Some(_)) => {
                self.found(law, Weight::Passing, "it was changed or replaced since the last run", SYNC);
            }
            Known::Entry(None) => self.found(law, Weight::Passing, "the manifest does not know it", SYNC),
        }
        Ok(false)
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

    /// What all rows of a partition together say.
    fn rows(&mut self, rows: RowCheck, inspection: &Inspection, is_known: bool) {
        let RowCheck { ids, deleted, breaches, .. } = rows;
        for (law, ticket, what) in breaches {
            // What a cell says is the source's to correct; the file is as good as before.
            match ticket.filter(|_| law == Invariant::RescuedIsObject) {
                Some(id) => _ = self.facts.unfit.insert(id.cast_unsigned()),
                None => self.facts.is_broken = true,
            }
            let finding = Finding::new(Some(&self.source), Some(&self.path), what, REPAIR);
            self.facts.findings.add(law, Weight::Breach, Finding { ticket, ..finding });
        }
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
        let known = match &self.known {
            Known::Entry(known) | Known::Outdated(known) => known.as_ref().filter(|_| is_known),
            Known::Nothing => None,
        };
        let keys = known.and_then(|known| known.keys.as_ref());
        if keys.is_some_and(|(known, marked)| (known, marked) != (&ids, &deleted)) {
            self.broken(
                Invariant::ManifestAgrees,
                "the manifest knows other tickets or deletion marks in it",
            );
        }
        self.facts.ids = ids;
    }
}
