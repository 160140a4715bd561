//! `verify` against planted damage and against a source that has moved on: what it names, how it ends, what it repairs.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use arrow::{
    array::{ArrayRef, AsArray, RecordBatch, StringArray, TimestampMicrosecondArray, UInt32Array},
    compute::{concat_batches, take_record_batch},
    datatypes::TimestampMicrosecondType,
};
use parquet::{
    arrow::{ArrowWriter, arrow_reader::ParquetRecordBatchReaderBuilder},
    file::properties::{EnabledStatistics, WriterProperties},
};
use serde_json::Value;

/// Both vendors on loopback, until dropped.
struct Sandbox {
    child: Child,
    port: u16,
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Sandbox {
    fn start(options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ticketlake"))
            .args(["sandbox", "--rate", "unlimited", "--latency", "0ms"])
            .args(options)
            .stdout(Stdio::piped())
            .spawn()
            .expect("a sandbox");
        let mut first = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut first).expect("a line");
        let port = first.trim_end().rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        Self { child, port }
    }

    /// Changes the world; gives the ids.
    fn change(&self, vendor: &str, body: &str) -> Vec<i64> {
        let mut wire = TcpStream::connect(("127.0.0.1", self.port)).expect("it listens");
        let head = format!(
            "POST /__change/{vendor} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}",
            body.len()
        );
        wire.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).expect("sent");
        let mut answer = String::new();
        wire.read_to_string(&mut answer).expect("an answer");
        let (_, json) = answer.split_once("\r\n\r\n").expect("a body");
        let answer: Value = serde_json::from_str(json).expect(json);
        let ids = answer["ids"].as_array().map(Vec::as_slice).unwrap_or_default();
        ids.iter().filter_map(Value::as_i64).collect()
    }
}

/// A folder with a configuration of both vendors.
fn folder(sandbox: &Sandbox) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("http://127.0.0.1:{}", sandbox.port);
    let text = format!(
        "[lake]\npath = \"lake\"\npartition = \"month\"\n\
         [[source]]\nname = \"support\"\nkind = \"kf5\"\nbase_url = \"{url}\"\nrate = \"unlimited\"\n\
         email = \"agent@example.com\"\npassword = {{ env = \"VERIFY_KF5\" }}\n\
         [[source]]\nname = \"shop\"\nkind = \"udesk\"\nbase_url = \"{url}\"\nrate = \"unlimited\"\n\
         secret = {{ env = \"VERIFY_UDESK\" }}\n"
    );
    fs::write(folder.path().join("ticketlake.toml"), text).expect("written");
    folder
}

fn ticketlake(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let done = Command::new(env!("CARGO_BIN_EXE_ticketlake"))
        .current_dir(folder)
        .env_remove("TICKETLAKE_CONFIG")
        .env_remove("TICKETLAKE_LAKE")
        .env("VERIFY_KF5", "sandbox")
        .env("VERIFY_UDESK", "sandbox-secret")
        .args(["-q", "--progress", "none"])
        .args(arguments)
        .output()
        .expect("it runs");
    let text = String::from_utf8([done.stdout, done.stderr].concat()).expect("UTF-8");
    (done.status.code().expect("a code"), text)
}

fn json(folder: &Path, arguments: &[&str]) -> (i32, Value) {
    let (code, text) = ticketlake(folder, &[arguments, &["--json"]].concat());
    (code, serde_json::from_str(&text).unwrap_or_else(|why| panic!("{why}: {text}")))
}

/// The numbers of the laws that do not hold.
fn broken(report: &Value) -> Vec<&str> {
    let laws = report["invariants"].as_array().expect("laws");
    laws.iter().filter(|law| law["holds"] == false).filter_map(|law| law["number"].as_str()).collect()
}

/// Partition folders of the first source, sorted.
fn partitions(lake: &Path) -> Vec<PathBuf> {
    let source = lake.join("tickets/source=support");
    let entries = fs::read_dir(source).expect("a source").map(|entry| entry.expect("an entry").path());
    let mut folders: Vec<PathBuf> = entries.collect();
    folders.sort();
    folders
}

/// The partition with the most bytes, which has several tickets; not that of the running month.
fn largest(lake: &Path) -> PathBuf {
    let size = |folder: &PathBuf| fs::metadata(folder.join("part-0.parquet")).map_or(0, |file| file.len());
    let mut folders = partitions(lake);
    folders.pop();
    folders.into_iter().max_by_key(size).expect("a partition").join("part-0.parquet")
}

fn read(path: &Path) -> RecordBatch {
    let file = fs::File::open(path).expect("a file");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet").build().expect("rows");
    let batches: Vec<RecordBatch> = reader.map(|batch| batch.expect("rows")).collect();
    concat_batches(&batches[0].schema(), &batches).expect("one schema")
}

/// Writes as any other program would, without what the lake promises.
fn write(path: &Path, batch: &RecordBatch) {
    let file = fs::File::create(path).expect("a file");
    let plain = WriterProperties::builder().set_statistics_enabled(EnabledStatistics::None).build();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(plain)).expect("a writer");
    writer.write(batch).expect("written");
    writer.close().expect("closed");
}

fn picked(batch: &RecordBatch, rows: impl IntoIterator<Item = usize>) -> RecordBatch {
    let rows: Vec<u32> = rows.into_iter().map(|row| row as u32).collect();
    take_record_batch(batch, &UInt32Array::from(rows)).expect("rows")
}

fn with_column(batch: &RecordBatch, name: &str, column: ArrayRef) -> RecordBatch {
    let mut columns = batch.columns().to_vec();
    columns[batch.schema().index_of(name).expect("a column")] = column;
    RecordBatch::try_new(batch.schema(), columns).expect("a batch")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &place);
        } else {
            fs::copy(entry.path(), place).expect("copied");
        }
    }
}

struct Planted {
    name: &'static str,
    /// The law that must be named.
    law: &'static str,
    plant: fn(&Path),
}

const DAMAGE: [Planted; 19] = [
    Planted { name: "a ticket in two partitions", law: "V1", plant: in_two_partitions },
    Planted { name: "a ticket twice in a file", law: "V1", plant: twice_in_a_file },
    Planted { name: "a wrong partition", law: "V2", plant: wrong_partition },
    Planted { name: "unsorted rows", law: "V3", plant: unsorted },
    Planted { name: "a missing column", law: "V4", plant: missing_column },
    Planted { name: "a file of another program", law: "V5", plant: foreign_form },
    Planted { name: "no metadata", law: "V6", plant: foreign_form },
    Planted { name: "a second file", law: "V7", plant: second_file },
    Planted { name: "a stray file", law: "V7", plant: stray_file },
    Planted { name: "a misnamed partition", law: "V7", plant: misnamed },
    Planted { name: "a cursor that has not come", law: "V9", plant: cursor_ahead },
    Planted { name: "a partition without its file", law: "V12", plant: without_file },
    Planted { name: "flipped bytes", law: "V8", plant: flipped_bytes },
    Planted { name: "a truncated file", law: "V8", plant: truncated },
    Planted { name: "a partition that is gone", law: "V12", plant: partition_gone },
    Planted { name: "a broken state", law: "V9", plant: broken_state },
    Planted { name: "a field table of another program", law: "V5", plant: foreign_table },
    Planted { name: "a broken field table", law: "V8", plant: broken_table },
    Planted { name: "a rescue that is no object", law: "V10", plant: broken_rescue },
];

fn in_two_partitions(lake: &Path) {
    let path = largest(lake);
    let other = partitions(lake).into_iter().map(|folder| folder.join("part-0.parquet"));
    let other = { other }.rfind(|other| *other != path).expect("another partition");
    // As if the time of creation had changed at the source: both rows are right where they are.
    let (mut here, there) = (read(&path), read(&other));
    let ids = with_column(&picked(&there, [0]), "id", picked(&here, [0]).column(0).clone());
    let old: TimestampMicrosecondArray = std::iter::once(Some(0)).collect();
    let old = with_column(&ids, "updated_at", Arc::new(old.with_timezone("UTC")));
    here = concat_batches(&there.schema(), [&old, &there]).expect("rows");
    write(&other, &here);
}

fn twice_in_a_file(lake: &Path) {
    let path = largest(lake);
    let rows = read(&path);
    write(&path, &picked(&rows, std::iter::once(0).chain(0..rows.num_rows())));
}

fn wrong_partition(lake: &Path) {
    let path = largest(lake);
    let other = partitions(lake).into_iter().map(|folder| folder.join("part-0.parquet"));
    let other = { other }.rfind(|other| *other != path).expect("another partition");
    let (rows, others) = (read(&path), read(&other));
    write(&path, &picked(&rows, 1..rows.num_rows()));
    write(&other, &concat_batches(&rows.schema(), [&picked(&rows, [0]), &others]).expect("rows"));
}

fn unsorted(lake: &Path) {
    let path = largest(lake);
    let rows = read(&path);
    write(&path, &picked(&rows, (0..rows.num_rows()).rev()));
}

fn missing_column(lake: &Path) {
    let path = largest(lake);
    let mut rows = read(&path);
    rows.remove_column(rows.schema().index_of("process_seconds").expect("a column"));
    write(&path, &rows);
}

fn foreign_form(lake: &Path) {
    let path = largest(lake);
    write(&path, &read(&path));
}

fn second_file(lake: &Path) {
    let path = largest(lake);
    fs::copy(&path, path.with_file_name("part-1.parquet")).expect("copied");
}

fn stray_file(lake: &Path) {
    fs::write(lake.join("tickets/notes.txt"), b"mine").expect("written");
}

fn without_file(lake: &Path) {
    fs::remove_file(largest(lake)).expect("removed");
}

fn misnamed(lake: &Path) {
    let folder = largest(lake).parent().expect("a folder").to_owned();
    fs::rename(&folder, folder.with_file_name("created_month=2026")).expect("renamed");
}

fn cursor_ahead(lake: &Path) {
    let states = fs::read_dir(lake.join("_ticketlake/state/support")).expect("states");
    let newest = states.map(|entry| entry.expect("an entry").path()).max().expect("a state");
    let mut state: Value = serde_json::from_slice(&fs::read(&newest).expect("bytes")).expect("JSON");
    state["cursor"] = "2199-01-01T00:00:00Z".into();
    fs::write(newest, state.to_string()).expect("written");
}

fn flipped_bytes(lake: &Path) {
    let path = largest(lake);
    let mut bytes = fs::read(&path).expect("bytes");
    // The first page of the first column: behind the magic number, in its header.
    for byte in bytes.iter_mut().skip(4).take(24) {
        *byte ^= 0xff;
    }
    fs::write(&path, bytes).expect("written");
}

fn truncated(lake: &Path) {
    let path = largest(lake);
    let bytes = fs::read(&path).expect("bytes");
    fs::write(&path, &bytes[..bytes.len() / 2]).expect("written");
}

fn partition_gone(lake: &Path) {
    fs::remove_dir_all(largest(lake).parent().expect("a folder")).expect("removed");
}

fn broken_state(lake: &Path) {
    fs::write(lake.join("_ticketlake/state/support/9999999999.json"), b"{").expect("written");
}

fn foreign_table(lake: &Path) {
    let path = lake.join("ticket_fields/source=support/part-0.parquet");
    write(&path, &read(&path));
}

fn broken_table(lake: &Path) {
    let path = lake.join("ticket_field_options/source=support/part-0.parquet");
    fs::write(path, b"PAR1 and no more").expect("written");
}

fn broken_rescue(lake: &Path) {
    let path = largest(lake);
    let rows = read(&path);
    let texts = StringArray::from(vec![Some("[1]"); rows.num_rows()]);
    write(&path, &with_column(&rows, "_rescued", Arc::new(texts)));
}

#[test]
fn planted_damage_is_named_set_aside_and_read_again() {
    let sandbox = Sandbox::start(&["--tickets", "150"]);
    let folder = folder(&sandbox);
    assert_eq!(ticketlake(folder.path(), &["sync"]).0, 0);
    let (code, sound) = json(folder.path(), &["verify"]);
    assert_eq!((code, broken(&sound)), (0, vec![]), "{sound}");
    let rows = |report: &Value| report["sources"][1]["rows"].as_u64().expect("rows");
    assert_eq!(rows(&sound), 150);
    for (number, Planted { name, law, plant }) in DAMAGE.iter().enumerate() {
        let lake_name = format!("lake-{number}");
        let lake = folder.path().join(&lake_name);
        copy(&folder.path().join("lake"), &lake);
        plant(&lake);
        let verify = ["verify", "--lake", &lake_name];
        let (code, report) = json(folder.path(), &verify);
        assert_eq!(code, 6, "{name}: {report}");
        assert!(broken(&report).contains(law), "{name}: {:?}", broken(&report));
        let (_, text) = ticketlake(folder.path(), &verify);
        assert!(text.contains(&format!("{law} ✗")), "{name}: {text}");
        assert!(text.contains("support") || text.contains("notes.txt"), "{text}");

        let (code, report) = json(folder.path(), &[&verify[..], &["--repair"]].concat());
        assert_eq!(code, 0, "{name}: {report}");
        assert_eq!(rows(&report), 150, "{name}");
        assert_ne!(report["repaired"]["done"].as_array().map_or(0, Vec::len), 0, "{name}: {report}");
        assert_eq!(report["repaired"]["left"], serde_json::json!([]), "{name}: {report}");
        let (code, report) = json(folder.path(), &[&verify[..], &["--against-source"]].concat());
        assert_eq!(code, 0, "{name}: {report}");
        fs::remove_dir_all(lake).expect("removed");
    }
}

#[test]
fn what_cannot_be_read_again_now_is_left_to_the_next_sync() {
    let sandbox = Sandbox::start(&["--tickets", "60"]);
    let folder = folder(&sandbox);
    assert_eq!(ticketlake(folder.path(), &["sync", "--source", "support"]).0, 0);
    let lake = folder.path().join("lake");
    let damaged = fs::read(largest(&lake)).expect("bytes").len();
    truncated(&lake);
    let config = folder.path().join("ticketlake.toml");
    let text = fs::read_to_string(&config).expect("a configuration");
    fs::write(&config, text.replace("VERIFY_KF5", "NOT_SET")).expect("written");
    let repair = ["verify", "--repair", "--source", "support"];
    for _ in 0..2 {
        let (code, report) = json(folder.path(), &repair);
        assert_eq!((code, broken(&report)), (6, vec!["V12"]), "{report}");
        assert_ne!(report["repaired"]["left"], serde_json::json!([]), "{report}");
        assert!(report["sources"][0]["rows"].as_u64().is_some_and(|rows| rows < 60), "{report}");
    }
    let aside = fs::read_dir(lake.join("_ticketlake/aside")).expect("a folder");
    let aside: Vec<PathBuf> = aside.map(|run| run.expect("an entry").path()).collect();
    assert_eq!(aside.len(), 1, "{aside:?}");
    let kept = aside[0].join(only_entry(&aside[0].join("tickets/source=support"))).join("part-0.parquet");
    assert_eq!(fs::metadata(kept).expect("a file").len() as usize, damaged / 2);

    fs::write(&config, text).expect("written");
    assert_eq!(ticketlake(folder.path(), &["sync", "--source", "support"]).0, 0);
    let (code, report) = json(folder.path(), &["verify", "--against-source", "--source", "support"]);
    assert_eq!((code, &report["sources"][0]["rows"]), (0, &60.into()), "{report}");
}

/// The only entry of a folder.
fn only_entry(folder: &Path) -> PathBuf {
    let mut entries = fs::read_dir(folder).expect("a folder");
    entries.next().expect("an entry").expect("an entry").path()
}

#[test]
fn each_flipped_bit_is_found_and_its_file_is_named() {
    const FLIPS: usize = 40;
    let sandbox = Sandbox::start(&["--tickets", "30"]);
    let folder = folder(&sandbox);
    assert_eq!(ticketlake(folder.path(), &["sync", "--source", "support"]).0, 0);
    let path = largest(&folder.path().join("lake"));
    let name = path.strip_prefix(folder.path().join("lake")).expect("in the lake").display().to_string();
    let whole = fs::read(&path).expect("bytes");
    let modified = fs::metadata(&path).and_then(|file| file.modified()).expect("a time");
    // As a disk loses it: neither the size nor the time of change says anything.
    let put = |bytes: &[u8]| {
        let mut file = fs::File::create(&path).expect("a file");
        file.write_all(bytes).expect("written");
        file.set_modified(modified).expect("a time");
    };
    // Both magic numbers and the length of the footer, then evenly over pages and footer.
    let ends = [0, 3, whole.len() - 8, whole.len() - 5, whole.len() - 1];
    let between = (0..FLIPS - ends.len()).map(|step| 4 + (whole.len() - 12) * step / (FLIPS - ends.len()));
    for (number, at) in ends.into_iter().chain(between).enumerate() {
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << (number % 8);
        put(&flipped);
        let (code, report) = json(folder.path(), &["verify"]);
        assert_eq!(code, 6, "byte {at}: {report}");
        let laws = report["invariants"].as_array().expect("laws");
        let named = laws.iter().flat_map(|law| law["findings"].as_array().expect("findings"));
        assert!(named.clone().all(|finding| finding["file"] == *name), "byte {at}: {report}");
    }
    put(&whole);
    assert_eq!(ticketlake(folder.path(), &["verify"]).0, 0);
}

#[test]
fn what_a_crashed_run_leaves_is_noted_and_is_no_damage() {
    let sandbox = Sandbox::start(&["--tickets", "20"]);
    let folder = folder(&sandbox);
    let (code, text) = ticketlake(folder.path(), &["verify"]);
    assert_eq!(code, 2, "{text}");
    assert_eq!(ticketlake(folder.path(), &["sync", "--source", "support"]).0, 0);
    let lake = folder.path().join("lake");
    fs::create_dir_all(lake.join("_ticketlake/staging")).expect("a folder");
    fs::write(lake.join("_ticketlake/staging/77-1"), b"half").expect("written");
    let (code, report) = json(folder.path(), &["verify"]);
    assert_eq!((code, broken(&report)), (0, vec![]), "{report}");
    assert_eq!(report["invariants"][10]["notes"].as_array().map(Vec::len), Some(1), "{report}");
    let (code, report) = json(folder.path(), &["verify", "--repair"]);
    assert_eq!((code, report["invariants"][10]["notes"].as_array().map(Vec::len)), (0, Some(0)), "{report}");

    // Without a configuration the files tell what they can.
    fs::rename(folder.path().join("ticketlake.toml"), folder.path().join("away.toml")).expect("moved");
    let (code, report) = json(folder.path(), &["verify", "--lake", "lake"]);
    assert_eq!(code, 0, "{report}");
    fs::rename(folder.path().join("away.toml"), folder.path().join("ticketlake.toml")).expect("moved");

    let held = fs::OpenOptions::new().write(true).open(lake.join("_ticketlake/lock")).expect("the lock");
    held.lock().expect("locked");
    let (code, text) = ticketlake(folder.path(), &["verify", "--repair"]);
    assert_eq!(code, 5, "{text}");
    assert!(text.contains("another run holds the lake"), "{text}");
    // A run that is at work may be ahead of the manifest; what it can not have done is damage.
    fs::rename(largest(&lake), folder.path().join("taken.parquet")).expect("moved");
    let (code, report) = json(folder.path(), &["verify"]);
    assert_eq!((code, broken(&report)), (0, vec![]), "{report}");
    assert_ne!(report["invariants"][11]["notes"], serde_json::json!([]), "{report}");
    truncated(&lake);
    let (code, report) = json(folder.path(), &["verify"]);
    assert_eq!((code, broken(&report)), (6, vec!["V8"]), "{report}");
}

#[test]
fn a_source_that_moved_on_is_compared_ticket_by_ticket_and_repaired_from() {
    let sandbox = Sandbox::start(&["--tickets", "150"]);
    let folder = folder(&sandbox);
    assert_eq!(ticketlake(folder.path(), &["sync"]).0, 0);
    let against = ["verify", "--against-source"];
    let (code, report) = json(folder.path(), &against);
    assert_eq!((code, &report["outcome"]), (0, &"complete".into()), "{report}");
    assert_eq!(report["sources"][0]["against"]["tickets"], 150);

    let mut changed = Vec::new();
    for vendor in ["udesk", "kf5"] {
        // Deleted first, so that no ticket is changed and then gone.
        let deleted = sandbox.change(vendor, r#"{"op":"delete","count":3,"seed":5}"#);
        let updated = sandbox.change(vendor, r#"{"op":"update","count":4,"seed":6}"#);
        let inserted = sandbox.change(vendor, r#"{"op":"insert","count":2,"seed":7}"#);
        changed.push((deleted, updated, inserted));
    }
    let (code, report) = json(folder.path(), &against);
    assert_eq!((code, &report["outcome"]), (3, &"incomplete".into()), "{report}");
    for (source, (deleted, updated, inserted)) in
        report["sources"].as_array().expect("sources").iter().zip(&changed)
    {
        let found = &source["against"];
        for (kind, ids) in [("extra", deleted), ("stale", updated), ("missing", inserted)] {
            assert_eq!(found[kind]["ids"], serde_json::json!(ids), "{kind}: {found}");
            assert_eq!(found[kind]["count"], ids.len(), "{kind}: {found}");
        }
        assert_eq!(found["unproven"], Value::Null, "{found}");
    }
    let (code, text) = ticketlake(folder.path(), &against);
    assert_eq!(code, 3);
    assert!(text.contains(&changed[0].2[0].to_string()) && text.contains("missing from the lake"), "{text}");

    let (code, report) = json(folder.path(), &["verify", "--against-source", "--repair"]);
    assert_eq!(code, 0, "{report}");
    let repaired = &report["sources"][1]["against"]["repaired"];
    assert_eq!((&repaired["read_again"], &repaired["marked"]), (&6.into(), &3.into()), "{report}");
    let (code, report) = json(folder.path(), &against);
    assert_eq!((code, &report["outcome"]), (0, &"complete".into()), "{report}");
    assert_eq!(report["sources"][1]["rows"], 152);
    let marked = partitions(&folder.path().join("lake")).into_iter().map(|partition| {
        let rows = read(&partition.join("part-0.parquet"));
        let marks = rows.column_by_name("_deleted_at").expect("a column");
        marks.as_primitive::<TimestampMicrosecondType>().iter().flatten().count()
    });
    assert_eq!(marked.sum::<usize>(), 3);
}

#[test]
fn a_definition_that_came_since_is_a_difference() {
    let sandbox = Sandbox::start(&["--tickets", "60"]);
    let folder = folder(&sandbox);
    let against = ["verify", "--against-source", "--source", "support"];
    assert_eq!(ticketlake(folder.path(), &["sync", "--source", "support"]).0, 0);
    sandbox.change("kf5/fields", r#"{"op":"add","type":"int","label":"Number"}"#);
    let (code, report) = json(folder.path(), &against);
    let found = &report["sources"][0]["against"];
    assert_eq!((code, &found["definitions_differ"]), (3, &true.into()), "{report}");
    assert_eq!(found["stale"]["count"], 0, "{report}");
    // The new column reaches every file.
    let (code, report) = json(folder.path(), &[&against[..], &["--repair"]].concat());
    assert_eq!(code, 0, "{report}");
    let (code, report) = json(folder.path(), &against);
    assert_eq!((code, broken(&report)), (0, vec![]), "{report}");
}

#[test]
fn the_brake_holds_a_repair_that_would_mark_too_much() {
    let sandbox = Sandbox::start(&["--tickets", "60"]);
    let folder = folder(&sandbox);
    assert_eq!(ticketlake(folder.path(), &["sync", "--source", "support"]).0, 0);
    assert_eq!(sandbox.change("kf5", r#"{"op":"delete","count":10}"#).len(), 10);
    let repair = ["verify", "--against-source", "--repair", "--source", "support"];
    let (code, report) = json(folder.path(), &repair);
    assert_eq!(code, 3, "{report}");
    let found = &report["sources"][0]["against"];
    assert_eq!((&found["extra"]["count"], &found["repaired"]["marked"]), (&10.into(), &0.into()), "{report}");
    assert!(found["unconfirmed"].as_str().is_some_and(|why| why.contains("--accept-deletes")), "{report}");
    let (code, report) = json(folder.path(), &[&repair[..], &["--accept-deletes"]].concat());
    assert_eq!((code, &report["sources"][0]["against"]["repaired"]["marked"]), (0, &10.into()), "{report}");
}
