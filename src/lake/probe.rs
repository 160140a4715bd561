//! Whether a lake can be written, found out by writing: a small object is put, read back and taken away again.

use std::path::{Path, PathBuf};

use super::{Lake, LakeError, store};
use crate::config::Place;

const CONTENT: &[u8] = b"written to see whether it can be\n";

/// Puts an object beside the tables, reads it and removes it, and the folders that were made for it.
pub fn probe(lake: &Lake) -> Result<(), LakeError> {
    let key = format!("{}/probe-{}", store::INTERNAL, std::process::id());
    let place = store::path(lake, &key);
    let root = match lake.place() {
        Place::Folder(root) => Some(root.as_path()),
        // An object store has no folders that could be left.
        Place::Bucket(_) => None,
    };
    let file = root.map(|root| root.join(&key));
    let above = file.iter().flat_map(|file| file.ancestors().skip(1));
    let made: Vec<&Path> = above.take_while(|folder| !folder.is_dir()).collect();
    let written = store::overwrite(lake, &key, CONTENT);
    let read = written.and_then(|()| lake.store.read(&key));
    let removed = lake.store.delete(&key);
    let staging: Option<PathBuf> = root.filter(|_| !made.is_empty()).map(|root| root.join(store::STAGING));
    for folder in staging.as_deref().into_iter().chain(made) {
        // Only an empty one goes; a run that began meanwhile keeps what it made.
        let _ = std::fs::remove_dir(folder);
    }
    match read? {
        Some(content) if content == CONTENT => removed.map(|_| ()),
        _ => Err(LakeError::damaged(&place, "it does not give back what was written")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lake::tests::{lake, lakes};

    fn at(path: PathBuf, lake: &Lake) -> Lake {
        let place = Place::Folder(path);
        Lake { store: store::Store::open(&place).unwrap(), place, ..lake.clone() }
    }

    #[test]
    fn nothing_is_left_behind() {
        for (_folder, lake) in lakes() {
            lake.store.create("_ticketlake/state/s/1", b"x").unwrap();
            probe(&lake).unwrap();
            assert!(lake.store.list("_ticketlake").unwrap().iter().all(|name| !name.starts_with("probe")));
        }
        let (folder, lake) = lake();
        let root = folder.path();
        probe(&at(root.join("not/yet"), &lake)).unwrap();
        assert!(!root.join("not").exists());
        std::fs::write(root.join("file"), b"").unwrap();
        let blocked = at(root.join("file"), &lake);
        assert!(probe(&blocked).unwrap_err().to_string().contains("file"));
    }
}
