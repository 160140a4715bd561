//! Putting files right from the lake itself: rows are sorted, moved home and made unique, columns made the same. What
//! cannot be put right that way is named.

use std::{collections::HashMap, path::Path};

use arrow::{
    array::{Array, AsArray, RecordBatch, TimestampMicrosecondArray},
    datatypes::{Int64Type, TimestampMicrosecondType},
};
use roaring::RoaringTreemap;
use serde::Serialize;

use super::{
    blocking::Abandoned,
    check::{Checked, SMALL_TABLES, SourceFiles},
    columns, remembered,
};
use crate::{
    batch::{ID, SYNCED_AT, UPDATED_AT},
    fields::rows,
    lake::{self, FileForm, FileMeta, Lake, LakeError, PartitionKey, split},
    sync::{Checkpoint, CommitError, SCHEMA_VERSION},
};

/// What was done, and what was not, in words.
#[derive(Debug, Default, Serialize)]
pub struct Repaired {
    pub done: Vec<String>,
    pub left: Vec<String>,
}

/// Repairs the files of all sources that were checked. Only for the holder of the lake.
pub fn repair_files(
    lake: &Lake,
    run_id: &str,
    checked: &Checked,
    abandoned: &Abandoned,
) -> Result<Repaired, CommitError> {
    let mut repaired = Repaired::default();
    let swept = lake::sweep(lake)?;
    if swept > 0 {
        repaired.done.push(format!("{swept} files of runs that died are swept"));
    }
    for files in &checked.sources {
        repair_source(lake, run_id, files, checked, abandoned, &mut repaired)?;
        if abandoned.is() {
            return Ok(repaired);
        }
    }
    for stray in &checked.inventory.strays {
        let aside = lake::set_aside(lake, run_id, stray)?;
        repaired.done.push(format!("{} is moved to {}", stray.display(), aside.display()));
    }
    for absent in &checked.inventory.absent {
        let path = absent.path();
        let folder = path.parent().unwrap_or(&path);
        // A trace of what is missing stays until the source was asked.
        let lost = |files: &SourceFiles| files.name == absent.source && files.lost.contains(&absent.key);
        if checked.sources.iter().any(lost) {
            repaired
                .left
                .push(format!("{} has no file; its tickets are at the source only", folder.display()));
        } else if lake::remove_empty(lake, folder)? {
            repaired.done.push(format!("{}, which held nothing, is removed", folder.display()));
        }
    }
    Ok(repaired)
}

fn repair_source(
    lake: &Lake,
    run_id: &str,
    files: &SourceFiles,
    checked: &Checked,
    abandoned: &Abandoned,
    repaired: &mut Repaired,
) -> Result<(), CommitError> {
    let name = &files.name;
    if files.state_unreadable {
        let aside = lake::set_aside(lake, run_id, &files.state())?;
        let aside = aside.display();
        repaired
            .done
            .push(format!("{name}: its state is moved to {aside}; the next sync reads everything again"));
    }
    if files.ahead {
        remembered::forget_times(lake, name)?;
        repaired.done.push(format!("{name}: its cursor is forgotten; the next sync reads everything again"));
    }
    for key in &files.unreadable {
        let path = lake::TicketFile { source: name.clone(), key: *key }.path();
        repaired.left.push(format!("{} cannot be read; its tickets are at the source only", path.display()));
    }
    for table in &files.tables_unreadable {
        let aside = lake::set_aside(lake, run_id, &table.path())?;
        let (path, aside) = (table.path(), aside);
        let what = format!("{} is moved to {}", path.display(), aside.display());
        repaired.done.push(format!("{what}; the next sync writes it anew"));
    }
    let strays = checked.inventory.strays.iter().map(AsRef::as_ref);
    let strays: Vec<&Path> = strays.filter(|stray| is_of(stray, name)).collect();
    if !files.tables_to_rewrite.is_empty() {
        rewrite_tables(lake, files, repaired)?;
    }
    if files.rewrite.is_empty() && files.scattered.is_empty() && strays.is_empty() {
        return Ok(());
    }
    let cut = lake.calendar().key(None).cut();
    if files.keys.iter().any(|key| key.cut() != cut) {
        repaired.left.push(format!("{name}: set `partition` under [lake] to what the lake has first"));
        return Ok(());
    }
    let Some(form) = uniform(lake, files, repaired)? else { return Ok(()) };
    let home = Home { lake, files, form, abandoned };
    let mut written = home.bring_to_form()?;
    written += home.send_home(repaired)?;
    for stray in strays {
        home.take_in(stray, repaired)?;
    }
    home.keep_newest(repaired)?;
    if written > 0 {
        repaired.done.push(format!("{name}: {written} files are written anew"));
    }
    Ok(())
}

fn is_of(stray: &Path, source: &str) -> bool {
    stray.starts_with(Path::new("tickets").join(format!("source={source}")))
}

/// The form that all files of the source can have; the state is told where that is another than it says.
fn uniform(
    lake: &Lake,
    files: &SourceFiles,
    repaired: &mut Repaired,
) -> Result<Option<FileForm>, CommitError> {
    let name = &files.name;
    let Some(meta) = meta(lake, files, repaired) else { return Ok(None) };
    let memory = if files.state_unreadable { None } else { remembered::memory(lake, name)? };
    let settled = memory.and_then(|memory| memory.columns);
    let mut custom = settled.clone().unwrap_or_default();
    for schema in &files.schemas {
        columns::join(&mut custom, schema);
    }
    let form = FileForm::new(&columns::schema(&custom, &files.schemas), &meta)?;
    if settled.is_some_and(|settled| settled != custom) {
        let checkpoint = Checkpoint::load(lake, name)?;
        checkpoint.with(|memory| memory.columns = Some(custom));
        checkpoint.commit()?;
        repaired.done.push(format!("{name}: its state knows the columns that the files have"));
    }
    Ok(Some(form))
}

/// Writes small tables anew from their rows.
fn rewrite_tables(lake: &Lake, files: &SourceFiles, repaired: &mut Repaired) -> Result<(), LakeError> {
    let Some(meta) = meta(lake, files, repaired) else { return Ok(()) };
    for file in &files.tables_to_rewrite {
        let columns = SMALL_TABLES.iter().find(|(table, _)| *table == file.table);
        let schema = rows::schema(columns.map_or(&[], |(_, columns)| columns));
        lake::rewrite_table(lake, file, &FileForm::new(&schema, &meta)?)?;
        repaired.done.push(format!("{} is written anew", file.path().display()));
    }
    Ok(())
}

/// What the source's files say of their origin; `None`, and said so, where nobody knows it.
fn meta(lake: &Lake, files: &SourceFiles, repaired: &mut Repaired) -> Option<FileMeta> {
    let kind = files.kind.clone().or_else(|| kind_of_files(lake, files));
    if kind.is_none() {
        let why = "no file tells the kind of the source; name its configuration with --config";
        repaired.left.push(format!("{}: {why}", files.name));
    }
    kind.map(|source_kind| FileMeta { schema_version: SCHEMA_VERSION, source_kind })
}

fn kind_of_files(lake: &Lake, files: &SourceFiles) -> Option<String> {
    files.readable().find_map(|key| {
        let footer = lake::footer(&lake::ticket_file(lake, &files.name, key)).ok()??;
        let told = footer.metadata.into_iter().find(|(key, _)| key == "ticketlake.source_kind");
        told.map(|(_, kind)| kind)
    })
}

/// A source whose files take on one form.
struct Home<'a> {
    lake: &'a Lake,
    files: &'a SourceFiles,
    form: FileForm,
    abandoned: &'a Abandoned,
}

impl Home<'_> {
    fn rows(&self, key: PartitionKey) -> Result<Vec<RecordBatch>, LakeError> {
        lake::batches(&lake::ticket_file(self.lake, &self.files.name, key))?.1.collect()
    }

    fn replace(&self, key: PartitionKey, rows: &[RecordBatch]) -> Result<(), LakeError> {
        lake::replace(self.lake, &self.files.name, key, rows, &self.form).map(|_| ())
    }

    /// Sorts, makes unique and gives the form to every file that asks for it, or has other columns.
    fn bring_to_form(&self) -> Result<u64, LakeError> {
        let wanted = columns::columns_of(self.form.schema());
        let mut written = 0;
        for key in self.files.readable().take_while(|_| !self.abandoned.is()) {
            let schema = lake::schema_of(&lake::ticket_file(self.lake, &self.files.name, key))?;
            let differs = schema.is_some_and(|schema| columns::columns_of(&schema) != wanted);
            if differs || self.files.rewrite.contains(&key) {
                self.replace(key, &self.rows(key)?)?;
                written += 1;
            }
        }
        Ok(written)
    }

    /// Moves tickets into the partitions of their creation: first there, then away from here.
    fn send_home(&self, repaired: &mut Repaired) -> Result<u64, LakeError> {
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
                    lake::upsert(self.lake, &self.files.name, home, &[rows], &self.form)?.written.is_some(),
                );
            }
            self.settle(key, &stay)?;
            repaired.done.push(format!(
                "{}: {moved} tickets are moved out of {}",
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
    ) -> Result<Vec<(PartitionKey, RecordBatch)>, crate::batch::BatchError> {
        let mut parts = Vec::new();
        for batch in batches {
            parts.extend(split(calendar, batch)?);
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
    fn take_in(&self, stray: &Path, repaired: &mut Repaired) -> Result<(), LakeError> {
        let place = self.lake.root().join(stray);
        if place.is_dir() {
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
            new += lake::upsert(self.lake, &self.files.name, key, &[rows], &self.form)?.counts.new;
        }
        if new > 0 {
            repaired
                .done
                .push(format!("{new} tickets that only {} had are in their partitions", stray.display()));
        }
        Ok(())
    }

    /// Of a ticket in several partitions the newest row stays.
    fn keep_newest(&self, repaired: &mut Repaired) -> Result<(), LakeError> {
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
            repaired.done.push(format!("{name}: {removed} older copies of tickets are taken out"));
        }
        Ok(())
    }
}

/// `updated_at` and `_synced_at` of a row, microseconds since 1970: what makes one copy newer than another.
type Version = (Option<i64>, Option<i64>);

fn versions(batch: &RecordBatch, wanted: &RoaringTreemap) -> Vec<(i64, Version)> {
    let time = |name: &str| -> Option<&TimestampMicrosecondArray> {
        batch.column_by_name(name)?.as_primitive_opt::<TimestampMicrosecondType>()
    };
    let ids = batch.column_by_name(ID).and_then(|column| column.as_primitive_opt::<Int64Type>());
    let Some(ids) = ids else { return Vec::new() };
    let instant = |times: Option<&TimestampMicrosecondArray>, row| {
        times.filter(|times| times.is_valid(row)).map(|times| times.value(row))
    };
    let (updated, synced) = (time(UPDATED_AT), time(SYNCED_AT));
    let rows = ids.values().iter().enumerate().filter(|(_, id)| wanted.contains(id.cast_unsigned()));
    rows.map(|(row, id)| (*id, (instant(updated, row), instant(synced, row)))).collect()
}
