//! Which of the rows that came are wanted: by their times, and by the value of one custom field.

use arrow::{
    array::{Array, ArrayRef, AsArray, BooleanArray, RecordBatch},
    datatypes::{DataType, Float64Type, Int64Type},
};

use super::fault::PullError;
use crate::{
    batch::{instant, instants_of},
    columns::RESCUED,
    fields::{Fields, column_name, twin_name},
    json::Json,
    source::Clock,
    walk::Span,
};

/// Where `_rescued` keeps the values of custom fields that no column could take.
const CUSTOM: &str = "custom_fields";

/// What a row must be to be wanted. The default wants all.
#[derive(Debug, Clone, Default)]
pub struct Narrow {
    pub created: Span,
    pub updated: Span,
    pub field: Option<FieldValue>,
}

/// A custom field that must have a value.
#[derive(Debug, Clone)]
pub struct FieldValue {
    /// The name that the source gives the field.
    pub name: String,
    /// As the source sends it.
    pub value: String,
}

impl Narrow {
    /// The time that bounds what is asked for: that of the last change where it is bounded, else that of creation.
    pub fn clock(&self) -> (Clock, Span) {
        match self.updated == Span::default() {
            true => (Clock::Created, self.created),
            false => (Clock::Updated, self.updated),
        }
    }

    /// For each row whether it is wanted. A row without a time lies in no span.
    pub fn wanted(&self, batch: &RecordBatch) -> BooleanArray {
        let bounds = [("created_at", self.created), ("updated_at", self.updated)];
        let bounds: Vec<_> = bounds
            .into_iter()
            .filter(|(_, span)| *span != Span::default())
            .map(|(name, span)| (instants_of(batch, name), span))
            .collect();
        let within = |row: usize| {
            bounds.iter().all(|(times, span)| {
                instant(*times, row).is_some_and(|time| span.holds(time.div_euclid(1_000_000)))
            })
        };
        let has = |row: usize| self.field.as_ref().is_none_or(|field| field.is_in(batch, row));
        (0..batch.num_rows()).map(|row| Some(within(row) && has(row))).collect()
    }
}

impl FieldValue {
    /// Finds the field that a person means: by its name, its column or its label.
    pub fn of(fields: &Fields, field: &str, value: &str) -> Result<Self, PullError> {
        let named = |name: &str| fields.position(name).and_then(|at| fields.get(at));
        let found = named(field).or_else(|| named(field.strip_prefix("cf_")?));
        let found = match found {
            Some(found) => found,
            None => {
                let mut labelled = fields.iter().filter(|known| known.label == field);
                match (labelled.next(), labelled.next()) {
                    (Some(only), None) => only,
                    (Some(one), Some(other)) => {
                        return Err(PullError::Usage(format!(
                            "--field-value: several fields have the label \"{field}\"; name one by its column, {} or {}",
                            one.column_name(),
                            other.column_name()
                        )));
                    }
                    (None, _) => return Err(unknown(fields, field)),
                }
            }
        };
        Ok(Self { name: found.name.clone(), value: value.to_owned() })
    }

    fn is_in(&self, batch: &RecordBatch, row: usize) -> bool {
        let columns = [column_name(&self.name), twin_name(&self.name)];
        let in_a_column = columns.iter().filter_map(|name| batch.column_by_name(name));
        in_a_column.into_iter().any(|column| column.is_valid(row) && holds(column, row, &self.value))
            || self.is_rescued(batch, row)
    }

    fn is_rescued(&self, batch: &RecordBatch, row: usize) -> bool {
        let rescued = batch.column_by_name(RESCUED).and_then(|column| column.as_string_opt::<i32>());
        let Some(text) = rescued.filter(|rescued| rescued.is_valid(row)).map(|rescued| rescued.value(row))
        else {
            return false;
        };
        let sent = Json::parse(text).ok().and_then(|json| json.get(CUSTOM)?.get(&self.name));
        sent.and_then(|sent| Some(sent.scalar_text()? == self.value)).unwrap_or(false)
    }
}

/// Whether a cell reads like `value`; a list, whether one of its elements does.
fn holds(column: &ArrayRef, row: usize, value: &str) -> bool {
    match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().value(row) == value,
        DataType::Int64 => value.parse() == Ok(column.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => value.parse() == Ok(column.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => match value {
            "1" | "true" => column.as_boolean().value(row),
            "0" | "false" => !column.as_boolean().value(row),
            _ => false,
        },
        DataType::List(_) => {
            let elements = column.as_list::<i32>().value(row);
            (0..elements.len()).any(|at| elements.is_valid(at) && holds(&elements, at, value))
        }
        of => {
            let text = crate::batch::as_text(&column.slice(row, 1));
            debug_assert!(text.is_some(), "{of} has a text form");
            text.is_some_and(|text| text.as_string::<i32>().value(0) == value)
        }
    }
}

fn unknown(fields: &Fields, field: &str) -> PullError {
    let known: Vec<String> =
        fields.iter().take(20).map(|known| format!("{} ({})", known.column_name(), known.label)).collect();
    let more = if fields.iter().count() > known.len() { ", …" } else { "" };
    PullError::Usage(format!(
        "--field-value: the source defines no field \"{field}\"; it has {}{more}. Write `=VALUE` to search in all fields",
        known.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, ListBuilder, StringArray, StringBuilder};

    use super::*;
    use crate::fields::CustomField;

    #[test]
    fn a_field_is_found_by_any_of_its_names() {
        let field = |name: &str, label: &str| CustomField {
            label: label.to_owned(),
            defined: true,
            ..CustomField::undefined(name)
        };
        let fields =
            Fields::new(vec![field("field_1", "类型"), field("field_2", "等级"), field("field_3", "等级")]);
        for name in ["field_1", "cf_field_1", "类型"] {
            assert_eq!(FieldValue::of(&fields, name, "x").unwrap().name, "field_1");
        }
        let error = FieldValue::of(&fields, "等级", "x").unwrap_err().to_string();
        assert!(error.contains("cf_field_2 or cf_field_3"), "{error}");
        let error = FieldValue::of(&fields, "类", "x").unwrap_err().to_string();
        assert!(error.contains("cf_field_1 (类型)"), "{error}");
    }

    #[test]
    fn cells_are_compared_as_they_read() {
        let mut lists = ListBuilder::new(StringBuilder::new());
        lists.append_value([Some("华东"), None, Some("上海")]);
        let lists: ArrayRef = Arc::new(lists.finish());
        assert!(holds(&lists, 0, "上海") && !holds(&lists, 0, "北京"));
        let numbers: ArrayRef = Arc::new(Float64Array::from(vec![1.5]));
        assert!(holds(&numbers, 0, "1.50") && !holds(&numbers, 0, "1.5 "));
    }

    #[test]
    fn a_value_that_was_rescued_is_found_too() {
        let rescued = StringArray::from(vec![Some(r#"{"custom_fields":{"field_8":"abc"}}"#), None]);
        let batch = RecordBatch::try_from_iter([(RESCUED, Arc::new(rescued) as ArrayRef)]).unwrap();
        let wanted = FieldValue { name: "field_8".into(), value: "abc".into() };
        assert!(wanted.is_in(&batch, 0) && !wanted.is_in(&batch, 1));
    }
}
