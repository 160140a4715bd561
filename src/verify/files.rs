//! One file of the lake, looked at whole: what it promises, and every row of it.

use std::path::Path;

use arrow::datatypes::SchemaRef;
use roaring::RoaringTreemap;

use super::{
    columns::{self, Columns},
    finding::{Finding, Findings, REPAIR, REREAD},
    invariant::Invariant,
    rows::{RowCheck, RowFacts},
};
use crate::{
    lake::{self, Anatomy, Calendar, Lake, PartitionKey, TableFile, TicketFile},
    sync::SCHEMA_VERSION,
};

/// What a file turned out to be.
#[derive(Default)]
pub struct FileFacts {
    pub rows: u64,
    pub bytes: u64,
    /// `None` for a file that cannot be read.
    pub schema: Option<SchemaRef>,
    pub ids: RoaringTreemap,
    /// The newest `updated_at`, microseconds since 1970.
    pub newest: Option<i64>,
    /// Whether writing the file anew from its rows would put something right.
    pub rewrite: bool,
    pub findings: Findings,
}

/// What files of a source are measured by.
#[derive(Clone)]
pub struct Measure {
    pub kind: Option<&'static str>,
    /// The columns that the state names; `None` while files may differ.
    pub columns: Option<Columns>,
    pub calendar: Calendar,
}

/// Looks at the file of a partition.
pub fn check_tickets(lake: &Lake, file: &TicketFile, measure: &Measure) -> FileFacts {
    let path = file.path();
    let mut facts = FileFacts::default();
    let mut look = Look { source: &file.source, path: &path, facts: &mut facts };
    let Some(anatomy) = look.anatomy(lake, measure.kind) else { return facts };
    look.columns(&anatomy, measure);
    look.promises_of_ids(&anatomy);
    let calendar = measure.calendar.clone();
    let partition = (file.key.cut() == calendar.clone().key(None).cut()).then_some(file.key);
    look.rows(lake, &anatomy, Some((calendar, partition)));
    facts
}

/// Looks at the file of a source in one of the small tables.
pub fn check_table(lake: &Lake, file: &TableFile, kind: Option<&'static str>, wanted: &Columns) -> FileFacts {
    let path = file.path();
    let mut facts = FileFacts::default();
    let mut look = Look { source: &file.source, path: &path, facts: &mut facts };
    let Some(anatomy) = look.anatomy(lake, kind) else { return facts };
    if let Some(said) = columns::difference(&crate::columns::of_schema(&anatomy.footer.schema), wanted) {
        look.rewritable(Invariant::SameColumns, said);
    }
    look.rows(lake, &anatomy, None);
    facts
}

struct Look<'a> {
    source: &'a str,
    path: &'a Path,
    facts: &'a mut FileFacts,
}

impl Look<'_> {
    fn found(&mut self, law: Invariant, what: impl Into<String>, remedy: &'static str) {
        self.facts.findings.add(law, Finding::of_file(self.source, self.path, what, remedy));
    }

    /// A fault that writing the file anew puts right.
    fn rewritable(&mut self, law: Invariant, what: impl Into<String>) {
        self.facts.rewrite = true;
        self.found(law, what, REPAIR);
    }

    fn anatomy(&mut self, lake: &Lake, kind: Option<&'static str>) -> Option<Anatomy> {
        let anatomy = match lake::anatomy(&lake.at(self.path)) {
            Ok(Some(anatomy)) => anatomy,
            // It was listed a moment ago.
            Ok(None) => {
                self.found(Invariant::OneFileEach, "it vanished while it was looked at", REREAD);
                return None;
            }
            Err(why) => {
                self.found(Invariant::Decodable, short(&why), REREAD);
                return None;
            }
        };
        self.facts.rows = anatomy.footer.rows;
        self.facts.bytes = anatomy.footer.bytes;
        self.promises(&anatomy);
        self.metadata(&anatomy, kind);
        Some(anatomy)
    }

    fn promises(&mut self, anatomy: &Anatomy) {
        let lists = [
            (&anatomy.other_compression, "is not compressed with Zstandard"),
            (&anatomy.without_statistics, "has no statistics"),
            (&anatomy.without_page_index, "has no page index"),
        ];
        for (columns, lack) in lists {
            if let Some(first) = columns.first() {
                let more = if columns.len() > 1 {
                    format!(" and {} more", columns.len() - 1)
                } else {
                    String::new()
                };
                self.rewritable(Invariant::FileForm, format!("column {first}{more} {lack}"));
            }
        }
    }

    fn promises_of_ids(&mut self, anatomy: &Anatomy) {
        match anatomy.id_required {
            Some(true) => {}
            Some(false) => self.rewritable(Invariant::SortedById, "column id is not REQUIRED"),
            None => self.found(Invariant::SortedById, "it has no column id", REREAD),
        }
        if anatomy.groups.iter().any(|group| group.rows > 0 && group.filter_finds(0).is_none()) {
            self.rewritable(Invariant::FileForm, "column id has no Bloom filter");
        }
    }

    fn metadata(&mut self, anatomy: &Anatomy, kind: Option<&'static str>) {
        let told = |key: &str| {
            let pair = anatomy.footer.metadata.iter().find(|(known, _)| known == key);
            pair.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
        };
        if told("ticketlake.version").is_none() {
            self.rewritable(Invariant::Metadata, "ticketlake.version is not told");
        }
        match told("ticketlake.schema_version").map(str::parse::<u32>) {
            Some(Ok(version)) if version <= SCHEMA_VERSION => {}
            Some(Ok(version)) => self.found(
                Invariant::Metadata,
                format!(
                    "ticketlake.schema_version is {version}, this program knows {SCHEMA_VERSION} at most"
                ),
                "use the newer ticketlake that wrote it",
            ),
            _ => self.rewritable(Invariant::Metadata, "ticketlake.schema_version is not told"),
        }
        match (told("ticketlake.source_kind"), kind) {
            (Some(told), Some(kind)) if told != kind => {
                let what = format!("ticketlake.source_kind is {told}, the source is of kind {kind}");
                self.rewritable(Invariant::Metadata, what);
            }
            (Some(_), _) => {}
            (None, _) => self.rewritable(Invariant::Metadata, "ticketlake.source_kind is not told"),
        }
    }

    fn columns(&mut self, anatomy: &Anatomy, measure: &Measure) {
        let schema = &anatomy.footer.schema;
        let found = crate::columns::of_schema(schema);
        let said = match &measure.columns {
            Some(wanted) => columns::difference(&found, wanted),
            // Custom columns may differ now, the canonical ones never.
            None => {
                let mut custom = Vec::new();
                columns::join(&mut custom, schema);
                columns::difference(&found, &columns::expected(&custom))
            }
        };
        if let Some(said) = said {
            self.rewritable(Invariant::SameColumns, said);
        }
    }

    /// Decodes every row. `tickets` is the calendar and the partition that the rows must lie in.
    fn rows(&mut self, lake: &Lake, anatomy: &Anatomy, tickets: Option<(Calendar, Option<PartitionKey>)>) {
        let place = lake.at(self.path);
        let (schema, batches) = match lake::batches(&place) {
            Ok(opened) => opened,
            Err(why) => return self.found(Invariant::Decodable, short(&why), REREAD),
        };
        let mut check = tickets.map(|(calendar, partition)| RowCheck::new(anatomy, calendar, partition));
        let mut rows = 0;
        for batch in batches {
            let batch = match batch {
                Ok(batch) => batch,
                Err(why) => {
                    self.facts.rewrite = false;
                    return self.found(Invariant::Decodable, short(&why), REREAD);
                }
            };
            rows += batch.num_rows() as u64;
            if let Some(check) = &mut check {
                check.batch(&batch);
            }
        }
        if rows != anatomy.footer.rows {
            let what = format!("it says that it has {} rows, {rows} were found", anatomy.footer.rows);
            self.found(Invariant::Decodable, what, REREAD);
        }
        self.facts.schema = Some(schema);
        if let Some(check) = check {
            let RowFacts { ids, newest, breaches } = check.finish();
            for (law, ticket, what) in breaches {
                // What a cell says is not put right by writing it once more.
                let remedy = if law == Invariant::RescuedIsObject { REREAD } else { REPAIR };
                self.facts.rewrite |= remedy == REPAIR;
                let finding = Finding::of_file(self.source, self.path, what, remedy);
                let finding = ticket.map_or(finding.clone(), |id| finding.with_ticket(id));
                self.facts.findings.add(law, finding);
            }
            (self.facts.ids, self.facts.newest) = (ids, newest);
        }
    }
}

/// The cause alone: the file and what to do are told beside it.
fn short(why: &lake::LakeError) -> String {
    match why {
        lake::LakeError::Damaged { what, .. } => format!("it cannot be read: {what}"),
        other => other.to_string(),
    }
}
