//! How a fault of the configuration is named: place, what is wrong, what would be right.

use std::fmt;

/// One thing that is wrong, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// A file as the reader named it, or a flag.
    pub place: String,
    /// Counted from 1; `None` when the whole place is meant.
    pub line: Option<usize>,
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.place, self.message),
            None => write!(f, "{}: {}", self.place, self.message),
        }
    }
}

/// Everything that is wrong, one fault a line when displayed; never empty where it is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// The faults in the order in which they are shown.
    pub fn list(&self) -> &[Fault] {
        &self.0
    }

    pub(super) fn add(&mut self, place: impl Into<String>, line: Option<usize>, message: impl Into<String>) {
        let (place, message) = (place.into(), message.into());
        self.0.push(Fault { place, line, message });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Faults of one place by line, places in the order in which they were first met.
    pub(super) fn in_reading_order(mut self) -> Self {
        let mut places: Vec<String> = Vec::new();
        for fault in &self.0 {
            if !places.contains(&fault.place) {
                places.push(fault.place.clone());
            }
        }
        self.0.sort_by_key(|fault| (places.iter().position(|place| *place == fault.place), fault.line));
        self.0.dedup();
        self
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{fault}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

/// ` did you mean …?` when one of `known` is close to `word`, else nothing.
pub fn did_you_mean<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(word, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| format!(" did you mean `{candidate}`?"))
        .unwrap_or_default()
}
