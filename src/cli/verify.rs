//! `ticketlake verify`: what it takes and how it ends.

use super::{Context, interrupted, output};
use crate::{
    config::{Config, Offline},
    error::Error,
    exit::Exit,
    verify::{self, Invariant, Scope},
};

/// The laws stand first: their numbers are what the output is about.
fn after_help() -> String {
    let laws = Invariant::ALL.into_iter().map(|law| format!("  {:<4} {}\n", law.number(), law.text()));
    format!("What must hold:\n{}\n{AFTER_HELP}", laws.collect::<String>())
}

const AFTER_HELP: &str = "\
Nothing is written without --repair, and no source is asked without --against-source.

--against-source reads the whole ticket list again and compares every ticket: what is missing,
stale, or in the lake although it is gone. --repair then reads just those again by id.

--repair alone puts right what the lake itself can tell: order, duplicates (the newest stays),
tickets in a wrong partition, columns, indexes. Files that do not belong into a table, and with
--against-source those that cannot be read, are moved to _ticketlake/aside, never deleted.

Exit codes: 0 sound (and equal), 2 bad arguments or configuration, 3 the lake differs from a source
or the comparison is not proven, 4 credentials refused, 5 another run holds the lake, 6 the lake is
damaged, 130 interrupted.

Examples:
  ticketlake verify
  ticketlake verify --lake /data/lake --json | jq '.invariants[] | select(.holds | not)'
  ticketlake verify --against-source --source support
  ticketlake verify --against-source --repair";

/// Check the lake by numbered invariants, compare it with the sources, repair it
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = after_help())]
pub struct Args {
    /// Read every ticket list again and name what is missing, stale or extra in the lake
    #[arg(long)]
    pub against_source: bool,

    /// Put right what is wrong: from the lake itself, and with --against-source from the source
    #[arg(long)]
    pub repair: bool,

    /// Mark tickets as deleted even where they are more than `delete_brake` allows
    #[arg(long, requires = "against_source")]
    pub accept_deletes: bool,
}

/// Checks the lake and prints what was found.
pub async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let scope = scope(context, args)?;
    let asked =
        interrupted().map_err(|why| Error::Io { what: "cannot listen for signals".to_owned(), why })?;
    let report = tokio::select! {
        report = verify::verify(&scope, &context.progress, &context.run) => report?,
        () = asked => return Err(Error::Interrupted),
    };
    context.progress.finish();
    if context.global.json {
        output::print_json(&report)?;
    } else {
        output::print(verify::render(&report))?;
    }
    Ok(report.exit())
}

/// Secrets are needed only to ask the sources.
fn scope(context: &Context, args: &Args) -> Result<Scope, Error> {
    let (lake, sources, against) = if args.against_source {
        let Config { lake, sources } = context.config()?;
        (lake, sources.iter().map(|source| (source.name.clone(), source.kind)).collect(), sources)
    } else {
        let Offline { lake, sources } = context.offline()?;
        (lake, sources, Vec::new())
    };
    let selected = !context.global.sources.is_empty();
    let (repair, accept_deletes) = (args.repair, args.accept_deletes);
    Ok(Scope { lake, sources, selected, against, repair, accept_deletes })
}
