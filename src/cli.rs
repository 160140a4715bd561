//! The commands and the options that all of them take.

pub mod backfill;
pub mod completions;
pub mod demo;
pub mod doctor;
pub mod fields;
pub mod filters;
pub mod init;
mod interrupt;
mod looking;
pub mod man;
pub mod output;
pub mod plan;
pub mod pull;
pub mod recipe;
pub mod report;
pub mod runs;
pub mod sandbox;
pub mod status;
pub mod sync;
#[cfg(test)]
mod tests;
mod window;
pub mod verify;
pub mod views;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use clap::{Args, Parser, Subcommand, ValueHint};
use jiff::Timestamp;
use tracing::level_filters::LevelFilter;

pub use self::interrupt::interrupted;
use crate::{
    config::{self, Config, Faults, Offline, Overrides},
    error::Error,
    exit::Exit,
    log,
    progress::{self, Progress},
    summary::{Run, Summary},
};

const ABOUT: &str = "Every ticket of a KF5 or Udesk help desk, as a lake of plain Parquet";

const AFTER_HELP: &str = "\
Exit codes:
    0  everything asked for is done
    1  an unexpected failure
    2  bad arguments or configuration; nothing was fetched
    3  incomplete: a source failed or the deadline passed; what was committed stands, run again to go on
    4  a source refused the credentials
    5  another run holds the lake
    6  the lake is damaged
  130  interrupted (SIGINT, SIGTERM); what was committed stands

Examples:
  ticketlake demo                           see it work, no account needed
  ticketlake sync                           bring the lake up to date, as ./ticketlake.toml says
  ticketlake sync --source shop --json      one source, the summary as JSON
  ticketlake plan                           what that would read and cost
  ticketlake help sync                      all about one command";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "ticketlake", version, about = ABOUT, after_help = AFTER_HELP)]
#[command(arg_required_else_help = true, subcommand_required = true, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub enum Command {
    Sync(sync::Args),
    Backfill(backfill::Args),
    Pull(Box<pull::Args>),
    Plan(plan::Args),
    Verify(verify::Args),
    Report(report::Args),
    Fields(fields::Args),
    Filters(filters::Args),
    Views(views::Args),
    Status(status::Args),
    Runs(runs::Args),
    Doctor(doctor::Args),
    Init(init::Args),
    Recipe(recipe::Args),
    Sandbox(sandbox::Args),
    Demo(demo::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Options that every command takes, before or after its name.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The configuration to read [env: TICKETLAKE_CONFIG] [default: ticketlake.toml]
    #[arg(long, global = true, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,

    /// The folder of the lake, in place of the configuration's [env: TICKETLAKE_LAKE]
    #[arg(long, global = true, value_name = "PATH", value_hint = ValueHint::DirPath)]
    pub lake: Option<PathBuf>,

    /// Only the source of this name; may be repeated [default: all sources]
    #[arg(long = "source", global = true, value_name = "NAME")]
    pub sources: Vec<String>,

    /// Print exactly one JSON object on standard output
    #[arg(long, global = true)]
    pub json: bool,

    /// The form of log lines on standard error
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t)]
    pub log_format: log::Format,

    /// How progress is shown on standard error
    #[arg(long, global = true, value_name = "STYLE", value_enum, default_value_t)]
    pub progress: progress::Style,

    /// Log more; -vv logs everything
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub verbose: u8,

    /// Log errors only, and show no progress
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// What a command works with.
pub struct Context {
    pub global: Global,
    pub progress: Progress,
    pub run: Run,
    /// What the run did, as soon as that is known.
    pub last_run: Mutex<Option<LastRun>>,
}

/// What a run leaves to be told to monitors.
pub struct LastRun {
    pub summary: Summary,
    /// For each source, when its last complete run began.
    pub complete_at: BTreeMap<String, Timestamp>,
}

impl Global {
    /// The configuration's path: the option, else the environment, else the working folder's.
    pub fn config_file(&self) -> PathBuf {
        let named = self.config.clone().or_else(|| from_env("TICKETLAKE_CONFIG"));
        named.unwrap_or_else(|| PathBuf::from(config::DEFAULT_FILE))
    }

    /// What the command line and the environment say over the configuration.
    pub fn overrides(&self) -> Overrides {
        let lake = self.lake.clone().or_else(|| from_env("TICKETLAKE_LAKE"));
        Overrides { lake, sources: self.sources.clone() }
    }

    /// What the log lets through.
    pub fn log_level(&self) -> LevelFilter {
        match (self.quiet, self.verbose) {
            (true, _) => LevelFilter::ERROR,
            (false, 0) => LevelFilter::INFO,
            (false, 1) => LevelFilter::DEBUG,
            (false, _) => LevelFilter::TRACE,
        }
    }

    /// The display that is wanted: silence is silent, unless a display was asked for by name.
    pub fn progress_style(&self) -> progress::Style {
        match self.progress {
            progress::Style::Auto if self.quiet => progress::Style::None,
            style => style,
        }
    }
}

impl Context {
    /// The configuration with the secrets of the selected sources.
    pub fn config(&self) -> Result<Config, Faults> {
        config::load(&self.global.config_file(), &self.global.overrides())
    }

    /// What the run did, for whoever tells it to monitors.
    pub fn take_last_run(&self) -> Option<LastRun> {
        self.last_run.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The configuration for a command that speaks to no source.
    pub fn offline(&self) -> Result<Offline, Faults> {
        config::load_offline(&self.global.config_file(), &self.global.overrides())
    }
}

/// A variable's path. Set to nothing is not set: containers and cron lines do that.
fn from_env(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// Does what was asked; the error says why it could not be done.
pub async fn run(context: &Context, command: &Command) -> Result<Exit, Error> {
    match command {
        Command::Sync(args) => sync::run(context, args).await,
        Command::Backfill(args) => backfill::run(context, args).await,
        Command::Pull(args) => pull::run(context, args).await,
        Command::Plan(args) => plan::run(context, args).await,
        Command::Verify(args) => verify::run(context, args).await,
        Command::Report(args) => report::run(context, args).await,
        Command::Fields(args) => fields::run(context, args).await,
        Command::Filters(args) => filters::run(context, args).await,
        Command::Views(args) => views::run(context, args).await,
        Command::Status(args) => status::run(context, args).await,
        Command::Runs(args) => runs::run(context, args).await,
        Command::Doctor(args) => doctor::run(context, args).await,
        Command::Init(args) => init::run(context, args).await,
        Command::Recipe(args) => recipe::run(args),
        Command::Sandbox(args) => sandbox::run(args).await,
        Command::Demo(args) => demo::run(context, args).await,
        Command::Completions(args) => completions::run(args),
        Command::Man(args) => man::run(args),
    }
}

impl Command {
    /// The file that monitors want the run's figures in.
    pub fn metrics_file(&self) -> Option<&Path> {
        match self {
            Self::Sync(args) => args.metrics_file.as_deref(),
            Self::Backfill(args) => args.metrics_file.as_deref(),
            _ => None,
        }
    }

    /// Whether it is a run that brings tickets into a lake or a file.
    pub fn writes(&self) -> bool {
        matches!(self, Self::Sync(_) | Self::Backfill(_) | Self::Pull(_))
    }

    /// Its name on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sync(_) => "sync",
            Self::Backfill(_) => "backfill",
            Self::Pull(_) => "pull",
            Self::Plan(_) => "plan",
            Self::Verify(_) => "verify",
            Self::Report(_) => "report",
            Self::Fields(_) => "fields",
            Self::Filters(_) => "filters",
            Self::Views(_) => "views",
            Self::Status(_) => "status",
            Self::Runs(_) => "runs",
            Self::Doctor(_) => "doctor",
            Self::Init(_) => "init",
            Self::Recipe(_) => "recipe",
            Self::Sandbox(_) => "sandbox",
            Self::Demo(_) => "demo",
            Self::Completions(_) => "completions",
            Self::Man(_) => "man",
        }
    }
}
