//! ticketlake brings every ticket of a help desk into an analyst's hands.

/// What a run is told, checked once.
pub mod config;
/// A loopback server that behaves as the help desks do.
pub mod sandbox;
/// Values that are never printed.
pub mod secret;
