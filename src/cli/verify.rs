//! `ticketlake verify`: what it takes and how it ends.

use super::{Context, interrupted, output};
use crate::{
    config::{Config, Offline},
    error::Error,
    exit::Exit,
    verify::{self, Invariant, Scope},
};

/// The laws come first: the output names their numbers.
fn after_help() -> String {
    let laws = Invariant::all().map(|law| format!("  {:<4} {}\n", law.number(), law.text()));
    format!("What must hold:\n{}\n{AFTER_HELP}", laws.collect::<String>())
}

const AFTER_HELP: &str = "\
Without --repair nothing is written and no lock is taken: a run may be at work, and what it is
changing is noted, not counted. Without --against-source and --repair no source is asked.

--against-source reads the whole ticket list again and compares every ticket: what is missing,
stale, or in the lake although it is gone. With --repair just those are read again by id; the
source's version counts, also where it is older.

--repair compares the files with the manifest as a sync does, moves files that are damaged or do
not belong into a table to _ticketlake/aside, and reads their tickets again by id. Where the source
cannot be asked, the next sync reads them.

Exit codes: 0 sound (and equal), 2 bad arguments or configuration, 3 the lake differs from a source
or the comparison is not proven, 4 credentials refused, 5 another run holds the lake (--repair), 6
the lake is damaged, 130 interrupted.

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

    /// Set aside what is damaged and read it again from the source
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

/// Secrets are needed only to ask the sources; a repair does without where they are not at hand.
fn scope(context: &Context, args: &Args) -> Result<Scope, Error> {
    let online = match args.against_source {
        true => Some(context.config()?),
        false if args.repair => context.config().ok(),
        false => None,
    };
    let (lake, sources, configs) = match online {
        Some(Config { lake, sources, .. }) => {
            (lake, sources.iter().map(|source| (source.name.clone(), source.kind)).collect(), sources)
        }
        None => {
            let Offline { lake, sources, .. } = context.offline()?;
            (lake, sources, Vec::new())
        }
    };
    let selected = !context.global.sources.is_empty();
    let &Args { against_source: against, repair, accept_deletes } = args;
    Ok(Scope { lake, sources, selected, configs, against, repair, accept_deletes })
}
