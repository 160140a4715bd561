//! What is logged and where: standard error, as text or JSON, never through a live progress line.

use std::io::{self, IsTerminal, Write};

use indicatif::MultiProgress;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    filter::Targets,
    fmt::{self, MakeWriter},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// The form of a log line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One line of text for each event.
    #[default]
    Text,
    /// One JSON object for each event.
    Json,
}

/// Starts logging for the whole process. Of the libraries only errors are taken: their finer events show request
/// addresses, and those carry signatures.
pub fn start(format: Format, level: LevelFilter, screen: MultiProgress) {
    let filter = Targets::new()
        .with_target(env!("CARGO_CRATE_NAME"), level)
        .with_default(level.min(LevelFilter::ERROR));
    let layer = fmt::layer().with_writer(Beside(screen)).with_ansi(io::stderr().is_terminal());
    let registry = tracing_subscriber::registry().with(filter);
    let started = match format {
        Format::Text => registry.with(layer.with_target(false)).try_init(),
        Format::Json => registry.with(layer.json().flatten_event(true).with_target(false)).try_init(),
    };
    // A second start keeps the first: there is one log for a process.
    drop(started);
}

/// Lines that are written while the progress display stands aside.
struct Beside(MultiProgress);

impl<'a> MakeWriter<'a> for Beside {
    type Writer = &'a Beside;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}

impl Write for &Beside {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.suspend(|| io::stderr().write(line))
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
