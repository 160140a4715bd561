//! What lies under the tables' folders: one file in each partition and nothing else, and nothing left of crashed runs.

use std::path::Path;

use super::{
    finding::{Finding, Findings, REPAIR, SYNC},
    invariant::Invariant,
};
use crate::lake::{self, Inventory, Lake, LakeError};

/// What lies where nothing should.
pub fn check_places(lake: &Lake, inventory: &Inventory, findings: &mut Findings) -> Result<(), LakeError> {
    for stray in &inventory.strays {
        let finding = Finding::of_path(stray, "it does not belong under a table", REPAIR);
        findings.add(Invariant::OneFileEach, finding);
    }
    let cut = lake.calendar().key(None).cut();
    if let Some(other) = inventory.tickets.iter().find(|file| file.key.cut() != cut) {
        let what = "the lake is partitioned in another way than `partition` under [lake] says";
        let remedy = "set `partition` to what the lake has";
        findings.add(Invariant::OneFileEach, Finding::of_path(&other.path(), what, remedy));
    }
    for absent in &inventory.absent {
        // Of one that had tickets the manifest knows.
        let path = absent.path();
        let what = "the folder holds no file: a run ended before it could put one, or the file is lost";
        let folder = path.parent().unwrap_or(&path);
        findings.note(Invariant::OneFileEach, Finding::of_file(&absent.source, folder, what, SYNC));
    }
    for name in lake::leftovers(lake)? {
        let path = Path::new("_ticketlake/staging").join(name);
        let finding =
            Finding::of_path(&path, "a temporary file, of a run at work or of one that crashed", SYNC);
        findings.note(Invariant::NothingStaged, finding);
    }
    Ok(())
}
