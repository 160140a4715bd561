//! The story of a run: read the command line, start the log, do what was asked, tell how it ended.

use std::{
    io::{self, Write},
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
};

use clap::Parser;
use ticketlake::{
    cli::{self, Cli, Context, output},
    error::Error,
    exit::Exit,
    log,
    progress::Progress,
    summary::{Outcome, Run},
};

fn main() -> ExitCode {
    let Cli { global, command } = Cli::parse();
    let progress = Progress::new(global.progress_style());
    log::start(global.log_format, global.log_level(), progress.screen());
    let context = Context { global, progress, run: Run::begin() };
    // A bug that panics is an unexpected failure too, and must end with its code.
    let ended = panic::catch_unwind(AssertUnwindSafe(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let why = |why| Error::Io { what: "cannot start".to_owned(), why };
        runtime.map_err(why)?.block_on(cli::run(&context, &command))
    }));
    context.progress.finish();
    match ended {
        Ok(Ok(exit)) => exit.into(),
        Ok(Err(error)) => {
            tell(&context, &error);
            if context.global.json {
                let summary = context.run.finish(command.name(), Outcome::of_error(&error), Vec::new());
                // The exit code stands, whether or not there is anybody to read the object.
                let _ = output::print_json(&summary);
            }
            error.exit().into()
        }
        Err(_) => Exit::Unexpected.into(),
    }
}

/// Says on standard error why the run ended, in the form of the log.
fn tell(context: &Context, error: &Error) {
    match context.global.log_format {
        log::Format::Json => tracing::error!("{error}"),
        // Nothing is left to do when standard error is closed.
        log::Format::Text => drop(writeln!(io::stderr(), "{error}")),
    }
}
