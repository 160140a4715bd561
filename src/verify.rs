//! The lake against its laws, and against the sources; and putting right what is wrong.

mod against;
mod check;
mod columns;
mod difference;
mod digest;
mod files;
mod finding;
mod identity;
mod invariant;
mod render;
mod repair;
mod report;
mod rows;

use std::collections::BTreeMap;

use futures::future::join_all;
use roaring::RoaringTreemap;

use self::{
    against::Comparison,
    check::{Checked, check},
    difference::Against,
    repair::{Repair, Repaired, Repairs},
};
use crate::{
    config::{Kind, LakeConfig, SourceConfig},
    error::Error,
    lake::{self, Lake, LakeError, lock::Locking},
    progress::Progress,
    summary::Run,
    sync::{CommitError, StopReason},
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
    /// The sources that may be asked, with their secrets.
    pub configs: Vec<SourceConfig>,
    pub against: bool,
    pub repair: bool,
    pub accept_deletes: bool,
}

/// The sources that are looked at, each with its kind where the configuration says it.
type Names = BTreeMap<String, Option<&'static str>>;

/// Checks the lake, compares it with the sources and repairs it, as far as the scope says. An error means that it could
/// not be looked at.
pub async fn verify(scope: &Scope, progress: &Progress, run: &Run) -> Result<Report, Error> {
    let place = &scope.lake.place;
    if !is_lake(&Lake::open(&scope.lake)?)? {
        let what =
            format!("there is no lake at {place}; name its place with --lake, or run `ticketlake sync`");
        return Err(Error::Usage(what));
    }
    let mut notes = Vec::new();
    let config = identity::as_it_is(scope, &mut notes)?;
    let lake = Lake::open(&config)?;
    let names = names(&lake, scope)?;
    let _lock = match scope.repair {
        false => None,
        true => match lake::lock::acquire(&lake, "verify", &run.started_at.to_string())? {
            Locking::Acquired(lock) => Some(lock),
            Locking::Held(holder) => return Err(Error::Locked { lake: place.clone(), holder }),
        },
    };
    identity::check(&lake, &config, scope, &names)?;
    let (checked, repaired) = match scope.repair {
        true => repair_all(&lake, scope, &names, progress, run).await?,
        false => {
            let mut checked = check(&lake, &names, false).await?;
            if !checked.findings.is_sound() {
                // A run may have changed files between two looks: only what is found again counts.
                checked = check(&lake, &names, false).await?;
            }
            let compared = compare_all(&lake, scope, &checked, &BTreeMap::new(), progress, run).await;
            (checked.with(compared), None)
        }
    };
    if let Some(holder) = &checked.beside {
        notes.push(format!("a run is at work ({holder}): what it may be changing is noted, not counted"));
    }
    for files in checked.sources.iter().filter(|files| files.partitions == 0) {
        notes.push(format!("no ticket of source {} is in the lake", files.name));
    }
    Ok(report::report(run, place.to_string(), checked, repaired, notes))
}

/// How each source compares that was compared.
type Compared = BTreeMap<String, Against>;

async fn repair_all(
    lake: &Lake,
    scope: &Scope,
    names: &Names,
    progress: &Progress,
    run: &Run,
) -> Result<(Checked, Option<Repaired>), Error> {
    let (of_lake, run_id, of_names) = (lake.clone(), run.run_id.clone(), names.clone());
    let begun = blocking(move || Repairs::begin(of_lake, run_id, &of_names)).await;
    let mut repairs = begun.map_err(unwritten)?;
    let mut checked = check(lake, names, true).await?;
    if repairs.set_aside(&checked).map_err(unwritten)? {
        checked = check(lake, names, true).await?;
    }
    let compared = compare_all(lake, scope, &checked, &repairs.sources, progress, run).await;
    if !scope.against {
        read_again(lake, scope, &mut repairs, progress).await?;
    }
    let repaired = repairs.finish().map_err(unwritten)?;
    Ok((check(lake, names, true).await?.with(compared), Some(repaired)))
}

async fn compare_all(
    lake: &Lake,
    scope: &Scope,
    checked: &Checked,
    repairs: &BTreeMap<String, Repair>,
    progress: &Progress,
    run: &Run,
) -> Compared {
    let compared = scope.configs.iter().filter(|_| scope.against).filter_map(|config| {
        let comparison = Comparison {
            lake,
            config,
            files: checked.sources.iter().find(|files| files.name == config.name)?,
            repair: repairs.get(&config.name),
            accept_deletes: scope.accept_deletes,
            run_id: &run.run_id,
            meter: progress.source(&config.name),
        };
        Some(async { (config.name.clone(), comparison.run().await) })
    });
    join_all(compared).await.into_iter().collect()
}

/// Reads again by id what the sources under repair have lost, where they can be asked.
async fn read_again(
    lake: &Lake,
    scope: &Scope,
    Repairs { sources, said, .. }: &mut Repairs,
    progress: &Progress,
) -> Result<(), Error> {
    for (name, repair) in sources {
        if !repair.needs_source()? {
            continue;
        }
        let Some(config) = scope.configs.iter().find(|config| config.name == *name) else {
            said.left.push(format!(
                "{name}: the source was not asked: its configuration or a secret is not at hand"
            ));
            continue;
        };
        let meter = progress.source(name);
        let read = async {
            let source = against::ask(lake, config, &repair.checkpoint, &meter).await?;
            let nothing = RoaringTreemap::new();
            repair.bring_in(&source, &nothing, &nothing, scope.accept_deletes).await
        };
        let read: Result<_, StopReason> = read.await;
        meter.done();
        match read {
            Ok(brought) => said.done.push(format!("{name}: {}", render::brought(&brought))),
            Err(why) => said.left.push(format!("{name}: {why}")),
        }
    }
    Ok(())
}

fn is_lake(lake: &Lake) -> Result<bool, LakeError> {
    let has_house = || lake::is_folder(lake, "_ticketlake".as_ref());
    Ok(lake.is_there()? && (has_house()? || !lake::sources(lake)?.is_empty()))
}

/// Work that fills a processor or waits for the disk, off the tasks that wait for the network and for signals.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    // A panic in it is a bug, and goes on as one.
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))
}

/// The sources to look at.
fn names(lake: &Lake, scope: &Scope) -> Result<Names, LakeError> {
    let configured = scope.sources.iter().map(|(name, kind)| (name.clone(), Some(kind.name())));
    let mut names: Names = configured.collect();
    if !scope.selected {
        for name in lake::sources(lake)? {
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
