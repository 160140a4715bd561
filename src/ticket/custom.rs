//! A custom field's value as the value of its column.

use std::borrow::Cow;

use super::{
    cells::Cells,
    scalar::{self, Cell},
};
use crate::{
    columns::Type,
    fields::{CustomField, LabelOfKey, Reading},
    json::{Json, write_text},
    when::Clock,
};

/// Puts a value, which is not null, into a row of the field's column; `false` where it does not fit and nothing was put.
pub fn put_value(cells: &mut Cells, row: usize, field: &CustomField, json: &Json, clock: &Clock) -> bool {
    match field.reading {
        Reading::Choice | Reading::KeyedChoice => {
            if let Some(label) = choice(field, json) {
                cells.put_text(row, &label);
            }
            return true;
        }
        Reading::KeyedChoices | Reading::Path | Reading::KeyedPath => {
            if let Some(labels) = several(field, json) {
                put_labels(cells, row, &labels);
            }
            return true;
        }
        _ => {}
    }
    let cell = match field.column {
        Type::Int64 => scalar::integer(json).map(|v| cells.put_int(row, v)),
        Type::Float64 => scalar::decimal(json).map(|v| cells.put_decimal(row, v)),
        Type::Date => scalar::date(json).map(|v| cells.put_date(row, v)),
        Type::Time => scalar::time_of_day(json).map(|v| cells.put_int(row, v)),
        Type::Instant => scalar::instant(json, clock).map(|v| cells.put_int(row, v)),
        Type::Bool => scalar::boolean(json).map(|v| cells.put_bool(row, v)),
        _ => {
            cells.put_text(row, &as_sent(json));
            return true;
        }
    };
    !matches!(cell, Cell::Unfit)
}

/// A string as it is, anything else its JSON text.
pub fn as_sent<'a>(json: &Json<'a>) -> Cow<'a, str> {
    json.scalar_text().unwrap_or_else(|| Cow::Owned(json.to_compact()))
}

/// The label of a single select; `None` is null.
fn choice<'a>(field: &'a CustomField, json: &Json<'a>) -> Option<Cow<'a, str>> {
    let key = json.scalar_text().filter(|key| !key.is_empty())?;
    match field.labels.get(key.as_ref()) {
        Some(label) => Some(Cow::Borrowed(label)),
        None => (field.reading == Reading::Choice).then_some(key),
    }
}

type Labels<'a> = Vec<Option<Cow<'a, str>>>;

/// The labels of a multiple select or a path; `None` is null.
fn several<'a>(field: &'a CustomField, json: &Json<'a>) -> Option<Labels<'a>> {
    let keys = match json {
        Json::List(_) => json.elements().iter().map(Json::scalar_text).collect(),
        Json::Object(_) | Json::Null => return None,
        Json::Text(text) if text.is_empty() => return None,
        scalar if field.reading == Reading::Path => vec![scalar.scalar_text()],
        scalar => split(scalar.scalar_text()?),
    };
    match field.reading {
        Reading::KeyedPath if field.labels.is_empty() => None,
        Reading::KeyedPath => Some(walk(&field.labels, &keys)),
        Reading::KeyedChoices => {
            let label =
                |key: &Option<Cow<str>>| field.labels.get(key.as_deref()?).map(|l| Cow::Borrowed(l.as_str()));
            Some(keys.iter().map(label).collect())
        }
        _ => Some(keys),
    }
}

fn split(keys: Cow<'_, str>) -> Labels<'_> {
    match keys {
        Cow::Borrowed(keys) => keys.split(',').map(|key| Some(Cow::Borrowed(key))).collect(),
        Cow::Owned(keys) => keys.split(',').map(|key| Some(Cow::Owned(key.to_owned()))).collect(),
    }
}

/// Labels from root to leaf; below a node that the map lacks, all are null.
fn walk<'a>(labels: &'a LabelOfKey, keys: &[Option<Cow<str>>]) -> Labels<'a> {
    let mut path = Some(String::new());
    let label = |key: &Option<Cow<str>>| {
        let (Some(node), Some(key)) = (path.as_mut(), key.as_deref()) else {
            path = None;
            return None;
        };
        if !node.is_empty() {
            node.push(',');
        }
        node.push_str(key);
        let label = labels.get(node.as_str()).map(|l| Cow::Borrowed(l.as_str()));
        if label.is_none() {
            path = None;
        }
        label
    };
    keys.iter().map(label).collect()
}

/// Labels in their list column, or as a JSON list where the column was widened to text.
fn put_labels(cells: &mut Cells, row: usize, labels: &[Option<Cow<str>>]) {
    if cells.of() == Type::TextList {
        return cells.put_texts(row, labels.iter().map(Option::as_deref));
    }
    let mut json = String::from("[");
    for (position, label) in labels.iter().enumerate() {
        if position > 0 {
            json.push(',');
        }
        match label {
            Some(label) => write_text(label, &mut json),
            None => json.push_str("null"),
        }
    }
    json.push(']');
    cells.put_text(row, &json);
}
