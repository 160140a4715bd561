//! The lake: a folder of Parquet files, one for each partition, each replaced whole or not at all.
//!
//! Nothing under a table's folder is ever half written: a file is staged beside the tables, made durable,
//! and renamed over the old one. State is put as numbered versions that are never overwritten.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use crate::config::{LakeConfig, PartitionBy};

mod anatomy;
mod change;
mod fault;
mod fill;
mod form;
mod holdings;
mod inventory;
mod marks;
mod mend;
mod partition;
mod probe;
mod read;
mod store;
mod table;
mod tickets;

/// Who holds the lake: one run at a time.
pub mod lock;
/// Records of past runs.
pub mod runs;
/// What a source remembers from run to run.
pub mod state;
/// What DuckDB is told of the lake.
pub mod views;

pub use anatomy::{Anatomy, Group, anatomy, batches};
pub use change::change;
pub use fault::LakeError;
pub use fill::{Fill, add_fill};
pub use form::{FileForm, FileMeta, Written};
pub use holdings::{Holding, holding, schema_of_source, sources};
pub use inventory::{Inventory, TABLES, TableFile, TicketFile, files_in, inventory, leftovers};
pub use marks::{Mark, mark_deleted, marks};
pub use mend::{remove_empty, replace, rewrite_table, set_aside, state_folder};
pub use partition::{Calendar, Cut, PartitionKey, split};
pub use probe::probe;
pub use read::{Footer, footer, schema_of};
pub use store::{staged, sweep};
pub use table::{has_table, read_table, write_table};
pub use tickets::{
    Upserted, columns, held, partitions, put_empty, remove, rewrite, rows, take_out, ticket_file, upsert,
};

/// A lake on a local folder.
#[derive(Debug, Clone)]
pub struct Lake {
    root: PathBuf,
    timezone: TimeZone,
    partition: PartitionBy,
}

impl Lake {
    pub fn new(config: &LakeConfig) -> Self {
        Self { root: config.path.clone(), timezone: config.timezone.clone(), partition: config.partition }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Tells the partition of an instant. Make one for each thread: it remembers the last answer.
    pub fn calendar(&self) -> Calendar {
        Calendar::new(self.timezone.clone(), self.partition)
    }
}

#[cfg(test)]
mod tests;
