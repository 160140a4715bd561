//! What `[lake]` may say: a folder, a time zone, the span of a partition.

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

use super::{
    DEFAULT_FILE, LakeConfig, Overrides, PartitionBy,
    document::Section,
    fault::{Faults, did_you_mean},
};

const KEYS: [&str; 3] = ["path", "timezone", "partition"];
/// Both vendors serve China, and both leave offsets out of their times.
const DEFAULT_ZONE: &str = "Asia/Shanghai";

/// Reads `[lake]`; `folder` is the one that a relative path starts from, `flag` replaces `path`.
pub(super) fn read(
    root: &Section<'_>,
    folder: &Path,
    flag: Option<&Path>,
    faults: &mut Faults,
) -> Option<LakeConfig> {
    let from_flag = flag.and_then(|path| match folder_only(&path.to_string_lossy()) {
        Ok(()) => Some(path.to_owned()),
        Err(why) => {
            faults.add("--lake", None, why);
            None
        }
    });
    let Some(section) = root.table("lake", "[lake]", faults) else {
        if flag.is_none() && !root.has("lake") {
            root.missing("[lake]", "[lake] with path = \"FOLDER\", or pass --lake FOLDER", faults);
        }
        return Some(unwritten(from_flag?));
    };
    section.only(&KEYS, &[], faults);
    let written = section.parsed("path", faults, |path| folder_only(path).map(|()| folder.join(path)));
    if flag.is_none() && !section.has("path") {
        section.missing("`path`", "path = \"FOLDER\", or pass --lake FOLDER", faults);
    }
    let timezone = zone(&section, faults);
    let partition = section.parsed("partition", faults, |text| match text {
        "day" => Ok(PartitionBy::Day),
        "month" => Ok(PartitionBy::Month),
        _ => Err(format!("is \"{text}\"; write \"day\" or \"month\"")),
    });
    let path = if flag.is_some() { from_flag? } else { written? };
    Some(LakeConfig { path, timezone: timezone?, partition: partition.unwrap_or(PartitionBy::Day) })
}

/// The lake that a flag names while there is no configuration and none was asked for.
pub(super) fn alone(file: &Path, overrides: &Overrides) -> Option<LakeConfig> {
    let path = overrides.lake.as_deref()?;
    let unasked = file == Path::new(DEFAULT_FILE) && !file.exists();
    (unasked && folder_only(&path.to_string_lossy()).is_ok()).then(|| unwritten(path.to_owned()))
}

/// A lake of which only the folder is told.
fn unwritten(path: PathBuf) -> LakeConfig {
    // The zone is compiled in; UTC stands for the case that cannot be.
    let timezone = TimeZone::get(DEFAULT_ZONE).unwrap_or(TimeZone::UTC);
    LakeConfig { path, timezone, partition: PartitionBy::Day }
}

/// The section's `timezone`, else the default; `None` after a fault.
pub(super) fn zone(section: &Section<'_>, faults: &mut Faults) -> Option<TimeZone> {
    let read = |name: &str| {
        TimeZone::get(name).map_err(|_| {
            let known: Vec<String> =
                jiff::tz::db().available().map(|zone| zone.to_string()).collect();
            let hint = did_you_mean(name, known.iter().map(String::as_str));
            format!("is \"{name}\", which is no zone of the IANA database;{hint} write a name like \"Asia/Shanghai\" or \"UTC\"")
        })
    };
    if section.has("timezone") { section.parsed("timezone", faults, read) } else { read(DEFAULT_ZONE).ok() }
}

fn folder_only(path: &str) -> Result<(), String> {
    match path.split_once("://") {
        Some(("s3" | "gs" | "az", _)) => {
            Err("names an object store; object stores are not built in yet; use a folder".to_owned())
        }
        Some((scheme, _)) => Err(format!("starts with `{scheme}://`; write the path of a folder")),
        None if path.trim().is_empty() => Err("is empty; write the path of a folder".to_owned()),
        None => Ok(()),
    }
}
