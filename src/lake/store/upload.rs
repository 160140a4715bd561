//! A file on its way into a bucket: small ones are one put, large ones go up in parts and appear when the last part is
//! there. Memory is bounded by the parts, not by the file.

use std::{
    collections::VecDeque,
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use object_store::{Error as StoreError, MultipartId, PutMode, PutPayload, multipart::PartId, path::Path};
use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;

use super::{Bucket, Created, Draft, LakeError, Refusal, STAGING, Seen};

/// Of each part but the last; stores want 5 MiB at least, and allow 10,000 parts.
const PART_BYTES: usize = 8 * 1024 * 1024;
/// Parts on their way at a time.
const SIDE_BY_SIDE: usize = 2;

static BEGUN: AtomicU64 = AtomicU64::new(0);

/// What is kept of an upload in parts until it has ended, so that one whose run died can be ended by the next run:
/// stores keep, and bill, parts that belong to nothing.
#[derive(Debug, Serialize, Deserialize)]
struct Begun {
    key: String,
    upload: String,
}

/// Writes an object by `fill`, over what was seen in its place.
pub fn put<T>(
    bucket: &Arc<Bucket>,
    key: &str,
    seen: Seen,
    fill: impl FnOnce(&mut Draft<'_>) -> Result<T, LakeError>,
) -> Result<T, LakeError> {
    let mut upload = Upload {
        bucket: Arc::clone(bucket),
        key: key.to_owned(),
        object: bucket.object(key)?,
        buffer: Vec::new(),
        parts: None,
    };
    let outcome = fill(&mut upload)?;
    bucket.check_hold()?;
    upload.finish(seen)?;
    Ok(outcome)
}

/// Ends what dead runs have begun to upload; gives the number of uploads.
pub fn sweep(bucket: &Arc<Bucket>) -> Result<usize, LakeError> {
    let names = bucket.list(STAGING)?;
    for name in &names {
        let record = format!("{STAGING}/{name}");
        let Some((content, _)) = bucket.read(&record)? else { continue };
        // What is no record of ours has nothing to be ended.
        if let Ok(begun) = serde_json::from_slice::<Begun>(&content) {
            end(bucket, &begun.key, bucket.object(&begun.key)?, begun.upload)?;
        }
        bucket.delete(&record)?;
    }
    Ok(names.len())
}

/// Gives up an upload in parts; one that has ended already is none.
fn end(bucket: &Bucket, key: &str, object: Path, id: MultipartId) -> Result<(), LakeError> {
    let uploads = bucket.uploads();
    bucket.ask(key, "give up the upload of", async move {
        match uploads.abort_multipart(&object, &id).await {
            Err(cause) if is_gone(&cause) => Ok(()),
            ended => ended,
        }
    })
}

fn is_gone(cause: &StoreError) -> bool {
    matches!(cause, StoreError::NotFound { .. }) || cause.to_string().contains("NoSuchUpload")
}

/// An object being written; nothing of it is to be seen unless it is finished.
struct Upload {
    bucket: Arc<Bucket>,
    key: String,
    object: Path,
    buffer: Vec<u8>,
    /// Once it is too large for one put.
    parts: Option<Parts>,
}

struct Parts {
    id: MultipartId,
    /// The key of what is kept of it.
    record: String,
    sent: usize,
    done: Vec<PartId>,
    under_way: VecDeque<JoinHandle<Result<PartId, StoreError>>>,
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= PART_BYTES {
            self.send_part().map_err(io::Error::other)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Upload {
    fn send_part(&mut self) -> Result<(), LakeError> {
        self.bucket.check_hold()?;
        let content = PutPayload::from(Bytes::from(std::mem::take(&mut self.buffer)));
        let mut parts = match self.parts.take() {
            Some(parts) => parts,
            None => self.begin()?,
        };
        if parts.under_way.len() >= SIDE_BY_SIDE {
            self.land(&mut parts)?;
        }
        let (uploads, object, id) = (self.bucket.uploads(), self.object.clone(), parts.id.clone());
        let number = parts.sent;
        let send = async move { uploads.put_part(&object, &id, number, content).await };
        parts.under_way.push_back(self.bucket.requests().spawn(send));
        parts.sent += 1;
        self.parts = Some(parts);
        Ok(())
    }

    fn begin(&self) -> Result<Parts, LakeError> {
        let (uploads, object) = (self.bucket.uploads(), self.object.clone());
        let begin = async move { uploads.create_multipart(&object).await };
        let id = self.bucket.ask(&self.key, "begin the upload of", begin)?;
        let number = BEGUN.fetch_add(1, Ordering::Relaxed);
        let record = format!("{STAGING}/{:016x}-{number}.json", fastrand::u64(..));
        let begun = Begun { key: self.key.clone(), upload: id.clone() };
        let content = serde_json::to_vec(&begun).unwrap_or_default();
        self.bucket.overwrite(&record, content.into())?;
        Ok(Parts { id, record, sent: 0, done: Vec::new(), under_way: VecDeque::new() })
    }

    /// Waits for the oldest part on its way. `parts` are given back to be ended if it failed.
    fn land(&mut self, parts: &mut Parts) -> Result<(), LakeError> {
        let Some(oldest) = parts.under_way.pop_front() else { return Ok(()) };
        let landed = self.bucket.ask(&self.key, "write", async move { Ok(oldest.await) });
        match landed {
            Ok(Ok(Ok(part))) => {
                parts.done.push(part);
                Ok(())
            }
            Ok(Ok(Err(cause))) => {
                self.give_up(parts);
                Err(self.bucket.fault(&self.key, "write")(cause))
            }
            Ok(Err(_)) => {
                self.give_up(parts);
                let why = Refusal::other(self.bucket.kind(), "the upload of a part was cut short");
                Err(LakeError::Store { at: self.bucket.address(&self.key), action: "write", why: why.into() })
            }
            Err(why) => {
                self.give_up(parts);
                Err(why)
            }
        }
    }

    fn finish(mut self, seen: Seen) -> Result<(), LakeError> {
        if self.parts.is_some() {
            return self.finish_parts(seen);
        }
        let content = Bytes::from(std::mem::take(&mut self.buffer));
        let over = match seen {
            Seen::Nothing => PutMode::Create,
            Seen::Version(version) => PutMode::Update(version),
            Seen::Anything => return self.bucket.overwrite(&self.key, content.into()).map(|_| ()),
        };
        match self.bucket.put_over(&self.key, content, over)? {
            Created::Done(_) => Ok(()),
            Created::Refused => Err(self.overtaken()),
        }
    }

    fn finish_parts(mut self, seen: Seen) -> Result<(), LakeError> {
        if !self.buffer.is_empty() {
            self.send_part()?;
        }
        let Some(mut parts) = self.parts.take() else { return Ok(()) };
        while !parts.under_way.is_empty() {
            self.land(&mut parts)?;
        }
        // Completing knows no condition everywhere, so it is asked for just before; the lease holds in between.
        let checked = self.bucket.confirm_hold().and_then(|()| self.is_still(&seen));
        if !matches!(checked, Ok(true)) {
            self.give_up(&mut parts);
            checked?;
            return Err(self.overtaken());
        }
        let (uploads, object) = (self.bucket.uploads(), self.object.clone());
        let (id, done) = (parts.id.clone(), std::mem::take(&mut parts.done));
        let complete = async move { uploads.complete_multipart(&object, &id, done).await };
        if let Err(why) = self.bucket.ask(&self.key, "write", complete) {
            self.give_up(&mut parts);
            return Err(why);
        }
        self.bucket.delete(&parts.record).map(|_| ())
    }

    fn is_still(&self, seen: &Seen) -> Result<bool, LakeError> {
        let wanted = match seen {
            Seen::Anything => return Ok(true),
            Seen::Nothing => None,
            Seen::Version(version) => version.e_tag.clone(),
        };
        Ok(self.bucket.head(&self.key)?.and_then(|meta| meta.e_tag) == wanted)
    }

    fn overtaken(&self) -> LakeError {
        LakeError::Overtaken { at: self.bucket.address(&self.key) }
    }

    fn give_up(&self, parts: &mut Parts) {
        for part in parts.under_way.drain(..) {
            part.abort();
        }
        // What cannot be ended now is ended by the next run, which finds the record.
        if end(&self.bucket, &self.key, self.object.clone(), parts.id.clone()).is_ok() {
            let _ = self.bucket.delete(&parts.record);
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(mut parts) = self.parts.take() {
            self.give_up(&mut parts);
        }
    }
}
