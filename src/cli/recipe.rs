//! `ticketlake recipe`: how to run it every night, for five platforms, with secrets and exit codes as they should be.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use clap::ValueHint;

use super::output;
use crate::{error::Error, exit::Exit};

const AFTER_HELP: &str = "\
Each recipe keeps the secrets in files or variables, tries again what may heal (exit codes 1, 3, 5)
and leaves the rest (2, 4, 6) to a person. Names, paths and times are there to be changed.

Examples:
  ticketlake recipe systemd --dir /etc/systemd/system
  ticketlake recipe kubernetes > cronjob.yaml
  ticketlake recipe container --dir .";

/// Print how to run it every night: systemd, cron, Kubernetes, a container, GitHub Actions
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The platform
    #[arg(value_enum)]
    pub platform: Platform,

    /// Write the files into this folder, which is made if it is not there; none is replaced
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
}

/// What runs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Platform {
    /// A service and a timer
    Systemd,
    /// A file for /etc/cron.d, and the script that it runs
    Cron,
    /// A CronJob with its configuration and volume
    Kubernetes,
    /// A container file: distroless, not root, for a read-only root
    Container,
    /// A workflow on a schedule
    GithubActions,
}

impl Platform {
    /// The files, each with its name.
    fn files(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Systemd => &[
                ("ticketlake.service", include_str!("recipe/ticketlake.service")),
                ("ticketlake.timer", include_str!("recipe/ticketlake.timer")),
            ],
            Self::Cron => &[
                ("ticketlake.cron", include_str!("recipe/ticketlake.cron")),
                ("ticketlake-nightly", include_str!("recipe/ticketlake-nightly")),
            ],
            Self::Kubernetes => &[("cronjob.yaml", include_str!("recipe/cronjob.yaml"))],
            Self::Container => &[
                ("Dockerfile", include_str!("recipe/Dockerfile")),
                (".dockerignore", include_str!("recipe/dockerignore")),
            ],
            Self::GithubActions => &[("tickets.yml", include_str!("recipe/github-actions.yml"))],
        }
    }
}

/// Prints the files one after the other, or writes them.
pub fn run(args: &Args) -> Result<Exit, Error> {
    let files = args.platform.files();
    let Some(dir) = &args.dir else {
        let texts: Vec<&str> = files.iter().map(|(_, text)| *text).collect();
        output::print(texts.join("\n"))?;
        return Ok(Exit::Complete);
    };
    fs::create_dir_all(dir).map_err(|why| output::cannot(&dir.display().to_string(), why))?;
    let taken: Vec<String> = files
        .iter()
        .filter(|(name, _)| dir.join(name).exists())
        .map(|(name, _)| (*name).to_owned())
        .collect();
    if !taken.is_empty() {
        let why =
            format!("--dir: {} holds {} already; nothing was written", dir.display(), taken.join(" and "));
        return Err(Error::Usage(why));
    }
    for (name, text) in files {
        let file = dir.join(name);
        let written = fs::write(&file, text).and_then(|()| make_runnable(&file, text));
        written.map_err(|why| output::cannot(&file.display().to_string(), why))?;
        output::print(format!("{}\n", file.display()))?;
    }
    Ok(Exit::Complete)
}

/// A script is there to be run.
#[cfg(unix)]
fn make_runnable(file: &Path, text: &str) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;

    if !text.starts_with("#!") {
        return Ok(());
    }
    let mode = fs::metadata(file)?.permissions().mode();
    // Whoever may read it may run it.
    fs::set_permissions(file, fs::Permissions::from_mode(mode | (mode & 0o444) >> 2))
}

#[cfg(not(unix))]
fn make_runnable(_: &Path, _: &str) -> io::Result<()> {
    Ok(())
}
