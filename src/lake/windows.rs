//! What workers that read one lake side by side leave for the run that closes theirs: a record for each window.

use serde::{Serialize, de::DeserializeOwned};

use super::{Lake, LakeError, store};

fn folder(source: &str) -> String {
    format!("{}/windows/{source}", store::INTERNAL)
}

/// Keeps the record of a window that was read, in the place of an earlier one.
pub fn record<T: Serialize>(lake: &Lake, source: &str, name: &str, window: &T) -> Result<(), LakeError> {
    store::put_json(lake, &format!("{}/{name}.json", folder(source)), window)
}

/// The windows of a source that were read, by name.
pub fn recorded<T: DeserializeOwned>(lake: &Lake, source: &str) -> Result<Vec<(String, T)>, LakeError> {
    let mut found = Vec::new();
    for name in lake.store.list(&folder(source))? {
        let Some(window) = name.strip_suffix(".json") else { continue };
        let record = store::read_json(lake, &format!("{}/{name}", folder(source)))?;
        found.extend(record.map(|record| (window.to_owned(), record)));
    }
    Ok(found)
}

/// Takes records away: what they say is remembered.
pub fn forget<'a>(
    lake: &Lake,
    source: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<(), LakeError> {
    for name in names {
        lake.store.delete(&format!("{}/{name}.json", folder(source)))?;
    }
    Ok(())
}
