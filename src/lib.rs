//! ticketlake brings every ticket of a help desk into an analyst's hands.

/// The commands, their arguments and their help.
pub mod cli;
/// What a run is told, checked once.
pub mod config;
/// Why a run ended early.
pub mod error;
/// What the exit code tells a script.
pub mod exit;
/// How numbers are written for people.
pub mod figures;
/// What is logged and where.
pub mod log;
/// How far a run is.
pub mod progress;
/// Values that are never printed.
pub mod secret;
/// What a run did.
pub mod summary;
