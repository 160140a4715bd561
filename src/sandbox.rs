//! A loopback server that behaves, and at will misbehaves, as the help desks KF5 and Udesk do.
//!
//! It is a second reading of the vendors' documents: it imports nothing of the readers, so a shared misunderstanding
//! cannot hide. The world is made from a seed; every ticket is kept as the very bytes that are served.

/// A vendor's account: credentials, limit, counters.
mod account;
/// Requests as the vendors see them, and answers before they are sent.
mod answer;
/// When tickets come in.
mod calendar;
/// Which tickets a page holds.
mod paging;
/// The world's present, and its written times.
mod clock;
/// The sandbox's own paths.
mod control;
/// What goes wrong, by chance.
mod faults;
/// Lists that wait for a test.
mod gate;
/// KF5, as documented.
mod kf5;
/// JSON objects that keep their text.
mod object;
/// What a sandbox is told.
mod options;
/// Agents and customers.
mod people;
/// Choices where the documents are silent.
mod quirks;
/// The requests that came in.
mod requests;
/// Answers that a script gives.
mod script;
/// How a seed becomes tickets.
mod seeding;
/// Connections, and the way of a request.
mod server;
/// The tickets, kept in every order of lists.
mod store;
#[cfg(test)]
mod tests;
/// Ids and times of the seed.
mod timeline;
/// Udesk, as documented.
mod udesk;
/// What the engine asks of a vendor.
mod vendor;
/// Answers on their way out.
mod wire;
/// Chinese text.
mod words;
/// Both tenants and their counters.
mod world;

pub use options::{Change, Fault, FaultKind, Op, Options, Rate, RetryAfter};
pub use quirks::{Quirk, Quirks, help as quirks_help};
pub use script::Script;
pub use server::serve;

/// The right labels of the cascades of a fresh world, as a file that `cascades` in a configuration can name.
pub fn cascades() -> String {
    udesk::fields::cascades(&udesk::fields::definitions(0))
}
