//! Files of a lake in a bucket: every put is one object, and whether something was there before is for the store to
//! decide.

use std::{
    collections::BTreeSet,
    path::{Path as FilePath, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::{
    Error as StoreError, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    PutPayload, PutResult, RetryConfig, UpdateVersion, aws::AmazonS3Builder, azure::MicrosoftAzureBuilder,
    gcp::GoogleCloudStorageBuilder, multipart::MultipartStore, path::Path,
};
use tokio::runtime::Handle;

use super::{Entry, LakeError, Refusal, wait};
use crate::{
    config::{self, StoreKind},
    lake::lock::Hold,
};

/// How long a request is tried again while the store is busy or cannot be reached.
const PATIENCE: Duration = Duration::from_secs(60);

/// A prefix of a bucket.
pub struct Bucket {
    place: config::Bucket,
    objects: Arc<dyn ObjectStore>,
    /// The same, without patience: for requests that can be made in another way.
    hasty: Arc<dyn ObjectStore>,
    uploads: Arc<dyn MultipartStore>,
    requests: Handle,
    /// The hold on the lake, once this process has it.
    hold: Mutex<Option<Arc<Hold>>>,
    /// The store was seen to fail where a range from the end is longer than the object: sizes are asked for first.
    needs_sizes: AtomicBool,
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Bucket({})", self.address(""))
    }
}

/// A part of an object, the size of the whole, and which version it is of.
pub struct Got {
    pub content: Bytes,
    pub size: u64,
    pub version: UpdateVersion,
    /// By the store's clock, in Unix seconds.
    pub modified: i64,
}

/// The outcome of a put that has a condition.
#[derive(Debug)]
pub enum Created {
    Done(UpdateVersion),
    /// Something else is there: nothing was changed.
    Refused,
}

impl Bucket {
    /// A bucket, with credentials and endpoint as the environment says. Nothing is asked of it yet.
    pub fn open(place: &config::Bucket) -> Result<Self, LakeError> {
        crate::tls::provide();
        let patience = RetryConfig { retry_timeout: PATIENCE, ..RetryConfig::default() };
        let made = build(place, patience).and_then(|store| {
            let (hasty, _) = build(place, RetryConfig { max_retries: 0, ..RetryConfig::default() })?;
            Ok((store, hasty))
        });
        let (store, hasty) = made.map_err(|cause| LakeError::Store {
            at: config::Place::Bucket(place.clone()).to_string(),
            action: "open",
            why: Refusal::set_up(place.kind, &cause).into(),
        })?;
        Self::over(place, store, hasty)
    }

    fn over(
        place: &config::Bucket,
        (objects, uploads): Both,
        hasty: Arc<dyn ObjectStore>,
    ) -> Result<Self, LakeError> {
        let at = config::Place::Bucket(place.clone());
        let requests = wait::requests().map_err(LakeError::io(at, "open"))?;
        Ok(Self {
            place: place.clone(),
            objects,
            hasty,
            uploads,
            requests,
            hold: Mutex::default(),
            needs_sizes: AtomicBool::new(false),
        })
    }

    /// A store in memory, of which nothing remains.
    #[cfg(test)]
    pub fn in_memory() -> Result<Self, LakeError> {
        let place = config::Bucket { kind: StoreKind::S3, name: "memory".into(), prefix: "a/lake".into() };
        let store = both(Arc::new(object_store::memory::InMemory::new()));
        let hasty = Arc::clone(&store.0);
        Self::over(&place, store, hasty)
    }

    pub fn kind(&self) -> StoreKind {
        self.place.kind
    }

    /// How a key is shown.
    pub fn address(&self, key: &str) -> String {
        let place = config::Place::Bucket(self.place.clone());
        if key.is_empty() { place.to_string() } else { format!("{place}/{key}") }
    }

    pub fn uploads(&self) -> Arc<dyn MultipartStore> {
        Arc::clone(&self.uploads)
    }

    pub fn objects(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.objects)
    }

    pub fn requests(&self) -> &Handle {
        &self.requests
    }

    /// The object of a key.
    pub fn object(&self, key: &str) -> Result<Path, LakeError> {
        let whole = match self.place.prefix.as_str() {
            "" => key.to_owned(),
            prefix => format!("{prefix}/{key}"),
        };
        Path::parse(whole).map_err(|cause| self.fault(key, "name")(cause.into()))
    }

    /// The key of an object under the lake's prefix.
    fn key(&self, object: &Path) -> Option<String> {
        let rest = object.as_ref().strip_prefix(self.place.prefix.as_str())?;
        Some(rest.trim_start_matches('/').to_owned())
    }

    /// What an error of the store means for a key.
    pub fn fault(&self, key: &str, action: &'static str) -> impl FnOnce(StoreError) -> LakeError {
        let (at, kind) = (self.address(key), self.place.kind);
        move |cause| LakeError::Store { at, action, why: Refusal::new(kind, &cause).into() }
    }

    /// Waits for a request.
    pub fn ask<T: Send + 'static>(
        &self,
        key: &str,
        action: &'static str,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, LakeError> {
        match wait::wait(&self.requests, work) {
            Some(outcome) => outcome.map_err(self.fault(key, action)),
            None => {
                let why = Refusal::other(self.place.kind, "the request ended in a panic");
                Err(LakeError::Store { at: self.address(key), action, why: why.into() })
            }
        }
    }

    /// As [`Bucket::ask`]; `None` where there is no such object.
    fn ask_for<T: Send + 'static>(
        &self,
        key: &str,
        action: &'static str,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<Option<T>, LakeError> {
        let kind = self.place.kind;
        let found = async move {
            match work.await {
                Err(cause @ StoreError::NotFound { .. })
                    if !Refusal::new(kind, &cause).is_without_bucket() =>
                {
                    Ok(None)
                }
                found => found.map(Some),
            }
        };
        self.ask(key, action, found)
    }

    /// A range of an object, of this version if one is given. A range behind the end is cut; an empty object has none.
    pub fn get(
        &self,
        key: &str,
        range: GetRange,
        version: Option<&UpdateVersion>,
    ) -> Result<Option<Got>, LakeError> {
        let (objects, object) = (Arc::clone(&self.objects), self.object(key)?);
        let if_match = version.and_then(|version| version.e_tag.clone());
        let options = GetOptions { range: Some(range), if_match, ..GetOptions::default() };
        self.ask_for(key, "read", async move {
            match objects.get_opts(&object, options).await {
                Ok(got) => whole(got).await,
                // An empty object has no range, and stores say so in many ways.
                Err(cause @ StoreError::Generic { .. }) => match objects.head(&object).await {
                    Ok(meta) if meta.size == 0 => Ok(told(Bytes::new(), meta)),
                    _ => Err(cause),
                },
                Err(cause) => Err(cause),
            }
        })
    }

    /// The last bytes of an object.
    pub fn get_tail(&self, key: &str, bytes: u64) -> Result<Option<Got>, LakeError> {
        // Azure knows no ranges from the end, and some stores fail where the object is shorter than that.
        let asks_size = self.place.kind == StoreKind::Azure || self.needs_sizes.load(Relaxed);
        let mut refused = None;
        if !asks_size {
            let (objects, object) = (Arc::clone(&self.hasty), self.object(key)?);
            let tail = GetOptions::new().with_range(Some(GetRange::Suffix(bytes)));
            let got =
                self.ask_for(key, "read", async move { whole(objects.get_opts(&object, tail).await?).await });
            match got {
                Ok(got) => return Ok(got),
                Err(why) => refused = Some(why),
            }
        }
        // The answer to a `HEAD` has no text that says why.
        let found = self.head(key).map_err(|why| refused.unwrap_or(why))?;
        let Some(meta) = found else { return Ok(None) };
        if !asks_size && meta.size < bytes {
            self.needs_sizes.store(true, Relaxed);
        }
        if meta.size == 0 {
            return Ok(Some(told(Bytes::new(), meta)));
        }
        let version = UpdateVersion { e_tag: meta.e_tag, version: meta.version };
        self.get(key, GetRange::Bounded(meta.size.saturating_sub(bytes)..meta.size), Some(&version))
    }

    /// A whole object.
    pub fn read_object(&self, key: &str) -> Result<Option<Got>, LakeError> {
        let (objects, object) = (Arc::clone(&self.objects), self.object(key)?);
        self.ask_for(key, "read", async move { whole(objects.get(&object).await?).await })
    }

    pub fn read(&self, key: &str) -> Result<Option<(Bytes, UpdateVersion)>, LakeError> {
        Ok(self.read_object(key)?.map(|got| (got.content, got.version)))
    }

    pub fn head(&self, key: &str) -> Result<Option<ObjectMeta>, LakeError> {
        let (objects, object) = (Arc::clone(&self.objects), self.object(key)?);
        self.ask_for(key, "look for", async move { objects.head(&object).await })
    }

    /// Puts an object over whatever is there.
    pub fn overwrite(&self, key: &str, content: PutPayload) -> Result<PutResult, LakeError> {
        let (objects, object) = (Arc::clone(&self.objects), self.object(key)?);
        self.ask(key, "write", async move { objects.put(&object, content).await })
    }

    /// Puts an object where nothing is.
    pub fn create(&self, key: &str, content: Bytes) -> Result<Created, LakeError> {
        self.put_over(key, content, PutMode::Create)
    }

    /// Puts an object in the place of a version of it.
    pub fn update(&self, key: &str, content: Bytes, over: UpdateVersion) -> Result<Created, LakeError> {
        self.put_over(key, content, PutMode::Update(over))
    }

    /// Puts an object if what the mode says holds.
    pub fn put_over(&self, key: &str, content: Bytes, mode: PutMode) -> Result<Created, LakeError> {
        let (objects, object) = (Arc::clone(&self.objects), self.object(key)?);
        self.ask(key, "write", async move { put_if(&*objects, &object, content, mode).await })
    }

    /// The names directly under a key, of objects and of folders, sorted.
    pub fn list(&self, key: &str) -> Result<Vec<String>, LakeError> {
        let (objects, object) = (Arc::clone(&self.objects), self.object(key)?);
        let found = self.ask(key, "list", async move { objects.list_with_delimiter(Some(&object)).await })?;
        let files = found.objects.iter().map(|meta| &meta.location);
        let names = files.chain(&found.common_prefixes).filter_map(|path| path.filename());
        let sorted: BTreeSet<String> = names.map(str::to_owned).collect();
        Ok(sorted.into_iter().collect())
    }

    /// The keys of all objects under a key, sorted.
    pub fn files(&self, key: &str) -> Result<Vec<String>, LakeError> {
        let (objects, object) = (Arc::clone(&self.objects), self.object(key)?);
        let found: Vec<ObjectMeta> =
            self.ask(key, "list", async move { objects.list(Some(&object)).try_collect().await })?;
        let mut keys: Vec<String> = found.iter().filter_map(|meta| self.key(&meta.location)).collect();
        keys.sort_unstable();
        Ok(keys)
    }

    pub fn has_any(&self) -> Result<bool, LakeError> {
        let (objects, object) = (Arc::clone(&self.objects), self.object("")?);
        let first = async move { objects.list(Some(&object)).try_next().await };
        Ok(self.ask("", "list", first)?.is_some())
    }

    /// Shows the objects under a key as if they lay in folders.
    pub fn walk(&self, folder: &FilePath, visit: &mut dyn FnMut(&Entry) -> bool) -> Result<(), LakeError> {
        let mut shown: BTreeSet<PathBuf> = BTreeSet::new();
        let mut closed: BTreeSet<PathBuf> = BTreeSet::new();
        for key in self.files(&super::text(folder))? {
            let file = PathBuf::from(&key);
            let inside = file.strip_prefix(folder).unwrap_or(&file);
            let depth = inside.iter().count();
            for (number, part) in inside.iter().enumerate() {
                let path: PathBuf = folder.iter().chain(inside.iter().take(number + 1)).collect();
                let is_folder = number + 1 < depth;
                if shown.insert(path.clone()) {
                    let name = part.to_str().map(str::to_owned);
                    let entry = Entry { path: path.clone(), name, is_folder };
                    if !visit(&entry) {
                        closed.insert(path.clone());
                    }
                }
                if closed.contains(&path) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Takes an object away. Gives false if it is not there.
    pub fn delete(&self, key: &str) -> Result<bool, LakeError> {
        self.check_hold()?;
        let (objects, object) = (Arc::clone(&self.objects), self.object(key)?);
        if self.head(key)?.is_none() {
            return Ok(false);
        }
        Ok(self.ask_for(key, "remove", async move { objects.delete(&object).await })?.is_some())
    }

    /// Moves an object, or all objects under a key, by copies that the store makes.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), LakeError> {
        self.check_hold()?;
        let inside = self.files(from)?;
        let moved = if inside.is_empty() { vec![from.to_owned()] } else { inside };
        for key in moved {
            let target = format!("{to}{}", key.strip_prefix(from).unwrap_or_default());
            let (old, new) = (self.object(&key)?, self.object(&target)?);
            let objects = Arc::clone(&self.objects);
            self.ask(&key, "move aside", async move {
                objects.copy(&old, &new).await?;
                objects.delete(&old).await
            })?;
        }
        Ok(())
    }

    /// Notes that this process holds the lake, or no longer does.
    pub fn set_hold(&self, hold: Option<Arc<Hold>>) {
        *self.hold.lock().unwrap_or_else(PoisonError::into_inner) = hold;
    }

    fn hold(&self) -> Option<Arc<Hold>> {
        self.hold.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Fails if this process had the lake and has lost it, as far as its clock can tell.
    pub fn check_hold(&self) -> Result<(), LakeError> {
        self.hold().map_or(Ok(()), |hold| hold.check(&self.address("")))
    }

    /// As [`Bucket::check_hold`], and the store is asked.
    pub fn confirm_hold(&self) -> Result<(), LakeError> {
        self.hold().map_or(Ok(()), |hold| hold.confirm(self))
    }
}

/// One store, by what it can do.
type Both = (Arc<dyn ObjectStore>, Arc<dyn MultipartStore>);

fn build(place: &config::Bucket, retry: RetryConfig) -> Result<Both, StoreError> {
    match place.kind {
        StoreKind::S3 => AmazonS3Builder::from_env()
            .with_bucket_name(&place.name)
            .with_retry(retry)
            .build()
            .map(|store| both(Arc::new(store))),
        StoreKind::Gcs => GoogleCloudStorageBuilder::from_env()
            .with_bucket_name(&place.name)
            .with_retry(retry)
            .build()
            .map(|store| both(Arc::new(store))),
        StoreKind::Azure => MicrosoftAzureBuilder::from_env()
            .with_container_name(&place.name)
            .with_retry(retry)
            .build()
            .map(|store| both(Arc::new(store))),
    }
}

fn both<S: ObjectStore + MultipartStore>(store: Arc<S>) -> Both {
    (Arc::clone(&store) as Arc<dyn ObjectStore>, store)
}

fn told(content: Bytes, meta: ObjectMeta) -> Got {
    let version = UpdateVersion { e_tag: meta.e_tag, version: meta.version };
    Got { content, size: meta.size, version, modified: meta.last_modified.timestamp() }
}

async fn whole(got: object_store::GetResult) -> Result<Got, StoreError> {
    let meta = got.meta.clone();
    Ok(told(got.bytes().await?, meta))
}

/// A put with a condition. One whose answer was lost may have been done all the same: then what is there is what was
/// sent, and no other writer sends the same.
pub async fn put_if(
    objects: &dyn ObjectStore,
    object: &Path,
    content: Bytes,
    mode: PutMode,
) -> Result<Created, StoreError> {
    const TRIES: usize = 4;
    for attempt in 1.. {
        let options = PutOptions { mode: mode.clone(), ..PutOptions::default() };
        let put = objects.put_opts(object, PutPayload::from(content.clone()), options).await;
        let is_final = match put {
            Ok(put) => return Ok(Created::Done(put.into())),
            Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => None,
            // Whether it arrived is not known.
            Err(cause @ StoreError::Generic { .. }) => Some(cause),
            Err(cause) => return Err(cause),
        };
        match objects.get(object).await {
            Ok(got) => {
                let got = whole(got).await?;
                if got.content == content {
                    return Ok(Created::Done(got.version));
                }
            }
            Err(StoreError::NotFound { .. }) => {}
            Err(cause) => return Err(is_final.unwrap_or(cause)),
        }
        match is_final {
            None => return Ok(Created::Refused),
            Some(cause) if attempt >= TRIES => return Err(cause),
            Some(_) => {}
        }
    }
    Ok(Created::Refused)
}
