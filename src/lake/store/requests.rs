//! The threads on which a bucket's requests run. The lake's functions are synchronous: a caller waits on its own thread,
//! and so never keeps a request from going on.

use std::{io, panic::resume_unwind, thread};

use tokio::{
    runtime::{Builder, Handle, Runtime, RuntimeFlavor},
    task::JoinHandle,
};

/// What they have to do is encryption.
const THREADS: usize = 2;

/// A runtime and the handle to it.
pub struct Requests {
    handle: Handle,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

impl Requests {
    pub fn new() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("object-store")
            .enable_all()
            .build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    pub fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.handle.spawn(work)
    }

    /// Waits for the end of `work`.
    pub fn wait<T: Send>(&self, work: impl Future<Output = T> + Send) -> T {
        match Handle::try_current().map(|handle| handle.runtime_flavor()) {
            // A thread that is all its runtime has may not wait for another one.
            Ok(RuntimeFlavor::CurrentThread) => {
                let ended = thread::scope(|scope| scope.spawn(|| self.handle.block_on(work)).join());
                ended.unwrap_or_else(|panic| resume_unwind(panic))
            }
            // On a thread of tasks, the other tasks must be able to move elsewhere.
            _ => tokio::task::block_in_place(|| self.handle.block_on(work)),
        }
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        // A task may hold the last reference to a bucket. A plain drop of a runtime panics there.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
