//! The manifest of a source: which files its tables consist of, and which tickets each holds.
//!
//! It is committed with the state of the source, and only after the files that it names were put. So a run knows at its
//! start, without opening a file, what is missing or was changed by somebody else, and in which partition a ticket lies.
//! It is a memory, not the only truth: it can be made again from the files.

use std::collections::{BTreeMap, BTreeSet};

use roaring::RoaringTreemap;
use serde::{Deserialize, Serialize};

use super::{
    Lake, LakeError, PartitionKey,
    inventory::{TABLES, table_key, ticket_key, tickets_folder},
    reader::ParquetFile,
    store::FileVersion,
    writer::{RowKeys, WrittenFile},
};
use crate::{
    batch::{ID, SYNCED_AT},
    columns::DELETED_AT,
};

/// The files of a source.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Manifest {
    /// Of `tickets`, by partition.
    pub partitions: BTreeMap<PartitionKey, Partition>,
    /// Of the small tables, by name.
    pub tables: BTreeMap<String, TableVersion>,
}

/// The file of a partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    #[serde(flatten)]
    pub version: FileVersion,
    /// xxh3 of the file's bytes.
    #[serde(with = "hexadecimal")]
    pub checksum: u64,
    #[serde(with = "crate::bitmap")]
    pub ids: RoaringTreemap,
    /// Of these, the ones that carry a deletion mark.
    #[serde(with = "crate::bitmap")]
    pub deleted: RoaringTreemap,
    /// The newest `_synced_at`, microseconds since 1970: an older one is a restored backup.
    pub synced_at: Option<i64>,
}

/// The file of a small table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableVersion {
    #[serde(flatten)]
    pub version: FileVersion,
    #[serde(with = "hexadecimal")]
    pub checksum: u64,
}

/// Tickets that go from one partition to another: their `created_at` changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    pub from: PartitionKey,
    pub to: PartitionKey,
    #[serde(with = "crate::bitmap")]
    pub ids: RoaringTreemap,
}

/// Tickets whose rows were lost with the file of a partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostRows {
    pub partition: PartitionKey,
    #[serde(with = "crate::bitmap")]
    pub ids: RoaringTreemap,
}

/// Where the files are not what the manifest says, found without opening any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ManifestDiff {
    /// Partitions whose file is gone.
    pub missing: Vec<PartitionKey>,
    /// Partitions whose file has another size or version.
    pub changed: Vec<PartitionKey>,
    /// Partitions that have a file of which the manifest does not know.
    pub unknown: Vec<PartitionKey>,
    /// Parquet files in a partition's folder beside its own, as keys of the lake.
    pub extra: Vec<String>,
    /// Small tables whose file is gone, is not known, or has another size or version.
    pub tables: Vec<String>,
}

impl ManifestDiff {
    /// Whether the files are what the manifest says.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl From<WrittenFile> for Partition {
    fn from(WrittenFile { put, keys, .. }: WrittenFile) -> Self {
        Self::new(put.version, put.checksum, keys)
    }
}

impl Partition {
    /// What is remembered of a file with these rows.
    pub fn new(version: FileVersion, checksum: u64, keys: RowKeys) -> Self {
        let RowKeys { ids, deleted, synced_at } = keys;
        Self { version, checksum, ids, deleted, synced_at }
    }

    /// The same, found by reading a file.
    pub fn of_file(file: &ParquetFile) -> Result<Self, LakeError> {
        let mut keys = RowKeys::default();
        for batch in file.columns(&[ID, SYNCED_AT, DELETED_AT])? {
            keys.add(&batch?);
        }
        Ok(Self::new(file.version(), file.checksum()?, keys))
    }
}

impl Manifest {
    /// Ids of all rows.
    pub fn ids(&self) -> RoaringTreemap {
        self.partitions.values().fold(RoaringTreemap::new(), |all, partition| all | &partition.ids)
    }

    /// Tickets, those marked as deleted among them.
    pub fn rows(&self) -> u64 {
        self.partitions.values().map(|partition| partition.ids.len()).sum()
    }

    /// Tickets that are not marked as deleted.
    pub fn live(&self) -> u64 {
        self.partitions.values().map(|partition| partition.ids.len() - partition.deleted.len()).sum()
    }

    /// Bytes of the tickets' files.
    pub fn bytes(&self) -> u64 {
        self.partitions.values().map(|partition| partition.version.bytes).sum()
    }

    /// The partitions other than `key` that hold some of these ids, each with those that it holds.
    pub fn elsewhere(&self, key: PartitionKey, ids: &RoaringTreemap) -> Vec<(PartitionKey, RoaringTreemap)> {
        self.holding(ids).into_iter().filter(|(other, _)| *other != key).collect()
    }

    /// The partitions that hold some of these ids, each with those that it holds.
    pub fn holding(&self, ids: &RoaringTreemap) -> Vec<(PartitionKey, RoaringTreemap)> {
        let (Some(least), Some(most)) = (ids.min(), ids.max()) else { return Vec::new() };
        let reaches = |partition: &Partition| {
            partition.ids.min().is_some_and(|first| first <= most)
                && partition.ids.max().is_some_and(|last| least <= last)
        };
        let held = self.partitions.iter().filter(|(_, partition)| reaches(partition));
        let held = held.map(|(key, partition)| (*key, &partition.ids & ids));
        held.filter(|(_, held)| !held.is_empty()).collect()
    }

    /// Ids that stand in more than one partition.
    pub fn duplicates(&self) -> RoaringTreemap {
        let (mut all, mut twice) = (RoaringTreemap::new(), RoaringTreemap::new());
        for partition in self.partitions.values() {
            twice |= &all & &partition.ids;
            all |= &partition.ids;
        }
        twice
    }

    /// Compares with the files that there are. Nothing is opened: one listing of a bucket, or one look at each file.
    pub fn compare(&self, lake: &Lake, source: &str) -> Result<ManifestDiff, LakeError> {
        let folder = tickets_folder(source);
        let mut found = ManifestDiff::default();
        let mut present = BTreeSet::new();
        for (key, version) in lake.store.files(&folder)? {
            let inside = key.strip_prefix(&folder).and_then(|rest| rest.strip_prefix('/')).unwrap_or(&key);
            let partition = inside.split_once('/').and_then(|(name, _)| PartitionKey::parse(name));
            let Some(partition) = partition.filter(|partition| ticket_key(source, *partition) == key) else {
                if key.ends_with(".parquet") {
                    found.extra.push(key);
                }
                continue;
            };
            present.insert(partition);
            match self.partitions.get(&partition) {
                None => found.unknown.push(partition),
                Some(known) if known.version != version => found.changed.push(partition),
                Some(_) => {}
            }
        }
        found.missing = self.partitions.keys().filter(|key| !present.contains(key)).copied().collect();
        for table in &TABLES[1..] {
            let known = self.tables.get(*table).map(|known| &known.version);
            if lake.store.stat(&table_key(table, source))?.as_ref() != known {
                found.tables.push((*table).to_owned());
            }
        }
        Ok(found)
    }
}

/// A checksum as sixteen hexadecimal digits: JSON numbers are exact to 53 bits only.
mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{number:016x}"))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
        let text = String::deserialize(deserializer)?;
        u64::from_str_radix(&text, 16).map_err(D::Error::custom)
    }
}
