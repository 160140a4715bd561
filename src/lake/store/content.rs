//! A file of the lake as the Parquet reader takes it, wherever it lies; and what reading it ran into.

use std::{
    fs::File,
    io::{self, Read},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use parquet::{
    errors::Result,
    file::reader::{ChunkReader, Length},
};

use super::{Seen, ranges::Object};

/// A file up to this size is read at once: one system call, or one request, in place of some for each column.
pub const WHOLE_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// The content of a file; clones share it.
#[derive(Clone)]
pub struct Content {
    source: Source,
    trouble: Trouble,
    bytes: u64,
    /// What it is a version of.
    pub seen: Seen,
}

#[derive(Clone)]
enum Source {
    Whole(Bytes),
    File(Arc<File>),
    Object(Object),
}

/// What the disk or the network failed with. The decoder makes a text of it, in which damage looks the same.
#[derive(Clone, Default)]
pub struct Trouble(Arc<Mutex<Option<io::Error>>>);

/// The parts of a file that will be read, in order, for each row group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    pub start: u64,
    /// Sorted, and apart.
    pub parts: Vec<std::ops::Range<u64>>,
}

/// Where the reader tells which parts it will read, once it knows.
pub struct Plan(Option<Object>);

impl Plan {
    pub fn tell(&self, groups: impl IntoIterator<Item = Group>) {
        if let Some(object) = &self.0 {
            object.plan(groups.into_iter().collect());
        }
    }
}

impl Trouble {
    /// What has gone wrong since the last look.
    pub fn take(&self) -> Option<io::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note<T>(&self, read: io::Result<T>) -> io::Result<T> {
        read.map_err(|cause| {
            let told = io::Error::new(cause.kind(), cause.to_string());
            self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(cause);
            told
        })
    }
}

impl Content {
    pub fn of_bytes(content: Bytes, seen: Seen) -> Self {
        let bytes = content.len() as u64;
        Self { source: Source::Whole(content), trouble: Trouble::default(), bytes, seen }
    }

    pub fn of_object(object: Object, seen: Seen) -> Self {
        let bytes = object.size();
        Self { source: Source::Object(object), trouble: Trouble::default(), bytes, seen }
    }

    /// `whole`: it will be read from its beginning to its end.
    pub fn of_file(mut file: File, whole: bool) -> io::Result<Self> {
        let bytes = file.metadata()?.len();
        let source = if whole && bytes <= WHOLE_FILE_BYTES {
            let mut content = Vec::with_capacity(bytes as usize);
            file.read_to_end(&mut content)?;
            Source::Whole(content.into())
        } else {
            Source::File(Arc::new(file))
        };
        Ok(Self { source, trouble: Trouble::default(), bytes, seen: Seen::Anything })
    }

    /// Its size.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// All of it, where it is in memory.
    pub fn whole(&self) -> Option<&Bytes> {
        match &self.source {
            Source::Whole(content) => Some(content),
            _ => None,
        }
    }

    pub fn trouble(&self) -> Trouble {
        self.trouble.clone()
    }

    pub fn plan(&self) -> Plan {
        match &self.source {
            Source::Object(object) => Plan(Some(object.clone())),
            _ => Plan(None),
        }
    }
}

impl Length for Content {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for Content {
    type T = Box<dyn Read + Send>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(match &self.source {
            Source::Whole(content) => Box::new(content.get_read(start)?),
            Source::File(file) => {
                Box::new(Watched { inner: file.get_read(start)?, trouble: self.trouble.clone() })
            }
            Source::Object(object) => {
                Box::new(Watched { inner: object.read_from(start), trouble: self.trouble.clone() })
            }
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        match &self.source {
            Source::Whole(content) => content.get_bytes(start, length),
            Source::File(_) => {
                let mut content = Vec::with_capacity(length);
                self.get_read(start)?.take(length as u64).read_to_end(&mut content)?;
                match content.len() == length {
                    true => Ok(content.into()),
                    false => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
                }
            }
            Source::Object(object) => Ok(self.trouble.note(object.bytes(start, length))?),
        }
    }
}

/// A reader whose failures are remembered.
struct Watched<R> {
    inner: R,
    trouble: Trouble,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer);
        self.trouble.note(read)
    }
}
