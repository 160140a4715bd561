//! What the engine asks of a vendor: its requests, its refusals, and how its world is read, written and changed.

use std::time::Duration;

use http::Method;
use serde_json::Value;

use super::account::{Credentials, Limit};
use super::answer::{Answer, Asked};
use super::object::Object;
use super::options::Op;
use super::quirks::Quirks;
use super::store::{Ticket, TicketStore};

/// A tenant of one vendor.
pub trait Vendor: Send + Sync + 'static {
    /// What a request asks for.
    type Route: Route;

    /// Refuses a request without the right credentials.
    fn refuse(asked: &Asked, known: &Credentials) -> Option<Answer>;
    /// Refuses a request over the limit, which has room again after the wait.
    fn over_limit(limit: &Limit, quirks: &Quirks, wait: Duration) -> Answer;

    /// Answers a reading request.
    fn read(&self, route: &Self::Route, asked: &Asked) -> Answer;
    /// Answers a writing request.
    fn write(&mut self, route: &Self::Route, asked: &Asked, known: &Credentials) -> Answer;
    /// Puts a new ticket; answers its id.
    fn insert(&mut self) -> u64;
    /// Changes a ticket as its agents would.
    fn update(&mut self, id: u64);
    /// Edits a field definition as `{"op":"add"|"remove"|"rename"|"retype",…}` says; answers its name, or what is wrong.
    fn change_field(&mut self, change: &Value) -> Result<String, String>;
    /// What lists choose tickets by, read from the text of one that was put from outside.
    fn card(&self, text: &Object) -> Ticket;
    /// Puts other definitions in place of all there are.
    fn put_fields(&mut self, definitions: Vec<Object>);
    /// The definitions, one JSON object each.
    fn fields(&self) -> Vec<String>;

    fn store(&self) -> &TicketStore;
    fn store_mut(&mut self) -> &mut TicketStore;
    fn quirks(&self) -> &Quirks;
    fn quirks_mut(&mut self) -> &mut Quirks;
    fn rng(&mut self) -> &mut fastrand::Rng;

    /// Makes one change by itself; answers the id, or none when there is no ticket to change.
    fn change(&mut self, op: Op) -> Option<u64> {
        if op == Op::Insert {
            return Some(self.insert());
        }
        let tickets = self.store().len().max(1);
        let place = self.rng().usize(..tickets);
        let id = self.store().id_at(place)?;
        match op {
            Op::Delete => _ = self.store_mut().remove(id),
            _ => self.update(id),
        }
        Some(id)
    }
}

/// What a request asks for.
pub trait Route: Send + Sync {
    /// What a path below the vendor's own and a method mean.
    fn of(method: &Method, path: &[&str]) -> Self;
    /// A request that only reads; faults happen to these.
    fn reads(&self) -> bool;
    /// A page of tickets; the world changes before these.
    fn lists(&self) -> bool;
}
