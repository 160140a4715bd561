//! `ticketlake sandbox`: its options, and the address it tells.

mod variations;

use std::{net::Ipv4Addr, path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use tokio::net::TcpListener;

use self::variations::Variations;
use super::{interrupted, output};
use crate::{
    config::quantity,
    error::Error,
    exit::Exit,
    files,
    sandbox::{self, Change, Fault, Options, Rate, Script},
};

const AFTER_HELP: &str = "\
The first line on standard output is `listening http://127.0.0.1:PORT`.
KF5: agent@example.com, password `sandbox` or token `sandbox-token`; Udesk: secret `sandbox-secret`
Faults: http500 html200 truncate reset hang slow broken_json error200 no_list
Changes: insert update delete, one ticket before every EVERY-th list answer
The tickets as they stand: GET /__truth/kf5, /__truth/udesk; filled and steered below /__control";

/// Serve a help desk on loopback that behaves as KF5 and Udesk do, for trials and tests
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER_HELP, disable_help_flag = true)]
pub struct Args {
    /// The port on 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub port: u16,

    /// The same seed gives the same tickets
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,

    /// Tickets of each vendor
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub tickets: usize,

    /// Requests each vendor allows, or `unlimited`
    #[arg(long, value_name = "RATE", default_value = "60/min")]
    pub rate: Limit,

    /// The wait before each answer
    #[arg(long, value_name = "DURATION", default_value = "20ms", value_parser = latency)]
    pub latency: Duration,

    /// Answer wrongly so often (0 to 1); repeatable
    #[arg(long = "fault", value_name = "KIND:PROBABILITY")]
    pub faults: Vec<Fault>,

    /// Change the world while it is read; repeatable
    #[arg(long = "change", value_name = "OP:EVERY")]
    pub changes: Vec<Change>,

    /// Rules: [{"when": {…}, "then": {…}}]
    #[arg(long, value_name = "FILE")]
    pub script: Option<PathBuf>,

    #[command(flatten)]
    pub variations: Variations,

    /// Print help
    #[arg(short, long, action = clap::ArgAction::HelpShort)]
    help: Option<bool>,
}

/// A rate, or none.
#[derive(Debug, Clone, Copy)]
pub struct Limit(pub Option<Rate>);

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "unlimited" => Ok(Self(None)),
            _ => Ok(Self(Some(text.parse()?))),
        }
    }
}

fn latency(text: &str) -> Result<Duration, String> {
    quantity::duration(text).map_err(|_| "write a span of time as 20ms or 1s".to_owned())
}

/// Serves until the process is interrupted.
pub async fn run(args: &Args) -> Result<Exit, Error> {
    if args.variations.quirks.iter().any(|quirk| quirk == "list") {
        return output::print(sandbox::quirks_help()).map(|()| Exit::Complete);
    }
    let options = Options { script: Arc::new(script(args)?), ..options(args)? };
    let place = (Ipv4Addr::LOCALHOST, args.port);
    let listener = TcpListener::bind(place).await.map_err(|why| Error::Io {
        what: format!("cannot listen on 127.0.0.1:{}; choose another --port", args.port),
        why,
    })?;
    let failed = |why| Error::Io { what: "the sandbox failed".to_owned(), why };
    // Whoever reads the address may already ask for the end.
    let asked = interrupted().map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    output::print(format!("listening http://{address}\n"))?;
    tokio::select! {
        served = sandbox::serve(listener, options) => served.map(|()| Exit::Complete).map_err(failed),
        () = asked => Ok(Exit::Interrupted),
    }
}

/// The rules of `--script`.
fn script(args: &Args) -> Result<Script, Error> {
    let Some(file) = &args.script else { return Ok(Script::default()) };
    let text = files::read_text(file)
        .map_err(|why| Error::Io { what: format!("cannot read {}", file.display()), why })?;
    Script::parse(&text).map_err(|why| Error::Usage(format!("{}: {why}", file.display())))
}

fn options(args: &Args) -> Result<Options, Error> {
    let options = Options {
        seed: args.seed,
        tickets: args.tickets,
        rate: args.rate.0,
        latency: args.latency,
        faults: args.faults.clone(),
        changes: args.changes.clone(),
        ..Options::default()
    };
    args.variations.apply(options).map_err(Error::Usage)
}
