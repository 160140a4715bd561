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
    layouts::Layouts,
    memory::{Checkpoint, CommitError},
};
use crate::lake::{self, Calendar, FileForm, Lake, LakeError, PartitionKey, Upserted, Written};

/// Jobs that may wait: enough to keep the writers busy, few enough to bound memory.
const WAITING: usize = 2;
/// Partitions written at a time: most of a small file's time is waiting for the disk to say that it is there.
const SIDE_BY_SIDE: usize = 3;

/// Bytes of tickets, as sent, that may be on their way into files; a larger job goes alone. Two days of a large account:
/// of 1,000,000 tickets twice as many took 5 MB more and no less time.
const UNDER_WAY_BYTES: u32 = 8 << 20;

/// Rows for one partition, in the order of reading; none where only the file is to be put in order.
pub struct Job {
    pub key: PartitionKey,
    pub reads: Vec<RecordBatch>,
    /// Of the tickets, as sent.
    pub bytes: usize,
    /// Whether more rows are to come soon.
    pub growing: bool,
}

enum Order {
    /// The permit ends when the rows are written.
    Write(Job, OwnedSemaphorePermit),
    Settle(oneshot::Sender<()>),
}

/// What was written until now.
#[derive(Debug, Default)]
pub struct Wrote {
    pub files: Vec<(PartitionKey, Written)>,
    /// The form of each partition's file that was written.
    forms: HashMap<PartitionKey, Arc<FileForm>>,
    pub new: RoaringTreemap,
    pub changed: RoaringTreemap,
    /// Ids new to a partition that is old enough to hold known tickets only: they may have moved there.
    pub arrived: Vec<(i64, PartitionKey)>,
}

impl Wrote {
    fn add(&mut self, key: PartitionKey, form: Arc<FileForm>, upserted: Upserted, may_hold_moved: bool) {
        if upserted.written.is_some() {
            self.forms.insert(key, form);
        }
        self.files.extend(upserted.written.map(|written| (key, written)));
        if may_hold_moved {
            self.arrived.extend(upserted.ids.new.iter().map(|id| (*id, key)));
        }
        self.new.extend(upserted.ids.new.into_iter().map(i64::cast_unsigned));
        let changed = upserted.ids.changed.into_iter().map(i64::cast_unsigned);
        // A ticket that is written twice in one run, first as a new one, is new.
        let changed: Vec<u64> = changed.filter(|id| !self.new.contains(*id)).collect();
        self.changed.extend(changed);
    }

    /// Whether the file of a partition was written, and in this form.
    pub fn is_in(&self, form: &Arc<FileForm>, key: PartitionKey) -> bool {
        self.forms.get(&key).is_some_and(|written| Arc::ptr_eq(written, form))
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
    /// Starts the task.
    ///
    /// `known`: tickets created before this second, or at no known time, are mostly in the lake, so one that is new to
    /// its partition may have moved there. `None`: the lake was empty.
    pub fn start(
        lake: Lake,
        source: String,
        layouts: Arc<Layouts>,
        known: Option<i64>,
        checkpoint: Arc<Checkpoint>,
    ) -> Self {
        let (orders, received) = mpsc::channel(WAITING);
        let noted = (checkpoint, layouts.form());
        let task = tokio::spawn(write_all(lake, source, layouts, received, known, noted));
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
    lake: Lake,
    source: String,
    layouts: Arc<Layouts>,
    orders: mpsc::Receiver<Order>,
    known: Option<i64>,
    noted: (Arc<Checkpoint>, Arc<FileForm>),
) -> (Wrote, Result<(), CommitError>) {
    let mut writing = Writing {
        calendar: lake.calendar(),
        known,
        tasks: JoinSet::new(),
        busy: HashSet::new(),
        in_parts: HashSet::new(),
        wrote: Wrote::default(),
    };
    let mut written = obey(&lake, &source, &layouts, orders, &mut writing, noted).await;
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
    lake: &Lake,
    source: &str,
    layouts: &Layouts,
    mut orders: mpsc::Receiver<Order>,
    writing: &mut Writing,
    (checkpoint, mut noted): (Arc<Checkpoint>, Arc<FileForm>),
) -> Result<(), CommitError> {
    while let Some(order) = orders.recv().await {
        match order {
            Order::Settle(done) => {
                while writing.land().await? {}
                // Whoever asked has stopped waiting: the run is being stopped.
                let _ = done.send(());
            }
            Order::Write(Job { key, reads, growing, .. }, permit) => {
                // Two writers of one partition would undo each other's rows.
                while writing.tasks.len() >= SIDE_BY_SIDE || writing.busy.contains(&key) {
                    writing.land().await?;
                }
                if reads.is_empty() && !writing.in_parts.contains(&key) {
                    continue;
                }
                let (lake, source, form) = (lake.clone(), source.to_owned(), layouts.form());
                if !Arc::ptr_eq(&form, &noted) {
                    checkpoint.files_differ()?;
                    noted = Arc::clone(&form);
                }
                writing.busy.insert(key);
                writing.tasks.spawn_blocking(move || {
                    let upserted = lake::upsert(&lake, &source, key, &reads, &form, growing);
                    drop((reads, permit));
                    (key, form, upserted)
                });
            }
        }
    }
    Ok(())
}

/// Upserts under way.
struct Writing {
    calendar: Calendar,
    known: Option<i64>,
    tasks: JoinSet<(PartitionKey, Arc<FileForm>, Result<Upserted, LakeError>)>,
    busy: HashSet<PartitionKey>,
    /// Partitions whose files have row groups that are to be put together once they are whole.
    in_parts: HashSet<PartitionKey>,
    wrote: Wrote,
}

impl Writing {
    /// Waits for one of them; `false` if there is none.
    async fn land(&mut self) -> Result<bool, CommitError> {
        let Some(landed) = self.tasks.join_next().await else { return Ok(false) };
        let (key, form, upserted) =
            landed.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()));
        self.busy.remove(&key);
        let start = self.calendar.span(key).map_or(i64::MIN, |span| span.start.div_euclid(1_000_000));
        let upserted = upserted?;
        if upserted.in_parts {
            self.in_parts.insert(key);
        } else {
            self.in_parts.remove(&key);
        }
        self.wrote.add(key, form, upserted, self.known.is_some_and(|known| start < known));
        Ok(true)
    }
}
