//! The demo's folder: what it may take away there, what it writes, and how the lake in it looks.

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use super::Settings;
use crate::{
    config::DEFAULT_FILE,
    error::Error,
    lake::{self, Lake, LakeError, PartitionKey},
    sandbox,
};

/// Tells a demo's folder from anybody's else.
const MARK: &str = ".ticketlake-demo";
const LAKE: &str = "lake";
const CASCADES: &str = "cascades.toml";
const PASSWORD: &str = "kf5-password";
const SECRET: &str = "udesk-secret";

/// Takes away what an earlier demo left. A folder that holds anything else is not touched.
pub fn empty(folder: &Path) -> Result<(), Error> {
    let mark = folder.join(MARK);
    let entries = match fs::read_dir(folder) {
        Err(why) if why.kind() == ErrorKind::NotFound => 0,
        Err(why) => return Err(cannot("read", folder)(why)),
        Ok(entries) => entries.count(),
    };
    if entries > 0 && !mark.is_file() {
        return Err(Error::Usage(format!(
            "{} holds something else than a demo, and the demo makes the lake in its folder anew; name another with --dir",
            folder.display()
        )));
    }
    fs::create_dir_all(folder).map_err(cannot("make", folder))?;
    fs::write(&mark, "The demo of ticketlake makes the lake in this folder anew each time.\n")
        .map_err(cannot("write", &mark))?;
    let lake = folder.join(LAKE);
    match fs::remove_dir_all(&lake) {
        Err(why) if why.kind() != ErrorKind::NotFound => Err(cannot("empty", &lake)(why)),
        _ => Ok(()),
    }
}

/// Writes the configuration and what it names; gives its path.
pub fn furnish(settings: Settings<'_>, port: u16) -> Result<PathBuf, Error> {
    let put = |name: &str, text: &str| {
        let path = settings.folder.join(name);
        fs::write(&path, text).map_err(cannot("write", &path)).map(|()| path)
    };
    put(CASCADES, &sandbox::cascades())?;
    put(PASSWORD, "sandbox\n")?;
    put(SECRET, "sandbox-secret\n")?;
    let Settings { tickets, seed, .. } = settings;
    put(
        DEFAULT_FILE,
        &format!(
            r#"# Made by `ticketlake demo`. Its help desk ended with it; this one is the same:
#   ticketlake sandbox --port {port} --tickets {tickets} --seed {seed} --rate unlimited --latency 0ms

[lake]
path = "{LAKE}"

[[source]]
name = "support"
kind = "kf5"
base_url = "http://127.0.0.1:{port}"
email = "agent@example.com"
password = {{ file = "{PASSWORD}" }}
rate = "unlimited"

[[source]]
name = "shop"
kind = "udesk"
base_url = "http://127.0.0.1:{port}"
secret = {{ file = "{SECRET}" }}
rate = "unlimited"
cascades = "{CASCADES}"
"#
        ),
    )
}

/// The lake as a tree; of the partitions of a source only the first and the last one.
pub fn tree(lake: &Lake, sources: &[String]) -> Result<String, LakeError> {
    let mut lines = vec![format!("{}/", lake.place()), "  tickets/".to_owned()];
    for source in sources {
        lines.push(format!("    source={source}/"));
        let keys = lake::partitions(lake, source)?;
        let file = |key: &PartitionKey| format!("      {}/part-0.parquet", key.folder());
        match keys.as_slice() {
            [first, between @ .., last] if between.len() > 1 => {
                lines.extend([file(first), format!("      … {} more", between.len()), file(last)]);
            }
            few => lines.extend(few.iter().map(file)),
        }
    }
    for table in ["ticket_fields", "ticket_field_options"] {
        lines.push(format!("  {table}/source={}/part-0.parquet", named(sources)));
    }
    lines.extend(["  views.sql".to_owned(), "  _ticketlake/".to_owned()]);
    Ok(lines.join("\n") + "\n")
}

fn named(sources: &[String]) -> String {
    match sources {
        [one] => one.clone(),
        several => format!("{{{}}}", several.join(",")),
    }
}

fn cannot(what: &str, place: &Path) -> impl FnOnce(io::Error) -> Error {
    let what = format!("cannot {what} {}; name another folder with --dir", place.display());
    move |why| Error::Io { what, why }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_demos_folder_is_emptied() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = folder.path().join("new/demo");
        for _ in 0..2 {
            empty(&own).expect("a folder of its own");
            fs::create_dir_all(own.join("lake/tickets")).expect("made");
        }
        empty(&own).expect("a demo's folder");
        assert!(!own.join(LAKE).exists());

        let foreign = folder.path().join("foreign");
        fs::create_dir_all(foreign.join(LAKE)).expect("made");
        let told = empty(&foreign).expect_err("not a demo's").to_string();
        assert!(told.contains("--dir") && foreign.join(LAKE).exists(), "{told}");
    }
}
