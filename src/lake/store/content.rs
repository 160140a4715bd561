//! A file of the lake as the Parquet reader takes it, and the I/O error that reading it met.

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
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::FileVersion;

/// A file up to this size is read at once: one system call in place of some for each column.
pub const MAX_BYTES_IN_MEMORY: u64 = 4 * 1024 * 1024;
const BUFFER_BYTES: usize = 64 * 1024;

/// The content of a file; clones share it.
#[derive(Clone)]
pub struct Content {
    source: Source,
    version: FileVersion,
    io_error: IoError,
}

/// Where the bytes are.
#[derive(Clone)]
pub enum Source {
    Memory(Bytes),
    File(Arc<File>),
}

/// The first error that the disk answered with. The decoder turns it into text, which looks the same as damage.
#[derive(Clone, Default)]
pub struct IoError(Arc<Mutex<Option<io::Error>>>);

impl IoError {
    /// The first error since the last call.
    pub fn take(&self) -> Option<io::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn keep<T>(&self, outcome: io::Result<T>) -> io::Result<T> {
        outcome.map_err(|cause| {
            let copy = io::Error::new(cause.kind(), cause.to_string());
            self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(cause);
            copy
        })
    }
}

impl Source {
    pub fn of_file(mut file: File, bytes: u64) -> io::Result<Self> {
        if bytes > MAX_BYTES_IN_MEMORY {
            return Ok(Self::File(Arc::new(file)));
        }
        let mut content = Vec::with_capacity(bytes as usize);
        file.read_to_end(&mut content)?;
        Ok(Self::Memory(content.into()))
    }
}

impl Content {
    pub fn new(source: Source, version: FileVersion) -> Self {
        Self { source, version, io_error: IoError::default() }
    }

    /// Its size.
    pub fn bytes(&self) -> u64 {
        self.version.bytes
    }

    /// The version that was opened.
    pub fn version(&self) -> FileVersion {
        self.version.clone()
    }

    /// Keeps the first I/O error met while this content is read.
    pub fn io_error(&self) -> IoError {
        self.io_error.clone()
    }

    /// The xxh3 of all bytes.
    pub fn checksum(&self) -> io::Result<u64> {
        if let Source::Memory(content) = &self.source {
            return Ok(xxh3_64(content));
        }
        let mut reader = self.get_read(0)?;
        let mut checksum = Xxh3::new();
        let mut buffer = vec![0; BUFFER_BYTES];
        loop {
            match reader.read(&mut buffer)? {
                0 => return Ok(checksum.digest()),
                count => checksum.update(&buffer[..count]),
            }
        }
    }
}

impl Length for Content {
    fn len(&self) -> u64 {
        self.bytes()
    }
}

impl ChunkReader for Content {
    type T = Box<dyn Read + Send>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(match &self.source {
            Source::Memory(content) => Box::new(content.get_read(start)?),
            Source::File(file) => {
                Box::new(Watched { inner: file.get_read(start)?, io_error: self.io_error() })
            }
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        if let Source::Memory(content) = &self.source {
            return content.get_bytes(start, length);
        }
        let mut content = Vec::with_capacity(length.min(self.bytes() as usize));
        self.get_read(start)?.take(length as u64).read_to_end(&mut content)?;
        match content.len() == length {
            true => Ok(content.into()),
            false => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
        }
    }
}

/// A reader whose first error is kept.
struct Watched<R> {
    inner: R,
    io_error: IoError,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let outcome = self.inner.read(buffer);
        self.io_error.keep(outcome)
    }
}
