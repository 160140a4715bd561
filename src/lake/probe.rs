//! Whether a lake can be written, found out by writing: a small object is put, read back and taken away again.

use std::{io::Write, path::Path};

use super::{Lake, LakeError, store};

const CONTENT: &[u8] = b"written to see whether it can be\n";

/// Puts an object beside the tables, reads it and removes it, and the folders that were made for it.
pub fn probe(lake: &Lake) -> Result<(), LakeError> {
    let key = format!("{}/probe-{}", store::HOUSE, std::process::id());
    let place = store::path(lake, &key);
    let made: Vec<&Path> = place.ancestors().skip(1).take_while(|folder| !folder.is_dir()).collect();
    let written =
        store::put(lake, &key, |file| file.write_all(CONTENT).map_err(LakeError::io(&place, "write")));
    let read = written.and_then(|()| store::read(lake, &key));
    let removed = store::delete(lake, &key);
    let staging = store::path(lake, store::STAGING);
    let staging = (!made.is_empty()).then_some(staging.as_path());
    for folder in staging.into_iter().chain(made) {
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
    use crate::lake::tests::lake;

    #[test]
    fn nothing_is_left_behind() {
        let (_folder, lake) = lake();
        let new = Lake { root: lake.root.join("not/yet"), ..lake.clone() };
        probe(&new).unwrap();
        assert!(!lake.root.join("not").exists());
        store::create(&lake, "_ticketlake/state/s/1", b"x").unwrap();
        probe(&lake).unwrap();
        assert_eq!(store::list(&lake, "_ticketlake").unwrap(), ["staging", "state"]);
        std::fs::write(lake.root.join("file"), b"").unwrap();
        let blocked = Lake { root: lake.root.join("file"), ..lake };
        assert!(probe(&blocked).unwrap_err().to_string().contains("file"));
    }
}
