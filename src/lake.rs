//! The lake: Parquet files in a folder or a bucket, one for each partition, each replaced whole or not at all.
//!
//! Nothing under a table's folder is ever half written: a file is staged beside the tables, made durable,
//! and renamed over the old one; in an object store it is put as one object. State is put as numbered versions that
//! are never overwritten.

use std::path::Path;

use jiff::tz::TimeZone;

use crate::config::{LakeConfig, Place};

mod error;
mod existing;
mod file_schema;
mod inspection;
mod inventory;
mod manifest;
mod null_counts;
mod partition;
mod probe;
mod reader;
mod rewrite;
mod statistics;
mod store;
mod table;
mod tickets;
mod upsert;
mod writer;

/// Who holds the lake: one run at a time.
pub mod lock;
/// Records of past runs.
pub mod runs;
/// The state of a source, from run to run.
pub mod state;
/// The lake as DuckDB views.
pub mod views;
/// What the workers of a full read by windows leave.
pub mod windows;

pub use crate::config::PartitionBy as Cut;
pub use error::LakeError;
pub use file_schema::{FileMeta, FileSchema, SCHEMA_VERSION};
pub use inspection::{Inspection, RowGroup};
pub use inventory::{Inventory, TABLES, TableFile, TicketFile, files_in, inventory, is_folder, leftovers};
pub use manifest::{LostRows, Manifest, ManifestDiff, Move, Partition, TableVersion};
pub use null_counts::{FilledCounts, add_filled, filled};
pub use partition::{Calendar, PartitionKey, split};
pub use probe::probe;
pub use reader::{ParquetFile, open};
pub use state::state_folder;
pub use statistics::{TicketStatistics, schema_of_source, sources, statistics};
pub use store::{FileVersion, Location, remove_empty, staged, sweep};
pub use table::{has_table, read_table, table_version, write_table};
pub use tickets::{MoveLog, TicketTable, columns, partitions, set_aside, ticket_file};
pub use upsert::Upserted;
pub use writer::{RowKeys, WrittenFile, encode};

/// A lake in a folder or in an object store; cheap to clone. Its functions wait for the disk or the network, so they
/// belong on threads that may wait.
#[derive(Debug, Clone)]
pub struct Lake {
    place: Place,
    store: store::Store,
    timezone: TimeZone,
    partition: Cut,
    /// Others write at the same time.
    shared: bool,
}

impl Lake {
    /// The lake of a configuration. Nothing is asked of its store yet; an error means that the environment does not tell
    /// how to reach it.
    pub fn open(config: &LakeConfig) -> Result<Self, LakeError> {
        Ok(Self {
            store: store::Store::open(&config.place)?,
            place: config.place.clone(),
            timezone: config.timezone.clone(),
            partition: config.partition,
            shared: false,
        })
    }

    /// Where it lies, as people write it.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Whether there is anything in its place.
    pub fn is_there(&self) -> Result<bool, LakeError> {
        self.store.is_folder(Path::new(""))
    }

    /// A file of it, by its path relative to the lake.
    pub fn at(&self, path: &Path) -> Location {
        Location::new(self, store::text(path))
    }

    /// Fails if this run had the lake and has lost it to another.
    pub fn confirm_hold(&self) -> Result<(), LakeError> {
        self.store.confirm_hold()
    }

    /// Tells the partition of an instant. Make one for each thread: it remembers the last answer.
    pub fn calendar(&self) -> Calendar {
        Calendar::new(self.timezone.clone(), self.partition)
    }
}

#[cfg(test)]
mod tests;
