//! What `[lake]` may say: where it lies, a time zone, the span of a partition.

use std::path::Path;

use jiff::tz::TimeZone;

use super::{
    DEFAULT_FILE, LakeConfig, Overrides, PartitionBy,
    document::Section,
    fault::{Faults, did_you_mean},
    place::Place,
};
use crate::messages::Lang;

const KEYS: [&str; 4] = ["path", "timezone", "partition", "language"];
/// Both vendors serve China, and both leave offsets out of their times.
const DEFAULT_ZONE: &str = "Asia/Shanghai";

/// Reads `[lake]`; `folder` is the one that a relative path starts from, `flag` replaces `path`.
pub(super) fn read(
    root: &Section<'_>,
    folder: &Path,
    flag: Option<&Path>,
    faults: &mut Faults,
) -> Option<LakeConfig> {
    let from_flag = flag.and_then(|path| match Place::parse(path, Path::new("")) {
        Ok(place) => Some(place),
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
    let written = section.parsed("path", faults, |path| Place::parse(Path::new(path), folder));
    if flag.is_none() && !section.has("path") {
        section.missing("`path`", "path = \"FOLDER\", or pass --lake FOLDER", faults);
    }
    let timezone = zone(&section, faults);
    let partition = section.parsed("partition", faults, |text| match text {
        "day" => Ok(PartitionBy::Day),
        "month" => Ok(PartitionBy::Month),
        _ => Err(format!("is \"{text}\"; write \"day\" or \"month\"")),
    });
    let place = if flag.is_some() { from_flag? } else { written? };
    Some(LakeConfig { place, timezone: timezone?, partition: partition.unwrap_or(PartitionBy::Day) })
}

/// The language of what a manager or an analyst reads. What is no table is a fault of [`read`].
pub(super) fn language(root: &Section<'_>, faults: &mut Faults) -> Lang {
    let section = root.table("lake", "[lake]", &mut Faults::default());
    let read = |text: &str| {
        let known = Lang::ALL.into_iter().find(|lang| lang.name() == text);
        known.ok_or_else(|| format!("is \"{text}\"; write \"en\" or \"zh\""))
    };
    section.and_then(|section| section.parsed("language", faults, read)).unwrap_or_default()
}

/// The lake that a flag names while there is no configuration and none was asked for.
pub(super) fn alone(file: &Path, overrides: &Overrides) -> Option<LakeConfig> {
    let path = overrides.lake.as_deref()?;
    let unasked = file == Path::new(DEFAULT_FILE) && !file.exists();
    let place = unasked.then(|| Place::parse(path, Path::new("")).ok())?;
    place.map(unwritten)
}

/// A lake of which only the place is told.
fn unwritten(place: Place) -> LakeConfig {
    // The zone is compiled in; UTC stands for the case that cannot be.
    let timezone = TimeZone::get(DEFAULT_ZONE).unwrap_or(TimeZone::UTC);
    LakeConfig { place, timezone, partition: PartitionBy::Day }
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
