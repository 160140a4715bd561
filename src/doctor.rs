//! Whether a sync could run now, and what to do first if not: every part of the set-up is tried, nothing stays written.

mod lake;
mod render;
mod source;

use futures::future::join_all;
use jiff::Timestamp;
use serde::Serialize;

pub use self::render::render;
use crate::{
    config::{Config, Faults, LakeConfig, Offline},
    exit::Exit,
};

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Ok,
    /// A sync can run, and yet somebody should look.
    Warning,
    /// A sync cannot run, or cannot be complete.
    Failed,
    /// It could not be tried, because another check failed.
    Skipped,
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// `configuration`, `lake`, or the name of a source.
    pub about: String,
    pub check: &'static str,
    pub state: State,
    pub found: String,
    /// What the reader must do; `None` where there is nothing to do.
    pub todo: Option<String>,
    /// How a sync would end because of it.
    #[serde(skip)]
    exit: Exit,
}

/// Everything that was tried.
#[derive(Debug, Serialize)]
pub struct Diagnosis {
    pub command: &'static str,
    pub at: Timestamp,
    /// Whether a sync can run.
    pub healthy: bool,
    /// How a sync would end now.
    pub exit_code: u8,
    pub checks: Vec<Check>,
    #[serde(skip)]
    exit: Exit,
}

impl Check {
    fn new(about: &str, check: &'static str, state: State, found: impl Into<String>) -> Self {
        Self { about: about.to_owned(), check, state, found: found.into(), todo: None, exit: Exit::Complete }
    }

    fn ok(about: &str, check: &'static str, found: impl Into<String>) -> Self {
        Self::new(about, check, State::Ok, found)
    }

    fn warning(about: &str, check: &'static str, found: impl Into<String>, todo: impl Into<String>) -> Self {
        Self { todo: Some(todo.into()), ..Self::new(about, check, State::Warning, found) }
    }

    fn failed(
        about: &str,
        check: &'static str,
        exit: Exit,
        found: impl Into<String>,
        todo: impl Into<String>,
    ) -> Self {
        Self { todo: Some(todo.into()), exit, ..Self::new(about, check, State::Failed, found) }
    }

    fn skipped(about: &str, check: &'static str, because: &str) -> Self {
        Self::new(about, check, State::Skipped, because)
    }
}

impl Diagnosis {
    /// The exit code that a sync would end with now.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    fn of(checks: Vec<Check>) -> Self {
        // What stops a sync first counts; then what needs a person most.
        const FIRST: [Exit; 5] =
            [Exit::Usage, Exit::Unexpected, Exit::Locked, Exit::Damaged, Exit::Credentials];
        let failed = |exit: &Exit| checks.iter().any(|c| c.state == State::Failed && c.exit == *exit);
        let any = checks.iter().any(|check| check.state == State::Failed);
        let otherwise = if any { Exit::Incomplete } else { Exit::Complete };
        let exit = FIRST.into_iter().find(failed).unwrap_or(otherwise);
        Self { command: "doctor", at: Timestamp::now(), healthy: !any, exit_code: exit.code(), checks, exit }
    }
}

/// Tries the lake and every source of a configuration in which nothing is wrong.
pub async fn examine(file: &str, config: &Config) -> Diagnosis {
    let sources = match config.sources.len() {
        1 => "1 source".to_owned(),
        count => format!("{count} sources"),
    };
    let mut checks = vec![Check::ok(
        "configuration",
        "file",
        format!("{file}: nothing is wrong; {sources}, every secret found"),
    )];
    let names: Vec<String> = config.sources.iter().map(|source| source.name.clone()).collect();
    checks.extend(lake::checks(&config.lake, &names));
    checks.extend(lake::identity(config));
    let of_sources = config.sources.iter().map(|source| source::checks(&config.lake, source));
    checks.extend(join_all(of_sources).await.into_iter().flatten());
    Diagnosis::of(checks)
}

/// What can be said of a configuration with faults; `rest` is what it tells without its secrets, if it tells that much.
pub fn faulty(faults: &Faults, rest: Option<&Offline>) -> Diagnosis {
    let todo = "correct it; the message says what would be right";
    let fault = |fault: &crate::config::Fault| {
        Check::failed("configuration", "file", Exit::Usage, fault.to_string(), todo)
    };
    let mut checks: Vec<Check> = faults.list().iter().map(fault).collect();
    let because = "the configuration has faults";
    match rest {
        Some(Offline { lake, sources, .. }) => {
            let names: Vec<String> = sources.iter().map(|(name, _)| name.clone()).collect();
            checks.extend(lake::checks(lake, &names));
            checks.extend(names.iter().map(|name| Check::skipped(name, "connection", because)));
        }
        None => checks.push(Check::skipped("lake", "folder", because)),
    }
    Diagnosis::of(checks)
}

/// The place of a lake, as the configuration names it.
fn place(lake: &LakeConfig) -> String {
    lake.place.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stops_a_sync_first_gives_the_exit_code() {
        let failed = |exit| Check::failed("a", "b", exit, "", "");
        let of = |checks| Diagnosis::of(checks).exit();
        assert_eq!(of(vec![Check::ok("a", "b", ""), Check::warning("a", "b", "", "")]), Exit::Complete);
        assert_eq!(of(vec![failed(Exit::Incomplete), failed(Exit::Credentials)]), Exit::Credentials);
        assert_eq!(of(vec![failed(Exit::Credentials), failed(Exit::Locked)]), Exit::Locked);
        assert_eq!(of(vec![failed(Exit::Damaged), failed(Exit::Usage)]), Exit::Usage);
        assert_eq!(of(vec![failed(Exit::Incomplete)]), Exit::Incomplete);
    }
}
