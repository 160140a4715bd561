//! `ticketlake man`: the help as manual pages.

use std::{fs, path::PathBuf};

use clap::{CommandFactory, ValueHint};

use super::{Cli, output};
use crate::{error::Error, exit::Exit};

const AFTER_HELP: &str = "\
Examples:
  ticketlake man | man -l -                       read the page of the whole program
  ticketlake man --dir ~/.local/share/man/man1    install a page for each command";

/// Print the manual page, or write one for each command
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// Write a page for each command into this folder, which is made if it is not there
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
}

/// Prints or writes the pages.
pub fn run(args: &Args) -> Result<Exit, Error> {
    match &args.dir {
        Some(dir) => fs::create_dir_all(dir)
            .and_then(|()| clap_mangen::generate_to(Cli::command(), dir))
            .map_err(|why| output::cannot(&dir.display().to_string(), why))?,
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(Cli::command())
                .render(&mut page)
                .map_err(|why| output::cannot("the manual page", why))?;
            output::print(page)?;
        }
    }
    Ok(Exit::Complete)
}
