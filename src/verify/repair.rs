//! Repair: what a run does at its start, then what is broken is set aside, and what is lost is read again from the source.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use roaring::RoaringTreemap;
use serde::Serialize;

use super::check::{Checked, SourceFiles, inside};
use crate::{
    lake::{self, Lake, LakeError, TABLES, state},
    sync::{self, Afresh, Checkpoint, CommitError, Ended, Recovered, SourceState, take_in_windows},
};

/// What was done, and what was not, in words.
#[derive(Debug, Default, Serialize)]
pub struct Repaired {
    pub done: Vec<String>,
    pub left: Vec<String>,
}

/// A source under repair.
#[derive(Clone)]
pub struct Repair {
    pub checkpoint: Arc<Checkpoint>,
    /// Files that were moved aside until now, where they are.
    pub set_aside: Vec<PathBuf>,
}

/// The sources under repair, by name.
pub type Repairs = BTreeMap<String, Repair>;

/// Compares the files of the sources with their manifests, as at the start of a run. Only for the holder of the lake.
pub fn begin(
    lake: &Lake,
    run_id: &str,
    names: &[String],
    repaired: &mut Repaired,
) -> Result<Repairs, CommitError> {
    let swept = lake::sweep(lake)?;
    if swept > 0 {
        repaired.done.push(format!("removed {swept} temporary files of crashed runs"));
    }
    let known = lake::sources(lake)?;
    let mut repairs = Repairs::new();
    for name in names.iter().filter(|name| known.contains(name)) {
        let checkpoint = load(lake, run_id, name, repaired)?;
        let times = |state: &mut SourceState| (state.cursor, state.whole_at, state.complete_at);
        let before = checkpoint.with(times);
        checkpoint.forget_times_after(Timestamp::now());
        if checkpoint.with(times) != before {
            checkpoint.commit()?;
            repaired.done.push(format!("{name}: times of its state that have not come yet are taken back"));
        }
        let partitions = sync::recover(&checkpoint)?.partitions;
        if partitions > 0 {
            let what = "partitions that were lost or changed since the last run";
            repaired.done.push(format!("{name}: compared {partitions} {what} with the manifest"));
        }
        let mut repair = Repair { checkpoint: Arc::new(checkpoint), set_aside: Vec::new() };
        repair.note_aside(repaired);
        repairs.insert(name.clone(), repair);
    }
    Ok(repairs)
}

/// The state of a source; what cannot be read of it is moved aside.
fn load(lake: &Lake, run_id: &str, name: &str, repaired: &mut Repaired) -> Result<Checkpoint, LakeError> {
    let mut tried = Vec::new();
    loop {
        let loaded = state::load::<SourceState>(lake, name).and_then(|_| {
            let checkpoint = Checkpoint::load(lake, name, run_id)?;
            if take_in_windows(&checkpoint)? {
                checkpoint.with(|state| state.writing = true);
            }
            Ok(checkpoint)
        });
        let damaged = match loaded {
            Err(LakeError::Damaged { at, .. }) if !tried.contains(&at) => at,
            loaded => return loaded,
        };
        // An older version of a state would make the lake forget what it has done.
        let (folder, file) = (lake::state_folder(name), inside(lake, &damaged));
        let what = if file.starts_with(&folder) { folder } else { file };
        let aside = lake::set_aside(lake, run_id, &what)?;
        repaired.done.push(format!("{} is moved to {}", what.display(), aside.display()));
        tried.push(damaged);
    }
}

/// Moves aside what is broken, and what does not belong under a table; whether there was anything.
pub fn set_aside(
    lake: &Lake,
    run_id: &str,
    checked: &Checked,
    repairs: &mut Repairs,
    repaired: &mut Repaired,
) -> Result<bool, CommitError> {
    let mut has_any = false;
    for files in &checked.sources {
        if let Some(repair) = repairs.get_mut(&files.name) {
            has_any |= repair.set_aside(files)?;
            repair.note_aside(repaired);
        }
    }
    for stray in &checked.inventory.strays {
        let source = stray.iter().nth(1).and_then(|folder| folder.to_str()?.strip_prefix("source="));
        if source.is_some_and(|source| !repairs.contains_key(source)) {
            repaired.left.push(format!("{} is of a source that was not selected", stray.display()));
            continue;
        }
        // What lay in a folder may be aside already, with the folder's name.
        let is_folder = lake::is_folder(lake, stray)?;
        let files = if is_folder { lake::files_in(lake, stray)? } else { vec![stray.clone()] };
        for file in files {
            let aside = lake::set_aside(lake, run_id, &file)?;
            repaired.done.push(format!("{} is moved to {}", file.display(), aside.display()));
        }
        if is_folder && lake::remove_empty(lake, stray)? {
            repaired.done.push(format!("{}, an empty folder, is removed", stray.display()));
        }
        has_any = true;
    }
    Ok(has_any)
}

impl Repair {
    fn set_aside(&self, files: &SourceFiles) -> Result<bool, CommitError> {
        let SourceFiles { broken, broken_tables, unfit, .. } = files;
        if broken.is_empty() && broken_tables.is_empty() && unfit.is_empty() {
            return Ok(false);
        }
        let table = &self.checkpoint.table;
        let mut reread = unfit.clone();
        for (key, ids) in broken {
            table.set_aside(*key)?;
            reread |= ids;
        }
        for file in broken_tables {
            table.move_aside(&file.path())?;
            table.manifest(|manifest| manifest.tables.remove(file.table));
        }
        self.checkpoint.with(|state| state.reread |= reread);
        self.checkpoint.commit()?;
        Ok(true)
    }

    /// Notes the files that were moved aside since the last call.
    pub fn note_aside(&mut self, repaired: &mut Repaired) {
        let aside = self.checkpoint.table.take_aside();
        repaired
            .done
            .extend(aside.iter().map(|aside| format!("{} is moved to {}", place(aside), aside.display())));
        self.set_aside.extend(aside);
    }

    /// Whether the source must be asked for anything that the lake has lost.
    pub fn needs_source(&self) -> Result<bool, LakeError> {
        let table = &self.checkpoint.table;
        let mut has_tables = true;
        for name in &TABLES[1..] {
            has_tables &= lake::has_table(&table.lake, name, &table.source)?;
        }
        Ok(!has_tables || !self.checkpoint.reread().0.is_empty())
    }

    /// Reads what was lost, and the tickets `again`, by id into the lake; marks those that are `gone`, and those that were
    /// to be read again and are gone, as far as `delete_brake` allows.
    pub async fn bring_in(
        &self,
        source: &Afresh,
        again: &RoaringTreemap,
        gone: &RoaringTreemap,
        accept_deletes: bool,
    ) -> Result<Brought, Ended> {
        let checkpoint = &self.checkpoint;
        let (wanted, _) = checkpoint.reread();
        let asked = again | &wanted;
        let ids: Vec<i64> = asked.iter().map(u64::cast_signed).collect();
        let first = source.bring_in(checkpoint, &ids, gone).await?;
        let mut brought = Brought {
            read_again: first.read.len(),
            gone_since: asked.len().saturating_sub(first.read.len()),
            marked: first.marked,
            files_written: first.files,
            ..Brought::default()
        };
        let mut recovered = Recovered::default();
        sync::settle(checkpoint, &wanted, &first.read, &mut recovered);
        brought.lost = recovered.lost;
        let live = checkpoint.table.manifest(|manifest| manifest.live());
        let found = recovered.gone;
        if found.len() as f64 > live as f64 * source.client.config.delete_brake && !accept_deletes {
            // The next full read looks at them again.
            brought.unmarked = found.len();
        } else if !found.is_empty() {
            let marked = source.bring_in(checkpoint, &[], &found).await?;
            brought.marked += marked.marked;
            brought.files_written += marked.files;
        }
        checkpoint.commit()?;
        Ok(brought)
    }

    /// The files are what the manifest says: no run was left in the middle of writing.
    pub fn finish(&mut self, repaired: &mut Repaired) -> Result<(), CommitError> {
        self.note_aside(repaired);
        let (wanted, absent) = self.checkpoint.reread();
        if !wanted.is_empty() {
            let (name, wanted, absent) = (&self.checkpoint.table.source, wanted.len(), absent.len());
            repaired.left.push(format!(
                "{name}: {wanted} tickets must be read again, {absent} of them are missing; the next `ticketlake sync` reads them"
            ));
        }
        let has_windows = !lake::windows::recorded::<serde::de::IgnoredAny>(
            &self.checkpoint.table.lake,
            &self.checkpoint.table.source,
        )?
        .is_empty();
        if !has_windows && self.checkpoint.with(|state| std::mem::take(&mut state.writing)) {
            self.checkpoint.commit()?;
        }
        Ok(())
    }
}

/// What a repair from the source did.
#[derive(Debug, Default, Serialize)]
pub struct Brought {
    /// Tickets read again by id into the lake.
    pub read_again: u64,
    /// Tickets that the source no longer had when they were asked for.
    pub gone_since: u64,
    /// Tickets marked as deleted.
    pub marked: u64,
    pub files_written: u64,
    /// Where files were moved that were broken.
    pub set_aside: Vec<PathBuf>,
    /// Of the tickets that are gone, the ones whose rows are lost.
    #[serde(skip)]
    pub lost: u64,
    /// Gone from the source, but more than may be marked.
    #[serde(skip)]
    pub unmarked: u64,
}

impl Brought {
    /// Says what was done, and what was not.
    pub fn say(&self, source: &str, repaired: &mut Repaired) {
        let Self { read_again, gone_since, lost, marked, unmarked, files_written, set_aside: _ } = self;
        let counts = [
            (read_again, "tickets read again"),
            (gone_since, "tickets gone from the source"),
            (marked, "tickets marked as deleted"),
            (files_written, "files written"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| **count > 0);
        let said: Vec<String> = counts.map(|(count, what)| format!("{count} {what}")).collect();
        if !said.is_empty() {
            repaired.done.push(format!("{source}: {}", said.join(", ")));
        }
        if *lost > 0 {
            repaired
                .left
                .push(format!("{source}: {lost} tickets are lost: the source does not have them any more"));
        }
        if *unmarked > 0 {
            let what =
                "tickets are gone from the source, more than `delete_brake` allows; none of them was marked";
            repaired.left.push(format!("{source}: {unmarked} {what}"));
        }
    }
}

/// Where a file was that lies aside.
fn place(aside: &Path) -> String {
    // `_ticketlake/aside/<run>/` comes before it.
    aside.iter().skip(3).collect::<PathBuf>().display().to_string()
}
