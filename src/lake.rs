//! The lake: a folder of Parquet files, or a bucket's, one for each partition, each replaced whole or not at all.
//!
//! Nothing under a table's folder is ever half written: a file is staged beside the tables, made durable,
//! and renamed over the old one; in an object store it is put as one object. State is put as numbered versions that
//! are never overwritten.

use std::path::Path;

use jiff::tz::TimeZone;

use crate::config::{LakeConfig, PartitionBy, Place};

mod again;
mod anatomy;
mod assembly;
mod bounds;
mod change;
mod differences;
mod digests;
mod distinct;
mod fault;
mod fill;
mod form;
mod groups;
mod holdings;
mod inventory;
mod marks;
mod mend;
mod numbered;
mod old;
mod packing;
mod page_header;
mod pages;
mod partition;
mod patch;
mod probe;
mod read;
mod small;
mod store;
mod strips;
mod table;
mod tail;
mod thrift;
mod tickets;
mod unpack;
mod varint;
mod woven;

/// Who holds the lake: one run at a time.
pub mod lock;
/// Records of past runs.
pub mod runs;
/// What a source remembers from run to run.
pub mod state;
/// What DuckDB is told of the lake.
pub mod views;
/// What workers that share a reading leave.
pub mod windows;

pub use anatomy::{Anatomy, Group, anatomy, batches};
pub use change::change;
pub use digests::{DIGEST_BITS, Digests, carry, digests};
pub use fault::LakeError;
pub use fill::{Fill, add_fill};
pub use form::{FileForm, FileMeta, Written};
pub use groups::stragglers;
pub use holdings::{Holding, holding, schema_of_source, sources};
pub use inventory::{Inventory, TABLES, TableFile, TicketFile, files_in, inventory, is_folder, leftovers};
pub use marks::{Mark, mark_deleted, marks};
pub use mend::{remove_empty, replace, rewrite_table, set_aside, state_folder};
pub use partition::{Calendar, Cut, PartitionKey, split};
pub use probe::probe;
pub use read::{Footer, footer, schema_of};
pub use store::{Location, staged, sweep};
pub use table::{has_table, read_table, write_table};
pub use tickets::{
    Upserted, columns, held, partitions, put_empty, remove, rewrite, rows, take_out, ticket_file, upsert,
};

/// A lake in a folder or in an object store; cheap to clone. Its functions wait for the disk or the network, so they
/// belong on threads that may wait.
#[derive(Debug, Clone)]
pub struct Lake {
    place: Place,
    store: store::Store,
    timezone: TimeZone,
    partition: PartitionBy,
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
        store::is_there(self)
    }

    /// A file of it, by its path relative to the lake.
    pub fn at(&self, path: &Path) -> Location {
        Location::new(self, store::text(path))
    }

    /// Fails if this run had the lake and has lost it to another.
    pub fn confirm_hold(&self) -> Result<(), LakeError> {
        store::confirm_hold(self)
    }

    /// Tells the partition of an instant. Make one for each thread: it remembers the last answer.
    pub fn calendar(&self) -> Calendar {
        Calendar::new(self.timezone.clone(), self.partition)
    }
}

#[cfg(test)]
mod tests;
