//! Repair: what a run does at its start, then what is broken is set aside, and what is lost is read again from the source.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use roaring::RoaringTreemap;
use serde::Serialize;

use super::{
    Names,
    check::{Checked, SourceFiles, inside},
    difference,
};
use crate::{
    lake::{self, Lake, LakeError, TABLES},
    sync::{self, Afresh, Checkpoint, CommitError, Recovered, SourceState, StopReason, take_in_windows},
};

/// What was done, and what was not, in words.
#[derive(Debug, Default, Serialize)]
pub struct Repaired {
    pub done: Vec<String>,
    pub left: Vec<String>,
}

/// A source under repair.
pub struct Repair {
    pub checkpoint: Arc<Checkpoint>,
    /// Files that were moved aside until now, where they are.
    pub set_aside: Vec<PathBuf>,
    has_windows: bool,
}

/// The sources under repair, by name, and what was done until now.
pub struct Repairs {
    lake: Lake,
    run_id: String,
    pub sources: BTreeMap<String, Repair>,
    pub said: Repaired,
}

impl Repairs {
    /// Compares the files of the sources with their manifests, as at the start of a run. Only for the holder of the lake.
    pub fn begin(lake: Lake, run_id: String, names: &Names) -> Result<Self, CommitError> {
        let (swept, known) = (lake::sweep(&lake)?, lake::sources(&lake)?);
        let mut repairs = Self { lake, run_id, sources: BTreeMap::new(), said: Repaired::default() };
        if swept > 0 {
            repairs.said.done.push(format!("removed {swept} temporary files of crashed runs"));
        }
        for name in names.keys().filter(|name| known.contains(name)) {
            let mut repair = repairs.load(name)?;
            repair.take_times_back(&mut repairs.said)?;
            repair.recover(&mut repairs.said)?;
            repairs.sources.insert(name.clone(), repair);
        }
        Ok(repairs)
    }

    /// The state of a source, the windows that workers recorded taken in; what cannot be read of these is moved aside.
    fn load(&mut self, name: &str) -> Result<Repair, LakeError> {
        let mut tried = None;
        loop {
            let loaded = Checkpoint::load(&self.lake, name, &self.run_id).and_then(|checkpoint| {
                let has_windows = take_in_windows(&checkpoint)?;
                checkpoint.with(|state| state.writing |= has_windows);
                Ok(Repair { checkpoint: Arc::new(checkpoint), set_aside: Vec::new(), has_windows })
            });
            let damaged = match loaded {
                Err(LakeError::Damaged { at, .. }) if tried.as_ref() != Some(&at) => at,
                loaded => return loaded,
            };
            // An older version of a state would make the lake forget what it has done.
            let (folder, file) = (lake::state_folder(name), inside(&self.lake, &damaged));
            self.move_aside(if file.starts_with(&folder) { &folder } else { &file })?;
            tried = Some(damaged);
        }
    }

    fn move_aside(&mut self, what: &Path) -> Result<(), LakeError> {
        let aside = lake::set_aside(&self.lake, &self.run_id, what)?;
        self.said.done.push(format!("{} is moved to {}", what.display(), aside.display()));
        Ok(())
    }

    /// Moves aside what is broken, and what does not belong under a table; whether there was anything.
    pub fn set_aside(&mut self, checked: &Checked) -> Result<bool, CommitError> {
        let mut has_any = false;
        for files in &checked.sources {
            if let Some(repair) = self.sources.get_mut(&files.name) {
                has_any |= repair.set_aside(files, &mut self.said)?;
            }
        }
        for stray in &checked.inventory.strays {
            let source = stray.iter().nth(1).and_then(|folder| folder.to_str()?.strip_prefix("source="));
            if source.is_some_and(|source| !self.sources.contains_key(source)) {
                self.said.left.push(format!("{} is of a source that was not selected", stray.display()));
                continue;
            }
            has_any = true;
            if !lake::is_folder(&self.lake, stray)? {
                self.move_aside(stray)?;
                continue;
            }
            // What lay in a folder may be aside already, with the folder's name.
            for file in lake::files_in(&self.lake, stray)? {
                self.move_aside(&file)?;
            }
            if lake::remove_empty(&self.lake, stray)? {
                self.said.done.push(format!("{}, an empty folder, is removed", stray.display()));
            }
        }
        Ok(has_any)
    }

    /// The files are what the manifests say; what was done, and what was not.
    pub fn finish(mut self) -> Result<Repaired, CommitError> {
        for repair in self.sources.values_mut() {
            repair.finish(&mut self.said)?;
        }
        Ok(self.said)
    }
}

impl Repair {
    fn take_times_back(&self, repaired: &mut Repaired) -> Result<(), CommitError> {
        let times =
            |state: &mut SourceState| (state.cursor, state.whole_at, state.complete_at, state.fields_read_at);
        let before = self.checkpoint.with(times);
        self.checkpoint.forget_times_after(Timestamp::now());
        if self.checkpoint.with(times) != before {
            self.checkpoint.commit()?;
            let name = &self.checkpoint.table.source;
            repaired.done.push(format!("{name}: times of its state that have not come yet are taken back"));
        }
        Ok(())
    }

    /// What a run does at its start: takes in what can be, and notes which tickets must be read again.
    fn recover(&mut self, repaired: &mut Repaired) -> Result<(), CommitError> {
        let partitions = sync::recover(&self.checkpoint)?.partitions;
        if partitions > 0 {
            let (name, what) = (&self.checkpoint.table.source, "partitions that were lost or changed");
            repaired.done.push(format!("{name}: compared {partitions} {what} with the manifest"));
        }
        self.note_aside(repaired);
        Ok(())
    }

    /// A broken file is moved aside; then it is missing, and the recovery does the rest.
    fn set_aside(&mut self, files: &SourceFiles, repaired: &mut Repaired) -> Result<bool, CommitError> {
        let SourceFiles { broken, unfit, .. } = files;
        if broken.is_empty() && unfit.is_empty() {
            return Ok(false);
        }
        for file in broken {
            self.checkpoint.table.move_aside(file)?;
        }
        self.checkpoint.with(|state| state.reread |= unfit);
        self.checkpoint.commit()?;
        self.recover(repaired)?;
        Ok(true)
    }

    /// Notes the files that were moved aside since the last call.
    fn note_aside(&mut self, repaired: &mut Repaired) {
        for aside in self.checkpoint.table.take_aside() {
            // `_ticketlake/aside/<run>/` comes before its place.
            let place: PathBuf = aside.iter().skip(3).collect();
            repaired.done.push(format!("{} is moved to {}", place.display(), aside.display()));
            self.set_aside.push(aside);
        }
    }

    /// Whether the source must be asked for anything that the lake has lost.
    pub fn needs_source(&self) -> Result<bool, LakeError> {
        let table = &self.checkpoint.table;
        for name in &TABLES[1..] {
            if !lake::has_table(&table.lake, name, &table.source)? {
                return Ok(true);
            }
        }
        Ok(!self.checkpoint.reread().0.is_empty())
    }

    /// Reads what was lost, and the tickets `again`, by id into the lake; marks those that are `gone`, and those that were
    /// to be read again and are gone, as far as `delete_brake` allows.
    pub async fn bring_in(
        &self,
        source: &Afresh,
        again: &RoaringTreemap,
        gone: &RoaringTreemap,
        accept_deletes: bool,
    ) -> Result<difference::Repaired, StopReason> {
        let checkpoint = &self.checkpoint;
        let (wanted, _) = checkpoint.reread();
        let asked = again | &wanted;
        let ids: Vec<i64> = asked.iter().map(u64::cast_signed).collect();
        let mut brought = source.bring_in(checkpoint, &ids, gone).await?;
        let mut recovered = Recovered::default();
        sync::settle(checkpoint, &wanted, &brought.read, &mut recovered);
        let (found, live) = (recovered.gone, checkpoint.table.manifest(|manifest| manifest.live()));
        // Where more are gone than may be, the next full read looks at them again.
        let is_allowed = found.len() as f64 <= live as f64 * source.client.config.delete_brake;
        if !found.is_empty() && (is_allowed || accept_deletes) {
            let marked = source.bring_in(checkpoint, &[], &found).await?;
            brought.marked += marked.marked;
            brought.files += marked.files;
        }
        checkpoint.commit()?;
        Ok(difference::Repaired {
            read_again: brought.read.len(),
            gone_since: (&asked - &brought.read).len(),
            marked: brought.marked,
            files_written: brought.files,
            set_aside: self.set_aside.clone(),
        })
    }

    /// The files are what the manifest says: no run was left in the middle of writing.
    fn finish(&mut self, repaired: &mut Repaired) -> Result<(), CommitError> {
        self.note_aside(repaired);
        let (wanted, absent) = self.checkpoint.reread();
        if !wanted.is_empty() {
            let (name, wanted, absent) = (&self.checkpoint.table.source, wanted.len(), absent.len());
            let what = format!("{wanted} tickets must be read again, {absent} of them are missing");
            repaired.left.push(format!("{name}: {what}; the next `ticketlake sync` reads them"));
        }
        if !self.has_windows && self.checkpoint.with(|state| std::mem::take(&mut state.writing)) {
            self.checkpoint.commit()?;
        }
        Ok(())
    }
}
