//! ticketlake brings every ticket of a help desk into an analyst's hands.
//!
//! The modules stand in the order in which a reader meets them; each uses only those below it.

/// The commands, their arguments and their help.
pub mod cli;
/// A first look: a help desk, a sync, and what the lake then tells.
pub mod demo;
/// How the desk is doing: figures, tables, a page with charts.
pub mod report;
/// The data's account of itself: what each column is and where it comes from.
pub mod schemas;
/// What a run tells a collector of traces and figures.
pub mod telemetry;
/// What a run tells monitors.
pub mod metrics;
/// A vendor's help desk on loopback.
pub mod sandbox;
/// The custom fields of a lake, as people call them.
pub mod dictionary;
/// What a lake holds, and what is left to do.
pub mod status;
/// Some tickets of one source in one file, beside any lake.
pub mod pull;
/// Whether a sync could run now, and what to do first.
pub mod doctor;
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
/// What is taken out of a row before it is written.
pub mod mask;
/// A vendor's ticket as a row.
pub mod ticket;
/// Custom fields and their columns.
pub mod fields;
/// What a run is told, checked once.
pub mod config;
/// The cryptography of connections.
pub mod tls;
/// The one table of columns.
pub mod columns;
/// JSON as it was written.
pub mod json;
/// What is logged and where.
pub mod log;
/// What the exit code tells a script.
pub mod exit;
/// What people read, in English and Chinese.
pub mod messages;
/// What is dear to make and used again.
mod spare;
/// How tables look.
pub mod tables;
/// How numbers are written for people.
pub mod figures;
/// Sets of ids as text.
mod bitmap;
/// Values that are never printed.
pub mod secret;
/// Dates and instants from text.
pub mod when;
/// What a person's terminal is shown.
pub mod terminal;
/// Files that people name.
pub mod files;
