//! What the views say of themselves and of their columns: meaning, vendor key, label.

use std::fmt::Write;

use super::{
    Origin,
    names::Names,
    sql::{Custom, SOURCE, identifier, string},
};
use crate::columns::{Column, DELETED_AT, RESCUED, SYNCED_AT};

/// Where the columns of a view come from.
pub struct Keys<'a> {
    /// The short names of the vendors whose tickets it shows.
    pub kinds: Vec<&'a str>,
    pub origin: Origin<'a>,
}

impl Keys<'_> {
    /// A sentence, with a blank before it; empty for what the lake fills itself.
    fn vendor_keys(&self, column: &str) -> String {
        if self.kinds.is_empty() || [RESCUED, SYNCED_AT, DELETED_AT].contains(&column) {
            return String::new();
        }
        let key = |kind: &&str| {
            let key = (self.origin)(kind, column).unwrap_or_else(|| "none".to_owned());
            format!("{key} ({kind})")
        };
        let keys: Vec<String> = self.kinds.iter().map(key).collect();
        format!(" Vendor key: {}.", keys.join("; "))
    }
}

/// What a view shows.
pub fn view(text: &mut String, view: &str, told: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "COMMENT ON VIEW {} IS {};", identifier(view), string(told));
}

/// What a column says.
pub fn column(text: &mut String, view: &str, column: &str, told: &str) {
    let place = format!("{}.{}", identifier(view), identifier(column));
    let _ = writeln!(text, "COMMENT ON COLUMN {place} IS {};", string(told));
}

/// The columns that every source has.
pub fn ticket_columns<'a>(
    text: &mut String,
    view: &str,
    columns: impl Iterator<Item = &'a Column>,
    keys: &Keys,
) {
    for of in columns {
        column(text, view, of.name, &format!("{}{}", of.meaning, keys.vendor_keys(of.name)));
    }
}

/// The columns that lie in paths.
pub fn paths(text: &mut String, view: &str, cuts: &[&str]) {
    column(text, view, SOURCE, "The source's name in the configuration; from the path.");
    for cut in cuts {
        column(
            text,
            view,
            cut,
            "When it was created, in the lake's time zone; from the path, so a filter on it reads only those files.",
        );
    }
}

/// The column of a custom field, and its twin.
pub fn custom(text: &mut String, view: &str, field: &Custom, names: &Names) {
    let label = field.label.as_deref().map(str::trim).filter(|label| !label.is_empty());
    let label = label.unwrap_or(&field.field);
    let of = field.vendor_type.as_deref().map(|of| format!(" ({of})")).unwrap_or_default();
    let about = |as_sent: &str, twin: &str| {
        let Custom { field, column, .. } = field;
        format!("{label}{as_sent}. Vendor key: custom field {field}{of}. Column {column}{twin} of the files.")
    };
    let mut told = about("", "");
    if let Some(description) = field.description.as_deref().filter(|text| !text.trim().is_empty()) {
        let _ = write!(told, " {description}");
    }
    column(text, view, &names.column, &told);
    if let Some(twin) = &names.twin {
        column(text, view, twin, &about(", exactly as sent", "__raw"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_for_each_vendor_and_not_for_what_the_lake_fills() {
        let origin = |kind: &str, column: &str| (kind == "a").then(|| format!("`its_{column}`"));
        let keys = |kinds: &[&'static str]| Keys { kinds: kinds.to_vec(), origin: &origin };
        assert_eq!(keys(&["a", "b"]).vendor_keys("url"), " Vendor key: `its_url` (a); none (b).");
        assert_eq!(keys(&["a"]).vendor_keys(SYNCED_AT), "");
        assert_eq!(keys(&[]).vendor_keys("url"), "");
    }
}
