//! `ticketlake completions`: what a shell needs to complete the command line.

use clap::CommandFactory;

use super::{Cli, output};
use crate::{error::Error, exit::Exit};

const AFTER_HELP: &str = "\
Examples:
  ticketlake completions bash > ~/.local/share/bash-completion/completions/ticketlake
  ticketlake completions zsh  > ~/.zfunc/_ticketlake
  ticketlake completions fish > ~/.config/fish/completions/ticketlake.fish";

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The shell to complete for
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Prints the script.
pub fn run(args: &Args) -> Result<Exit, Error> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ticketlake", &mut script);
    output::print(script)?;
    Ok(Exit::Complete)
}
