//! How far a run is: live lines on a terminal, a plain line now and then elsewhere.

mod line;
mod meter;

use std::{
    io::{IsTerminal, Write},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, RecvTimeoutError},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use self::meter::Counts;
pub use self::meter::Meter;

/// Quick enough to look alive, slow enough to cost nothing.
const LIVE: Duration = Duration::from_millis(125);
/// A log that is read later wants few lines.
const PLAIN: Duration = Duration::from_secs(10);

/// The display that was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Style {
    /// Live lines when standard error is a terminal, else plain ones.
    #[default]
    Auto,
    /// A log line for each source every ten seconds and at the end.
    Plain,
    /// Nothing.
    None,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Display {
    Live,
    Plain,
    Nothing,
}

/// The progress of a run; one for each process. Dropping it ends the display.
pub struct Progress {
    display: Display,
    screen: MultiProgress,
    shown: Arc<Mutex<Vec<Shown>>>,
    painter: Mutex<Option<Painter>>,
}

/// A source on display.
struct Shown {
    counts: Arc<Counts>,
    bar: Option<ProgressBar>,
    /// Its last plain line was written.
    closed: bool,
}

/// The thread that draws, and the way to stop it.
struct Painter {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Progress {
    /// A display of the given style; nothing is shown before the first source.
    pub fn new(style: Style) -> Self {
        let terminal =
            std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let display = match style {
            Style::Auto if terminal => Display::Live,
            Style::Auto | Style::Plain => Display::Plain,
            Style::None => Display::Nothing,
        };
        let (shown, painter) = (Arc::default(), Mutex::default());
        Self { display, screen: MultiProgress::new(), shown, painter }
    }

    /// What a log must write beside, so that no line tears the display.
    pub fn screen(&self) -> MultiProgress {
        self.screen.clone()
    }

    /// Puts a source on display; its meter is counted up by whoever reads it.
    pub fn source(&self, name: &str) -> Meter {
        let counts = Arc::new(Counts::new(name));
        let bar = (self.display == Display::Live).then(|| {
            let style = ProgressStyle::with_template("{wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner());
            self.screen.add(ProgressBar::no_length()).with_style(style)
        });
        let meter = Meter::new(counts.clone());
        lock(&self.shown).push(Shown { counts, bar, closed: false });
        self.start_painting();
        meter
    }

    /// Shows the last state and stops; a later source starts it again.
    pub fn finish(&self) {
        if let Some(painter) = lock(&self.painter).take() {
            // A painter that is gone has nothing left to stop.
            let _ = painter.stop.send(());
            let _ = painter.thread.join();
        }
        lock(&self.shown).clear();
    }

    fn start_painting(&self) {
        let every = match self.display {
            Display::Live => LIVE,
            Display::Plain => PLAIN,
            Display::Nothing => return,
        };
        let mut painter = lock(&self.painter);
        if painter.is_some() {
            return;
        }
        let (stop, stopped) = mpsc::channel();
        let shown = self.shown.clone();
        // Its lines belong to the run that it shows.
        let run = tracing::Span::current();
        let spawned = std::thread::Builder::new().name("progress".to_owned()).spawn(move || {
            let _run = run.enter();
            while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                paint(&mut lock(&shown), false);
            }
            paint(&mut lock(&shown), true);
        });
        // Without a thread to spare the run goes on unseen.
        *painter = spawned.ok().map(|thread| Painter { stop, thread });
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

fn paint(shown: &mut [Shown], last: bool) {
    let now = Instant::now();
    let width = shown.iter().map(|source| line::width(&source.counts.name)).max().unwrap_or(0);
    let mut left_behind = String::new();
    for source in shown.iter_mut().filter(|source| !source.closed) {
        let reading = source.counts.read(now);
        match &source.bar {
            Some(bar) if last => {
                bar.finish_and_clear();
                left_behind += &format!("{}\n", line::live(&reading, width));
            }
            Some(bar) => bar.set_message(line::live(&reading, width)),
            None => {
                let _source = tracing::error_span!("progress", source = source.counts.name).entered();
                tracing::info!("{}", line::plain(&reading));
                source.closed = reading.done;
            }
        }
    }
    // Ordinary lines stay where they are, whatever the terminal does next. Nobody to read them is no failure.
    let _ = std::io::stderr().write_all(left_behind.as_bytes());
}

/// A panic elsewhere must not silence the display.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_display_starts_and_ends_in_every_style() {
        for style in [Style::Auto, Style::Plain, Style::None] {
            let progress = Progress::new(style);
            let meter = progress.source("support");
            meter.expect(200);
            meter.page(100);
            meter.done();
            progress.finish();
            assert!(lock(&progress.shown).is_empty());
            assert!(lock(&progress.painter).is_none());
        }
    }
}
