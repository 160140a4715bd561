//! What is logged and where: standard error, as text or JSON, never through a live progress line.

mod json;

use std::{
    cell::Cell,
    io::{self, IsTerminal, Write},
    panic::{self, AssertUnwindSafe},
    thread,
};

use indicatif::MultiProgress;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{
    Registry,
    filter::{FilterFn, Targets, filter_fn},
    fmt::{self, MakeWriter},
    layer::{Layer, SubscriberExt},
    util::SubscriberInitExt,
};

use crate::terminal;

/// The form of a log line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One line of text for each event.
    #[default]
    Text,
    /// One JSON object for each event.
    Json,
}

/// Something else that listens to spans and events.
pub type Listener = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts logging for the whole process. Of the libraries only errors are taken: their finer events show request
/// addresses, and those carry signatures.
pub fn start(format: Format, level: LevelFilter, screen: MultiProgress, listener: Option<Listener>) {
    let targets = Targets::new()
        .with_target(env!("CARGO_CRATE_NAME"), level)
        .with_default(level.min(LevelFilter::ERROR));
    let lines: Listener = match format {
        // A person knows which run this is, and the events tell the rest.
        Format::Text => fmt::layer()
            .with_writer(Beside(screen))
            .with_ansi(io::stderr().is_terminal())
            .with_target(false)
            .with_filter(filter_fn(move |event| {
                event.is_event() && targets.would_enable(event.target(), event.level())
            }))
            .boxed(),
        Format::Json => json::Lines::new(Beside(screen))
            .with_filter(filter_fn(move |event| {
                own_span(event) || event.is_event() && targets.would_enable(event.target(), event.level())
            }))
            .boxed(),
    };
    let layers: Vec<Listener> = std::iter::once(lines).chain(listener).collect();
    // A second start keeps the first: there is one log for a process.
    drop(tracing_subscriber::registry().with(layers).try_init());
    // A bug is told in the form of the log, too.
    panic::set_hook(Box::new(|bug| {
        if !IS_CAUGHT.get() {
            tracing::error!("this is a bug of ticketlake, please report it: {bug}")
        }
    }));
}

thread_local! {
    /// A panic of this thread is caught, and its catcher says what it means.
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Catches a panic that is no bug of this program, such as that of a decoder on damaged bytes: it is not logged.
pub fn caught<T>(act: impl FnOnce() -> T) -> thread::Result<T> {
    let before = IS_CAUGHT.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(act));
    IS_CAUGHT.set(before);
    done
}

/// Lets through the spans of this program's work, and nothing else.
pub fn own_spans() -> FilterFn {
    // What is shown of the work is no work.
    filter_fn(|span| own_span(span) && span.name() != "progress")
}

fn own_span(span: &tracing::Metadata<'_>) -> bool {
    span.is_span() && span.target().starts_with(env!("CARGO_CRATE_NAME"))
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
        // The log's own colours are escapes; those of a message are taken out before they come here.
        let shown = str::from_utf8(line).ok().filter(|_| !io::stderr().is_terminal()).map(terminal::plainly);
        let shown = shown.as_deref().map_or(line, str::as_bytes);
        self.0.suspend(|| io::stderr().write_all(shown)).map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

impl Write for Beside {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        (&*self).write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
