//! ticketlake brings every ticket of a help desk into an analyst's hands.

/// The one table of columns.
pub mod columns;
/// What a run is told, checked once.
pub mod config;
/// Custom fields and their columns.
pub mod fields;
/// JSON as it was written.
pub mod json;
/// Rows of one schema; which copy of a row stays.
pub mod batch;
/// The folder of Parquet files, and what a run remembers.
pub mod lake;
/// Values that are never printed.
pub mod secret;
/// Vendors.
pub mod source;
/// A vendor's ticket as a row.
pub mod ticket;
/// Dates and instants from text.
pub mod when;
