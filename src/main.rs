//! The story of a run: read the command line, start the log, do what was asked, tell how it ended.

use std::{
    panic::{self, AssertUnwindSafe},
    process::ExitCode,
    sync::Mutex,
    time::Duration,
};

use clap::Parser;
use ticketlake::{
    cli::{self, Cli, Command, Context, LastRun, output},
    error::Error,
    exit::Exit,
    log, metrics,
    progress::Progress,
    secret,
    summary::{Outcome, Run, Summary},
    telemetry::{self, Telemetry},
    terminal,
};
use tokio::runtime::{Builder, Runtime};
use tracing::Instrument;

/// Work that was given up must not keep the process.
const LONGEST_GOODBYE: Duration = Duration::from_secs(1);

/// Threads that tasks take turns on. Each source of a run has one of its own besides, and files are written on others.
const WORKERS: usize = 2;

/// What a page is decoded into on one thread is freed on another that wrote it to a file, thousands of buffers for each
/// file. Measured on 100,000 tickets: 4.6 s of CPU and 54 MB at most; glibc's heap takes 5.4 s and 53 MB as one for all
/// threads, which then wait for each other, and 104 MB as it is; mimalloc 4.5 s and 67 MB.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static HEAP: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Read by the heap when it starts: two parts, and what is free goes back to the system after a fifth of a second.
// SAFETY: no other symbol of the program has this name.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[used]
#[unsafe(export_name = "malloc_conf")]
static HEAP_OPTIONS: Option<&'static std::ffi::c_char> =
    // SAFETY: the text is static, and never written to.
    Some(unsafe { &*c"narenas:2,dirty_decay_ms:200,muzzy_decay_ms:0".as_ptr() });

fn main() -> ExitCode {
    secret::keep_out_of_cores();
    let Cli { global, command } = Cli::parse();
    let progress = Progress::new(global.progress_style());
    let runtime = Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build();
    let opened =
        runtime.as_ref().map_or_else(|_| Ok(<_>::default()), |runtime| telemetry::start(runtime.handle()));
    let (telemetry, listener, silent) = match opened {
        Ok((telemetry, listener)) => (telemetry, listener, None),
        Err(why) => (Telemetry::default(), None, Some(why)),
    };
    log::start(global.log_format, global.log_level(), progress.screen(), listener);
    if let Some(why) = silent {
        tracing::warn!("{why}");
    }
    let context = Context { global, progress, run: Run::begin(), last_run: Mutex::default() };
    let why = |why| Error::Io { what: "cannot start".to_owned(), why };
    let started = runtime.map_err(why).inspect_err(|error| tell(&context, error));
    let ended = started.and_then(|runtime| {
        let ended = perform(&context, &command, &runtime);
        let exit = ended.as_ref().map_or_else(Error::exit, |exit| *exit);
        tell_monitors(&context, &command, ended.as_ref().err(), exit, telemetry);
        runtime.shutdown_timeout(LONGEST_GOODBYE);
        ended
    });
    match ended {
        Ok(exit) => exit.into(),
        Err(error) => error.exit().into(),
    }
}

/// Does what was asked; an error is told here.
fn perform(context: &Context, command: &Command, runtime: &Runtime) -> Result<Exit, Error> {
    let span = tracing::error_span!("run", run_id = context.run.run_id, command = command.name());
    let run = cli::run(context, command).instrument(span.clone());
    // A bug that panics is an unexpected failure too, and must end with its code.
    let ended = panic::catch_unwind(AssertUnwindSafe(|| runtime.block_on(run)));
    context.progress.finish();
    let ended = ended.unwrap_or(Ok(Exit::Unexpected));
    if let Err(error) = &ended {
        let _run = span.enter();
        tell(context, error);
        if context.global.json {
            let (code, why) = (error.exit().code(), error.to_string());
            let summary = context.run.finish(command.name(), Outcome::of_error(error), Vec::new());
            // The exit code stands, whether or not there is anybody to read the object.
            let _ = match command.writes() {
                true => output::print_json(&Summary { exit_code: Some(code), error: Some(why), ..summary }),
                false => output::print_json(
                    &serde_json::json!({ "command": command.name(), "error": why, "exit_code": code }),
                ),
            };
        }
    }
    ended
}

/// Says on standard error why the run ended, in the form of the log.
fn tell(context: &Context, error: &Error) {
    match context.global.log_format {
        log::Format::Json => tracing::error!("{error}"),
        log::Format::Text => terminal::tell(&format!("error: {error}")),
    }
}

/// Tells monitors how the run ended, also when it failed; that they cannot be told changes nothing about it.
fn tell_monitors(
    context: &Context,
    command: &Command,
    error: Option<&Error>,
    exit: Exit,
    telemetry: Telemetry,
) {
    let otherwise = if exit == Exit::Complete { Outcome::Complete } else { Outcome::Failed };
    let outcome = error.map_or(otherwise, Outcome::of_error);
    let LastRun { summary, complete_at } = context.take_last_run().unwrap_or_else(|| LastRun {
        summary: context.run.finish(command.name(), outcome, Vec::new()),
        complete_at: <_>::default(),
    });
    let families = metrics::families(&summary, exit, &complete_at);
    if let Some(file) = command.metrics_file()
        && let Err(why) = metrics::write(file, &families)
    {
        tracing::warn!("the figures were not written to {}: {why}; check --metrics-file", file.display());
    }
    if let Err(why) = telemetry.finish(&families) {
        tracing::warn!("{why}");
    }
}
