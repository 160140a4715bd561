//! `schemas/` says what the program does.

use std::{collections::BTreeSet, fs, path::Path};

/// Written by hand.
const BY_HAND: &str = "README.md";

#[test]
fn schemas_are_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let files = ticketlake::schemas::files();
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        for (name, text) in &files {
            fs::write(folder.join(name), text).expect("schemas/ can be written");
        }
    }
    let renew = "renew it: UPDATE_SCHEMAS=1 cargo test schemas";
    for (name, text) in &files {
        let present = fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(present == *text, "schemas/{name} is stale; {renew}");
    }
    let made: BTreeSet<_> = files.into_iter().map(|(name, _)| name).chain([BY_HAND.to_owned()]).collect();
    let present: BTreeSet<_> = fs::read_dir(&folder)
        .expect("schemas/")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(present, made, "schemas/ holds other files than the program makes");
}
