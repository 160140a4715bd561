//! What workers that read one lake side by side leave for the run that closes theirs: a record for each window.

use serde::{Serialize, de::DeserializeOwned};

use super::{Lake, LakeError, store};

fn folder(source: &str) -> String {
    format!("{}/windows/{source}", store::HOUSE)
}

/// Keeps the record of a window that was read, in the place of an earlier one.
pub fn record<T: Serialize>(lake: &Lake, source: &str, name: &str, window: &T) -> Result<(), LakeError> {
    let key = format!("{}/{name}.json", folder(source));
    let path = store::path(lake, &key);
    store::put(lake, &key, &store::Expected::Anything, |file| {
        let content = serde_json::to_vec_pretty(window).map_err(std::io::Error::from);
        content.and_then(|content| file.write_all(&content)).map_err(LakeError::io(&path, "write"))
    })?;
    Ok(())
}

/// The windows of a source that were read, by name.
pub fn recorded<T: DeserializeOwned>(lake: &Lake, source: &str) -> Result<Vec<(String, T)>, LakeError> {
    let mut found = Vec::new();
    for name in store::list(lake, &folder(source))? {
        let Some(window) = name.strip_suffix(".json") else { continue };
        let key = format!("{}/{name}", folder(source));
        let Some(content) = store::read(lake, &key)? else { continue };
        let record = serde_json::from_slice(&content);
        let record = record.map_err(|why| LakeError::damaged(store::path(lake, &key), why))?;
        found.push((window.to_owned(), record));
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
        store::delete(lake, &format!("{}/{name}.json", folder(source)))?;
    }
    Ok(())
}
