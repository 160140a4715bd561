//! The lease of a lake in an object store: one object that says who holds the lake, put again and again by its holder,
//! each time in the place of the version before. One that was not renewed for its term is another run's to take.
//!
//! Invariants, and what breaks without them:
//! 1. The lease is only ever created where none is, or put over the version that was read. Else two runs hold the lake.
//! 2. Whether it has expired is told by the store's clock alone, which dated it and dates a probe. Else a clock that
//!    goes wrong takes the lake from a run that lives.
//! 3. A holder that could not renew it stops before its term is over, by its own clocks. Else it goes on writing while
//!    another run has begun.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use object_store::UpdateVersion;
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use crate::lake::{
    LakeError,
    store::{Bucket, Created, Files, Refusal, put_if, unchanged},
};

const LEASE: &str = "_ticketlake/lease.json";
const CLOCK: &str = "_ticketlake/clock";

/// How long a lease holds that is not renewed.
const TERM: Duration = Duration::from_secs(60);
/// How often it is renewed.
const RENEWAL: Duration = Duration::from_secs(15);
/// How long after its last renewal a holder still writes: the rest of the term is for what is on its way.
const TRUSTED: Duration = Duration::from_secs(40);
/// Stores date objects by the second.
const ROUNDING: i64 = 2;

/// What the object says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Lease {
    /// Process, host, command and start, for people.
    holder: String,
    /// Tells this holder from every other.
    token: String,
    /// Its term in seconds, from its last renewal.
    seconds: i64,
    /// Makes every renewal another version.
    renewal: u64,
    released: bool,
}

impl Lease {
    fn new(holder: &str, token: String) -> Self {
        let seconds = TERM.as_secs().cast_signed();
        Self { holder: holder.to_owned(), token, seconds, renewal: 0, released: false }
    }

    fn content(&self) -> Bytes {
        serde_json::to_vec_pretty(self).unwrap_or_default().into()
    }

    /// A lease as it was read. One that cannot be read is some other program's, and is left its term.
    fn read(content: &[u8]) -> Self {
        let unnamed = || Self::new("a process that has not told its name", String::new());
        serde_json::from_slice(content).unwrap_or_else(|_| unnamed())
    }
}

/// The hold of this process on the lake.
#[derive(Debug)]
pub struct Hold {
    state: Arc<Mutex<State>>,
    renewing: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    lease: Lease,
    version: UpdateVersion,
    /// When the last renewal was sent, by the clock that never goes back and by the one that goes on in sleep.
    renewed: (Instant, SystemTime),
    /// Who has it now.
    lost_to: Option<String>,
}

impl State {
    fn age(&self) -> Duration {
        let (steady, wall) = self.renewed;
        steady.elapsed().max(wall.elapsed().unwrap_or_default())
    }
}

/// Takes the lease, or gives what its holder says of itself.
pub fn acquire(bucket: &Arc<Bucket>, text: &str) -> Result<Result<Arc<Hold>, String>, LakeError> {
    let lease = Lease::new(text, format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..)));
    let renewed = (Instant::now(), SystemTime::now());
    let version = match bucket.put_new(LEASE, lease.content())? {
        Created::Done(version) => version,
        Created::Refused => match take_over(bucket, &lease)? {
            Ok(version) => version,
            Err(holder) => return Ok(Err(holder)),
        },
    };
    refuse_without_conditions(bucket, &lease)?;
    let state = Arc::new(Mutex::new(State { lease, version, renewed, lost_to: None }));
    let renewing = bucket.requests().spawn(renew_on(Arc::clone(bucket), Arc::clone(&state)));
    Ok(Ok(Arc::new(Hold { state, renewing })))
}

/// Puts our lease in the place of one that is released or has expired; else gives its holder.
fn take_over(bucket: &Bucket, lease: &Lease) -> Result<Result<UpdateVersion, String>, LakeError> {
    let Some((content, meta)) = bucket.get(LEASE)? else {
        return Ok(Err("a process that has just ended".to_owned()));
    };
    let other = Lease::read(&content);
    let renewed = meta.last_modified.timestamp();
    if !other.released {
        let now = clock(bucket, &lease.token)?;
        if now - renewed <= other.seconds + ROUNDING {
            return Ok(Err(other.holder));
        }
        let age = now - renewed;
        tracing::warn!("taking over the lake: {} has not renewed its lease for {age} s", other.holder);
    }
    match bucket.update(LEASE, lease.content(), unchanged(meta))? {
        Created::Done(version) => Ok(Ok(version)),
        Created::Refused => Ok(Err(holder(bucket)?.unwrap_or(other.holder))),
    }
}

/// The time by the store's clock, in Unix seconds.
fn clock(bucket: &Bucket, token: &str) -> Result<i64, LakeError> {
    let key = format!("{CLOCK}-{token}");
    bucket.overwrite(&key, Bytes::from_static(b"what time is it?"))?;
    let now = bucket.head(&key)?.map(|meta| meta.last_modified.timestamp());
    bucket.delete(&key)?;
    // It was put a moment ago; without it, no lease seems to have expired.
    Ok(now.unwrap_or_default())
}

/// A store may take every put, whatever its condition: then nothing tells two runs apart.
fn refuse_without_conditions(bucket: &Bucket, lease: &Lease) -> Result<(), LakeError> {
    let other = Lease { renewal: u64::MAX, ..lease.clone() };
    let wrong = UpdateVersion {
        e_tag: Some("\"00000000000000000000000000000000\"".to_owned()),
        version: Some("0".to_owned()),
    };
    let tries = [
        ("it created an object that was there (If-None-Match: *)", bucket.put_new(LEASE, other.content())?),
        (
            "it replaced a version that was not there (If-Match)",
            bucket.update(LEASE, other.content(), wrong)?,
        ),
    ];
    for (what, outcome) in tries {
        if matches!(outcome, Created::Done(_)) {
            let why = Refusal::unconditional(bucket.kind(), what);
            return Err(LakeError::Store { at: bucket.address(LEASE), action: "hold", why: why.into() });
        }
    }
    Ok(())
}

/// Who holds the lease, as far as this machine's clock can tell.
pub fn holder(bucket: &Bucket) -> Result<Option<String>, LakeError> {
    let Some((content, meta)) = bucket.get(LEASE)? else { return Ok(None) };
    let lease = Lease::read(&content);
    let age = jiff::Timestamp::now().as_second() - meta.last_modified.timestamp();
    Ok((!lease.released && age <= lease.seconds + ROUNDING).then_some(lease.holder))
}

/// Renews the lease until it is lost.
async fn renew_on(bucket: Arc<Bucket>, state: Arc<Mutex<State>>) {
    loop {
        tokio::time::sleep(RENEWAL).await;
        let (lease, version) = {
            let state = state.lock().unwrap_or_else(PoisonError::into_inner);
            (Lease { renewal: state.lease.renewal + 1, ..state.lease.clone() }, state.version.clone())
        };
        let sent = (Instant::now(), SystemTime::now());
        let Ok(object) = bucket.object(LEASE) else { return };
        let mode = object_store::PutMode::Update(version);
        let put = put_if(bucket.objects(), &object, lease.content(), mode).await;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        match put {
            Ok(Created::Done(version)) => {
                (state.lease, state.version, state.renewed) = (lease, version, sent)
            }
            Ok(Created::Refused) => {
                state.lost_to.get_or_insert_with(|| "another run".to_owned());
                return;
            }
            // Perhaps the next time; meanwhile the hold runs out by itself.
            Err(cause) => {
                let why = Refusal::new(bucket.kind(), &cause);
                tracing::warn!("the lease of the lake could not be renewed: {why}");
            }
        }
    }
}

impl Hold {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails if the lake is lost, or may be.
    pub fn check(&self, lake: &str) -> Result<(), LakeError> {
        let state = self.state();
        let to = match &state.lost_to {
            Some(holder) => holder.clone(),
            None if state.age() > TRUSTED => {
                format!("nobody yet, but its lease was not renewed for {} s", state.age().as_secs())
            }
            None => return Ok(()),
        };
        Err(LakeError::Lost { lake: lake.to_owned(), to })
    }

    /// As [`Hold::check`], and looks at the lease itself.
    pub fn confirm(&self, bucket: &Bucket) -> Result<(), LakeError> {
        self.check(&bucket.address(""))?;
        let there = bucket.get(LEASE)?.map(|(content, _)| Lease::read(&content));
        let mut state = self.state();
        let is_ours = there.as_ref().is_some_and(|there| there.token == state.lease.token && !there.released);
        if !is_ours {
            let holder = there.map_or_else(|| "nobody: its lease is gone".to_owned(), |there| there.holder);
            state.lost_to = Some(holder);
        }
        drop(state);
        self.check(&bucket.address(""))
    }

    /// Gives the lease back. Where that fails it expires.
    pub fn release(&self, bucket: &Bucket) {
        self.renewing.abort();
        let (lease, version) = {
            let state = self.state();
            if state.lost_to.is_some() {
                return;
            }
            (Lease { released: true, ..state.lease.clone() }, state.version.clone())
        };
        match bucket.update(LEASE, lease.content(), version) {
            Ok(Created::Done(_)) => {}
            // A renewal was on its way when we stopped it: the version that it made is ours as well.
            Ok(Created::Refused) => {
                if let Ok(Some((content, meta))) = bucket.get(LEASE)
                    && Lease::read(&content).token == lease.token
                {
                    let _ = bucket.update(LEASE, lease.content(), unchanged(meta));
                }
            }
            Err(why) => {
                tracing::warn!("the lease of the lake was not given back, it expires by itself: {why}")
            }
        }
    }
}

#[cfg(test)]
mod tests;
