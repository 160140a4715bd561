//! ticketlake brings every ticket of a help desk into an analyst's hands.

/// What a run is told, checked once.
pub mod config;
/// JSON as it was written.
pub mod json;
/// Values that are never printed.
pub mod secret;
