//! `ticketlake pull`: what it takes, which of it a source can give, and how it answers.

mod ids;

use std::path::{Path, PathBuf};

use clap::ValueHint;

use super::{Context, interrupted, output, window};
use crate::{
    config::{Config, Kind, Offline},
    error::Error,
    exit::Exit,
    log,
    pull::{self, Format, Order, Place, Report, STDOUT, Which},
    source::{self, Wish},
    summary::Outcome,
    terminal,
    walk::Span,
};

const AFTER_HELP: &str = "\
The columns are those of the lake's tickets, and `source`; each ticket stands there once, by id. The
field definitions are read from the source for the occasion, and no lake is touched or needed.
A list that moves while it is read is read until it is proven whole; where it cannot be, what was
found is written all the same, and the reason told with exit code 3. A file appears whole or not at all.

Formats:
  parquet  types, statistics and metadata as in the lake
  csv      UTF-8; times in ISO form (UTC), lists as JSON, null as nothing, an empty text as \"\"
  ndjson   every column in every line; times in ISO form (UTC)
  xlsx     times are date cells (UTC); ids of more than 15 digits are text, and so is whatever looks
           like a formula; lines end as Excel ends them; texts are cut at 32,767 characters, which
           is told; a second sheet says what each column is

A CSV holds texts as they are. Excel takes those that begin with = + - @ for formulas when it opens
one: give it xlsx, or a CSV made with --for-excel.

JSON: as for `sync` (one source, nothing written to the lake), then file, format, rows, columns, bytes,
missing_ids[], cut_cells.

Exit codes: 0 complete (ids that the source does not have are told), 2 bad arguments or configuration,
3 incomplete, 4 credentials refused, 130 interrupted, which leaves no file.

Examples:
  ticketlake pull --source support --ids 8,15,16 --out some.xlsx
  ticketlake pull --source support --search iphone6 --status open,solved --out found.csv
  ticketlake pull --source support --field-value 问题类型=退款 --out refunds.parquet
  ticketlake pull --source support --user 733 --since 2024-01-01 --until 2024-02-01 -o january.xlsx
  ticketlake pull --source shop --filter 12 | head
  ticketlake pull --source shop --customer test@sample.com --format ndjson | jq .subject
  duckdb -csv -noheader -c 'SELECT id FROM …' | ticketlake pull --source shop --ids - -o again.parquet";

/// Read some tickets of one source into one Parquet, CSV, NDJSON or Excel file; no lake is touched
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// These tickets, as 1,2,3; @FILE takes them from a file, - from standard input; may be repeated
    #[arg(long, value_name = "IDS", help_heading = "Which tickets")]
    pub ids: Vec<String>,

    /// All tickets
    #[arg(long, help_heading = "Which tickets")]
    pub all: bool,

    /// Only those created on this day or later, or since an instant
    #[arg(long, value_name = "DATE", value_parser = window::moment, help_heading = "Which tickets")]
    pub since: Option<String>,

    /// Only those created before this day or instant
    #[arg(long, value_name = "DATE", value_parser = window::moment, help_heading = "Which tickets")]
    pub until: Option<String>,

    /// Only those last changed on this day or later, or since an instant
    #[arg(long, value_name = "DATE", value_parser = window::moment, help_heading = "Which tickets")]
    pub updated_since: Option<String>,

    /// Only those last changed before this day or instant
    #[arg(long, value_name = "DATE", value_parser = window::moment, help_heading = "Which tickets")]
    pub updated_until: Option<String>,

    /// Those that KF5's search finds
    #[arg(long, value_name = "QUERY", help_heading = "Which tickets of a KF5 source")]
    pub search: Option<String>,

    /// Those of these statuses, as open,solved; narrows --search
    #[arg(long, value_name = "STATUS", help_heading = "Which tickets of a KF5 source")]
    pub status: Option<String>,

    /// Those with this value in a custom field, named by column or label; narrows --search; =VALUE is any field
    #[arg(long, value_name = "FIELD=VALUE", help_heading = "Which tickets of a KF5 source")]
    pub field_value: Option<String>,

    /// Those of the type problem
    #[arg(long, help_heading = "Which tickets of a KF5 source")]
    pub problems: bool,

    /// Those that hang on this problem ticket
    #[arg(long, value_name = "ID", help_heading = "Which tickets of a KF5 source")]
    pub incidents_of: Option<u64>,

    /// Those that this agent works on
    #[arg(long, value_name = "ID", help_heading = "Which tickets of a KF5 source")]
    pub user: Option<u64>,

    /// Those of a ticket filter, by number or name
    #[arg(long, value_name = "FILTER", help_heading = "Which tickets of a Udesk source")]
    pub filter: Option<String>,

    /// The filter as this agent sees it [default: as the administrator does]
    #[arg(long, value_name = "ID", requires = "filter", help_heading = "Which tickets of a Udesk source")]
    pub agent: Option<u64>,

    /// Those of the customer with this e-mail address
    #[arg(long, value_name = "EMAIL", help_heading = "Which tickets of a Udesk source")]
    pub customer: Option<String>,

    /// The file to write; - is standard output, for CSV and NDJSON
    #[arg(short, long, alias = "output", value_name = "FILE", default_value = STDOUT, value_hint = ValueHint::FilePath)]
    pub out: PathBuf,

    /// The file's form [default: by its name; csv on standard output]
    #[arg(short, long, value_name = "FORMAT", value_enum)]
    pub format: Option<Format>,

    /// Replace a file that is there
    #[arg(long)]
    pub force: bool,

    /// A CSV that Excel opens rightly: marked as UTF-8, formula-like texts and long ids led by an apostrophe
    #[arg(long)]
    pub for_excel: bool,
}

/// Reads the tickets, writes the file, and tells what was done.
pub async fn run(context: &Context, args: &Args) -> Result<Exit, Error> {
    let chosen = choose(args)?;
    let format = format(context, args)?;
    let offline = context.offline()?;
    let kind = only_source(&offline)?;
    let which = which(chosen, kind, &offline)?;
    let Config { lake, sources, .. } = context.config()?;
    let [config] = sources.as_slice() else { return Err(several(&offline)) };
    let span = |flags, since: &Option<String>, until: &Option<String>| {
        window::between(flags, since.as_deref(), until.as_deref(), &lake.timezone)
    };
    let order = Order {
        created: span(("--since", "--until"), &args.since, &args.until)?,
        updated: span(("--updated-since", "--updated-until"), &args.updated_since, &args.updated_until)?,
        field: field_value(args).and_then(|(field, value)| Some((field?.to_owned(), value.to_owned()))),
        format,
        for_excel: args.for_excel,
        ..which
    };
    let place = match args.out == Path::new(STDOUT) {
        true => Place::stdout(),
        false => Place::file(&args.out, args.force, &lake.place)?,
    };
    let asked =
        interrupted().map_err(|why| Error::Io { what: "cannot listen for signals".to_owned(), why })?;
    let meter = context.progress.source(&config.name);
    let (report, ended) = tokio::select! {
        pulled = pull::pull(&order, config, place, meter, &context.run) => pulled,
        () = asked => return stopped(context),
    };
    context.progress.finish();
    tell(context, &report);
    if context.global.json {
        output::print_json(&report)?;
    }
    Ok(ended.map_or(Exit::Complete, |why| why.exit()))
}

/// What the options name, and the one that names it.
enum Chosen {
    All,
    Ids(Vec<i64>),
    Wish(Wish, &'static str),
    Filter { name: String, agent: Option<u64> },
}

/// The tickets that are meant: one option, or the parts of a search, says which.
fn choose(args: &Args) -> Result<Chosen, Error> {
    let is_search = args.search.is_some() || args.status.is_some() || args.field_value.is_some();
    let bounds = [&args.since, &args.until, &args.updated_since, &args.updated_until];
    let is_bounded = bounds.iter().any(|bound| bound.is_some());
    let named = [
        ("--ids", !args.ids.is_empty()),
        ("--all", args.all),
        ("--search, --status or --field-value", is_search),
        ("--problems", args.problems),
        ("--incidents-of", args.incidents_of.is_some()),
        ("--user", args.user.is_some()),
        ("--filter", args.filter.is_some()),
        ("--customer", args.customer.is_some()),
    ];
    let named: Vec<&str> = named.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect();
    match named.as_slice() {
        [] if is_bounded => return Ok(Chosen::All),
        [] => {
            return Err(Error::Usage(
                "which tickets? Name them with --ids, a list such as --search or --filter, a time with --since, or --all"
                    .to_owned(),
            ));
        }
        ["--ids"] if is_bounded => {
            return Err(Error::Usage(
                "--ids names tickets, whatever their time; leave out --since and its like".to_owned(),
            ));
        }
        [_] => {}
        [one, other, ..] => {
            return Err(Error::Usage(format!("{one} and {other} name different tickets; give one of them")));
        }
    }
    let wish = if is_search {
        let value = field_value(args).map(|(_, value)| value.to_owned());
        if value.as_deref() == Some("") {
            return Err(Error::Usage("--field-value: write FIELD=VALUE, or =VALUE for any field".to_owned()));
        }
        (
            Wish::Search { text: args.search.clone(), status: args.status.clone(), field_value: value },
            named[0],
        )
    } else if args.problems {
        (Wish::Problems, "--problems")
    } else if let Some(id) = args.incidents_of {
        (Wish::IncidentsOf(id), "--incidents-of")
    } else if let Some(id) = args.user {
        (Wish::AssignedTo(id), "--user")
    } else if let Some(email) = &args.customer {
        (Wish::Customer(email.clone()), "--customer")
    } else if let Some(filter) = &args.filter {
        let agent = args.agent;
        match filter.parse() {
            Ok(id) => (Wish::Filter { id, agent }, "--filter"),
            Err(_) => return Ok(Chosen::Filter { name: filter.clone(), agent }),
        }
    } else if args.all {
        return Ok(Chosen::All);
    } else {
        return Ok(Chosen::Ids(ids::read(&args.ids)?));
    };
    Ok(Chosen::Wish(wish.0, wish.1))
}

/// Field, where one is named, and value.
fn field_value(args: &Args) -> Option<(Option<&str>, &str)> {
    let text = args.field_value.as_deref()?;
    Some(match text.split_once('=') {
        Some(("", value)) => (None, value),
        Some((field, value)) => (Some(field), value),
        None => (None, text),
    })
}

/// What a source of this vendor is asked for.
fn which(chosen: Chosen, kind: Kind, offline: &Offline) -> Result<Order, Error> {
    let cannot = |option: &str, wish: &Wish| {
        let able =
            Kind::ALL.into_iter().filter(|kind| source::listing(*kind, wish).is_some()).map(Kind::name);
        let name = offline.sources.first().map_or("", |(name, _)| name);
        Error::Usage(format!(
            "{option}: source {name} is of kind {}, which has no such list; it is for {}",
            kind.name(),
            able.collect::<Vec<_>>().join(" and ")
        ))
    };
    let (which, options) = match chosen {
        Chosen::All => (Which::All, "--all"),
        Chosen::Ids(ids) => (Which::Ids(ids), "--ids"),
        Chosen::Wish(wish, option) => {
            let listing = source::listing(kind, &wish).ok_or_else(|| cannot(option, &wish))?;
            (Which::Listed(listing), option)
        }
        Chosen::Filter { name, agent } => {
            let wish = Wish::Filter { id: 0, agent };
            source::listing(kind, &wish).ok_or_else(|| cannot("--filter", &wish))?;
            (Which::FilterNamed { name, agent }, "--filter")
        }
    };
    let (created, updated) = (Span::default(), Span::default());
    Ok(Order { which, created, updated, field: None, format: Format::Csv, for_excel: false, options })
}

/// The kind of the source, which must be one.
fn only_source(offline: &Offline) -> Result<Kind, Error> {
    match offline.sources.as_slice() {
        [(_, kind)] => Ok(*kind),
        _ => Err(several(offline)),
    }
}

fn several(offline: &Offline) -> Error {
    let known: Vec<String> =
        offline.sources.iter().map(|(name, kind)| format!("{name} ({})", kind.name())).collect();
    let known =
        if known.is_empty() { "no source; name its file with --config".to_owned() } else { known.join(", ") };
    Error::Usage(format!(
        "--source: `pull` reads one source; choose it by name. The configuration has {known}"
    ))
}

/// The form of the file, and whether its place can take it.
fn format(context: &Context, args: &Args) -> Result<Format, Error> {
    let name = args.out.display();
    let to_stdout = args.out == Path::new(STDOUT);
    let format = match args.format {
        Some(format) => format,
        None if to_stdout => Format::Csv,
        None => Format::of(&args.out).ok_or_else(|| {
            Error::Usage(format!(
                "--out: the name {name} does not say in which form; end it with .parquet, .csv, .ndjson or .xlsx, or add --format"
            ))
        })?,
    };
    if to_stdout && !format.is_text() {
        return Err(Error::Usage(format!(
            "--out: {} cannot go to standard output; name a file",
            format.name()
        )));
    }
    if to_stdout && context.global.json {
        return Err(Error::Usage(
            "--json and the extract would both go to standard output; name a file with --out".to_owned(),
        ));
    }
    if args.for_excel && format != Format::Csv {
        return Err(Error::Usage(format!("--for-excel is for CSV, not for {}", format.name())));
    }
    Ok(format)
}

/// Tells a person what was done; standard output is for results.
fn tell(context: &Context, report: &Report) {
    if context.global.quiet && report.summary.outcome == Outcome::Complete {
        return;
    }
    for line in report.lines() {
        match context.global.log_format {
            log::Format::Json => tracing::warn!("{line}"),
            log::Format::Text => terminal::tell(&line),
        }
    }
}

/// A signal came: what was staged is gone with the reading.
fn stopped(context: &Context) -> Result<Exit, Error> {
    context.progress.finish();
    terminal::tell("interrupted; nothing is written");
    if context.global.json {
        output::print_json(&context.run.finish("pull", Outcome::Interrupted, Vec::new()))?;
    }
    Ok(Exit::Interrupted)
}
