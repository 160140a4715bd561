//! Work that fills a processor, off the tasks that wait for the network and for signals.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

/// Whether whoever asked for the work has stopped waiting for it.
#[derive(Clone, Default)]
pub struct Abandoned(Arc<AtomicBool>);

impl Abandoned {
    /// To be asked between two files.
    pub fn is(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// Tells the work when the wait for it is dropped.
struct Waiting(Abandoned);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.0.store(true, Relaxed);
    }
}

/// Does the work on a thread of its own. An interrupted run drops the wait, and the process ends when the work does.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce(&Abandoned) -> T + Send + 'static) -> T {
    let waiting = Waiting(Abandoned::default());
    let abandoned = waiting.0.clone();
    let done = tokio::task::spawn_blocking(move || work(&abandoned)).await;
    // A panic in it is a bug, and goes on as one.
    done.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))
}
