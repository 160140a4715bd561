//! Rows brought home: sorted, in the partition of their creation, each ticket once, under one form.

use std::{collections::HashMap, path::Path};

use arrow::array::RecordBatch;
use roaring::RoaringTreemap;

use super::{blocking::Abandoned, check::SourceFiles, repair::Repaired};
use crate::{
    batch::{BatchError, ID, SYNCED_AT, UPDATED_AT, ids_of, instant, instants_of},
    lake::{self, FileForm, Lake, LakeError, PartitionKey, split},
};

/// A source whose files take on one form.
pub struct Home<'a> {
    pub lake: &'a Lake,
    pub files: &'a SourceFiles,
    pub form: FileForm,
    pub abandoned: &'a Abandoned,
}

impl Home<'_> {
    fn rows(&self, key: PartitionKey) -> Result<Vec<RecordBatch>, LakeError> {
        lake::batches(&lake::ticket_file(self.lake, &self.files.name, key))?.1.collect()
    }

    fn replace(&self, key: PartitionKey, rows: &[RecordBatch]) -> Result<(), LakeError> {
        lake::replace(self.lake, &self.files.name, key, rows, &self.form).map(|_| ())
    }

    /// Sorts, makes unique and gives the form to every file that asks for it, or has other columns.
    pub fn bring_to_form(&self) -> Result<u64, LakeError> {
        let wanted = crate::columns::of_schema(self.form.schema());
        let mut written = 0;
        for key in self.files.readable().take_while(|_| !self.abandoned.is()) {
            let schema = lake::schema_of(&lake::ticket_file(self.lake, &self.files.name, key))?;
            let differs = schema.is_some_and(|schema| crate::columns::of_schema(&schema) != wanted);
            if differs || self.files.rewrite.contains(&key) {
                self.replace(key, &self.rows(key)?)?;
                written += 1;
            }
        }
        Ok(written)
    }

    /// Moves tickets into the partitions of their creation: first there, then away from here.
    pub fn send_home(&self, repaired: &mut Repaired) -> Result<u64, LakeError> {
        let (mut written, mut calendar) = (0, self.lake.calendar());
        for key in self.files.rewrite.iter().copied() {
            if self.abandoned.is() {
                break;
            }
            let Ok(parts) = self.parts(&self.rows(key)?, &mut calendar) else { continue };
            let (own, others): (Vec<_>, Vec<_>) = parts.into_iter().partition(|(home, _)| *home == key);
            if others.is_empty() {
                continue;
            }
            let mut moved = 0;
            let mut stay: Vec<RecordBatch> = own.into_iter().map(|(_, rows)| rows).collect();
            for (home, rows) in others {
                if self.files.unreadable.contains(&home) {
                    let path = home.folder();
                    repaired
                        .left
                        .push(format!("{} tickets belong in {path}, which cannot be read", rows.num_rows()));
                    stay.push(rows);
                    continue;
                }
                moved += rows.num_rows();
                written += u64::from(
                    lake::upsert(self.lake, &self.files.name, home, &[rows], &self.form, false)?
                        .written
                        .is_some(),
                );
            }
            self.settle(key, &stay)?;
            repaired.done.push(format!(
                "{}: tickets moved out of {}: {moved}",
                self.files.name,
                key.folder()
            ));
        }
        Ok(written)
    }

    fn parts(
        &self,
        batches: &[RecordBatch],
        calendar: &mut lake::Calendar,
    ) -> Result<Vec<(PartitionKey, RecordBatch)>, BatchError> {
        let mut parts = Vec::new();
        for batch in batches {
            parts.extend(split(calendar, std::slice::from_ref(batch))?);
        }
        Ok(parts)
    }

    /// Leaves these rows in a partition; one without rows goes, unless it is the source's only one.
    fn settle(&self, key: PartitionKey, rows: &[RecordBatch]) -> Result<(), LakeError> {
        let empty = rows.iter().all(|batch| batch.num_rows() == 0);
        if !empty || self.files.keys.len() == 1 {
            return self.replace(key, rows);
        }
        lake::remove(self.lake, &self.files.name, key)?;
        let path = lake::TicketFile { source: self.files.name.clone(), key }.path();
        lake::remove_empty(self.lake, path.parent().unwrap_or(&path)).map(|_| ())
    }

    /// Brings the rows of a stray file of tickets, or of those in a stray folder, to their partitions, before it is
    /// moved aside.
    pub fn take_in(&self, stray: &Path, repaired: &mut Repaired) -> Result<(), LakeError> {
        let place = self.lake.at(stray);
        if lake::is_folder(self.lake, stray)? {
            for inside in lake::files_in(self.lake, stray)? {
                self.take_in(&inside, repaired)?;
            }
            return Ok(());
        }
        if stray.extension().is_none_or(|kind| kind != "parquet") {
            return Ok(());
        }
        let ours = lake::footer(&place).ok().flatten().is_some_and(|footer| {
            footer.metadata.iter().any(|(key, _)| key == "ticketlake.source_kind")
                && footer.schema.field_with_name(ID).is_ok()
        });
        let rows: Result<Vec<RecordBatch>, LakeError> = match ours {
            true => lake::batches(&place).and_then(|(_, rows)| rows.collect()),
            false => Ok(Vec::new()),
        };
        let Ok(parts) = self.parts(&rows.unwrap_or_default(), &mut self.lake.calendar()) else {
            return Ok(());
        };
        let mut new = 0;
        for (key, rows) in parts.into_iter().filter(|(key, _)| !self.files.unreadable.contains(key)) {
            new += lake::upsert(self.lake, &self.files.name, key, &[rows], &self.form, false)?.counts.new;
        }
        if new > 0 {
            repaired.done.push(format!("tickets that only {} had, brought home: {new}", stray.display()));
        }
        Ok(())
    }

    /// Of a ticket in several partitions the newest row stays.
    pub fn keep_newest(&self, repaired: &mut Repaired) -> Result<(), LakeError> {
        let scattered = &self.files.scattered;
        if scattered.is_empty() {
            return Ok(());
        }
        let mut newest: HashMap<i64, (Version, PartitionKey)> = HashMap::new();
        let mut held: HashMap<PartitionKey, RoaringTreemap> = HashMap::new();
        for key in lake::partitions(self.lake, &self.files.name)? {
            if self.files.unreadable.contains(&key) {
                continue;
            }
            for batch in lake::batches(&lake::ticket_file(self.lake, &self.files.name, key))?.1 {
                for (id, version) in versions(&batch?, scattered) {
                    held.entry(key).or_default().insert(id.cast_unsigned());
                    let best = newest.entry(id).or_insert((version, key));
                    *best = (*best).max((version, key));
                }
            }
        }
        let mut removed = 0;
        for (key, ids) in held {
            let loses = |id: i64| {
                ids.contains(id.cast_unsigned()) && newest.get(&id).is_some_and(|(_, winner)| *winner != key)
            };
            let count = ids.iter().filter(|id| loses(id.cast_signed())).count();
            if count > 0 {
                lake::take_out(self.lake, &self.files.name, key, &loses, &self.form)?;
                removed += count;
            }
        }
        if removed > 0 {
            let name = &self.files.name;
            repaired.done.push(format!("{name}: older copies of tickets taken out: {removed}"));
        }
        Ok(())
    }
}

/// `updated_at` and `_synced_at` of a row, microseconds since 1970: what makes one copy newer than another.
type Version = (Option<i64>, Option<i64>);

fn versions(batch: &RecordBatch, wanted: &RoaringTreemap) -> Vec<(i64, Version)> {
    let Some(ids) = ids_of(batch) else { return Vec::new() };
    let (updated, synced) = (instants_of(batch, UPDATED_AT), instants_of(batch, SYNCED_AT));
    let rows = ids.values().iter().enumerate().filter(|(_, id)| wanted.contains(id.cast_unsigned()));
    rows.map(|(row, id)| (*id, (instant(updated, row), instant(synced, row)))).collect()
}
