//! What lies under the tables' folders: the files that belong there, and everything else.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use super::{Lake, LakeError, PartitionKey, store};

/// The folders whose files are data.
pub const TABLES: [&str; 3] = ["tickets", "ticket_fields", "ticket_field_options"];
const TICKETS: &str = TABLES[0];
const FILE: &str = "part-0.parquet";

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
        PathBuf::from(super::tickets::file_key(&self.source, self.key))
    }
}

impl TableFile {
    /// Relative to the lake.
    pub fn path(&self) -> PathBuf {
        [self.table, &format!("source={}", self.source), FILE].iter().collect()
    }
}

impl Inventory {
    /// The sources that have any file, sorted.
    pub fn sources(&self) -> Vec<String> {
        let of_tickets = self.tickets.iter().map(|file| file.source.clone());
        let mut names: Vec<String> =
            of_tickets.chain(self.tables.iter().map(|file| file.source.clone())).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// Looks through the tables' folders; nothing is opened.
pub fn inventory(lake: &Lake) -> Result<Inventory, LakeError> {
    let mut found = Inventory::default();
    for table in TABLES {
        for (name, path, is_folder) in entries(lake, Path::new(table))? {
            match name.as_deref().and_then(|name| name.strip_prefix("source=")) {
                Some(source) if is_folder => look_into_source(lake, table, source, &path, &mut found)?,
                _ => found.strays.push(path),
            }
        }
    }
    found.tickets.sort_unstable();
    Ok(found)
}

fn look_into_source(
    lake: &Lake,
    table: &'static str,
    source: &str,
    folder: &Path,
    found: &mut Inventory,
) -> Result<(), LakeError> {
    for (name, path, is_folder) in entries(lake, folder)? {
        let partition = name.as_deref().filter(|_| table == TICKETS).and_then(PartitionKey::parse);
        match partition {
            Some(key) if is_folder => look_into_partition(lake, source, key, &path, found)?,
            _ if table != TICKETS && !is_folder && name.as_deref() == Some(FILE) => {
                found.tables.push(TableFile { table, source: source.to_owned() });
            }
            _ => found.strays.push(path),
        }
    }
    Ok(())
}

fn look_into_partition(
    lake: &Lake,
    source: &str,
    key: PartitionKey,
    folder: &Path,
    found: &mut Inventory,
) -> Result<(), LakeError> {
    let mut has_file = false;
    for (name, path, is_folder) in entries(lake, folder)? {
        if !is_folder && name.as_deref() == Some(FILE) {
            has_file = true;
            found.tickets.push(TicketFile { source: source.to_owned(), key });
        } else {
            found.strays.push(path);
        }
    }
    if !has_file {
        found.absent.push(TicketFile { source: source.to_owned(), key });
    }
    Ok(())
}

/// Everything in a folder and the folders below it. Paths are relative to the lake.
pub fn files_in(lake: &Lake, folder: &Path) -> Result<Vec<PathBuf>, LakeError> {
    let mut files = Vec::new();
    for (_, path, is_folder) in entries(lake, folder)? {
        match is_folder {
            true => files.extend(files_in(lake, &path)?),
            false => files.push(path),
        }
    }
    Ok(files)
}

/// Name (where it is text), path relative to the lake, and whether it is a folder; sorted by path.
type Entry = (Option<String>, PathBuf, bool);

fn entries(lake: &Lake, folder: &Path) -> Result<Vec<Entry>, LakeError> {
    let place = lake.root.join(folder);
    let read = match fs::read_dir(&place) {
        Ok(read) => read,
        Err(cause) if cause.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(LakeError::io(&place, "list")(cause)),
    };
    let mut found = Vec::new();
    for entry in read {
        let entry = entry.map_err(LakeError::io(&place, "list"))?;
        let name = entry.file_name();
        found.push((name.to_str().map(str::to_owned), folder.join(&name), entry.path().is_dir()));
    }
    found.sort_unstable_by(|a, b| a.1.cmp(&b.1));
    Ok(found)
}

/// What dead runs left in staging, by name. Only the holder of the lake knows that they are dead.
pub fn leftovers(lake: &Lake) -> Result<Vec<String>, LakeError> {
    store::list(lake, store::STAGING)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::tests::lake;

    #[test]
    fn what_belongs_is_told_from_what_does_not() {
        let (_folder, lake) = lake();
        let put = |path: &str| {
            let place = lake.root.join(path);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(place, b"x").unwrap();
        };
        put("tickets/source=s/created_date=2024-01-05/part-0.parquet");
        put("tickets/source=s/created_date=2024-01-05/part-1.parquet");
        put("tickets/source=s/created_date=2024-1-6/part-0.parquet");
        put("tickets/notes.txt");
        put("ticket_fields/source=s/part-0.parquet");
        fs::create_dir_all(lake.root.join("tickets/source=s/created_date=2024-01-07")).unwrap();
        let found = inventory(&lake).unwrap();
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
        assert_eq!(found.absent.len(), 1);
        assert_eq!(found.sources(), ["s"]);
    }
}
