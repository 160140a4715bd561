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
    sync::{self, Afresh, Checkpoint, CommitError, Ended, Recovered, SourceState, take_in_windows},
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

/// The sources under repair, by name.
pub type Repairs = BTreeMap<String, Repair>;

/// Compares the files of the sources with their manifests, as at the start of a run. Only for the holder of the lake.
pub fn begin(lake: &Lake, run_id: &str, names: &Names) -> Result<(Repairs, Repaired), CommitError> {
    let (mut repairs, mut repaired) = (Repairs::new(), Repaired::default());
    let swept = lake::sweep(lake)?;
    if swept > 0 {
        repaired.done.push(format!("removed {swept} temporary files of crashed runs"));
    }
    let known = lake::sources(lake)?;
    for name in names.keys().filter(|name| known.contains(name)) {
        let (checkpoint, has_windows) = load(lake, run_id, name, &mut repaired)?;
        let times =
            |state: &mut SourceState| (state.cursor, state.whole_at, state.complete_at, state.fields_read_at);
        let before = checkpoint.with(times);
        checkpoint.forget_times_after(Timestamp::now());
        if checkpoint.with(times) != before {
            checkpoint.commit()?;
            repaired.done.push(format!("{name}: times of its state that have not come yet are taken back"));
        }
        let mut repair = Repair { checkpoint: Arc::new(checkpoint), set_aside: Vec::new(), has_windows };
        repair.recover(&mut repaired)?;
        repairs.insert(name.clone(), repair);
    }
    Ok((repairs, repaired))
}

/// The state of a source, and whether workers recorded windows; what cannot be read of these is moved aside.
fn load(
    lake: &Lake,
    run_id: &str,
    name: &str,
    repaired: &mut Repaired,
) -> Result<(Checkpoint, bool), LakeError> {
    let mut tried = None;
    loop {
        let loaded = Checkpoint::load(lake, name, run_id).and_then(|checkpoint| {
            let has_windows = take_in_windows(&checkpoint)?;
            checkpoint.with(|state| state.writing |= has_windows);
            Ok((checkpoint, has_windows))
        });
        let damaged = match loaded {
            Err(LakeError::Damaged { at, .. }) if tried.as_ref() != Some(&at) => at,
            loaded => return loaded,
        };
        // An older version of a state would make the lake forget what it has done.
        let (folder, file) = (lake::state_folder(name), inside(lake, &damaged));
        move_aside(lake, run_id, if file.starts_with(&folder) { &folder } else { &file }, repaired)?;
        tried = Some(damaged);
    }
}

fn move_aside(lake: &Lake, run_id: &str, what: &Path, repaired: &mut Repaired) -> Result<(), LakeError> {
    let aside = lake::set_aside(lake, run_id, what)?;
    repaired.done.push(format!("{} is moved to {}", what.display(), aside.display()));
    Ok(())
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
            has_any |= repair.set_aside(files, repaired)?;
        }
    }
    for stray in &checked.inventory.strays {
        let source = stray.iter().nth(1).and_then(|folder| folder.to_str()?.strip_prefix("source="));
        if source.is_some_and(|source| !repairs.contains_key(source)) {
            repaired.left.push(format!("{} is of a source that was not selected", stray.display()));
            continue;
        }
        has_any = true;
        if !lake::is_folder(lake, stray)? {
            move_aside(lake, run_id, stray, repaired)?;
            continue;
        }
        // What lay in a folder may be aside already, with the folder's name.
        for file in lake::files_in(lake, stray)? {
            move_aside(lake, run_id, &file, repaired)?;
        }
        if lake::remove_empty(lake, stray)? {
            repaired.done.push(format!("{}, an empty folder, is removed", stray.display()));
        }
    }
    Ok(has_any)
}

impl Repair {
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
    ) -> Result<difference::Repaired, Ended> {
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
    pub fn finish(&mut self, repaired: &mut Repaired) -> Result<(), CommitError> {
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
