//! ticketlake brings every ticket of a help desk into an analyst's hands.
//!
//! The modules stand in the order in which a reader meets them; each uses only those below it.

/// The commands, their arguments and their help.
pub mod cli;
/// A first look: a help desk, a sync, and what the lake then tells.
pub mod demo;
/// The data's account of itself: what each column is and where it comes from.
pub mod schemas;
/// A vendor's help desk on loopback.
pub mod sandbox;
/// The custom fields of a lake, as people call them.
pub mod dictionary;
/// What a lake holds, and what is left to do.
pub mod stock;
/// The lake against its laws and against the sources, and putting it right.
pub mod verify;
/// A run: every source is read, brought into the lake and accounted for.
pub mod sync;
/// What a run must read, and what that costs.
pub mod plan;
/// Reading a whole list in pages, and proving it.
pub mod walk;
/// The only HTTP and the only retry loop.
pub mod fetch;
/// How far a run is.
pub mod progress;
/// When the next request may go.
pub mod pace;
/// Vendors: what is sent, and what an answer means.
pub mod source;
/// What a run did.
pub mod summary;
/// Why a run ended early.
pub mod error;
/// The folder of Parquet files, and what a run remembers.
pub mod lake;
/// Rows of one schema; which copy of a row stays.
pub mod batch;
/// A vendor's ticket as a row.
pub mod ticket;
/// Custom fields and their columns.
pub mod fields;
/// The one table of columns.
pub mod columns;
/// What a run is told, checked once.
pub mod config;
/// The cryptography of connections.
pub mod tls;
/// JSON as it was written.
pub mod json;
/// What is logged and where.
pub mod log;
/// What the exit code tells a script.
pub mod exit;
/// How tables look.
pub mod tables;
/// How numbers are written for people.
pub mod figures;
/// Values that are never printed.
pub mod secret;
/// Dates and instants from text.
pub mod when;
