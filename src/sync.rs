//! A run: every source is read, brought into the lake and accounted for. The only room that knows the whole flow.

mod account;
mod afresh;
mod buffer;
mod decoding;
mod deletions;
mod stop_reason;
mod fields;
mod gaps;
mod identity;
mod list_reader;
mod masking;
mod preview;
mod reading;
mod recorder;
mod reconcile;
mod recover;
mod source_run;
mod source_state;
mod volume;
mod table_schema;
mod walks;
mod watermark;
mod strategy;
mod worker;
mod writer;

use std::{
    io,
    sync::{Arc, Once},
};

use futures::future::join_all;
use tokio::runtime::Builder;
use tracing::Instrument;

use crate::{
    config::Config,
    error::Error,
    lake::{self, Lake, LakeError, lock::Locking, views::ViewContext},
    progress::Progress,
    source,
    summary::{Outcome, Run, SourceSummary, Summary},
};

pub use account::requests;
pub use afresh::{
    Afresh, BroughtIn, FirstPage, begin as read_afresh, begin_alone as read_alone,
    begin_with as read_afresh_with,
};
pub use gaps::OpenGap;
pub use identity::{
    account as account_of, check as check_identity, check_address, of_account as check_account,
    of_files as check_files,
};
pub use preview::preview;
pub use reading::{ReadError, Rows};
pub use recover::{Recovered, describe as describe_diff, diff as diff_of_files, recover, settle};
pub use source_run::{Accept, Task};
pub use source_state::{Account, Checkpoint, CommitError, SourceState, Unfinished, partitions_of};
pub use stop_reason::{Stop, StopReason, Why, deadline};
pub use table_schema::file_meta;
pub use worker::take_in_windows;

/// Does a task on all sources of the configuration, side by side. What goes wrong with a source is told in its part of
/// the summary; an error means that the lake could not be worked on at all.
pub async fn run(
    task: Task,
    config: &Config,
    progress: &Progress,
    stop: &Stop,
    run: &Run,
) -> Result<(Summary, Vec<StopReason>), Error> {
    let mut lake = Lake::open(&config.lake)?;
    let shares = matches!(task, Task::Window { .. });
    // Before the lock: a run that is refused leaves nothing.
    for source in &config.sources {
        match identity::check(&lake, &config.lake, source, task) {
            Ok(None) => {}
            Ok(Some(why)) => return Err(Error::Usage(why)),
            // The part of its source says so; the others are read all the same.
            Err(why) if why.is_damage() => {}
            Err(why) => return Err(why.into()),
        }
    }
    let since = run.started_at.to_string();
    let locking = match shares {
        true => lake::lock::share(&mut lake, task.name(), &since)?,
        false => lake::lock::acquire(&lake, task.name(), &since)?,
    };
    let _lock = match locking {
        Locking::Acquired(lock) => lock,
        Locking::Held(holder) => return Err(Error::Locked { lake: config.lake.place.clone(), holder }),
    };
    // What lies in staging may be another worker's.
    let swept = if shares { 0 } else { lake::sweep(&lake)? };
    if swept > 0 {
        tracing::info!(files = swept, "removed temporary files of a crashed run");
    }
    let (begun, of_lake, of_run) = (Once::new(), lake.clone(), run.clone());
    let accepted = move || begun.call_once(|| record(&of_lake, &of_run.running(task.name())));
    let context = source_run::RunContext {
        lake: lake.clone(),
        config: config.lake.clone(),
        run_id: run.run_id.clone(),
        began: run.started_at,
        task,
        stop: stop.clone(),
        accepted: Arc::new(accepted),
    };
    let runs = config.sources.iter().map(|source| {
        let meter = progress.source(&source.name);
        let (context, source) = (context.clone(), source.clone());
        let span = tracing::error_span!(
            "source",
            source = source.name,
            outcome = tracing::field::Empty,
            otel.status_code = tracing::field::Empty
        );
        apart(async move || source_run::run(&context, &source, meter).instrument(span).await)
    });
    let ran = join_all(runs).await.into_iter().collect::<io::Result<Vec<_>>>();
    let ran = ran.map_err(|why| Error::Io { what: "cannot start reading".to_owned(), why })?;
    let (sources, ends): (Vec<SourceSummary>, Vec<Option<StopReason>>) = ran.into_iter().unzip();
    let ends: Vec<StopReason> = ends.into_iter().flatten().collect();
    let mut summary = run.finish(task.name(), Outcome::of_all(&sources), sources);
    summary.exit_code = Some(StopReason::exit(&ends).code());
    let refused = ends.iter().filter(|end| matches!(end, StopReason::OtherAccount { .. })).count();
    if refused > 0 && refused == summary.sources.len() {
        return Ok((summary, ends));
    }
    // The tables are right without it; whatever is wrong with a source has been told in its part.
    if !shares && let Err(why) = views(&lake) {
        tracing::warn!("views.sql was not brought up to date: {why}");
    }
    record(&lake, &summary);
    Ok((summary, ends))
}

/// Keeps the record of a run. The lake is right without it; a full disk must not hide how the run ended.
fn record(lake: &Lake, summary: &Summary) {
    if let Err(why) = lake::runs::record(lake, &summary.run_id, summary) {
        tracing::warn!("the record of this run was not kept: {why}");
    }
}

/// Does a source's work on a thread of its own, the traffic on its connections with it: no other source, nor whoever
/// listens for a signal, waits while a disk or an object store keeps this one waiting, and an answer that comes in wakes
/// no second thread. On threads that take turns 100,000 tickets took 7 % more processor time.
async fn apart<T: Send + 'static>(work: impl AsyncFnOnce() -> T + Send + 'static) -> io::Result<T> {
    let done = tokio::task::spawn_blocking(move || {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let done = runtime.block_on(work());
        // A look-up of a name that was given up must not keep the run.
        runtime.shutdown_background();
        Ok(done)
    });
    // A panic in it is a bug, and goes on as one.
    done.await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))
}

/// Brings `views.sql` up to date with every source that the lake has, also with those that this run left out.
fn views(lake: &Lake) -> Result<bool, LakeError> {
    lake::views::write(
        lake,
        ViewContext { uniform: &|source| is_uniform(lake, source), origin: &source::origin },
    )
}

/// Whether all files of a source are known to have the same columns.
pub fn is_uniform(lake: &Lake, source: &str) -> Result<bool, LakeError> {
    let state = lake::state::load::<SourceState>(lake, source)?;
    Ok(state.is_some_and(|(_, state)| state.columns.is_some()))
}
