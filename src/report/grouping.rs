//! What `--group-by` means in each source: a canonical column, a custom column by its name, or by its label.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    fields::SourceColumns,
    rows::{Form, Looked},
};
use crate::{
    columns::{TICKETS, Type},
    config::did_you_mean,
    error::Error,
};

/// The name of the source itself, as in the lake's folders.
const SOURCE: &str = "source";

/// What the figures are broken down by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupBy {
    /// As it was asked for.
    pub asked: String,
    /// By source; null where the source has no such column.
    pub columns: BTreeMap<String, Option<String>>,
}

/// What a source's tickets are broken down by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Key {
    Column(Looked),
    Source,
    /// The source has no such column.
    Missing,
}

impl Key {
    pub fn looked(&self) -> Option<&Looked> {
        if let Self::Column(looked) = self { Some(looked) } else { None }
    }
}

/// Finds the column of each source. Fails where no source has it, or where it may mean more than one.
pub fn resolve(asked: &str, sources: &[SourceColumns]) -> Result<(GroupBy, Vec<Key>), Error> {
    let keys = sources.iter().map(|source| key(asked, source)).collect::<Result<Vec<_>, _>>()?;
    if keys.iter().all(|key| *key == Key::Missing) && !sources.is_empty() {
        return Err(unknown(asked, sources));
    }
    let column = |key: &Key| match key {
        Key::Column(looked) => Some(looked.column.clone()),
        Key::Source => Some(SOURCE.to_owned()),
        Key::Missing => None,
    };
    let columns = sources.iter().zip(&keys).map(|(source, key)| (source.name.clone(), column(key)));
    Ok((GroupBy { asked: asked.to_owned(), columns: columns.collect() }, keys))
}

fn key(asked: &str, source: &SourceColumns) -> Result<Key, Error> {
    if asked == SOURCE {
        return Ok(Key::Source);
    }
    if let Some(column) = TICKETS.iter().find(|column| column.name == asked) {
        if matches!(column.of, Type::Instant) {
            return Err(Error::Usage(format!(
                "--group-by: {asked} is a moment, and nearly every ticket has another one; name a column with words or numbers"
            )));
        }
        return Ok(looked(asked, Form::Several));
    }
    if source.schema.field_with_name(asked).is_ok() {
        return Ok(looked(asked, source.form_of(asked)));
    }
    let named: Vec<&str> = source
        .labels
        .iter()
        .filter(|(_, label)| *label == asked)
        .map(|(column, _)| column.as_str())
        .collect();
    match named.as_slice() {
        [] => Ok(Key::Missing),
        [one] => Ok(looked(one, source.form_of(one))),
        several => Err(Error::Usage(format!(
            "--group-by: {} has several fields called \"{asked}\"; name one by its column: {}",
            source.name,
            several.join(", ")
        ))),
    }
}

fn looked(column: &str, form: Form) -> Key {
    Key::Column(Looked { column: column.to_owned(), form })
}

fn unknown(asked: &str, sources: &[SourceColumns]) -> Error {
    let canonical = TICKETS.iter().map(|column| column.name);
    let labels = sources.iter().flat_map(|source| &source.labels);
    let custom = labels.flat_map(|(column, label)| [column.as_str(), label.as_str()]);
    let hint = did_you_mean(asked, canonical.chain(custom));
    Error::Usage(format!(
        "--group-by: no source has a column or a label \"{asked}\";{hint} `ticketlake fields` lists the custom ones"
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::datatypes::{DataType as Arrow, Field, Schema};

    use super::*;

    fn source(name: &str, labels: &[(&str, &str)]) -> SourceColumns {
        let text = |name: &str| Field::new(name, Arrow::Utf8, true);
        let mut fields = vec![text("status"), Field::new("tags", Arrow::new_list(Arrow::Utf8, true), true)];
        fields.extend(labels.iter().map(|(column, _)| text(column)));
        SourceColumns {
            name: name.to_owned(),
            schema: Arc::new(Schema::new(fields)),
            custom: Vec::new(),
            labels: labels.iter().map(|(column, label)| (column.to_string(), label.to_string())).collect(),
            paths: Vec::new(),
        }
    }

    #[test]
    fn a_column_is_found_by_name_and_by_label() {
        let sources = [
            source("a", &[("cf_1", "问题类型"), ("cf_2", "same"), ("cf_3", "same")]),
            source("b", &[("cf_9", "问题类型")]),
        ];
        let columns = |asked: &str| {
            resolve(asked, &sources).map(|(by, _)| by.columns.into_values().collect::<Vec<_>>())
        };
        let both = |a: &str, b: &str| vec![Some(a.to_owned()), Some(b.to_owned())];
        assert_eq!(columns("问题类型").expect("a label"), both("cf_1", "cf_9"));
        assert_eq!(columns("status").expect("canonical"), both("status", "status"));
        assert_eq!(columns("cf_2").expect("a name"), [Some("cf_2".to_owned()), None]);
        assert_eq!(columns("source").expect("the source"), both("source", "source"));
        let refused = |asked: &str| columns(asked).expect_err("no column").to_string();
        assert!(refused("same").contains("cf_2, cf_3"), "{}", refused("same"));
        assert!(refused("statsu").contains("did you mean `status`?"), "{}", refused("statsu"));
        assert!(refused("created_at").contains("moment"));
        let (_, keys) = resolve("tags", &sources).expect("canonical");
        assert_eq!(keys[0], Key::Column(Looked { column: "tags".to_owned(), form: Form::Several }));
    }
}
