//! ticketlake brings every ticket of a help desk into an analyst's hands.

/// Rows of one schema; which copy of a row stays.
pub mod batch;
/// What a run is told, checked once.
pub mod config;
/// The folder of Parquet files, and what a run remembers.
pub mod lake;
/// Values that are never printed.
pub mod secret;
