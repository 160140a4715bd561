//! What a person reads when a configuration is wrong, to the letter.

use std::{fs, path::Path};

use super::*;

const GOOD: &str = r#"
[lake]
path = "lake"

[[source]]
name = "support"
kind = "kf5"
base_url = "https://support.kf5.com"
email = "ops@example.com"
password = { file = "kf5.key" }

[[source]]
name = "shop"
kind = "udesk"
base_url = "http://127.0.0.1:8080"
secret = { file = "udesk.key" }
cascades = "cascades.toml"
rate = "2/s"
"#;

fn loaded(text: &str, overrides: &Overrides) -> Result<Config, String> {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("written");
    write("t.toml", text);
    write("kf5.key", "p4ss:wort \n");
    write("udesk.key", "shared\r\n");
    write("empty.key", "\n");
    write("cascades.toml", "[SelectField_4]\n\"0\" = \"华东\"\n");
    let place = format!("{}/", folder.path().display());
    load(&folder.path().join("t.toml"), overrides).map_err(|faults| faults.to_string().replace(&place, ""))
}

fn faults(text: &str) -> String {
    loaded(text, &Overrides::default()).expect_err("a fault")
}

#[test]
fn a_good_file_and_its_defaults() {
    let config = loaded(GOOD, &Overrides::default()).expect("no fault");
    let Place::Folder(folder) = &config.lake.place else { panic!("a folder") };
    assert!(folder.ends_with("lake") && folder.is_absolute());
    assert_eq!(config.lake.timezone.iana_name(), Some("Asia/Shanghai"));
    assert_eq!(config.lake.partition, PartitionBy::Day);
    let [support, shop] = config.sources.as_slice() else { panic!("two sources") };
    let Credentials::Password { email, password } = &support.credentials else { panic!("a password") };
    assert_eq!((email.as_str(), password.reveal()), ("ops@example.com", "p4ss:wort "));
    assert_eq!(support.rate, quantity::rate("60/min").expect("a rate"));
    assert_eq!((support.concurrency, support.page_size, support.max_retries), (4, 100, 8));
    assert_eq!(support.timeout, Duration::from_secs(30));
    assert_eq!(support.overlap, Duration::from_secs(600));
    assert_eq!(support.reconcile_every, Duration::from_secs(604_800));
    assert_eq!(support.delete_brake, 0.05);
    let Credentials::Signed { secret } = &shop.credentials else { panic!("a shared key") };
    assert_eq!(secret.reveal(), "shared");
    assert_eq!(shop.cascades.as_ref().expect("a map")["SelectField_4"]["0"], "华东");
    assert!(!format!("{config:?}").contains("p4ss"));
}

#[test]
fn every_fault_is_told_in_the_order_of_the_lines() {
    let text = r#"[lake]
path = "s3://bucket//lake"
timezone = "Asia/Shangai"
partition = "week"
[[source]]
name = "support"
kind = "kf5"
base_url = "http://support.kf5.com"
email = "ops@example.com/token"
password = "geheim"
token = { env = "TICKETLAKE_TEST_NOT_SET" }
rat = "60/min"
page_size = 500
secret = { env = "S" }
[[source]]
name = "support"
kind = "udesk"
base_url = "https://shop.udesk.cn/x"
concurrency = "4"
timeout = "0s"
delete_brake = 5
[[source]]
kind = "zendesk"
base_url = "shop"
[extra]
"#;
    let wanted = r#"t.toml:2: `path` in [lake] has an empty part, or `.` or `..`, in its prefix; write s3://BUCKET/PREFIX
t.toml:3: `timezone` in [lake] is "Asia/Shangai", which is no zone of the IANA database; did you mean `Asia/Shanghai`? write a name like "Asia/Shanghai" or "UTC"
t.toml:4: `partition` in [lake] is "week"; write "day" or "month"
t.toml:8: `base_url` in [[source]] "support" is plain http://, which would send the credentials in clear text; write https:// (http:// is for 127.0.0.1, ::1 and localhost only)
t.toml:9: `email` in [[source]] "support" is no e-mail address; write it as "ops@example.com", without `/token`
t.toml:10: `password` in [[source]] "support" is written into the file itself; move it out and write password = { env = "VARIABLE" } or { file = "PATH" }
t.toml:11: `token` of [[source]] "support" comes from $TICKETLAKE_TEST_NOT_SET, which is not set; run with TICKETLAKE_TEST_NOT_SET=… in the environment
t.toml:11: [[source]] "support" has both `password` and `token`; keep one
t.toml:12: unknown key `rat` in [[source]] "support"; did you mean `rate`? allowed: name, kind, base_url, timezone, rate, concurrency, page_size, timeout, max_retries, overlap, reconcile_every, delete_brake, mask, mask_key, rating_scale, email, password, token
t.toml:13: `page_size` in [[source]] "support" is 500; write a whole number from 1 to 100, without quotes
t.toml:14: `secret` in [[source]] "support" is for kind = "udesk", and this is kind = "kf5"; take it out (kf5 logs in with `email` and `password` or `token`)
t.toml:15: `secret` is missing in [[source]] "support"; add secret = { env = "VARIABLE" } or { file = "PATH" }
t.toml:16: the name "support" is already taken on line 6; each [[source]] needs a name of its own
t.toml:18: `base_url` in [[source]] "support" has the path `/x`; write "https://HOST" or "https://HOST:PORT"
t.toml:19: `concurrency` in [[source]] "support" is a text; write a whole number from 1 to 64, without quotes
t.toml:20: `timeout` in [[source]] "support" is "0s"; it must be more than nothing
t.toml:21: `delete_brake` in [[source]] "support" is a whole number; write a text in quotes
t.toml:22: `name` is missing in [[source]] number 3; add name = "NAME": it becomes a folder of the lake
t.toml:23: `kind` in [[source]] number 3 is "zendesk"; write "kf5" or "udesk"
t.toml:24: `base_url` in [[source]] number 3 is no address (relative URL without a base); write "https://HOST" or "https://HOST:PORT"
t.toml:25: unknown key `extra` in the file; allowed: lake, source"#;
    assert_eq!(faults(text), wanted);
}

#[test]
fn what_is_not_toml_hides_nothing_else() {
    let text = GOOD.replace("rate = \"2/s\"", "rate = 2/s\npage_size = 0");
    assert_eq!(
        faults(&text),
        "t.toml:18: not TOML: string values must be quoted, expected literal string\n\
         t.toml:19: `page_size` in [[source]] \"shop\" is 0; write a whole number from 1 to 100, without quotes"
    );
}

#[test]
fn secrets_that_are_not_there() {
    let with = |place: &str| faults(&GOOD.replace("{ file = \"udesk.key\" }", place));
    assert_eq!(
        with("{ file = \"empty.key\" }"),
        "t.toml:16: `secret` of [[source]] \"shop\" comes from empty.key, which is empty"
    );
    assert!(with("{ file = \"none.key\" }").contains("cannot be read from none.key: No such file"));
    assert!(
        with("{ env = \"geheim-1\" }")
            .ends_with("names no environment variable: `env` takes letters, digits and _")
    );
    assert!(with("{ env = \"A\", file = \"b\" }").ends_with("has both `env` and `file`; keep one"));
    assert!(with("{}").contains("says nothing; write secret = { env ="));
    assert!(
        with("{ enw = \"A\" }")
            .contains("unknown key `enw` in `secret` of [[source]] \"shop\"; did you mean `env`?")
    );
    assert!(with("17").contains("`secret` is a whole number; write a table secret = { env = "));
}

#[test]
fn only_selected_sources_need_their_secrets() {
    let text = GOOD.replace("udesk.key", "none.key");
    let overrides = Overrides { sources: vec!["support".to_owned()], ..Default::default() };
    let config = loaded(&text, &overrides).expect("no fault");
    assert_eq!(config.sources.len(), 1);
    let overrides = Overrides { sources: vec!["suport".to_owned()], ..Default::default() };
    assert_eq!(
        loaded(GOOD, &overrides).expect_err("no such source"),
        "--source: the configuration has no source \"suport\"; did you mean `support`? known: support, shop"
    );
}

#[test]
fn the_flag_stands_for_the_folder() {
    let overrides = Overrides { lake: Some("elsewhere".into()), ..Default::default() };
    let text = GOOD.replace("[lake]\npath = \"lake\"\n", "");
    assert_eq!(loaded(&text, &overrides).expect("no fault").lake.place, Place::Folder("elsewhere".into()));
    assert_eq!(
        faults(&text),
        "t.toml:1: [lake] is missing in the file; add [lake] with path = \"FOLDER\", or pass --lake FOLDER"
    );
    let overrides = Overrides { lake: Some("gs://bucket/lake".into()), ..Default::default() };
    assert_eq!(loaded(GOOD, &overrides).expect("no fault").lake.place.to_string(), "gs://bucket/lake");
    let overrides = Overrides { lake: Some("hdfs://x".into()), ..Default::default() };
    assert_eq!(
        loaded(GOOD, &overrides).expect_err("no such store"),
        "--lake: starts with `hdfs://`; write the path of a folder, or s3://BUCKET/PREFIX, gs://… or az://…"
    );
}

#[test]
fn single_brackets_and_empty_files() {
    assert_eq!(
        faults("[lake]\npath = \"x\"\n[source]\nname = \"a\"\n"),
        "t.toml:3: `source` is a table; write [[source]] in double brackets"
    );
    assert_eq!(
        faults(""),
        "t.toml:1: [lake] is missing in the file; add [lake] with path = \"FOLDER\", or pass --lake FOLDER\n\
         t.toml:1: [[source]] is missing in the file; add one [[source]] for each account"
    );
    assert_eq!(
        faults("source = [1]\nlake.path = \"l\"\n"),
        "t.toml:1: [[source]] number 1 is a whole number; write [[source]] in double brackets"
    );
    assert!(faults("source = []\nlake.path = \"l\"\n").ends_with("add one [[source]] for each account"));
    let missing = load(Path::new("no/such.toml"), &Overrides::default()).expect_err("no file");
    assert!(missing.to_string().starts_with("no/such.toml: cannot be read: No such file"), "{missing}");
}

#[test]
fn the_example_is_right_and_its_comments_are_the_defaults() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ticketlake.example.toml");
    let text = fs::read_to_string(path).expect("the example");
    let folder = tempfile::tempdir().expect("a folder");
    let checked = |text: String| {
        let path = folder.path().join(DEFAULT_FILE);
        fs::write(&path, text).expect("written");
        let config = read(&path, &Overrides::default(), false).expect("no fault");
        format!("{config:#?}")
    };
    let key_in_comment =
        |line: &&str| line.strip_prefix("# ").is_some_and(|rest| rest.split(' ').nth(1) == Some("="));
    assert_eq!(text.lines().filter(key_in_comment).count(), 14);
    let told: Vec<&str> =
        text.lines().map(|line| if key_in_comment(&line) { &line[2..] } else { line }).collect();
    assert_eq!(checked(told.join("\n")), checked(text.clone()));
    let all: Vec<&str> = told.iter().map(|line| line.strip_prefix("## ").unwrap_or(line)).collect();
    assert!(checked(all.join("\n")).contains("incremental_filter: Some("));
}
