//! ticketlake brings every ticket of a help desk into an analyst's hands.

/// The one table of columns.
pub mod columns;
/// What a run is told, checked once.
pub mod config;
/// JSON as it was written.
pub mod json;
/// Values that are never printed.
pub mod secret;
/// Dates and instants from text.
pub mod when;
