//! One file of the lake, looked at whole: its bytes, what it promises, and every row of it.

use std::path::Path;

use arrow::datatypes::SchemaRef;
use roaring::RoaringTreemap;

use super::{
    columns::{self, Columns},
    finding::{Finding, Findings, REPAIR, SYNC},
    invariant::Invariant,
    rows::{RowCheck, RowFacts},
};
use crate::lake::{
    self, Calendar, FileVersion, Inspection, Lake, LakeError, ParquetFile, PartitionKey, SCHEMA_VERSION,
    TableFile, TicketFile,
};

/// What a file turned out to be.
#[derive(Default)]
pub struct FileFacts {
    pub rows: u64,
    pub bytes: u64,
    /// Its version, and the checksum of its bytes; `None` if these could not be read.
    pub content: Option<(FileVersion, u64)>,
    /// `None` for a file that cannot be decoded.
    pub schema: Option<SchemaRef>,
    pub ids: RoaringTreemap,
    pub deleted: RoaringTreemap,
    /// Tickets with a value that only the source can give again.
    pub unfit: RoaringTreemap,
    /// Whether it must be set aside and its tickets read again.
    pub is_broken: bool,
    pub findings: Findings,
}

/// What files of a source are measured by.
#[derive(Clone)]
pub struct Measure {
    pub kind: Option<&'static str>,
    /// The columns that the state names; `None` while files may differ.
    pub columns: Option<Columns>,
    pub calendar: Calendar,
    /// A file that does not decode is read once more: a run may just have replaced it.
    pub is_shared: bool,
}

/// Looks at the file of a partition.
pub fn check_tickets(lake: &Lake, file: &TicketFile, measure: &Measure) -> FileFacts {
    look(&file.source, &file.path(), measure, |look| {
        let Some((opened, inspection)) = look.open(lake, measure.kind) else { return };
        look.columns(opened.schema(), measure.columns.as_ref());
        look.promises_of_ids(&inspection);
        let calendar = measure.calendar.clone();
        let partition = (file.key.cut() == calendar.clone().key(None).cut()).then_some(file.key);
        look.rows(&opened, &inspection, Some((calendar, partition)));
    })
}

/// Looks at the file of a source in one of the small tables.
pub fn check_table(lake: &Lake, file: &TableFile, measure: &Measure) -> FileFacts {
    look(&file.source, &file.path(), measure, |look| {
        let Some((opened, inspection)) = look.open(lake, measure.kind) else { return };
        let found = crate::columns::of_schema(opened.schema());
        let wanted = measure.columns.as_ref();
        if let Some(said) = wanted.and_then(|wanted| columns::difference(&found, wanted)) {
            look.broken(Invariant::SameColumns, said);
        }
        look.rows(&opened, &inspection, None);
    })
}

fn look(source: &str, path: &Path, measure: &Measure, act: impl Fn(&mut Look)) -> FileFacts {
    let once = || {
        let mut look = Look { source, path, facts: FileFacts::default() };
        act(&mut look);
        look.facts
    };
    let facts = once();
    if facts.schema.is_none() && measure.is_shared { once() } else { facts }
}

struct Look<'a> {
    source: &'a str,
    path: &'a Path,
    facts: FileFacts,
}

impl Look<'_> {
    fn finding(&self, what: impl Into<String>, remedy: &'static str) -> Finding {
        Finding::of_file(self.source, self.path, what, remedy)
    }

    /// A fault for which the file is set aside.
    fn broken(&mut self, law: Invariant, what: impl Into<String>) {
        self.facts.is_broken = true;
        self.facts.findings.add(law, self.finding(what, REPAIR));
    }

    /// It could not be read: it is damaged, or the disk or the network failed.
    fn unreadable(&mut self, why: &LakeError) {
        if let LakeError::Damaged { what, .. } = why {
            return self.broken(Invariant::Decodable, format!("it cannot be read: {what}"));
        }
        let remedy = "see to the disk or the network, and check again";
        self.facts.findings.add(Invariant::Decodable, self.finding(why.to_string(), remedy));
    }

    fn open(&mut self, lake: &Lake, kind: Option<&'static str>) -> Option<(ParquetFile, Inspection)> {
        let opened = lake::open(&lake.at(self.path)).and_then(|file| {
            let Some(file) = file else { return Ok(None) };
            let (checksum, inspection) = (file.checksum()?, Inspection::of(&file)?);
            Ok(Some((file, checksum, inspection)))
        });
        let (file, checksum, inspection) = match opened {
            Ok(Some(opened)) => opened,
            // It was listed a moment ago.
            Ok(None) => {
                let finding = self.finding("it vanished while it was looked at", SYNC).passing();
                self.facts.findings.add(Invariant::OneFileEach, finding);
                return None;
            }
            Err(why) => {
                self.unreadable(&why);
                return None;
            }
        };
        (self.facts.rows, self.facts.bytes) = (file.rows(), file.bytes());
        self.facts.content = Some((file.version(), checksum));
        self.promises(&inspection);
        self.metadata(&file, kind);
        Some((file, inspection))
    }

    fn promises(&mut self, inspection: &Inspection) {
        let lists = [
            (&inspection.other_compression, "is compressed otherwise than with Zstandard"),
            (&inspection.without_statistics, "has no statistics"),
            (&inspection.without_page_index, "has no page index"),
        ];
        for (columns, lack) in lists {
            let Some(first) = columns.first() else { continue };
            let more = columns.len() - 1;
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            self.broken(Invariant::FileForm, format!("column {first}{more} {lack}"));
        }
    }

    fn promises_of_ids(&mut self, inspection: &Inspection) {
        match inspection.id_required {
            Some(true) => {}
            Some(false) => self.broken(Invariant::SortedById, "column id is not REQUIRED"),
            None => self.broken(Invariant::SortedById, "it has no column id"),
        }
        if inspection.lacks_bloom_filter() {
            self.broken(Invariant::FileForm, "column id has no Bloom filter");
        }
    }

    fn metadata(&mut self, file: &ParquetFile, kind: Option<&'static str>) {
        let value = |key: &str| file.metadata_value(key).filter(|value| !value.is_empty());
        if value("ticketlake.version").is_none() {
            self.broken(Invariant::Metadata, "it has no ticketlake.version");
        }
        match value("ticketlake.schema_version").map(str::parse::<u32>) {
            Some(Ok(version)) if version <= SCHEMA_VERSION => {}
            Some(Ok(version)) => {
                let what = format!(
                    "ticketlake.schema_version is {version}, this program knows {SCHEMA_VERSION} at most"
                );
                let finding = self.finding(what, "use the newer ticketlake that wrote it");
                self.facts.findings.add(Invariant::Metadata, finding);
            }
            _ => self.broken(Invariant::Metadata, "it has no ticketlake.schema_version"),
        }
        match (value("ticketlake.source_kind"), kind) {
            (Some(found), Some(kind)) if found != kind => {
                let what = format!("its ticketlake.source_kind is {found}, the source is of kind {kind}");
                // It is the configuration that is wrong, rather than a whole lake.
                let finding = self.finding(what, "correct `kind` in the source's configuration");
                self.facts.findings.add(Invariant::Metadata, finding);
            }
            (Some(_), _) => {}
            (None, _) => self.broken(Invariant::Metadata, "it has no ticketlake.source_kind"),
        }
    }

    fn columns(&mut self, schema: &SchemaRef, wanted: Option<&Columns>) {
        let found = crate::columns::of_schema(schema);
        let said = match wanted {
            Some(wanted) => columns::difference(&found, wanted),
            // Until the state names the custom columns they may differ, the canonical ones never.
            None => columns::difference(&found, &columns::with_own(&found)),
        };
        if let Some(said) = said {
            self.facts.is_broken = true;
            self.facts.findings.add(Invariant::SameColumns, self.finding(said, REPAIR).passing());
        }
    }

    /// Decodes every row. `tickets` is the calendar and the partition that the rows must lie in.
    fn rows(
        &mut self,
        file: &ParquetFile,
        inspection: &Inspection,
        tickets: Option<(Calendar, Option<PartitionKey>)>,
    ) {
        let mut check = tickets.map(|(calendar, partition)| RowCheck::new(inspection, calendar, partition));
        let decoded = file.batches().and_then(|mut batches| {
            batches.try_for_each(|batch| {
                let batch = batch?;
                check.iter_mut().for_each(|check| check.batch(&batch));
                Ok(())
            })
        });
        if let Err(why) = decoded {
            return self.unreadable(&why);
        }
        self.facts.schema = Some(file.schema().clone());
        let Some(RowFacts { ids, deleted, breaches }) = check.map(RowCheck::finish) else { return };
        (self.facts.ids, self.facts.deleted) = (ids, deleted);
        for (law, ticket, what) in breaches {
            // What a cell says is the source's to correct; the file is as good as before.
            match ticket.filter(|_| law == Invariant::RescuedIsObject) {
                Some(id) => _ = self.facts.unfit.insert(id.cast_unsigned()),
                None => self.facts.is_broken = true,
            }
            let finding = self.finding(what, REPAIR);
            let finding = ticket.map_or(finding.clone(), |id| finding.with_ticket(id));
            self.facts.findings.add(law, finding);
        }
    }
}
