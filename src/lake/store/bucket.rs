//! Files of a lake in a bucket: every put is one object, and the store decides whether its condition holds.

mod put;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsStr,
    io::Write,
    path::{Path as FilePath, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::{
    Error as StoreError, GetResult, ObjectMeta, ObjectStore, ObjectStoreExt, RetryConfig, UpdateVersion,
    aws::AmazonS3Builder, azure::MicrosoftAzureBuilder, gcp::GoogleCloudStorageBuilder, path::Path,
};

pub use self::put::{Created, put_if};
use super::{
    Content, Entry, FileVersion, Files, LakeError, Refusal,
    content::{MAX_BYTES_IN_MEMORY, Source},
    requests::Requests,
};
use crate::{
    config::{self, StoreKind},
    lake::lock::Hold,
};

/// How long a request is retried while the store is busy or cannot be reached.
const RETRY_TIMEOUT: Duration = Duration::from_secs(60);

/// A prefix of a bucket.
pub struct Bucket {
    place: config::Bucket,
    objects: Arc<dyn ObjectStore>,
    requests: Requests,
    /// The hold on the lake, once this process has it.
    hold: Mutex<Option<Arc<Hold>>>,
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Bucket({})", self.address(""))
    }
}

impl Bucket {
    /// A bucket, with credentials and endpoint from the environment. No request is made yet.
    pub fn new(place: &config::Bucket) -> Result<Self, LakeError> {
        crate::tls::provide();
        let retry = RetryConfig { retry_timeout: RETRY_TIMEOUT, ..RetryConfig::default() };
        let name = &place.name;
        let built = match place.kind {
            StoreKind::S3 => {
                shared(AmazonS3Builder::from_env().with_bucket_name(name).with_retry(retry).build())
            }
            StoreKind::Gcs => {
                shared(GoogleCloudStorageBuilder::from_env().with_bucket_name(name).with_retry(retry).build())
            }
            StoreKind::Azure => {
                shared(MicrosoftAzureBuilder::from_env().with_container_name(name).with_retry(retry).build())
            }
        };
        let objects = built.map_err(|cause| LakeError::Store {
            at: config::Place::Bucket(place.clone()).to_string(),
            action: "open",
            why: Refusal::set_up(place.kind, &cause).into(),
        })?;
        Self::over(place.clone(), objects)
    }

    fn over(place: config::Bucket, objects: Arc<dyn ObjectStore>) -> Result<Self, LakeError> {
        let requests = Requests::new()
            .map_err(|cause| LakeError::io(config::Place::Bucket(place.clone()), "open")(cause))?;
        Ok(Self { place, objects, requests, hold: Mutex::default() })
    }

    /// A store in memory.
    #[cfg(test)]
    pub fn in_memory(kind: StoreKind) -> Result<Self, LakeError> {
        let place = config::Bucket { kind, name: "memory".into(), prefix: "a/lake".into() };
        Self::over(place, Arc::new(object_store::memory::InMemory::new()))
    }

    pub fn kind(&self) -> StoreKind {
        self.place.kind
    }

    pub fn objects(&self) -> &dyn ObjectStore {
        &*self.objects
    }

    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// The object of a key.
    pub fn object(&self, key: &str) -> Result<Path, LakeError> {
        let whole = match self.place.prefix.as_str() {
            "" => key.to_owned(),
            prefix => format!("{prefix}/{key}"),
        };
        Path::parse(whole).map_err(|cause| self.error(key, "name")(cause.into()))
    }

    /// The key of an object under the lake's prefix.
    fn key(&self, object: &Path) -> Option<String> {
        let rest = object.as_ref().strip_prefix(self.place.prefix.as_str())?;
        Some(rest.trim_start_matches('/').to_owned())
    }

    fn error(&self, key: &str, action: &'static str) -> impl FnOnce(StoreError) -> LakeError {
        let (at, kind) = (self.address(key), self.place.kind);
        move |cause| LakeError::Store { at, action, why: Refusal::new(kind, &cause).into() }
    }

    /// Waits for a request on the object of a key.
    fn ask<T: Send, F: Future<Output = Result<T, StoreError>> + Send>(
        &self,
        key: &str,
        action: &'static str,
        request: impl FnOnce(Path) -> F,
    ) -> Result<T, LakeError> {
        self.requests.wait(request(self.object(key)?)).map_err(self.error(key, action))
    }

    /// As [`Bucket::ask`]; `None` where there is no such object.
    fn ask_for<T: Send, F: Future<Output = Result<T, StoreError>> + Send>(
        &self,
        key: &str,
        action: &'static str,
        request: impl FnOnce(Path) -> F + Send,
    ) -> Result<Option<T>, LakeError> {
        self.ask(key, action, |object| async {
            match request(object).await {
                Err(cause @ StoreError::NotFound { .. })
                    if !Refusal::new(self.place.kind, &cause).is_without_bucket() =>
                {
                    Ok(None)
                }
                outcome => outcome.map(Some),
            }
        })
    }

    /// A whole object, with its metadata.
    pub fn get(&self, key: &str) -> Result<Option<(Bytes, ObjectMeta)>, LakeError> {
        self.ask_for(key, "read", |object| async move { whole(self.objects.get(&object).await?).await })
    }

    pub fn head(&self, key: &str) -> Result<Option<ObjectMeta>, LakeError> {
        self.ask_for(key, "look for", |object| async move { self.objects.head(&object).await })
    }

    /// Notes that this process holds the lake, or no longer does.
    pub fn set_hold(&self, hold: Option<Arc<Hold>>) {
        *self.hold.lock().unwrap_or_else(PoisonError::into_inner) = hold;
    }

    fn hold(&self) -> Option<Arc<Hold>> {
        self.hold.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fails if this process had the lake and has lost it, by its own clock.
    pub fn check_hold(&self) -> Result<(), LakeError> {
        self.hold().map_or(Ok(()), |hold| hold.check(&self.address("")))
    }
}

/// What is opened is in memory where it is small, else in a temporary file.
impl Files for Bucket {
    fn address(&self, key: &str) -> String {
        let place = config::Place::Bucket(self.place.clone());
        if key.is_empty() { place.to_string() } else { format!("{place}/{key}") }
    }

    fn stat(&self, key: &str) -> Result<Option<FileVersion>, LakeError> {
        Ok(self.head(key)?.map(|meta| version_of(&meta)))
    }

    fn open(&self, key: &str) -> Result<Option<Content>, LakeError> {
        let opened = self.ask_for(key, "read", |object| async move {
            let got = self.objects.get(&object).await?;
            Ok((version_of(&got.meta), fetch(got).await?))
        })?;
        let Some((version, source)) = opened else { return Ok(None) };
        let file = || format!("a temporary file in {}", std::env::temp_dir().display());
        let source = source.map_err(|cause| LakeError::io(file(), "write")(cause))?;
        Ok(Some(Content::new(source, version)))
    }

    fn read(&self, key: &str) -> Result<Option<Bytes>, LakeError> {
        Ok(self.get(key)?.map(|(content, _)| content))
    }

    fn create(&self, key: &str, content: &[u8]) -> Result<bool, LakeError> {
        self.check_hold()?;
        Ok(matches!(self.put_new(key, content.to_vec())?, Created::Done(_)))
    }

    fn delete(&self, key: &str) -> Result<bool, LakeError> {
        self.check_hold()?;
        // Stores answer a deletion alike whether or not anything was there.
        if self.head(key)?.is_none() {
            return Ok(false);
        }
        let deleted =
            self.ask_for(key, "remove", |object| async move { self.objects.delete(&object).await })?;
        Ok(deleted.is_some())
    }

    fn rename(&self, from: &FilePath, to: &FilePath) -> Result<(), LakeError> {
        self.check_hold()?;
        let (from, to) = (&super::text(from), &super::text(to));
        let inside: Vec<String> = self.files(from)?.into_iter().map(|(key, _)| key).collect();
        let moved = if inside.is_empty() { vec![from.to_owned()] } else { inside };
        for key in moved {
            let target =
                self.object(&format!("{to}{}", key.strip_prefix(from.as_str()).unwrap_or_default()))?;
            self.ask(&key, "move aside", |object| async move {
                self.objects.copy(&object, &target).await?;
                self.objects.delete(&object).await
            })?;
        }
        Ok(())
    }

    fn list(&self, key: &str) -> Result<Vec<String>, LakeError> {
        let found =
            self.ask(
                key,
                "list",
                |object| async move { self.objects.list_with_delimiter(Some(&object)).await },
            )?;
        let files = found.objects.iter().map(|meta| &meta.location);
        let names = files.chain(&found.common_prefixes).filter_map(|path| path.filename());
        let sorted: BTreeSet<String> = names.map(str::to_owned).collect();
        Ok(sorted.into_iter().collect())
    }

    fn files(&self, key: &str) -> Result<Vec<(String, FileVersion)>, LakeError> {
        let found: Vec<ObjectMeta> = self
            .ask(key, "list", |object| async move { self.objects.list(Some(&object)).try_collect().await })?;
        let files = found.iter().filter_map(|meta| Some((self.key(&meta.location)?, version_of(meta))));
        Ok(files.collect::<BTreeMap<_, _>>().into_iter().collect())
    }

    fn walk(&self, folder: &FilePath, visit: &mut dyn FnMut(&Entry) -> bool) -> Result<(), LakeError> {
        let mut is_open: BTreeMap<PathBuf, bool> = BTreeMap::new();
        for (key, _) in self.files(&super::text(folder))? {
            let file = FilePath::new(&key);
            let mut above: Vec<&FilePath> = file.ancestors().collect();
            above.reverse();
            for path in above.into_iter().skip(folder.iter().count() + 1) {
                let is_open = is_open.entry(path.to_owned()).or_insert_with(|| {
                    let name = path.file_name().and_then(OsStr::to_str).map(str::to_owned);
                    visit(&Entry { path: path.to_owned(), name, is_folder: path != file })
                });
                if !*is_open {
                    break;
                }
            }
        }
        Ok(())
    }

    fn is_folder(&self, path: &FilePath) -> Result<bool, LakeError> {
        let first = self.ask(&super::text(path), "list", |object| async move {
            self.objects.list(Some(&object)).try_next().await
        })?;
        Ok(first.is_some())
    }

    fn confirm_hold(&self) -> Result<(), LakeError> {
        self.hold().map_or(Ok(()), |hold| hold.confirm(self))
    }
}

fn shared<S: ObjectStore>(built: Result<S, StoreError>) -> Result<Arc<dyn ObjectStore>, StoreError> {
    Ok(Arc::new(built?))
}

fn version_of(meta: &ObjectMeta) -> FileVersion {
    FileVersion { bytes: meta.size, tag: tag(meta.e_tag.clone()) }
}

/// An ETag without its quotes: Azure's listings leave them out.
fn tag(e_tag: Option<String>) -> String {
    e_tag.unwrap_or_default().trim_start_matches("W/").trim_matches('"').to_owned()
}

async fn whole(got: GetResult) -> Result<(Bytes, ObjectMeta), StoreError> {
    let meta = got.meta.clone();
    Ok((got.bytes().await?, meta))
}

/// The condition that an object is still what it was when this was its metadata.
pub fn unchanged(meta: ObjectMeta) -> UpdateVersion {
    UpdateVersion { e_tag: meta.e_tag, version: meta.version }
}

/// Reads an object to its end. The inner error is the temporary file's.
async fn fetch(got: GetResult) -> Result<std::io::Result<Source>, StoreError> {
    if got.meta.size <= MAX_BYTES_IN_MEMORY {
        return Ok(Ok(Source::Memory(got.bytes().await?)));
    }
    let mut file = match tempfile::tempfile() {
        Ok(file) => file,
        Err(cause) => return Ok(Err(cause)),
    };
    let mut chunks = got.into_stream();
    while let Some(chunk) = chunks.try_next().await? {
        if let Err(cause) = file.write_all(&chunk) {
            return Ok(Err(cause));
        }
    }
    Ok(Ok(Source::File(Arc::new(file))))
}
