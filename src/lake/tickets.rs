//! The table `tickets` of a source: one file a partition, written only when a row in it changes, and the manifest of them.
//!
//! Everything that changes a file of tickets is a method of [`TicketTable`], so that the manifest never lags behind.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use arrow::array::RecordBatch;
use roaring::RoaringTreemap;

use super::{
    FileMeta, FileSchema, Lake, LakeError, Location, LostRows, Manifest, Move, Partition, PartitionKey,
    inventory::{FILE, ticket_key, tickets_folder},
    reader::{self, ParquetFile},
    rewrite, store,
    upsert::{self, Upserted},
    writer::WrittenFile,
};
use crate::batch::{BatchError, Incoming, UPDATED_AT, id_values, instant, instants_of};

/// Damaged files go here, below the name of the run that moved them.
const ASIDE: &str = "_ticketlake/aside";

/// Where the file of a partition lies.
pub fn ticket_file(lake: &Lake, source: &str, key: PartitionKey) -> Location {
    store::path(lake, &ticket_key(source, key))
}

/// The partitions of a source that have a file, sorted, found by listing.
pub fn partitions(lake: &Lake, source: &str) -> Result<Vec<PartitionKey>, LakeError> {
    let folders = store::folders_with(lake, &tickets_folder(source), FILE)?;
    let mut keys: Vec<_> = folders.iter().filter_map(|folder| PartitionKey::parse(folder)).collect();
    keys.sort_unstable();
    Ok(keys)
}

/// Some columns of a partition, batch by batch, sorted by id; none if there is no file. A name that the file lacks is left out.
pub fn columns(
    lake: &Lake,
    source: &str,
    key: PartitionKey,
    names: &[&str],
) -> Result<impl Iterator<Item = Result<RecordBatch, LakeError>> + use<>, LakeError> {
    let file = reader::open(&ticket_file(lake, source, key))?;
    Ok(file.map(|file| file.columns(names)).transpose()?.into_iter().flatten())
}

/// Keeps what a crash amid a move must not lose: that a copy is to be taken away.
pub trait MoveLog {
    /// Durably, before anything is put.
    fn begin(&self, moves: &[Move]) -> Result<(), LakeError>;
    /// The copies are gone.
    fn end(&self, moves: &[Move]);
}

/// The tickets of a source in a lake; cheap to clone.
#[derive(Clone)]
pub struct TicketTable {
    pub lake: Lake,
    pub source: Arc<str>,
    run_id: Arc<str>,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    manifest: Manifest,
    /// Rows are replaced whatever their `updated_at`: these were read in another zone.
    replaces_newer: bool,
    lost: RoaringTreemap,
    lost_rows: Vec<LostRows>,
    aside: Vec<PathBuf>,
}

impl TicketTable {
    /// The table as a manifest describes it. Damaged files are moved aside under the name of the run.
    pub fn new(lake: &Lake, source: &str, run_id: &str, manifest: Manifest) -> Self {
        let shared = Shared { manifest, ..Shared::default() };
        Self {
            lake: lake.clone(),
            source: source.into(),
            run_id: run_id.into(),
            shared: Arc::new(Mutex::new(shared)),
        }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the manifest as it is now, or changes it.
    pub fn manifest<T>(&self, act: impl FnOnce(&mut Manifest) -> T) -> T {
        act(&mut self.shared().manifest)
    }

    /// Rows that are read replace existing ones even of a later `updated_at`.
    pub fn replace_newer(&self, replaces_newer: bool) {
        self.shared().replaces_newer = replaces_newer;
    }

    /// The partitions that have a file, sorted, by the manifest.
    pub fn partitions(&self) -> Vec<PartitionKey> {
        self.manifest(|manifest| manifest.partitions.keys().copied().collect())
    }

    /// Ids whose rows were in files that had to be moved aside in this run, and were not found since: they must be read again.
    pub fn lost(&self) -> RoaringTreemap {
        self.shared().lost.clone()
    }

    /// The rows of the files that had to be moved aside in this run.
    pub fn lost_rows(&self) -> Vec<LostRows> {
        self.shared().lost_rows.clone()
    }

    /// These ids are not lost.
    pub fn found(&self, ids: &RoaringTreemap) {
        self.shared().lost -= ids;
    }

    /// Where the damaged files were moved to since the last call, relative to the lake.
    pub fn take_aside(&self) -> Vec<PathBuf> {
        std::mem::take(&mut self.shared().aside)
    }

    /// Where the file of a partition lies.
    pub fn location(&self, key: PartitionKey) -> Location {
        ticket_file(&self.lake, &self.source, key)
    }

    /// Opens the file of a partition; `None` if there is none. One that is damaged is moved aside, and its rows count as lost.
    pub fn open(&self, key: PartitionKey) -> Result<Option<ParquetFile>, LakeError> {
        self.healed(key, || reader::open(&self.location(key)), || Ok(None))
    }

    /// Does something with the file of a partition; where the file turns out to be damaged it is moved aside, and what is
    /// done then is `without` it.
    pub fn healed<T>(
        &self,
        key: PartitionKey,
        act: impl FnOnce() -> Result<T, LakeError>,
        without: impl FnOnce() -> Result<T, LakeError>,
    ) -> Result<T, LakeError> {
        match act() {
            Err(cause) if cause.is_damage() => {
                tracing::warn!(source = &*self.source, "{cause}");
                self.set_aside(key)?;
                without()
            }
            done => done,
        }
    }

    /// Moves the file of a partition out of the table: it fails every reader. Its rows count as lost.
    pub fn set_aside(&self, key: PartitionKey) -> Result<(), LakeError> {
        self.move_aside(&PathBuf::from(ticket_key(&self.source, key)))?;
        let mut shared = self.shared();
        if let Some(partition) = shared.manifest.partitions.remove(&key) {
            shared.lost |= &partition.ids;
            shared.lost_rows.push(LostRows { partition: key, ids: partition.ids });
        }
        Ok(())
    }

    /// Moves a file out of the lake's tables, to be looked at later; its path is relative to the lake.
    pub fn move_aside(&self, file: &Path) -> Result<(), LakeError> {
        let aside = set_aside(&self.lake, &self.run_id, file)?;
        tracing::warn!(source = &*self.source, "{} is moved to {}", file.display(), aside.display());
        self.shared().aside.push(aside);
        Ok(())
    }

    /// Brings rows that were read into a partition. `reads` are in the order of reading, in any order of ids; an id may
    /// occur more than once. Per id the newest `updated_at` stays, of equal or unknown times the later read. The file is
    /// replaced as a whole, or left alone if no row in it changes.
    ///
    /// A ticket that another partition holds is moved: `log` keeps the intention, then it is put here, then taken out
    /// there. Without a `log` nothing is moved: other workers own the other partitions, and of two copies the newer one
    /// is found later.
    pub fn upsert(
        &self,
        key: PartitionKey,
        reads: &[RecordBatch],
        schema: &FileSchema,
        log: Option<&dyn MoveLog>,
    ) -> Result<Upserted, LakeError> {
        let at = self.location(key);
        let replaces_newer = self.shared().replaces_newer;
        let incoming = Incoming::new(schema.schema(), reads).map_err(LakeError::rows(&at))?;
        let mut incoming = if replaces_newer { incoming.replacing_newer() } else { incoming };
        let (moves, stale) = match log {
            Some(_) => self.moves(key, &incoming)?,
            None => Default::default(),
        };
        incoming.drop_ids(&stale);
        if let Some(log) = log.filter(|_| !moves.is_empty()) {
            log.begin(&moves)?;
        }
        let merge = || upsert::upsert(&self.lake, &ticket_key(&self.source, key), &incoming, schema);
        let mut upserted = self.healed(key, merge, merge)?;
        upserted.unchanged += stale.len();
        if let Some(written) = &upserted.written {
            self.note(key, written);
            // What was lost with a damaged file and came again at once is not lost.
            self.found(&written.keys.ids);
        }
        for step in &moves {
            upserted.new -= &step.ids;
            upserted.changed |= &step.ids;
            upserted.moved.extend(self.remove(step.from, &step.ids)?);
        }
        if let Some(log) = log.filter(|_| !moves.is_empty()) {
            log.end(&moves);
        }
        Ok(upserted)
    }

    /// Which of the incoming rows other partitions hold: in an older version, then they move; or in a newer one, then they
    /// are stale here.
    fn moves(
        &self,
        key: PartitionKey,
        incoming: &Incoming,
    ) -> Result<(Vec<Move>, RoaringTreemap), LakeError> {
        let ids: RoaringTreemap = incoming.rows().iter().map(|row| row.id.cast_unsigned()).collect();
        let mut stale = RoaringTreemap::new();
        let mut moves = Vec::new();
        for (from, mut ids) in self.manifest(|manifest| manifest.elsewhere(key, &ids)) {
            for (id, held) in self.updated_at(from, &ids)? {
                let row = incoming.rows().binary_search_by_key(&id, |row| row.id);
                let row = row.ok().and_then(|at| incoming.rows().get(at));
                if row.is_some_and(|row| incoming.is_stale(row, held)) {
                    ids.remove(id.cast_unsigned());
                    stale.insert(id.cast_unsigned());
                }
            }
            if !ids.is_empty() {
                moves.push(Move { from, to: key, ids });
            }
        }
        Ok((moves, stale))
    }

    /// `updated_at` of some rows of a partition, microseconds since 1970.
    fn updated_at(
        &self,
        key: PartitionKey,
        ids: &RoaringTreemap,
    ) -> Result<Vec<(i64, Option<i64>)>, LakeError> {
        let read = || {
            let mut found = Vec::new();
            let Some(file) = reader::open(&self.location(key))? else { return Ok(found) };
            for batch in file.columns(&[crate::batch::ID, UPDATED_AT])? {
                let batch = batch?;
                let updated = instants_of(&batch, UPDATED_AT);
                let rows = id_values(&batch).iter().enumerate();
                let rows = rows.filter(|(_, id)| ids.contains(id.cast_unsigned()));
                found.extend(rows.map(|(row, id)| (*id, instant(updated, row))));
            }
            Ok(found)
        };
        self.healed(key, read, || Ok(Vec::new()))
    }

    /// Takes rows out of a partition, by its file's own schema. A file without rows stays: readers may be about to open it.
    /// `None` if it holds none of them.
    pub fn remove(&self, key: PartitionKey, ids: &RoaringTreemap) -> Result<Option<WrittenFile>, LakeError> {
        let Some(file) = self.open(key)? else { return Ok(None) };
        let kind = file.source_kind().unwrap_or_default().to_owned();
        let meta = FileMeta { schema_version: super::SCHEMA_VERSION, source_kind: kind };
        let schema = FileSchema::new(file.schema(), &meta)?;
        // The rows must be durable where they went before they leave this file.
        self.lake.store.sync_folders()?;
        self.rewrite(key, &schema, &|batch| rewrite::without(&batch, ids))
    }

    /// Writes the file of a partition again under a schema, with every batch as `edit` makes it; ids stay sorted. `None`
    /// if there is no file, or if neither its columns nor its rows change.
    pub fn rewrite(
        &self,
        key: PartitionKey,
        schema: &FileSchema,
        edit: &dyn Fn(RecordBatch) -> Result<RecordBatch, BatchError>,
    ) -> Result<Option<WrittenFile>, LakeError> {
        let file_key = ticket_key(&self.source, key);
        let written =
            self.healed(key, || rewrite::rewrite(&self.lake, &file_key, schema, edit), || Ok(None))?;
        Ok(written.inspect(|written| self.note(key, written)))
    }

    /// Notes in the manifest what the file of a partition is now.
    fn note(&self, key: PartitionKey, written: &WrittenFile) {
        let partition = Partition::from(written.clone());
        self.manifest(|manifest| manifest.partitions.insert(key, partition));
    }

    /// Marks tickets as deleted at an instant, wherever they lie; a row that is marked keeps its mark. Gives how many
    /// were marked, and the files.
    pub fn mark_deleted(
        &self,
        ids: &RoaringTreemap,
        at: i64,
        schema: &FileSchema,
    ) -> Result<(u64, Vec<(PartitionKey, WrittenFile)>), LakeError> {
        let (mut count, mut files) = (0, Vec::new());
        for (key, held) in self.manifest(|manifest| manifest.holding(ids)) {
            let deleted = |manifest: &mut Manifest| {
                manifest.partitions.get(&key).map_or(0, |partition| partition.deleted.len())
            };
            let before = self.manifest(deleted);
            if let Some(written) = self.rewrite(key, schema, &|batch| rewrite::deleted(batch, &held, at))? {
                count += self.manifest(deleted).saturating_sub(before);
                files.push((key, written));
            }
        }
        Ok((count, files))
    }

    /// Puts a file without rows into the default partition, so that a source without tickets can be read too. `None` if
    /// there is any file.
    pub fn put_empty(&self, schema: &FileSchema) -> Result<Option<WrittenFile>, LakeError> {
        if self.manifest(|manifest| !manifest.partitions.is_empty()) {
            return Ok(None);
        }
        let key = PartitionKey::Default(self.lake.partition);
        let nothing = Incoming::new(schema.schema(), &[]).map_err(LakeError::rows(self.location(key)))?;
        let written = upsert::create(&self.lake, &ticket_key(&self.source, key), &nothing, schema)?;
        self.note(key, &written);
        Ok(Some(written))
    }
}

/// Moves a file or a folder out of its place, to be looked at later. `what` and what is returned are relative to the lake.
pub fn set_aside(lake: &Lake, run_id: &str, what: &Path) -> Result<PathBuf, LakeError> {
    let aside = Path::new(ASIDE).join(run_id).join(what);
    lake.store.rename(what, &aside)?;
    Ok(aside)
}
