//! Exit codes, and what goes to which stream.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Output, Stdio},
};

fn ticketlake(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ticketlake"));
    command.current_dir(folder).env_remove("TICKETLAKE_CONFIG").env_remove("TICKETLAKE_LAKE");
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    ticketlake(folder).args(arguments).output().expect("the program runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

#[test]
fn a_faulty_configuration_ends_with_2_and_one_object() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("ticketlake.toml"), "[lake]\npath = \"l\"\ncolour = \"blue\"\n")
        .expect("written");
    let done = run(folder.path(), &["sync", "--json"]);
    assert_eq!(done.status.code(), Some(2));
    let said = text(&done.stderr);
    assert!(said.contains("ticketlake.toml:3: unknown key `colour` in [lake]"), "{said}");
    assert!(said.contains("[[source]] is missing"), "{said}");
    let summary: serde_json::Value = serde_json::from_slice(&done.stdout).expect("one object");
    assert_eq!((&summary["command"], &summary["outcome"]), (&"sync".into(), &"failed".into()));
    assert!(!folder.path().join("l").exists());

    let done = run(folder.path(), &["sync", "--log-format", "json"]);
    assert!(done.stdout.is_empty());
    for line in text(&done.stderr).lines() {
        serde_json::from_str::<serde_json::Value>(line).expect(line);
    }
}

#[test]
fn the_environment_names_the_configuration_unless_it_is_empty() {
    let folder = tempfile::tempdir().expect("a folder");
    for (named, shown) in
        [("other.toml", "error: other.toml: cannot be read"), ("", "error: ticketlake.toml: cannot be read")]
    {
        let done =
            ticketlake(folder.path()).arg("sync").env("TICKETLAKE_CONFIG", named).output().expect("it runs");
        assert_eq!(done.status.code(), Some(2));
        assert!(text(&done.stderr).starts_with(shown), "{}", text(&done.stderr));
    }
}

#[test]
fn bad_arguments_end_with_2() {
    let folder = tempfile::tempdir().expect("a folder");
    for arguments in [&["sync", "--ful"][..], &["sinc"], &[], &["sandbox", "--rate", "60/day"]] {
        let done = run(folder.path(), arguments);
        assert_eq!(done.status.code(), Some(2), "{arguments:?}");
        assert!(done.stdout.is_empty() && !done.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn help_completions_and_pages_are_printed() {
    let folder = tempfile::tempdir().expect("a folder");
    for (arguments, word) in [
        (&["--help"][..], "Exit codes:"),
        (&["help", "sandbox"], "sandbox-secret"),
        (&["completions", "zsh"], "#compdef ticketlake"),
        (&["man"], ".TH ticketlake"),
    ] {
        let done = run(folder.path(), arguments);
        assert_eq!(done.status.code(), Some(0), "{arguments:?}");
        assert!(text(&done.stdout).contains(word), "{arguments:?}");
    }
    let done = run(folder.path(), &["man", "--dir", "pages/man1"]);
    assert_eq!(done.status.code(), Some(0));
    let page = fs::read_to_string(folder.path().join("pages/man1/ticketlake-sync.1")).expect("a page");
    assert!(page.contains("full"));
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = ticketlake(folder.path())
        .args(["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    drop(child.stdout.take());
    let done = child.wait_with_output().expect("it ends");
    assert_eq!(done.status.code(), Some(0));
    assert_eq!(text(&done.stderr), "");
}

#[test]
#[cfg(unix)]
fn a_sandbox_tells_its_address_and_ends_when_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = ticketlake(folder.path())
        .args(["sandbox", "--tickets", "50"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut first = String::new();
    let out = child.stdout.take().expect("a pipe");
    BufReader::new(out).read_line(&mut first).expect("a line");
    let port = first.trim_end().strip_prefix("listening http://127.0.0.1:").expect(&first);
    std::net::TcpStream::connect(("127.0.0.1", port.parse().expect("a port"))).expect("it listens");
    let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().expect("kill runs");
    assert!(asked.success());
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}
