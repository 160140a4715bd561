//! The lake against its laws, and against the sources; and putting right what is wrong.

mod against;
mod blocking;
mod check;
mod columns;
mod compare;
mod difference;
mod digest;
mod files;
mod finding;
mod home;
mod invariant;
mod places;
mod remembered;
mod render;
mod repair;
mod report;
mod rows;

use std::collections::BTreeMap;

use futures::future::join_all;

use self::{
    against::Rules,
    blocking::blocking,
    check::{Checked, check},
    difference::Against,
};
use crate::{
    config::{Kind, LakeConfig, PartitionBy, SourceConfig},
    error::Error,
    lake::{
        self, Cut, Lake, LakeError,
        lock::{Lock, Locking},
    },
    progress::Progress,
    summary::Run,
    sync::CommitError,
};

pub use invariant::Invariant;
pub use render::render;
pub use report::Report;

/// What is to be verified.
#[derive(Debug, Clone)]
pub struct Scope {
    pub lake: LakeConfig,
    /// Name and kind of the sources that the configuration has, as far as they were selected; empty without one.
    pub sources: Vec<(String, Kind)>,
    /// Whether sources were selected by name: then no other one is looked at.
    pub selected: bool,
    /// The sources to compare with.
    pub against: Vec<SourceConfig>,
    pub repair: bool,
    pub accept_deletes: bool,
}

/// Checks the lake, compares it with the sources and repairs it, as far as the scope says. An error means that it could
/// not be looked at.
pub async fn verify(scope: &Scope, progress: &Progress, run: &Run) -> Result<Report, Error> {
    let place = &scope.lake.place;
    if !Lake::open(&scope.lake)?.is_there()? {
        let what =
            format!("there is no lake at {place}; name its place with --lake, or run `ticketlake sync`");
        return Err(Error::Usage(what));
    }
    let mut notes = Vec::new();
    let lake = Lake::open(&as_it_is_cut(scope, &mut notes)?)?;
    let _lock = hold(&lake, scope, run, &mut notes)?;
    let names = names(&lake, scope)?;
    let mut checked = check(&lake, &names).await?;
    let mut repaired = None;
    if scope.repair {
        let (of_lake, run_id) = (lake.clone(), run.run_id.clone());
        let done =
            blocking(move |abandoned| repair::repair_files(&of_lake, &run_id, &checked, abandoned)).await;
        repaired = Some(done.map_err(unwritten)?);
        checked = check(&lake, &names).await?;
    }
    let compared = compare_all(&lake, scope, &checked, progress, &run.run_id).await;
    if compared.iter().any(|(_, against)| against.repaired.is_some()) {
        checked = check(&lake, &names).await?;
    }
    let settled = !compared.is_empty() && compared.iter().all(|(_, against)| against.is_settled());
    if settled && checked.findings.is_sound() {
        // What the lake could not tell, the sources did.
        repaired.iter_mut().for_each(|repaired| repaired.left.clear());
    }
    for files in checked.sources.iter().filter(|files| files.keys.is_empty()) {
        notes.push(format!("no ticket of source {} is in the lake", files.name));
    }
    Ok(report::report(run, place.to_string(), checked, compared, repaired, notes))
}

async fn compare_all(
    lake: &Lake,
    scope: &Scope,
    checked: &Checked,
    progress: &Progress,
    run_id: &str,
) -> Vec<(String, Against)> {
    let rules = Rules { repair: scope.repair, accept_deletes: scope.accept_deletes, run_id };
    let compared = scope.against.iter().filter_map(|config| {
        let files = checked.sources.iter().find(|files| files.name == config.name)?;
        let meter = progress.source(&config.name);
        Some(async move { (config.name.clone(), against::against(lake, config, files, rules, meter).await) })
    });
    join_all(compared).await
}

/// Holds the lake, so that no run changes files between two looks. A lake that may only be read needs no lock.
fn hold(lake: &Lake, scope: &Scope, run: &Run, notes: &mut Vec<String>) -> Result<Option<Lock>, Error> {
    match lake::lock::acquire(lake, "verify", &run.started_at.to_string()) {
        Ok(Locking::Acquired(lock)) => Ok(Some(lock)),
        Ok(Locking::Held(holder)) => Err(Error::Locked { lake: scope.lake.place.clone(), holder }),
        Err(why) if !scope.repair && why.is_read_only() => {
            notes.push("the lake cannot be written, so it was not locked while it was checked".to_owned());
            Ok(None)
        }
        Err(other) => Err(other.into()),
    }
}

/// The lake's configuration; where there is none, the files themselves tell how it is cut.
fn as_it_is_cut(scope: &Scope, notes: &mut Vec<String>) -> Result<LakeConfig, Error> {
    let mut config = scope.lake.clone();
    if scope.sources.is_empty() {
        let inventory = lake::inventory(&Lake::open(&config)?)?;
        if let Some(file) = inventory.tickets.first() {
            config.partition = match file.key.cut() {
                Cut::Day => PartitionBy::Day,
                Cut::Month => PartitionBy::Month,
            };
        }
        let zone = config.timezone.iana_name().unwrap_or("UTC").to_owned();
        notes.push(format!("without a configuration, the lake's time zone is taken to be {zone}"));
    }
    Ok(config)
}

/// The sources to look at, each with its kind where the configuration tells it.
fn names(lake: &Lake, scope: &Scope) -> Result<BTreeMap<String, Option<&'static str>>, LakeError> {
    let configured = scope.sources.iter().map(|(name, kind)| (name.clone(), Some(kind.name())));
    let mut names: BTreeMap<_, _> = configured.collect();
    if !scope.selected {
        for name in lake::inventory(lake)?.sources() {
            names.entry(name).or_insert(None);
        }
    }
    Ok(names)
}

fn unwritten(why: CommitError) -> Error {
    match why {
        CommitError::Lake(why) => why.into(),
        conflict @ CommitError::Conflict(_) => Error::Incomplete(conflict.to_string()),
    }
}
