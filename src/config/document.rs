//! Which line a value of a TOML file stands on, and whether it is of the wanted shape.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::fault::{Faults, did_you_mean};

/// A file's name and text; knows the line of every byte.
pub(super) struct Document<'a> {
    name: &'a str,
    line_starts: Vec<usize>,
    /// Lines that are not TOML: what was read around them is a guess.
    broken_lines: Vec<usize>,
}

/// A table of the file, under the name that faults give it.
pub(super) struct Section<'a> {
    document: &'a Document<'a>,
    /// `[lake]`, `[[source]] "support"`
    pub(super) title: String,
    /// The line of its header.
    pub(super) line: usize,
    table: &'a DeTable<'a>,
}

/// A value with the line it stands on.
pub(super) struct At<T> {
    pub(super) value: T,
    pub(super) line: usize,
}

/// Reads `text`; what is not TOML becomes faults, and the rest is read all the same.
pub(super) fn parse<'a>(
    name: &'a str,
    text: &'a str,
    faults: &mut Faults,
) -> (Document<'a>, Spanned<DeTable<'a>>) {
    let starts = text.match_indices('\n').map(|(at, _)| at + 1);
    let line_starts = std::iter::once(0).chain(starts).collect();
    let mut document = Document { name, line_starts, broken_lines: Vec::new() };
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let line = document.line(error.span().map_or(0, |span| span.start));
        document.broken_lines.push(line);
        faults.add(name, Some(line), format!("not TOML: {}", error.message()));
    }
    (document, root)
}

impl<'a> Document<'a> {
    fn line(&self, byte: usize) -> usize {
        self.line_starts.partition_point(|start| *start <= byte)
    }

    /// The table of the whole file.
    pub(super) fn root(&'a self, table: &'a Spanned<DeTable<'a>>) -> Section<'a> {
        let title = "the file".to_owned();
        Section { document: self, title, line: 1, table: table.get_ref() }
    }
}

impl<'a> Section<'a> {
    /// Adds a fault on `line` of this section's file, unless that line was not TOML anyway.
    pub(super) fn fault(&self, line: usize, message: impl Into<String>, faults: &mut Faults) {
        if !self.document.broken_lines.contains(&line) {
            faults.add(self.document.name, Some(line), message);
        }
    }

    /// Adds a fault for a key that must be there and is not; in a broken file it may only have been overlooked.
    pub(super) fn missing(&self, what: &str, example: &str, faults: &mut Faults) {
        if self.document.broken_lines.is_empty() {
            let message = format!("{what} is missing in {}; add {example}", self.title);
            self.fault(self.line, message, faults);
        }
    }

    /// The same section under another name.
    pub(super) fn titled(self, title: String) -> Self {
        Self { title, ..self }
    }

    /// Every key that `allowed` lacks becomes a fault, but for those that were `judged` before.
    pub(super) fn only(&self, allowed: &[&str], judged: &[&str], faults: &mut Faults) {
        for At { value: key, line } in self.keys() {
            if allowed.contains(&key) || judged.contains(&key) {
                continue;
            }
            let message = format!(
                "unknown key `{key}` in {};{} allowed: {}",
                self.title,
                did_you_mean(key, allowed.iter().copied()),
                allowed.join(", "),
            );
            self.fault(line, message, faults);
        }
    }

    /// Keys with the lines they stand on, by name.
    pub(super) fn keys(&self) -> impl Iterator<Item = At<&'a str>> {
        let document = self.document;
        self.table
            .iter()
            .map(|(key, _)| At { value: key.get_ref().as_ref(), line: document.line(key.span().start) })
    }

    /// Whether the key is there, of whatever type.
    pub(super) fn has(&self, key: &str) -> bool {
        self.value(key).is_some()
    }

    /// Whether the key is missing, or an empty list.
    pub(super) fn is_empty(&self, key: &str) -> bool {
        self.value(key).is_none_or(|found| found.value.as_array().is_some_and(|list| list.is_empty()))
    }

    /// Whether the key is there and a text.
    pub(super) fn is_text(&self, key: &str) -> bool {
        self.value(key).is_some_and(|found| found.value.is_str())
    }

    /// The line of the key, or of the section where the key is missing.
    pub(super) fn line_of(&self, key: &str) -> usize {
        self.value(key).map_or(self.line, |found| found.line)
    }

    fn value(&self, key: &str) -> Option<At<&'a DeValue<'a>>> {
        let (found, value) = self.table.iter().find(|(name, _)| name.get_ref() == key)?;
        // A sub-table's own span is that of its first header, which is the key's line as well.
        Some(At { value: value.get_ref(), line: self.document.line(found.span().start) })
    }

    /// A text; another type is a fault.
    pub(super) fn text(&self, key: &str, faults: &mut Faults) -> Option<At<&'a str>> {
        let At { value, line } = self.value(key)?;
        if let Some(value) = value.as_str() {
            return Some(At { value, line });
        }
        let message = format!("`{key}` in {} is {}; write a text in quotes", self.title, shape(value));
        self.fault(line, message, faults);
        None
    }

    /// A text that `read` understands; what it says is wrong becomes the fault.
    pub(super) fn parsed<T>(
        &self,
        key: &str,
        faults: &mut Faults,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let At { value, line } = self.text(key, faults)?;
        match read(value) {
            Ok(value) => Some(value),
            Err(why) => {
                let message = format!("`{key}` in {} {why}", self.title);
                self.fault(line, message, faults);
                None
            }
        }
    }

    /// A whole number of `range`; everything else is a fault.
    pub(super) fn integer(
        &self,
        key: &str,
        range: std::ops::RangeInclusive<u64>,
        faults: &mut Faults,
    ) -> Option<u64> {
        let At { value, line } = self.value(key)?;
        let number =
            value.as_integer().and_then(|number| u64::from_str_radix(number.as_str(), number.radix()).ok());
        if let Some(number) = number.filter(|number| range.contains(number)) {
            return Some(number);
        }
        let found = value.as_integer().map_or(shape(value), |number| number.as_str());
        let message = format!(
            "`{key}` in {} is {found}; write a whole number from {} to {}, without quotes",
            self.title,
            range.start(),
            range.end(),
        );
        self.fault(line, message, faults);
        None
    }

    /// The texts of a list; `None` where the key is missing or is anything else.
    pub(super) fn texts(&self, key: &str) -> Option<Vec<At<&'a str>>> {
        let text = |element: &'a Spanned<DeValue<'a>>| {
            let line = self.document.line(element.span().start);
            element.get_ref().as_str().map(|value| At { value, line })
        };
        self.value(key)?.value.as_array()?.iter().map(text).collect()
    }

    /// The table under `key`: `[key]`, or written inline.
    pub(super) fn table(&self, key: &str, title: &str, faults: &mut Faults) -> Option<Section<'a>> {
        let At { value, line } = self.value(key)?;
        if let Some(table) = value.as_table() {
            return Some(Section { document: self.document, title: title.to_owned(), line, table });
        }
        self.fault(line, format!("`{key}` is {}; write a table {title}", shape(value)), faults);
        None
    }

    /// The tables under `[[key]]`, in the file's order.
    pub(super) fn tables(&self, key: &str, faults: &mut Faults) -> Vec<Section<'a>> {
        let Some(At { value, line }) = self.value(key) else { return Vec::new() };
        let wanted = format!("write [[{key}]] in double brackets");
        let Some(elements) = value.as_array() else {
            self.fault(line, format!("`{key}` is {}; {wanted}", shape(value)), faults);
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (index, element) in elements.iter().enumerate() {
            let line = self.document.line(element.span().start);
            let title = format!("[[{key}]] number {}", index + 1);
            match element.get_ref().as_table() {
                Some(table) => sections.push(Section { document: self.document, title, line, table }),
                None => {
                    let message = format!("{title} is {}; {wanted}", shape(element.get_ref()));
                    self.fault(line, message, faults);
                }
            }
        }
        sections
    }
}

/// A value's type as a person says it, never the value: it may be a secret.
pub(super) fn shape(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a decimal number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
