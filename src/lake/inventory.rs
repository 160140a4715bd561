//! What lies under the tables' folders: the files that belong there, and everything else.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{
    Lake, LakeError, PartitionKey,
    store::{self, Entry},
};

/// The folders whose files are data.
pub const TABLES: [&str; 3] = ["tickets", "ticket_fields", "ticket_field_options"];
const TICKETS: &str = TABLES[0];
/// The one file of a partition, or of a source in a small table.
pub(super) const FILE: &str = "part-0.parquet";

/// The folder of a source's tickets, as a key of the lake.
pub(super) fn tickets_folder(source: &str) -> String {
    format!("{TICKETS}/source={source}")
}

/// The file of a partition, as a key of the lake.
pub(super) fn ticket_key(source: &str, partition: PartitionKey) -> String {
    format!("{}/{}/{FILE}", tickets_folder(source), partition.folder())
}

/// The file of a source in a small table, as a key of the lake.
pub(super) fn table_key(table: &str, source: &str) -> String {
    format!("{table}/source={source}/{FILE}")
}

/// Everything under the tables' folders. Paths are relative to the lake.
#[derive(Debug, Default)]
pub struct Inventory {
    /// Sorted by source and partition.
    pub tickets: Vec<TicketFile>,
    pub tables: Vec<TableFile>,
    /// Files and folders that no table has.
    pub strays: Vec<PathBuf>,
    /// Files that their partition's folder does not have.
    pub absent: Vec<TicketFile>,
}

/// The file of a partition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TicketFile {
    pub source: String,
    pub key: PartitionKey,
}

/// The file of a source in one of the small tables.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableFile {
    pub table: &'static str,
    pub source: String,
}

impl TicketFile {
    /// Relative to the lake.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(ticket_key(&self.source, self.key))
    }
}

impl TableFile {
    /// Relative to the lake.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(table_key(self.table, &self.source))
    }
}

impl Inventory {
    /// The sources that have any file, sorted.
    pub fn sources(&self) -> Vec<String> {
        let of_tickets = self.tickets.iter().map(|file| &file.source);
        let names: BTreeSet<&String> =
            of_tickets.chain(self.tables.iter().map(|file| &file.source)).collect();
        names.into_iter().cloned().collect()
    }
}

/// Looks through the tables' folders; nothing is opened.
pub fn inventory(lake: &Lake) -> Result<Inventory, LakeError> {
    let mut found = Inventory::default();
    for table in TABLES {
        lake.store.walk(Path::new(table), &mut |entry| found.take(table, entry))?;
    }
    // A folder whose file was met is not without it.
    found.tickets.sort_unstable();
    let Inventory { tickets, absent, .. } = &mut found;
    absent.retain(|folder| tickets.binary_search(folder).is_err());
    Ok(found)
}

impl Inventory {
    /// Sorts an entry in; gives whether the folder that it is belongs here and is to be looked into.
    fn take(&mut self, table: &'static str, entry: &Entry) -> bool {
        if entry.name.is_none() {
            self.strays.push(entry.path.clone());
            return false;
        }
        let inside = entry.path.strip_prefix(table).unwrap_or(&entry.path);
        let parts: Vec<&str> = inside.iter().filter_map(|part| part.to_str()).collect();
        let source =
            parts.first().and_then(|name| name.strip_prefix("source=")).unwrap_or_default().to_owned();
        let key = parts.get(1).filter(|_| table == TICKETS).and_then(|name| PartitionKey::parse(name));
        match (parts.as_slice(), key) {
            ([_], _) if entry.is_folder && !source.is_empty() => return true,
            ([_, _], Some(key)) if entry.is_folder => {
                self.absent.push(TicketFile { source, key });
                return true;
            }
            ([_, FILE], _) if !entry.is_folder && table != TICKETS => {
                self.tables.push(TableFile { table, source });
            }
            ([_, _, FILE], Some(key)) if !entry.is_folder => self.tickets.push(TicketFile { source, key }),
            _ => self.strays.push(entry.path.clone()),
        }
        false
    }
}

/// Everything in a folder and the folders below it. Paths are relative to the lake.
pub fn files_in(lake: &Lake, folder: &Path) -> Result<Vec<PathBuf>, LakeError> {
    let mut files = Vec::new();
    lake.store.walk(folder, &mut |entry| {
        if !entry.is_folder {
            files.push(entry.path.clone());
        }
        entry.is_folder
    })?;
    Ok(files)
}

/// Whether a path relative to the lake is a folder.
pub fn is_folder(lake: &Lake, path: &Path) -> Result<bool, LakeError> {
    lake.store.is_folder(path)
}

/// What dead runs left in staging, by name. Only the holder of the lake knows that they are dead.
pub fn leftovers(lake: &Lake) -> Result<Vec<String>, LakeError> {
    lake.store.list(store::STAGING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::tests::lakes;

    #[test]
    fn what_belongs_is_told_from_what_does_not() {
        for (folder, lake) in lakes() {
            sorts_files_by_table(&lake, &folder.path().join("lake"));
        }
    }

    fn sorts_files_by_table(lake: &Lake, root: &Path) {
        let put = |key: &str| {
            store::overwrite(lake, key, b"x").unwrap();
        };
        put("tickets/source=s/created_date=2024-01-05/part-0.parquet");
        put("tickets/source=s/created_date=2024-01-05/part-1.parquet");
        put("tickets/source=s/created_date=2024-1-6/part-0.parquet");
        put("tickets/notes.txt");
        put("ticket_fields/source=s/part-0.parquet");
        let in_folder = root.is_dir();
        if in_folder {
            std::fs::create_dir_all(root.join("tickets/source=s/created_date=2024-01-07")).unwrap();
        }
        let found = inventory(lake).unwrap();
        assert_eq!(found.tickets.len(), 1);
        assert_eq!(found.tables.len(), 1);
        let strays: Vec<String> =
            found.strays.iter().map(|path| path.to_string_lossy().into_owned()).collect();
        assert_eq!(
            strays,
            [
                "tickets/notes.txt",
                "tickets/source=s/created_date=2024-01-05/part-1.parquet",
                "tickets/source=s/created_date=2024-1-6",
            ]
        );
        assert_eq!(found.absent.len(), usize::from(in_folder));
        assert_eq!(found.sources(), ["s"]);
    }
}
