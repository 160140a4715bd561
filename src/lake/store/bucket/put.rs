//! Puts into a bucket, with a condition that the store checks.

use std::io::Write;

use bytes::Bytes;
use object_store::{
    Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, PutResult,
    UpdateVersion, path::Path,
};
use xxhash_rust::xxh3::xxh3_64;

use super::{Bucket, tag, unchanged, version_of, whole};
use crate::{
    config::StoreKind,
    lake::{
        LakeError,
        store::{Expected, FileVersion, Files, Put},
    },
};

/// How often a conditional put is tried whose answers are lost.
const PUT_ATTEMPTS: usize = 4;

/// The outcome of a conditional put.
#[derive(Debug)]
pub enum Created {
    Done(UpdateVersion),
    /// The condition did not hold: nothing was changed.
    Refused,
}

impl Bucket {
    /// Writes an object by `fill` into memory, and puts it over what is expected in its place.
    pub fn put<T>(
        &self,
        key: &str,
        expected: &Expected,
        fill: impl FnOnce(&mut (dyn Write + Send)) -> Result<T, LakeError>,
    ) -> Result<(T, Put), LakeError> {
        let mut content = Vec::new();
        let outcome = fill(&mut content)?;
        self.check_hold()?;
        let (bytes, checksum) = (content.len() as u64, xxh3_64(&content));
        let put = match expected {
            Expected::Anything => Created::Done(self.overwrite(key, content)?.into()),
            Expected::Nothing => self.put_new(key, content)?,
            Expected::Version(version) => match self.condition(key, version)? {
                Some(over) => self.update(key, content, over)?,
                None => Created::Refused,
            },
        };
        match put {
            Created::Done(version) => {
                let version = FileVersion { bytes, tag: tag(version.e_tag) };
                Ok((outcome, Put { version, checksum }))
            }
            Created::Refused => Err(LakeError::Overtaken { at: self.address(key) }),
        }
    }

    /// The condition that a version is there. `None` if it is known not to be.
    fn condition(&self, key: &str, version: &FileVersion) -> Result<Option<UpdateVersion>, LakeError> {
        if self.place.kind != StoreKind::Gcs {
            return Ok(Some(UpdateVersion { e_tag: Some(format!("\"{}\"", version.tag)), version: None }));
        }
        // Google compares generations, which its listings leave out.
        let there = self.head(key)?.filter(|meta| version_of(meta) == *version);
        Ok(there.map(unchanged))
    }

    /// Puts an object over whatever is there.
    pub fn overwrite(&self, key: &str, content: impl Into<Bytes>) -> Result<PutResult, LakeError> {
        let content = PutPayload::from(content.into());
        self.ask(key, "write", |object| async move { self.objects.put(&object, content).await })
    }

    /// Puts an object where nothing is.
    pub fn put_new(&self, key: &str, content: impl Into<Bytes>) -> Result<Created, LakeError> {
        self.put_if(key, content.into(), PutMode::Create)
    }

    /// Puts an object in the place of a version of it.
    pub fn update(
        &self,
        key: &str,
        content: impl Into<Bytes>,
        over: UpdateVersion,
    ) -> Result<Created, LakeError> {
        self.put_if(key, content.into(), PutMode::Update(over))
    }

    fn put_if(&self, key: &str, content: Bytes, mode: PutMode) -> Result<Created, LakeError> {
        self.ask(key, "write", |object| async move { put_if(self.objects(), &object, content, mode).await })
    }
}

/// A put with a condition. One whose answer was lost may have been done all the same: then what is there is what was
/// sent, and no other writer sends the same.
pub async fn put_if(
    objects: &dyn ObjectStore,
    object: &Path,
    content: Bytes,
    mode: PutMode,
) -> Result<Created, StoreError> {
    for attempt in 1.. {
        let options = PutOptions { mode: mode.clone(), ..PutOptions::default() };
        let put = objects.put_opts(object, PutPayload::from(content.clone()), options).await;
        let unknown = match put {
            Ok(put) => return Ok(Created::Done(put.into())),
            Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => None,
            // Whether it arrived is not known.
            Err(cause @ StoreError::Generic { .. }) => Some(cause),
            Err(cause) => return Err(cause),
        };
        match objects.get(object).await {
            Ok(got) => {
                let (there, meta) = whole(got).await?;
                if there == content {
                    return Ok(Created::Done(unchanged(meta)));
                }
            }
            Err(StoreError::NotFound { .. }) => {}
            Err(cause) => return Err(unknown.unwrap_or(cause)),
        }
        match unknown {
            None => return Ok(Created::Refused),
            Some(cause) if attempt >= PUT_ATTEMPTS => return Err(cause),
            Some(_) => {}
        }
    }
    Ok(Created::Refused)
}
