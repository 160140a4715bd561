//! Before a run asks the source for anything, its files are compared with the manifest: what somebody deleted, replaced, doubled
//! or restored between two runs, and what a crash left, is found without opening the other files.
//!
//! | the file is | it was put by | then |
//! |---|---|---|
//! | gone | nobody | its tickets are read again |
//! | not decodable | nobody | it is moved aside, its tickets are read again |
//! | another version with the same bytes | a copy or a `touch` | nothing |
//! | newer, and a run crashed | that run | it is taken in |
//! | another one, or has an older `_synced_at` | somebody else, or a backup | it is taken in, its tickets are read again |
//!
//! Rows that belong in another partition are moved there, and of two copies of a ticket the newer one stays.

use std::collections::HashMap;

use arrow::{
    array::{BooleanArray, RecordBatch},
    compute::filter_record_batch,
};
use roaring::RoaringTreemap;

use super::{
    buffer::RowBuffer,
    reading::{ReadError, TicketReader},
    source_state::{Checkpoint, CommitError},
};
use crate::{
    batch::{ID, SYNCED_AT, UPDATED_AT, id_values, instant, instants_of},
    lake::{
        self, FileMeta, FileSchema, LakeError, LostRows, Manifest, ManifestDiff, MoveLog, ParquetFile,
        Partition, PartitionKey, RowKeys, SCHEMA_VERSION,
    },
};

/// What was found lost or changed, and what became of it.
#[derive(Debug, Default)]
pub struct Recovered {
    /// Partitions of which something was lost or changed by somebody else.
    pub partitions: u64,
    /// Tickets that were read again.
    pub read: RoaringTreemap,
    /// Tickets whose rows are gone, and that the source does not have any more.
    pub lost: u64,
    /// Tickets of the lake that were to be read again, and that the source does not have any more.
    pub gone: RoaringTreemap,
}

/// What differs between the files and the manifest. Without a manifest every file is unknown.
pub fn diff(checkpoint: &Checkpoint) -> Result<ManifestDiff, LakeError> {
    let table = &checkpoint.table;
    table.manifest(|manifest| manifest.clone()).compare(&table.lake, &table.source)
}

/// Compares the files with the manifest, takes in what can be, and notes which tickets must be read again, durably.
pub fn recover(checkpoint: &Checkpoint) -> Result<Recovered, CommitError> {
    let found = diff(checkpoint)?;
    let moves = checkpoint.with(|state| state.moves.clone());
    let is_single = checkpoint.table.manifest(|manifest| manifest.duplicates().is_empty());
    if found.is_empty() && moves.is_empty() && is_single && checkpoint.has_manifest() {
        return Ok(Recovered::default());
    }
    // Without a manifest nobody can say what was there before: what is there is taken in.
    let crashed = checkpoint.with(|state| state.writing) || !checkpoint.has_manifest();
    checkpoint.begin_writing()?;
    let known = checkpoint.table.manifest(|manifest| manifest.clone());
    let mut recovery = Recovery {
        checkpoint,
        crashed,
        known: &known,
        lost: RoaringTreemap::new(),
        suspect: RoaringTreemap::new(),
        lost_rows: Vec::new(),
        misplaced: Vec::new(),
    };
    let pending = checkpoint.with(|state| state.reread.clone());
    for key in &found.missing {
        if let Some(partition) = known.partitions.get(key) {
            recovery.lose(*key, &partition.ids);
            checkpoint.table.manifest(|manifest| manifest.partitions.remove(key));
        }
    }
    for key in found.changed.iter().chain(&found.unknown) {
        recovery.examine(*key)?;
    }
    checkpoint.manifest_is_made();
    recovery.finish_moves()?;
    recovery.move_misplaced()?;
    recovery.keep_newest()?;
    for extra in &found.extra {
        recovery.take_in(extra)?;
    }
    recovery.tables(&found)?;
    let partitions = (recovery.lost_rows.len() + found.extra.len()) as u64;
    let Recovery { lost, suspect, lost_rows, .. } = recovery;
    let absent = lost - checkpoint.table.manifest(|manifest| manifest.ids());
    if partitions > 0 {
        tracing::warn!(
            source = &*checkpoint.table.source,
            partitions,
            tickets = (&absent | &suspect).len(),
            "files were lost or changed since the last run ({}); reading their tickets again",
            describe(&found)
        );
    }
    checkpoint.with(|state| {
        state.reread = pending | absent | suspect;
        state.lost_rows.extend(lost_rows);
        state.writing = false;
    });
    checkpoint.commit()?;
    Ok(Recovered { partitions, ..Recovered::default() })
}

/// The first partitions of which something is missing, for people.
pub fn describe(found: &ManifestDiff) -> String {
    const NAMED: usize = 3;
    let keys = found.missing.iter().chain(&found.changed).chain(&found.unknown);
    let mut names: Vec<String> = keys.map(|key| key.folder()).chain(found.extra.iter().cloned()).collect();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", names.join(", "))
}

/// `updated_at` and `_synced_at` of a row, microseconds since 1970: what makes one copy newer than another.
type Version = (Option<i64>, Option<i64>);

struct Recovery<'a> {
    checkpoint: &'a Checkpoint,
    /// The last run did not come to its end: it may have put files of which the manifest does not know.
    crashed: bool,
    known: &'a Manifest,
    lost: RoaringTreemap,
    /// Rows that are there, and may not be what the source has.
    suspect: RoaringTreemap,
    /// What is lost or suspect, by partition; each partition is looked at once.
    lost_rows: Vec<LostRows>,
    /// Rows in the wrong partition, with the one that they belong in.
    misplaced: Vec<(PartitionKey, RecordBatch)>,
}

impl Recovery<'_> {
    /// Notes tickets that must be read again, before any commit can forget the file that held them.
    fn lose(&mut self, key: PartitionKey, ids: &RoaringTreemap) {
        self.lost |= ids;
        self.lost_rows.push(LostRows { partition: key, ids: ids.clone() });
        self.checkpoint.with(|state| state.reread |= ids);
    }

    /// A file that cannot be read was moved aside. Without a manifest nobody knows what was in it: only a full read finds it.
    fn lose_file(&mut self, key: PartitionKey, held: &RoaringTreemap) {
        self.lose(key, held);
        if !self.checkpoint.has_manifest() {
            self.checkpoint.with(|state| (state.whole_at, state.unfinished) = (None, Vec::new()));
        }
    }

    /// Looks into a file that is not the one that the manifest knows.
    fn examine(&mut self, key: PartitionKey) -> Result<(), LakeError> {
        let table = &self.checkpoint.table;
        let before = self.known.partitions.get(&key);
        let held = before.map(|before| before.ids.clone()).unwrap_or_default();
        let Some(file) = table.open(key)? else {
            self.lose_file(key, &held);
            return Ok(());
        };
        let checksum = file.checksum()?;
        if let Some(before) = before.filter(|before| before.checksum == checksum) {
            let same = Partition { version: file.version(), ..before.clone() };
            table.manifest(|manifest| manifest.partitions.insert(key, same));
            return Ok(());
        }
        let rows = table.healed(key, || self.rows(key, &file).map(Some), || Ok(None))?;
        let Some((keys, misplaced)) = rows else {
            self.lose_file(key, &held);
            return Ok(());
        };
        let now = Partition::new(file.version(), checksum, keys);
        let gone = &held - &now.ids;
        let is_restored = before.is_some_and(|before| now.synced_at < before.synced_at);
        let is_foreign = !self.crashed || is_restored;
        if is_foreign {
            self.suspect |= &now.ids;
            self.lose(key, &(&now.ids | held));
        } else if !gone.is_empty() || !misplaced.is_empty() {
            self.lose(key, &gone);
        }
        self.misplaced.extend(misplaced);
        table.manifest(|manifest| manifest.partitions.insert(key, now));
        Ok(())
    }

    /// Decodes a whole file: the keys of its rows, and those that belong in another partition.
    fn rows(
        &self,
        key: PartitionKey,
        file: &ParquetFile,
    ) -> Result<(RowKeys, Vec<(PartitionKey, RecordBatch)>), LakeError> {
        let mut calendar = self.checkpoint.table.lake.calendar();
        let (mut keys, mut misplaced) = (RowKeys::default(), Vec::new());
        for batch in file.batches()? {
            let batch = batch?;
            keys.add(&batch);
            let created = instants_of(&batch, "created_at");
            let belongs = |row| calendar.key(instant(created, row)) != key;
            let wrong: BooleanArray = (0..batch.num_rows()).map(belongs).map(Some).collect();
            if wrong.true_count() > 0 {
                let damaged = |why: &dyn std::fmt::Display| LakeError::Damaged {
                    at: self.checkpoint.table.location(key).to_string(),
                    what: why.to_string(),
                };
                let rows = filter_record_batch(&batch, &wrong).map_err(|why| damaged(&why))?;
                misplaced.extend(lake::split(&mut calendar, &[rows]).map_err(|why| damaged(&why))?);
            }
        }
        Ok((keys, misplaced))
    }

    /// Takes away the copies that a crash amid a move left, in the partitions that the intentions name as left.
    fn finish_moves(&mut self) -> Result<(), LakeError> {
        let table = &self.checkpoint.table;
        let moves = self.checkpoint.with(|state| std::mem::take(&mut state.moves));
        for step in moves {
            let arrived = table.manifest(|manifest| {
                manifest.partitions.get(&step.to).map(|partition| &partition.ids & &step.ids)
            });
            if let Some(arrived) = arrived.filter(|arrived| !arrived.is_empty()) {
                table.remove(step.from, &arrived)?;
            }
        }
        Ok(())
    }

    /// Brings rows into the partition of their creation; they are taken out of the other one then.
    fn move_misplaced(&mut self) -> Result<(), LakeError> {
        for (key, rows) in std::mem::take(&mut self.misplaced) {
            self.bring_in(key, rows)?;
        }
        Ok(())
    }

    fn bring_in(&self, key: PartitionKey, rows: RecordBatch) -> Result<(), LakeError> {
        let table = &self.checkpoint.table;
        // Under the columns of the file that takes them in; whatever else they have is read again.
        let schema = match table.open(key)? {
            Some(file) => file.schema().clone(),
            None => rows.schema(),
        };
        let kind = self.checkpoint.with(|state| state.account.as_ref().map(|account| account.kind.clone()));
        let meta = FileMeta { schema_version: SCHEMA_VERSION, source_kind: kind.unwrap_or_default() };
        let schema = FileSchema::new(&schema, &meta)?;
        table.upsert(key, &[rows], &schema, Some(self.checkpoint as &dyn MoveLog))?;
        Ok(())
    }

    /// Of a ticket in several partitions the row of the later `updated_at` stays, then that of the later `_synced_at`.
    fn keep_newest(&mut self) -> Result<(), LakeError> {
        let table = &self.checkpoint.table;
        let twice = table.manifest(|manifest| manifest.duplicates());
        let mut newest: HashMap<i64, (Version, PartitionKey)> = HashMap::new();
        let holding = table.manifest(|manifest| manifest.holding(&twice));
        for (key, ids) in &holding {
            let Some(file) = table.open(*key)? else { continue };
            for batch in file.columns(&[ID, UPDATED_AT, SYNCED_AT])? {
                let batch = batch?;
                let (updated, synced) = (instants_of(&batch, UPDATED_AT), instants_of(&batch, SYNCED_AT));
                for (row, id) in id_values(&batch).iter().enumerate() {
                    if ids.contains(id.cast_unsigned()) {
                        let found = ((instant(updated, row), instant(synced, row)), *key);
                        let best = newest.entry(*id).or_insert(found);
                        *best = (*best).max(found);
                    }
                }
            }
        }
        for (key, ids) in holding {
            let loses = |id: &u64| newest.get(&id.cast_signed()).is_some_and(|(_, winner)| *winner != key);
            let older: RoaringTreemap = ids.iter().filter(loses).collect();
            if !older.is_empty() {
                table.remove(key, &older)?;
            }
        }
        Ok(())
    }

    /// Takes in the rows that only a file beside those of the table has, and moves it aside.
    fn take_in(&mut self, extra: &str) -> Result<(), LakeError> {
        let table = &self.checkpoint.table;
        let held = table.manifest(|manifest| manifest.ids());
        let path = std::path::Path::new(extra);
        match self.rows_beside(path, &held) {
            Ok(rows) => {
                for (key, rows) in rows {
                    self.suspect.extend(id_values(&rows).iter().map(|id| id.cast_unsigned()));
                    self.bring_in(key, rows)?;
                }
            }
            Err(cause) if cause.is_damage() => {}
            Err(cause) => return Err(cause),
        }
        table.move_aside(path)
    }

    fn rows_beside(
        &self,
        path: &std::path::Path,
        held: &RoaringTreemap,
    ) -> Result<Vec<(PartitionKey, RecordBatch)>, LakeError> {
        let lake = &self.checkpoint.table.lake;
        let (at, mut calendar, mut found) = (lake.at(path), lake.calendar(), Vec::new());
        let damaged =
            |why: &dyn std::fmt::Display| LakeError::Damaged { at: at.to_string(), what: why.to_string() };
        let Some(file) = lake::open(&at)? else { return Ok(found) };
        if file.source_kind().is_none() {
            return Ok(found);
        }
        for batch in file.batches()? {
            let batch = batch?;
            let new: BooleanArray =
                id_values(&batch).iter().map(|id| Some(!held.contains(id.cast_unsigned()))).collect();
            if new.true_count() > 0 {
                let rows = filter_record_batch(&batch, &new).map_err(|why| damaged(&why))?;
                found.extend(lake::split(&mut calendar, &[rows]).map_err(|why| damaged(&why))?);
            }
        }
        Ok(found)
    }

    /// Small tables: one that cannot be read is moved aside; it is written anew later in the run.
    fn tables(&mut self, found: &ManifestDiff) -> Result<(), LakeError> {
        let table = &self.checkpoint.table;
        for name in &lake::TABLES[1..] {
            let known = table.manifest(|manifest| manifest.tables.get(*name).cloned());
            if known.is_some() && !found.tables.iter().any(|table| table == name) {
                continue;
            }
            let readable = lake::read_table(&table.lake, name, &table.source)
                .and_then(|_| lake::table_version(&table.lake, name, &table.source));
            let version = match readable {
                Err(cause) if !cause.is_damage() => return Err(cause),
                Ok(Some(version))
                    if self.crashed || known.as_ref().is_none_or(|k| k.checksum == version.checksum) =>
                {
                    Some(version)
                }
                Ok(None) => None,
                // Somebody else put it there: what it says is of another lake, or of another day.
                Ok(Some(_)) | Err(_) => {
                    let file = lake::TableFile { table: name, source: table.source.to_string() };
                    table.move_aside(&file.path())?;
                    None
                }
            };
            if version.is_none() && known.is_some() {
                tracing::warn!(
                    source = &*table.source,
                    "the table {name} was lost or changed; it is written anew, without what only it remembered"
                );
            }
            table.manifest(|manifest| match version {
                Some(version) => _ = manifest.tables.insert((*name).to_owned(), version),
                None => _ = manifest.tables.remove(*name),
            });
        }
        Ok(())
    }
}

/// Asks the source for tickets by id; what it has is brought in, and none of them is to be read again.
pub async fn read_again(
    reader: &TicketReader<'_>,
    buffer: &RowBuffer,
    checkpoint: &Checkpoint,
    recovered: &mut Recovered,
) -> Result<(), ReadError> {
    let (wanted, _) = checkpoint.reread();
    if wanted.is_empty() {
        return Ok(());
    }
    tracing::info!(
        source = &*checkpoint.table.source,
        tickets = wanted.len(),
        "reading lost tickets again by id"
    );
    let ids: Vec<i64> = wanted.iter().map(u64::cast_signed).collect();
    let found = reader.read_ids(&ids, buffer).await?;
    buffer.settle().await?;
    settle(checkpoint, &wanted, &found, recovered);
    Ok(checkpoint.commit()?)
}

/// Notes that of the tickets that were to be read again the source has some, whose rows are in the lake now, and no other.
pub fn settle(
    checkpoint: &Checkpoint,
    wanted: &RoaringTreemap,
    found: &RoaringTreemap,
    recovered: &mut Recovered,
) {
    let gone = wanted - found;
    let (live, held) = checkpoint.table.manifest(|manifest| {
        let live = manifest.partitions.values().map(|partition| &partition.ids - &partition.deleted);
        (live.fold(RoaringTreemap::new(), |all, live| all | live), manifest.ids())
    });
    let lost = (&gone - held).len();
    if lost > 0 {
        tracing::warn!(
            source = &*checkpoint.table.source,
            tickets = lost,
            "tickets whose rows were lost are deleted at the source: they cannot be read again"
        );
    }
    recovered.lost += lost;
    recovered.gone |= gone & live;
    recovered.read |= found & wanted;
    checkpoint.reread_done(wanted);
}
