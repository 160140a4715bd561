//! Numbers the ticket lists that are answered, and holds those back that a test wants to wait.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::{Mutex, MutexGuard, watch};

/// Which list answers wait.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Held {
    /// Each whose number is a multiple.
    Every(u64),
    /// Those with these numbers.
    At(Vec<u64>),
}

#[derive(Debug, Default)]
struct State {
    held: Option<Held>,
    /// The number of the list answer that waits.
    waiting: Option<u64>,
    /// Answers up to this number may go.
    released: u64,
}

/// Lists are answered one at a time while any of them may have to wait.
#[derive(Debug, Default)]
pub struct Gate {
    state: watch::Sender<State>,
    turn: Mutex<()>,
    lists: AtomicU64,
}

impl Gate {
    /// Numbers a list answer, once it may be made; it is made before the turn is dropped.
    pub async fn pass(&self) -> (u64, MutexGuard<'_, ()>) {
        let turn = self.turn.lock().await;
        let number = self.lists.fetch_add(1, Ordering::Relaxed) + 1;
        let is_held = match &self.state.borrow().held {
            Some(Held::Every(n)) => number.is_multiple_of((*n).max(1)),
            Some(Held::At(numbers)) => numbers.contains(&number),
            None => false,
        };
        if is_held {
            let _left = Leaving(&self.state);
            self.state.send_modify(|state| state.waiting = Some(number));
            let may_go = |state: &State| state.held.is_none() || state.released >= number;
            // The sender is ours: it cannot be gone.
            let _ = self.state.subscribe().wait_for(may_go).await;
        }
        (number, turn)
    }

    /// Other answers wait from now on; with none, all that wait go.
    pub fn hold(&self, held: Option<Held>) {
        self.state.send_modify(|state| state.held = held);
    }

    /// Lets the answer of a number go, then gives the next one that waits; none after the time, or if none can wait.
    pub async fn next(&self, done: Option<u64>, wait: Duration) -> Option<u64> {
        if let Some(done) = done {
            self.state.send_modify(|state| state.released = state.released.max(done));
        }
        let mut states = self.state.subscribe();
        let waits = |state: &State| state.waiting.filter(|number| *number > state.released);
        let found = states.wait_for(|state| state.held.is_none() || waits(state).is_some());
        let state = tokio::time::timeout(wait, found).await.ok()?.ok()?;
        waits(&state).filter(|_| state.held.is_some())
    }

    /// How many lists were answered.
    pub fn lists(&self) -> u64 {
        self.lists.load(Ordering::Relaxed)
    }
}

/// An answer that waits no more, also because its client went away.
struct Leaving<'a>(&'a watch::Sender<State>);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|state| state.waiting = None);
    }
}
