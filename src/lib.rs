//! ticketlake brings every ticket of a help desk into an analyst's hands.

/// What a run is told, checked once.
pub mod config;
/// Values that are never printed.
pub mod secret;
/// A loopback server that behaves as the help desks do.
pub mod sandbox;
