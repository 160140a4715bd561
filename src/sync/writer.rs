//! One task sees to the writing of a source's partitions, some at a time, while pages are read.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use arrow::array::RecordBatch;
use roaring::RoaringTreemap;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    task::{JoinHandle, JoinSet},
};

use super::{
    source_state::{Checkpoint, CommitError},
    table_schema::TableSchema,
};
use crate::{
    batch::id_values,
    lake::{FileSchema, LakeError, MoveLog, PartitionKey, Upserted, WrittenFile},
};

/// Jobs that may wait: enough to keep the writers busy, few enough to bound memory.
const WAITING: usize = 2;
/// Partitions written at a time: most of a small file's time is waiting for the disk to say that it is there.
const SIDE_BY_SIDE: usize = 3;

/// Bytes of rows that may be on their way into files; a larger job goes alone.
const UNDER_WAY_BYTES: u32 = 8 << 20;

/// Rows for one partition, in the order of reading.
pub struct Job {
    pub key: PartitionKey,
    pub reads: Vec<RecordBatch>,
    /// Of the rows, in memory.
    pub bytes: usize,
}

enum Order {
    /// The permit ends when the rows are written.
    Write(Job, OwnedSemaphorePermit),
    Settle(oneshot::Sender<()>),
}

/// What was written until now.
#[derive(Debug, Default)]
pub struct Wrote {
    pub files: Vec<(PartitionKey, WrittenFile)>,
    /// Files of partitions that tickets left.
    pub moved: Vec<WrittenFile>,
    /// The schema of each partition's file that was written.
    schemas: HashMap<PartitionKey, Arc<FileSchema>>,
    /// The ids of all rows that were brought in, written or equal to what was there.
    pub brought: RoaringTreemap,
    pub new: RoaringTreemap,
    pub changed: RoaringTreemap,
}

impl Wrote {
    fn add(&mut self, key: PartitionKey, schema: Arc<FileSchema>, ids: &RoaringTreemap, upserted: Upserted) {
        if upserted.written.is_some() {
            self.schemas.insert(key, schema);
        }
        self.files.extend(upserted.written.map(|written| (key, written)));
        self.moved.extend(upserted.moved);
        self.brought |= ids;
        self.new |= upserted.new;
        self.changed |= upserted.changed;
        // A ticket that is written twice in one run, first as a new one, is new.
        self.changed -= &self.new;
    }

    /// Whether the file of a partition was written, and under this schema.
    pub fn is_in(&self, schema: &Arc<FileSchema>, key: PartitionKey) -> bool {
        self.schemas.get(&key).is_some_and(|written| Arc::ptr_eq(written, schema))
    }
}

/// Room for a job. A job waits for it where it is: what is given to a future goes with it when a run is stopped.
pub struct Room<'a> {
    place: mpsc::Permit<'a, Order>,
    permit: OwnedSemaphorePermit,
}

impl Room<'_> {
    /// Hands a job over.
    pub fn take(self, job: Job) {
        self.place.send(Order::Write(job, self.permit));
    }
}

/// The way to the writing task.
pub struct Writer {
    orders: mpsc::Sender<Order>,
    under_way: Arc<Semaphore>,
    task: JoinHandle<(Wrote, Result<(), CommitError>)>,
}

impl Writer {
    /// Starts the task. `keeps_state` is false for one of several workers: it commits nothing.
    pub fn start(checkpoint: Arc<Checkpoint>, schema: Arc<TableSchema>, keeps_state: bool) -> Self {
        let (orders, received) = mpsc::channel(WAITING);
        let task = tokio::spawn(write_all(checkpoint, schema, received, keeps_state));
        Self { orders, under_way: Arc::new(Semaphore::new(UNDER_WAY_BYTES as usize)), task }
    }

    /// Waits until the task has room for a job of so many bytes. `None`: the task has failed, [`Writer::finish`] says why.
    pub async fn room(&self, bytes: usize) -> Option<Room<'_>> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(UNDER_WAY_BYTES);
        let permit = Arc::clone(&self.under_way).acquire_many_owned(bytes).await.ok()?;
        Some(Room { place: self.orders.reserve().await.ok()?, permit })
    }

    /// Waits until everything handed over is durable; `false` if the task has failed.
    pub async fn settle(&self) -> bool {
        let (done, settled) = oneshot::channel();
        self.orders.send(Order::Settle(done)).await.is_ok() && settled.await.is_ok()
    }

    /// Waits for the task; gives what is in the lake, and why that is not all.
    pub async fn finish(self) -> (Wrote, Result<(), CommitError>) {
        drop(self.orders);
        // A panic in the task is a bug, and goes on as one.
        self.task.await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))
    }
}

async fn write_all(
    checkpoint: Arc<Checkpoint>,
    schema: Arc<TableSchema>,
    orders: mpsc::Receiver<Order>,
    keeps_state: bool,
) -> (Wrote, Result<(), CommitError>) {
    let mut writing = Writing {
        checkpoint,
        keeps_state,
        tasks: JoinSet::new(),
        busy: HashSet::new(),
        under_way: RoaringTreemap::new(),
        wrote: Wrote::default(),
    };
    let mut written = obey(&schema, orders, &mut writing).await;
    // What is under way ends, whatever failed, and counts.
    loop {
        match writing.land().await {
            Ok(true) => {}
            Ok(false) => break,
            Err(why) => written = written.and(Err(why)),
        }
    }
    (writing.wrote, written)
}

async fn obey(
    schema: &TableSchema,
    mut orders: mpsc::Receiver<Order>,
    writing: &mut Writing,
) -> Result<(), CommitError> {
    let mut noted = schema.file_schema();
    while let Some(order) = orders.recv().await {
        match order {
            Order::Settle(done) => {
                while writing.land().await? {}
                // Whoever asked has stopped waiting: the run is being stopped.
                let _ = done.send(());
            }
            Order::Write(job, permit) => {
                let now = schema.file_schema();
                if writing.keeps_state {
                    writing.checkpoint.begin_writing()?;
                    if !Arc::ptr_eq(&now, &noted) {
                        writing.checkpoint.files_differ()?;
                    }
                }
                noted = Arc::clone(&now);
                writing.begin(job, permit, now).await?;
            }
        }
    }
    Ok(())
}

/// A job that has landed: its partition, the one before it where tickets moved, its ids, and what was done.
struct Landed {
    key: PartitionKey,
    partitions: Vec<PartitionKey>,
    ids: RoaringTreemap,
    schema: Arc<FileSchema>,
    upserted: Result<Upserted, LakeError>,
}

/// Upserts under way.
struct Writing {
    checkpoint: Arc<Checkpoint>,
    keeps_state: bool,
    tasks: JoinSet<Landed>,
    /// Partitions whose files may be replaced by a task.
    busy: HashSet<PartitionKey>,
    /// Ids of rows on their way: the manifest does not know yet where they will be.
    under_way: RoaringTreemap,
    wrote: Wrote,
}

impl Writing {
    /// Starts a job as soon as no other one touches its tickets or its partitions: those that tickets leave count too.
    async fn begin(
        &mut self,
        job: Job,
        permit: OwnedSemaphorePermit,
        schema: Arc<FileSchema>,
    ) -> Result<(), CommitError> {
        let Job { key, reads, .. } = job;
        let ids: RoaringTreemap = reads.iter().flat_map(id_values).map(|id| id.cast_unsigned()).collect();
        let partitions = loop {
            let elsewhere = self.checkpoint.table.manifest(|manifest| manifest.elsewhere(key, &ids));
            let partitions: Vec<PartitionKey> =
                std::iter::once(key).chain(elsewhere.into_iter().map(|(from, _)| from)).collect();
            let waits = self.tasks.len() >= SIDE_BY_SIDE
                || partitions.iter().any(|key| self.busy.contains(key))
                || !self.under_way.is_disjoint(&ids);
            if !waits {
                break partitions;
            }
            self.land().await?;
        };
        self.busy.extend(&partitions);
        self.under_way |= &ids;
        let (checkpoint, keeps_state) = (Arc::clone(&self.checkpoint), self.keeps_state);
        self.tasks.spawn_blocking(move || {
            let log = keeps_state.then_some(&*checkpoint as &dyn MoveLog);
            let upserted = checkpoint.table.upsert(key, &reads, &schema, log);
            drop((reads, permit));
            Landed { key, partitions, ids, schema, upserted }
        });
        Ok(())
    }

    /// Waits for one of them; `false` if there is none.
    async fn land(&mut self) -> Result<bool, CommitError> {
        let Some(landed) = self.tasks.join_next().await else { return Ok(false) };
        let Landed { key, partitions, ids, schema, upserted } =
            landed.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()));
        for key in &partitions {
            self.busy.remove(key);
        }
        self.under_way -= &ids;
        self.wrote.add(key, schema, &ids, upserted?);
        Ok(true)
    }
}
