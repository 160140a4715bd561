//! ticketlake brings every ticket of a help desk into an analyst's hands.
//!
//! The modules stand in the order in which a reader meets them; each uses only those below it.

/// Rows of one schema; which copy of a row stays.
pub mod batch;
/// The commands, their arguments and their help.
pub mod cli;
/// The one table of columns.
pub mod columns;
/// What a run is told, checked once.
pub mod config;
/// Why a run ended early.
pub mod error;
/// What the exit code tells a script.
pub mod exit;
/// The only HTTP and the only retry loop.
pub mod fetch;
/// Custom fields and their columns.
pub mod fields;
/// How numbers are written for people.
pub mod figures;
/// JSON as it was written.
pub mod json;
/// The folder of Parquet files, and what a run remembers.
pub mod lake;
/// What is logged and where.
pub mod log;
/// When the next request may go.
pub mod pace;
/// What a run must read.
pub mod plan;
/// How far a run is.
pub mod progress;
/// A vendor's help desk on loopback.
pub mod sandbox;
/// Values that are never printed.
pub mod secret;
/// Vendors: what is sent, and what an answer means.
pub mod source;
/// What a run did.
pub mod summary;
/// A run: every source is read, brought into the lake and accounted for.
pub mod sync;
/// A vendor's ticket as a row.
pub mod ticket;
/// The lake against its laws and against the sources, and putting it right.
pub mod verify;
/// Reading a whole list in pages, and proving it.
pub mod walk;
/// Dates and instants from text.
pub mod when;
