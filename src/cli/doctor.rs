//! `ticketlake doctor`: what it takes and how it ends.

use super::{Context, output};
use crate::{doctor, error::Error, exit::Exit};

const AFTER_HELP: &str = "\
Tried are: the configuration and its secrets; the lake's folder, whether it can be written, who holds
it, what it remembers; and of each source the connection, the credentials, the role of the account,
the field definitions, a first page of tickets, the clock, the rate. Nothing stays written.

JSON: command, at, healthy, exit_code, checks[]: about (configuration, lake or a source), check,
state (ok, warning, failed, skipped), found, todo.

Exit codes: that of a sync that would run now: 0 it can run, 1 the lake cannot be written, 2 bad
configuration, 3 a source does not answer as it should, 4 credentials or role are not enough,
5 another run holds the lake, 6 the lake is damaged.

Examples:
  ticketlake doctor
  ticketlake doctor --source shop
  ticketlake doctor --json | jq '.checks[] | select(.state != \"ok\")'";

/// Check configuration, lake and sources before a first run, or when one failed, and say what to do
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {}

/// Tries everything and prints what was found.
pub async fn run(context: &Context, _args: &Args) -> Result<Exit, Error> {
    let diagnosis = match context.config() {
        Ok(config) => {
            let file = context.global.config_file().display().to_string();
            doctor::examine(&file, &config).await
        }
        Err(faults) => doctor::faulty(&faults, context.offline().ok().as_ref()),
    };
    match context.global.json {
        true => output::print_json(&diagnosis)?,
        false => output::print(doctor::render(&diagnosis))?,
    }
    Ok(diagnosis.exit())
}
