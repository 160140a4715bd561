//! Both tenants side by side, what is counted about them, and the changes that come with reading.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use serde_json::json;

use super::clock::Clock;
use super::options::{FaultKind, Op, Options};
use super::trouble::{Budget, Chance};
use super::{kf5, udesk};

/// A tenant that may still be in the making; none when that failed.
pub type Coming<T> = Shared<BoxFuture<'static, Option<Arc<RwLock<T>>>>>;

/// A vendor's account: its budget and its counters.
#[derive(Debug)]
pub struct Account {
    pub budget: Budget,
    pub requests: AtomicU64,
    pub refused: AtomicU64,
    pub lists: AtomicU64,
    pub changes: AtomicU64,
}

impl Account {
    fn new(options: &Options) -> Account {
        Account {
            budget: Budget::new(options.rate),
            requests: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            lists: AtomicU64::new(0),
            changes: AtomicU64::new(0),
        }
    }

    fn counted(&self) -> serde_json::Value {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        json!({
            "requests": read(&self.requests),
            "refused": read(&self.refused),
            "list_answers": read(&self.lists),
            "changes": read(&self.changes),
        })
    }
}

/// Everything that connections share.
pub struct World {
    pub options: Options,
    pub kf5: Coming<kf5::Tenant>,
    pub udesk: Coming<udesk::Tenant>,
    pub kf5_account: Account,
    pub udesk_account: Account,
    pub chance: Chance,
    faults: [AtomicU64; FaultKind::ALL.len()],
}

impl World {
    /// Begins to make both tenants, each on a thread of its own; requests wait for theirs.
    pub fn begin(options: Options) -> World {
        let clock = Clock::starting(options.now);
        World {
            kf5: coming(&options, move |options| kf5::Tenant::new(options, clock)),
            udesk: coming(&options, move |options| udesk::Tenant::new(options, clock)),
            kf5_account: Account::new(&options),
            udesk_account: Account::new(&options),
            chance: Chance::new(options.faults.clone(), options.seed),
            faults: Default::default(),
            options,
        }
    }

    /// Counts a fault that was injected.
    pub fn count_fault(&self, kind: FaultKind) {
        if let Some(counter) = self.faults.get(kind as usize) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a list answer, and says which changes come before it.
    pub fn due_changes(&self, account: &Account) -> Vec<Op> {
        let number = account.lists.fetch_add(1, Ordering::Relaxed) + 1;
        let due = self.options.changes.iter().filter(|change| number.is_multiple_of(change.every));
        due.map(|change| change.op).collect()
    }

    /// The counters as JSON.
    pub fn counted(&self) -> String {
        let faults = FaultKind::ALL.iter().zip(&self.faults);
        let faults: serde_json::Map<_, _> = faults
            .map(|(kind, counter)| (kind.name().to_owned(), counter.load(Ordering::Relaxed).into()))
            .collect();
        json!({"kf5": self.kf5_account.counted(), "udesk": self.udesk_account.counted(), "faults": faults})
            .to_string()
    }
}

fn coming<T: Send + Sync + 'static>(
    options: &Options,
    make: impl FnOnce(&Options) -> T + Send + 'static,
) -> Coming<T> {
    let options = options.clone();
    let made = tokio::task::spawn_blocking(move || Arc::new(RwLock::new(make(&options))));
    made.map(Result::ok).boxed().shared()
}
