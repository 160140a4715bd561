//! Both accounts side by side, and what goes wrong on the way to them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;

use super::account::Account;
use super::clock::Clock;
use super::faults::Faults;
use super::options::{Change, Op, Options};
use super::requests::Requests;
use super::script::Script;
use super::{kf5, udesk};

/// Everything that connections share.
pub struct World {
    pub kf5: Account<kf5::Tenant>,
    pub udesk: Account<udesk::Tenant>,
    pub faults: Faults,
    pub requests: Requests,
    script: Mutex<Arc<Script>>,
    latency: Mutex<Duration>,
    changes: Vec<Change>,
}

impl World {
    /// Begins to make both tenants.
    pub fn begin(options: Options) -> World {
        let clock = Clock::starting(options.now);
        World {
            kf5: Account::new(&options, move |options| kf5::Tenant::new(options, clock)),
            udesk: Account::new(&options, move |options| udesk::Tenant::new(options, clock)),
            faults: Faults::new(options.faults, None, options.seed),
            requests: Requests::new(),
            script: Mutex::new(options.script),
            latency: Mutex::new(options.latency),
            changes: options.changes,
        }
    }

    pub fn script(&self) -> Arc<Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn set_script(&self, script: Script) {
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(script);
    }

    /// The wait before every answer.
    pub fn latency(&self) -> Duration {
        *self.latency.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn set_latency(&self, latency: Duration) {
        *self.latency.lock().unwrap_or_else(PoisonError::into_inner) = latency;
    }

    /// The changes that come before the list answer of a number.
    pub fn due_changes(&self, number: u64) -> impl Iterator<Item = Op> {
        self.changes.iter().filter(move |change| number.is_multiple_of(change.every)).map(|change| change.op)
    }

    /// The counters as JSON.
    pub fn counted(&self) -> serde_json::Value {
        let (kf5, udesk) = (self.kf5.counted(), self.udesk.counted());
        json!({"kf5": kf5, "udesk": udesk, "faults": self.faults.injected()})
    }
}
