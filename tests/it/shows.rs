//! What a person is shown of a lake: the demo makes one, `status` and `fields` tell of it, `views.sql` lies in it.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ticketlake"));
    command.current_dir(folder).env_remove("TICKETLAKE_CONFIG").env_remove("TICKETLAKE_LAKE");
    command.args(["--progress", "none"]).args(arguments).output().expect("the program runs")
}

fn text(done: &Output) -> String {
    assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout.clone()).expect("UTF-8")
}

fn json(done: &Output) -> Value {
    serde_json::from_str(&text(done)).expect("one object")
}

#[test]
fn a_demo_leaves_a_lake_that_tells_of_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = folder.path();
    let shown = text(&run(at, &["demo", "--tickets", "150", "--dir", "d"]));
    for part in ["Complete:", "source=support/", "问题类型", "duckdb -init views.sql"] {
        assert!(shown.contains(part), "{part} is missing:\n{shown}");
    }

    let status = json(&run(at, &["status", "--lake", "d/lake", "--json"]));
    for source in status["sources"].as_array().expect("sources") {
        assert_eq!((&source["rows"], &source["last_run"]["outcome"]), (&150.into(), &"complete".into()));
        assert!(
            source["bytes"].as_u64() > Some(1000) && source["partitions"].as_u64() > Some(10),
            "{source}"
        );
    }
    assert_eq!((&status["work_left"], &status["held_by"]), (&Value::Array(Vec::new()), &Value::Null));
    assert_eq!(status["runs"].as_array().map(Vec::len), Some(1));
    let status = text(&run(at, &["status", "--config", "d/ticketlake.toml"]));
    assert!(status.contains("support") && status.contains("complete"), "{status}");

    let fields = json(&run(at, &["fields", "--lake", "d/lake", "--source", "shop", "--json"]));
    let fields = fields["sources"][0]["fields"].as_array().expect("fields").clone();
    let path = fields.iter().find(|field| field["vendor_type"] == "chained_droplist").expect("a cascade");
    assert_eq!(path["options"][1]["path"].as_array().map(Vec::len), Some(2), "{path}");
    assert!(fields.iter().any(|field| field["defined"] == false && field["column_type"] == "text"));
    assert!(text(&run(at, &["fields", "--lake", "d/lake"])).contains("问题类型"));
    let all = json(&run(at, &["fields", "--all", "--lake", "d/lake", "--source", "shop", "--json"]));
    let id = &all["sources"][0]["columns"][0];
    assert_eq!(
        (&id["column_name"], &id["fill_rate"], &id["vendor_key"]),
        (&"id".into(), &1.0.into(), &"`id`".into())
    );

    let views = fs::read_to_string(at.join("d/lake/views.sql")).expect("views");
    for part in ["VIEW \"tickets_support\"", "VIEW \"tickets\" ", "AS \"问题类型\"", "COMMENT ON COLUMN"]
    {
        assert!(views.contains(part), "{part} is missing");
    }
    assert_eq!(text(&run(at, &["views", "--lake", "d/lake"])), views);
    let anywhere = text(&run(at, &["views", "--absolute", "--lake", "d/lake"]));
    let whole = std::path::absolute(at.join("d/lake")).expect("a path").display().to_string();
    assert!(anywhere.contains(&format!("'{whole}/tickets/source=shop/**/*.parquet'")), "{anywhere}");
    // Its own folder is used again; another one is not touched.
    let again = json(&run(at, &["demo", "--tickets", "10", "--dir", "d", "--json"]));
    assert_eq!((&again["outcome"], &again["sources"][0]["tickets"]["new"]), (&"complete".into(), &10.into()));
    let refused = run(at, &["demo", "--tickets", "10", "--dir", "."]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("--dir"));
}

#[test]
fn a_lake_that_is_not_there_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    for command in ["status", "fields", "report", "runs", "verify"] {
        let none = run(folder.path(), &[command, "--lake", "none"]);
        assert_eq!(none.status.code(), Some(2), "{command}");
        let said = String::from_utf8_lossy(&none.stderr);
        assert!(said.contains("none") && said.contains("ticketlake sync"), "{command}: {said}");
        let told = run(folder.path(), &[command, "--lake", "none", "--json"]);
        let told: Value = serde_json::from_slice(&told.stdout).expect("one object");
        assert!(told["error"].is_string(), "{command}: {told}");
    }
    assert!(!folder.path().join("none").exists());
}
