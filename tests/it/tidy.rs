//! The repository's own rules: which way imports run, how long a file is, where vendors are named, where a panic may be.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// No file is longer, its tests included.
const LINES: usize = 480;

/// Where the vendors' words belong: their own rooms, and those that speak to people about them.
const VENDOR_ROOMS: [&str; 5] = ["src/source", "src/sandbox", "src/config", "src/cli/sandbox", "src/demo"];

/// Files besides, and why.
const VENDOR_FILES: [(&str, &str); 4] = [
    ("src/cli.rs", "the first line of the help says for which vendors this is"),
    ("src/cli/pull.rs", "the help says which vendor takes which option"),
    ("src/cli/init.rs", "its help shows an account of each vendor"),
    ("src/cli/tests.rs", "tests"),
];

/// Lines that may panic, and why.
const PANICS: [(&str, &str, &str); 3] = [
    ("src/fetch/opening.rs", "an opener answers", "what it sends is a result, of a panic too"),
    ("src/pace.rs", "const CELLS:", "a constant that cannot be made does not compile"),
    ("src/ticket/layout.rs", "no column `{name}`", "a mapping is part of the program, and each is tested"),
];

struct Source {
    /// Relative to the repository, with `/`.
    path: String,
    text: String,
}

impl Source {
    /// The part before the tests.
    fn code(&self) -> &str {
        let tests = |at: &usize| {
            self.text[*at..].lines().nth(1).is_some_and(|line| line.contains("mod ") && line.ends_with('{'))
        };
        let end = self.text.match_indices("#[cfg(test)]").map(|(at, _)| at).find(tests);
        &self.text[..end.unwrap_or(self.text.len())]
    }

    fn is_test(&self) -> bool {
        self.path.ends_with("tests.rs")
            || self.path.contains("/tests/")
            || self.path.ends_with("simulated.rs")
    }

    /// The lines of the code that are no comment, with their numbers.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.code().lines().enumerate().map(|(at, line)| (at + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    /// The module of the crate's root that the file belongs to.
    fn room(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        inside.split(['/', '.']).next().unwrap_or_default()
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path: PathBuf = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                let text = fs::read_to_string(&path).expect("UTF-8");
                let inside = path.strip_prefix(root).expect("inside");
                found.push(Source { path: inside.to_string_lossy().replace('\\', "/"), text });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 50, "the sources were not found");
    found
}

/// The modules that a text names behind `crate::`, alone or in braces.
fn imported(code: &str) -> Vec<String> {
    let name = |text: &str| -> String {
        text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let mut names = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let rest = &code[at + "crate::".len()..];
        let Some(group) = rest.strip_prefix('{') else {
            names.push(name(rest));
            continue;
        };
        let mut depth = 1;
        let mut start = 0;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if (c == ',' && depth == 1) || depth == 0 {
                names.push(name(&group[start..at]));
                start = at + 1;
            }
            if depth == 0 {
                break;
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn imports_run_one_way() {
    let sources = sources();
    let root = sources.iter().find(|source| source.path == "src/lib.rs").expect("src/lib.rs");
    let modules = root.text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let order: BTreeMap<&str, usize> = modules.enumerate().map(|(at, name)| (name, at)).collect();
    assert!(order.len() > 15, "the modules were not found in src/lib.rs");
    let mut faults = Vec::new();
    for source in sources.iter().filter(|source| !source.is_test()) {
        let Some(own) = order.get(source.room()) else { continue };
        let code: String = source.lines().map(|(_, line)| format!("{line}\n")).collect();
        for name in imported(&code) {
            if order.get(name.as_str()).is_some_and(|other| other < own) {
                faults.push(format!(
                    "{}: `crate::{name}` stands above `{}` in src/lib.rs",
                    source.path,
                    source.room()
                ));
            }
        }
    }
    assert!(faults.is_empty(), "a module uses only those below it:\n{}", faults.join("\n"));
}

#[test]
fn imports_are_found_in_every_form() {
    let code = "use crate::lake;\nuse crate::{config::{Kind, Config}, json::Json,\n    when::{self, date}};\ncrate::fetch::now()";
    assert_eq!(imported(code), ["lake", "config", "json", "when", "fetch"]);
}

#[test]
fn files_are_short() {
    let long: Vec<String> = sources()
        .iter()
        .map(|source| (source.text.lines().count(), &source.path))
        .filter(|(lines, _)| *lines > LINES)
        .map(|(lines, path)| format!("{path}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "a file has one subject and at most {LINES} lines:\n{}", long.join("\n"));
}

#[test]
fn vendors_are_named_in_their_rooms_only() {
    let mut faults = Vec::new();
    for source in sources() {
        let in_room = VENDOR_ROOMS.iter().any(|room| source.path.starts_with(room));
        if in_room || source.is_test() || VENDOR_FILES.iter().any(|(path, _)| *path == source.path) {
            continue;
        }
        for (number, line) in source.code().lines().enumerate() {
            let line = line.to_lowercase();
            if line.contains("kf5") || line.contains("udesk") {
                faults.push(format!("{}:{}: {}", source.path, number + 1, line.trim()));
            }
        }
    }
    assert!(faults.is_empty(), "vendors' words stand elsewhere than in their rooms:\n{}", faults.join("\n"));
}

#[test]
fn nothing_panics_on_what_comes_from_outside() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| !source.is_test()) {
        for (number, line) in source.lines() {
            let panics = [".unwrap()", ".expect(\"", "panic!(", "unreachable!(", "todo!(", "unimplemented!("];
            let allowed = PANICS.iter().any(|(path, part, _)| *path == source.path && line.contains(part));
            if panics.iter().any(|panic| line.contains(panic)) && !allowed {
                faults.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    assert!(
        faults.is_empty(),
        "an error, not a panic; or a line in PANICS with the reason:\n{}",
        faults.join("\n")
    );
}
