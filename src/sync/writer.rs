//! One task writes a source's partitions, one after the other, while pages are read.

use std::sync::Arc;

use arrow::array::RecordBatch;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use super::layouts::Layouts;
use crate::lake::{self, Lake, LakeError, PartitionKey, Upserted};

/// Jobs that may wait: enough to keep the writer busy, few enough to bound memory.
const WAITING: usize = 2;

/// Rows for one partition, in the order of reading.
pub struct Job {
    pub key: PartitionKey,
    pub reads: Vec<RecordBatch>,
}

enum Order {
    Write(Job),
    Settle(oneshot::Sender<()>),
}

/// What was written until now.
#[derive(Debug, Default)]
pub struct Wrote {
    pub upserts: Vec<(PartitionKey, Upserted)>,
}

/// The way to the writing task.
pub struct Writer {
    orders: mpsc::Sender<Order>,
    task: JoinHandle<Result<Wrote, LakeError>>,
}

impl Writer {
    /// Starts the task.
    pub fn start(lake: Lake, source: String, layouts: Arc<Layouts>) -> Self {
        let (orders, received) = mpsc::channel(WAITING);
        let task = tokio::spawn(write_all(lake, source, layouts, received));
        Self { orders, task }
    }

    /// Hands rows over, waiting while the task is busy. `false`: the task has failed, [`Writer::finish`] says why.
    pub async fn write(&self, job: Job) -> bool {
        self.orders.send(Order::Write(job)).await.is_ok()
    }

    /// Waits until everything handed over is durable. `false` as above.
    pub async fn settle(&self) -> bool {
        let (done, settled) = oneshot::channel();
        self.orders.send(Order::Settle(done)).await.is_ok() && settled.await.is_ok()
    }

    /// Waits for the task and gives its account.
    pub async fn finish(self) -> Result<Wrote, LakeError> {
        drop(self.orders);
        // A panic in the task is a bug, and goes on as one.
        self.task.await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))
    }
}

async fn write_all(
    lake: Lake,
    source: String,
    layouts: Arc<Layouts>,
    mut orders: mpsc::Receiver<Order>,
) -> Result<Wrote, LakeError> {
    let mut wrote = Wrote::default();
    while let Some(order) = orders.recv().await {
        match order {
            Order::Settle(done) => drop(done.send(())),
            Order::Write(Job { key, reads }) => {
                let (lake, source, form) = (lake.clone(), source.clone(), layouts.form());
                let upsert = move || lake::upsert(&lake, &source, key, &reads, &form);
                let upserted = tokio::task::spawn_blocking(upsert)
                    .await
                    .unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))?;
                wrote.upserts.push((key, upserted));
            }
        }
    }
    Ok(wrote)
}
