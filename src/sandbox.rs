//! A loopback server that behaves, and at will misbehaves, as the help desks KF5 and Udesk do.
//!
//! It is a second reading of the vendors' documents: it imports nothing of the readers, so a shared misunderstanding
//! cannot hide. The world is made from a seed; every ticket is kept as the very bytes that are served.

/// Requests as the vendors see them, and answers before they are sent.
mod answer;
/// When tickets come in.
mod calendar;
/// Which tickets a page holds.
mod choose;
/// The world's present, and its written times.
mod clock;
/// KF5, as documented.
mod kf5;
/// JSON objects that keep their text.
mod object;
/// What a sandbox is told.
mod options;
/// Agents and customers.
mod people;
/// How a seed becomes tickets.
mod seeding;
/// Connections, and the way of a request.
mod server;
/// Where the tickets stand.
mod shelf;
#[cfg(test)]
mod tests;
/// Ids and times of the seed.
mod timeline;
/// Budgets and faults.
mod trouble;
/// The sandbox's own paths.
mod truth;
/// Udesk, as documented.
mod udesk;
/// Answers on their way out.
mod wire;
/// Chinese text.
mod words;
/// Both tenants and their counters.
mod world;

pub use options::{Change, Fault, FaultKind, Op, Options, Rate, RetryAfter, UdeskOrder, UdeskRefusal};
pub use server::serve;

/// The right labels of the cascades of a fresh world, as a file that `cascades` in a configuration can name.
pub fn cascades() -> String {
    udesk::fields::cascades(&udesk::fields::definitions(0))
}
