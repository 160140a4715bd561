//! Reading an object by ranges: the end of a file in one request, its parts in few, none of them held longer than its
//! row group lasts.

use std::{
    collections::BTreeMap,
    io::{self, ErrorKind, Read},
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use object_store::{GetRange, UpdateVersion};

use super::{
    Bucket, Content, LakeError, Seen,
    content::{Group, WHOLE_FILE_BYTES},
};

/// What is read of a file's end at first: the footer of nearly every file, and small files whole.
const TAIL_BYTES: u64 = 64 * 1024;
/// The most that one request brings.
const MOST_BYTES: u64 = 8 * 1024 * 1024;
/// What is read where nobody told how much will be needed.
const AHEAD_BYTES: u64 = 64 * 1024;

/// An object of a known version; clones share what was read.
#[derive(Clone)]
pub struct Object {
    bucket: Arc<Bucket>,
    key: Arc<str>,
    size: u64,
    version: UpdateVersion,
    held: Arc<Mutex<Held>>,
}

#[derive(Default)]
struct Held {
    /// By where they start.
    blocks: BTreeMap<u64, Bytes>,
    groups: Vec<Group>,
}

/// Opens an object that will be read whole; a small one is here after one request.
pub fn open_all(bucket: &Arc<Bucket>, key: &str) -> Result<Option<Content>, LakeError> {
    let Some(front) = bucket.get(key, GetRange::Bounded(0..WHOLE_FILE_BYTES), None)? else { return Ok(None) };
    let seen = Seen::Version(front.version.clone());
    if front.content.len() as u64 == front.size {
        return Ok(Some(Content::of_bytes(front.content, seen)));
    }
    let object = Object {
        bucket: Arc::clone(bucket),
        key: key.into(),
        size: front.size,
        version: front.version,
        held: Arc::default(),
    };
    object.held().blocks.insert(0, front.content);
    Ok(Some(Content::of_object(object, seen)))
}

/// Opens an object of which little will be read.
pub fn open_for_parts(bucket: &Arc<Bucket>, key: &str) -> Result<Option<Content>, LakeError> {
    let Some(tail) = bucket.get_tail(key, TAIL_BYTES)? else { return Ok(None) };
    let seen = Seen::Version(tail.version.clone());
    if tail.content.len() as u64 == tail.size {
        return Ok(Some(Content::of_bytes(tail.content, seen)));
    }
    let object = Object {
        bucket: Arc::clone(bucket),
        key: key.into(),
        size: tail.size,
        version: tail.version,
        held: Arc::default(),
    };
    object.held().blocks.insert(tail.size - tail.content.len() as u64, tail.content);
    Ok(Some(Content::of_object(object, seen)))
}

impl Object {
    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn plan(&self, groups: Vec<Group>) {
        self.held().groups = groups;
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Exactly the bytes from `start` on.
    pub fn bytes(&self, start: u64, length: usize) -> io::Result<Bytes> {
        let end = start + length as u64;
        if end > self.size {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if length == 0 {
            return Ok(Bytes::new());
        }
        if let Some(block) = self.held().at(start)
            && block.len() >= length
        {
            return Ok(block.slice(..length));
        }
        let wanted = self.held().to_fetch(start, self.size);
        let block = self.fetch(start..wanted.end.max(end))?;
        Ok(block.slice(..length))
    }

    /// A reader from `start` on.
    pub fn read_from(&self, start: u64) -> Cursor {
        Cursor { object: self.clone(), at: start }
    }

    /// What is held from `start` on, fetched if need be; nothing at the end.
    fn some(&self, start: u64) -> io::Result<Bytes> {
        if start >= self.size {
            return Ok(Bytes::new());
        }
        if let Some(block) = self.held().at(start) {
            return Ok(block);
        }
        let wanted = self.held().to_fetch(start, self.size);
        self.fetch(wanted)
    }

    fn fetch(&self, range: Range<u64>) -> io::Result<Bytes> {
        let version = Some(&self.version);
        let got = self.bucket.get(&self.key, GetRange::Bounded(range.clone()), version);
        let got = got.map_err(io::Error::other)?;
        let block = got.map(|got| got.content).unwrap_or_default();
        if block.len() as u64 != range.end - range.start {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let mut held = self.held();
        held.forget_before(range.start);
        held.blocks.insert(range.start, block.clone());
        Ok(block)
    }
}

impl Held {
    /// The held bytes from `start` on, if there are any.
    fn at(&self, start: u64) -> Option<Bytes> {
        let (first, block) = self.blocks.range(..=start).next_back()?;
        let skipped = (start - first) as usize;
        (skipped < block.len()).then(|| block.slice(skipped..))
    }

    /// What to fetch when `start` is wanted: the rest of the planned part that it lies in, within bounds.
    fn to_fetch(&self, start: u64, size: u64) -> Range<u64> {
        let parts = self.groups.iter().flat_map(|group| &group.parts);
        let planned = parts.filter(|part| part.contains(&start)).map(|part| part.end).next();
        let end = planned.map_or(start + AHEAD_BYTES, |end| end.min(start + MOST_BYTES));
        start..end.min(size)
    }

    /// Lets go of what lies before the row group of `start`: it has been decoded.
    fn forget_before(&mut self, start: u64) {
        let group = self.groups.iter().map(|group| group.start).filter(|group| *group <= start).max();
        if let Some(group) = group {
            self.blocks.retain(|first, block| first + block.len() as u64 > group);
        }
    }
}

/// Reads an object from some place on.
pub struct Cursor {
    object: Object,
    at: u64,
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let block = self.object.some(self.at)?;
        let count = block.len().min(buffer.len());
        buffer[..count].copy_from_slice(&block[..count]);
        self.at += count as u64;
        Ok(count)
    }
}
