//! Whether the lake is the one that the configuration describes: otherwise all of it would seem damaged.

use jiff::tz::TimeZone;

use super::{Names, Scope};
use crate::{
    config::LakeConfig,
    error::Error,
    lake::{self, Lake, LakeError, state},
    sync::{self, Account, SourceState, Task},
};

/// The lake's configuration; where there is none, its states and files say how it is partitioned.
pub fn as_it_is(scope: &Scope, notes: &mut Vec<String>) -> Result<LakeConfig, Error> {
    let mut config = scope.lake.clone();
    if !scope.sources.is_empty() {
        return Ok(config);
    }
    let (lake, mut zone) = (Lake::open(&config)?, None);
    for name in lake::sources(&lake)? {
        if let Some(key) = lake::partitions(&lake, &name)?.first() {
            config.partition = key.cut();
        }
        zone = zone.or(account(&lake, &name)?.map(|account| account.lake_timezone));
    }
    match zone.and_then(|zone| TimeZone::get(&zone).ok()) {
        Some(zone) => config.timezone = zone,
        None => {
            let zone = config.timezone.iana_name().unwrap_or("UTC");
            notes.push(format!("without a configuration, the lake's time zone is taken to be {zone}"));
        }
    }
    Ok(config)
}

/// Refuses a configuration of another lake or another account. Where nothing is written, the states alone are asked.
pub fn check(lake: &Lake, config: &LakeConfig, scope: &Scope, names: &Names) -> Result<(), Error> {
    for (name, kind) in names {
        let why = match account(lake, name)? {
            Some(account) => sync::check_account(&account, config, name, *kind),
            None if scope.repair => {
                sync::check_files(lake, config, name, *kind, &lake::partitions(lake, name)?)?
            }
            None => None,
        };
        why.map_or(Ok(()), |why| Err(Error::Usage(why)))?;
    }
    let task = Task::Sync { whole: false, accept: sync::Accept::default() };
    for source in &scope.configs {
        match sync::check_identity(lake, config, source, task) {
            Ok(why) => why.map_or(Ok(()), |why| Err(Error::Usage(why)))?,
            // The check says more.
            Err(why) if why.is_damage() => {}
            Err(why) => return Err(why.into()),
        }
    }
    Ok(())
}

/// What the state of a source remembers of its account. One that cannot be read says nothing here.
fn account(lake: &Lake, name: &str) -> Result<Option<Account>, LakeError> {
    match state::load::<SourceState>(lake, name) {
        Ok(state) => Ok(state.and_then(|(_, state)| state.account)),
        Err(why) if why.is_damage() => Ok(None),
        Err(why) => Err(why),
    }
}
