//! What the command line takes and refuses.

use std::path::Path;

use clap::{CommandFactory, Parser, error::ErrorKind};

use super::*;
use crate::sandbox as sandbox_room;

fn parsed(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("ticketlake").chain(line.split_whitespace()))
}

fn refused(line: &str) -> clap::Error {
    let error = parsed(line).expect_err(line);
    assert_eq!(error.exit_code(), 2, "{line}");
    error
}

#[test]
fn the_parser_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn global_options_stand_before_and_after_the_command() {
    for line in [
        "--config c.toml --lake l --source a --source b --json --progress none -v sync --full",
        "sync --full --config c.toml --lake l --source a --source b --json --progress none -v",
    ] {
        let cli = parsed(line).expect(line);
        let Command::Sync(args) = cli.command else { panic!("{line}") };
        assert!(args.full && cli.global.json);
        assert_eq!(cli.global.config_file().as_os_str(), "c.toml");
        let overrides = cli.global.overrides();
        assert_eq!(overrides.sources, ["a", "b"]);
        assert_eq!(overrides.lake.as_deref(), Some(Path::new("l")));
        assert_eq!(cli.global.progress_style(), progress::Style::None);
        assert_eq!(cli.global.log_level(), LevelFilter::DEBUG);
    }
}

#[test]
fn quiet_is_quiet() {
    let global = parsed("-q status").expect("good").global;
    assert_eq!(global.log_level(), LevelFilter::ERROR);
    assert_eq!(global.progress_style(), progress::Style::None);
    let global = parsed("-q status --progress plain").expect("good").global;
    assert_eq!(global.progress_style(), progress::Style::Plain);
}

#[test]
fn windows_are_given_by_their_ends() {
    let line = "backfill --since 2024-01-01 --until 2024-07-01 --deadline 2h --accept-deletes";
    let Command::Backfill(args) = parsed(line).expect("good").command else { panic!("a backfill") };
    assert_eq!((args.since.as_str(), args.until.as_deref()), ("2024-01-01", Some("2024-07-01")));
    assert!(args.accept_deletes && args.deadline.is_some());
    let Command::Plan(args) = parsed("plan --since 2024-01-01").expect("good").command else {
        panic!("a plan")
    };
    assert!(args.since.is_some() && !args.full);
    let Command::Sync(args) = parsed("sync --dry-run").expect("good").command else { panic!("a sync") };
    assert!(args.dry_run);
}

#[test]
fn what_a_person_accepts_is_said_by_flags() {
    let line = "sync --full --accept --metrics-file t.prom";
    let command = parsed(line).expect("good").command;
    assert_eq!(command.metrics_file(), Some(Path::new("t.prom")));
    let Command::Sync(args) = command else { panic!("a sync") };
    assert!(args.accept && !args.accept_deletes);
    let Command::Runs(args) = parsed("runs show last").expect("good").command else { panic!("runs") };
    assert!(args.what.is_some());
}

#[test]
fn a_dictionary_and_views_are_asked_for() {
    let Command::Fields(args) = parsed("fields --all --markdown").expect("good").command else {
        panic!("fields")
    };
    assert!(args.all && args.markdown);
    let Command::Views(args) = parsed("views --absolute --lake l").expect("good").command else {
        panic!("views")
    };
    assert!(args.absolute);
}

#[test]
fn an_extract_is_described() {
    let line = "pull --ids 1,2 --ids @more.txt -o x.xlsx --force";
    let Command::Pull(args) = parsed(line).expect("good").command else { panic!("a pull") };
    assert_eq!((args.ids.len(), args.out.to_str(), args.force), (2, Some("x.xlsx"), true));
    let line = "pull --filter 12 --agent 7 --updated-since 2024-01-01 --format jsonl";
    let Command::Pull(args) = parsed(line).expect("good").command else { panic!("a pull") };
    assert_eq!((args.out.to_str(), args.agent), (Some("-"), Some(7)));
    assert_eq!(args.format, Some(crate::pull::Format::Ndjson));
}

#[test]
fn a_sandbox_is_described() {
    let line = "sandbox --port 8080 --rate unlimited --latency 0ms --fault http500:0.05 --fault slow:1 --change insert:3";
    let Command::Sandbox(args) = parsed(line).expect("good").command else { panic!("a sandbox") };
    assert_eq!((args.port, args.seed, args.tickets), (8080, 1, 10_000));
    assert!(args.rate.0.is_none() && args.latency.is_zero());
    assert_eq!((args.faults.len(), args.changes.len()), (2, 1));
    let line = "sandbox --retry-after alternate --quirk udesk.order=updated_desc --quirk page_cap=30";
    let Command::Sandbox(args) = parsed(line).expect("good").command else { panic!("a sandbox") };
    let options = args.variations.apply(sandbox_room::Options::default()).expect("good");
    assert_eq!(options.retry_after, sandbox_room::RetryAfter::Alternate);
    let udesk = sandbox_room::Quirks::default().with("udesk", &options.quirks).expect("good");
    assert_eq!((udesk.page_cap, udesk.order.is_some()), (Some(30), true));
    let line = "sandbox --quirk pagecap=3";
    let Command::Sandbox(wrong) = parsed(line).expect("good").command else { panic!("a sandbox") };
    assert!(
        wrong.variations.apply(sandbox_room::Options::default()).is_err_and(|why| why.contains("page_cap"))
    );
    assert_eq!(args.rate.0.map(|rate| rate.requests), Some(60));
    assert_eq!(args.latency.as_millis(), 20);
}

#[test]
fn what_is_wrong_is_refused_with_code_2() {
    for line in [
        "sinc",
        "sync --ful",
        "sync extra",
        "backfill",
        "backfill --until 2024-07-01",
        "backfill --since 2024-01-32",
        "plan --until 2024-07-01",
        "plan --full --since 2024-07-01",
        "pull --agent 7 --all",
        "pull --format xls",
        "pull --user me",
        "pull --since yesterday",
        "sandbox --rate 60/day",
        "sandbox --port 70000",
        "sandbox --fault boom:1",
        "sandbox --latency 20",
        "-v -q sync",
        "sync --log-format xml",
        "completions",
        "runs show",
        "recipe bsd",
        "init --kind zendesk",
        "init --password-env A --token-env B",
        "init --base-url http://far.example.com",
    ] {
        refused(line);
    }
    assert!(refused("sinc").to_string().contains("sync"));
    assert_eq!(parsed("").expect_err("help").kind(), ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand);
    assert_eq!(parsed("--help").expect_err("help").exit_code(), 0);
}
