//! Which lake and which of its sources a command looks at that speaks to no vendor.

use super::Context;
use crate::{
    error::Error,
    lake::{self, Lake},
};

/// The lake, and the names of the sources that were asked for: those of the configuration and those that the folder
/// holds, sorted.
pub fn lake_and_sources(context: &Context) -> Result<(Lake, jiff::tz::TimeZone, Vec<String>), Error> {
    let offline = context.offline()?;
    let lake = Lake::open(&offline.lake)?;
    if !lake.is_there()? {
        let place = lake.place();
        return Err(Error::Usage(format!(
            "there is no lake at {place}; name another with --lake, or run `ticketlake sync`"
        )));
    }
    let configured = offline.sources.into_iter().map(|(name, _)| name);
    let mut names: Vec<String> = lake::sources(&lake)?.into_iter().chain(configured).collect();
    names.sort_unstable();
    names.dedup();
    let asked = &context.global.sources;
    if let Some(unknown) = asked.iter().find(|name| !names.contains(name)) {
        let known = if names.is_empty() { "none yet".to_owned() } else { names.join(", ") };
        return Err(Error::Usage(format!(
            "--source: {} holds no source \"{unknown}\"; known: {known}",
            lake.place()
        )));
    }
    names.retain(|name| asked.is_empty() || asked.contains(name));
    Ok((lake, offline.lake.timezone, names))
}
