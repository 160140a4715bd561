//! Which labels the user gives to index paths that a source cannot name.

use std::path::Path;

use super::{
    Cascades,
    document::{self, At, Section},
    fault::Faults,
};

/// Reads the file that `cascades` names, when `load` asks for it; its faults carry its own name and lines.
pub(super) fn read(
    section: &Section<'_>,
    folder: &Path,
    load: bool,
    faults: &mut Faults,
) -> Option<Cascades> {
    let At { value: named, line } = section.text("cascades", faults)?;
    if !load {
        return None;
    }
    let path = folder.join(named);
    match crate::files::read_text(&path) {
        Ok(text) => Some(parse(&path.display().to_string(), &text, faults)),
        Err(why) => {
            let message =
                format!("`cascades` in {} cannot be read from {}: {why}", section.title, path.display());
            section.fault(line, message, faults);
            None
        }
    }
}

/// One table a field, from index path to label.
fn parse(name: &str, text: &str, faults: &mut Faults) -> Cascades {
    let (document, root) = document::parse(name, text, faults);
    let root = document.root(&root);
    let mut cascades = Cascades::new();
    for At { value: field, .. } in root.keys() {
        let Some(labels) = root.table(field, &format!("[{field}] from index path to label"), faults) else {
            continue;
        };
        let labels = labels.titled(format!("[{field}]"));
        let map = cascades.entry(field.to_owned()).or_default();
        for At { value: path, line } in labels.keys() {
            let is_path =
                path.split(',').all(|index| !index.is_empty() && index.bytes().all(|b| b.is_ascii_digit()));
            if !is_path {
                let message = format!(
                    "`{path}` in [{field}] is no index path; write indices as \"0\" or \"0,1,2\", no spaces"
                );
                labels.fault(line, message, faults);
            } else if let Some(label) = labels.text(path, faults) {
                map.insert(path.to_owned(), label.value.to_owned());
            }
        }
    }
    cascades
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_read() {
        let mut faults = Faults::default();
        let text = "[SelectField_4]\n\"0\" = \"华东\"\n\"0,0\" = \"上海\"\n0 = \"x\"\n";
        parse("c.toml", text, &mut faults);
        assert_eq!(faults.in_reading_order().to_string(), "c.toml:4: not TOML: duplicate key");
        let mut faults = Faults::default();
        let cascades = parse("c.toml", "[F]\n0 = \"华东\"\n\"0,10\" = \"上海\"\n", &mut faults);
        assert!(faults.is_empty(), "{faults}");
        assert_eq!(cascades["F"]["0,10"], "上海");
    }

    #[test]
    fn faults_carry_the_line() {
        let mut faults = Faults::default();
        parse("c.toml", "top = 1\n[F]\n\"0, 1\" = \"a\"\n\"0\" = 7\n", &mut faults);
        assert_eq!(
            faults.in_reading_order().to_string(),
            "c.toml:1: `top` is a whole number; write a table [top] from index path to label\n\
             c.toml:3: `0, 1` in [F] is no index path; write indices as \"0\" or \"0,1,2\", no spaces\n\
             c.toml:4: `0` in [F] is a whole number; write a text in quotes"
        );
    }
}
