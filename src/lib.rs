//! ticketlake brings every ticket of a help desk into an analyst's hands.

/// What a run is told, checked once.
pub mod config;
/// The only HTTP and the only retry loop.
pub mod fetch;
/// When a request may be sent.
pub mod pace;
/// Values that are never printed.
pub mod secret;
/// What is sent to a help desk, and what its answer means.
pub mod source;
/// Reading a whole list in pages, and proving that no row was lost.
pub mod walk;
