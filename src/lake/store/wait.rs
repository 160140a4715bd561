//! How a thread waits for an object store. The lake's functions are synchronous; requests run on threads of their own,
//! so that waiting for one can never keep it from going on.

use std::{
    io,
    sync::{OnceLock, mpsc},
};

use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};

/// Threads that speak to object stores: encryption is what they have to do.
const THREADS: usize = 2;

/// The runtime of all requests to object stores; it lives as long as the process.
pub fn requests() -> io::Result<Handle> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime.handle().clone());
    }
    let made = Builder::new_multi_thread()
        .worker_threads(THREADS)
        .thread_name("object-store")
        .enable_all()
        .build()?;
    match RUNTIME.set(made) {
        Ok(()) => {}
        // Another thread was first. A runtime must not be dropped by a task.
        Err(second) => second.shutdown_background(),
    }
    RUNTIME.get().map(|runtime| runtime.handle().clone()).ok_or_else(|| io::Error::other("no runtime"))
}

/// Waits for the end of `work`; `None` if it panicked.
pub fn wait<T: Send + 'static>(
    requests: &Handle,
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let (done, waited) = mpsc::sync_channel(1);
    requests.spawn(async move {
        // The one who waits is a thread, which does not go away.
        let _ = done.send(work.await);
    });
    match Handle::try_current().map(|handle| handle.runtime_flavor()) {
        // On a thread of tasks, the others must be able to go on elsewhere.
        Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(|| waited.recv()).ok(),
        _ => waited.recv().ok(),
    }
}
