//! What is taken out of a row before it is written: the masked columns, their twins, and what `_rescued` keeps of them.
//!
//! Free text is not searched: a telephone number in a description stays there, unless the description is masked itself.

mod rescued;
mod value;

use std::{collections::BTreeMap, sync::Arc};

use arrow::{
    array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, StringArray, new_null_array},
    datatypes::{DataType, Schema},
    error::ArrowError,
};

use self::value::Cover;
use crate::{
    columns::RESCUED,
    config::{Masks, Method},
    fields::{column_name, twin_name},
    ticket::Mapping,
};

/// Why a source's mask cannot be applied.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MaskError {
    #[error(
        "`mask` names `{0}`, and no field definition of the source has that column; `ticketlake fields` lists them; \
         nothing was written"
    )]
    Unknown(String),
    #[error(
        "`mask` hashes `{column}`, which is of type {of}, and only text can be hashed; write \"redact\" or \"drop\"; \
         nothing was written"
    )]
    NoText { column: String, of: String },
}

/// Whether every masked column is one of the schema, of a type that its method can take.
pub fn check(masks: &Masks, schema: &Schema) -> Result<(), MaskError> {
    for (column, method) in &masks.columns {
        let Ok(field) = schema.field_with_name(column) else {
            return Err(MaskError::Unknown(column.clone()));
        };
        if *method == Method::Hash && !is_text(field.data_type()) {
            let of = crate::columns::Type::of_arrow(field.data_type());
            let of = of.map_or_else(|| field.data_type().to_string(), |of| of.name().to_owned());
            return Err(MaskError::NoText { column: column.clone(), of });
        }
    }
    Ok(())
}

/// Whether masks differ, told by a short text that may be kept: names and methods, and of the key a few digits of a hash.
pub fn fingerprint(masks: &Masks) -> String {
    let columns = masks.columns.iter().map(|(column, method)| format!("{column}={}", method.name()));
    let mut words: Vec<String> = columns.collect();
    if masks.columns.values().any(|method| *method == Method::Hash) {
        let told = Cover::new(masks.key.as_ref()).hash("ticketlake: which key is it?");
        words.push(format!("key={}", told.get(..8).unwrap_or_default()));
    }
    words.join(" ")
}

/// Masks rows as they were read.
pub fn apply(masks: &Masks, mapping: &Mapping, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
    mask(masks, mapping, batch, Cover::new(masks.key.as_ref()))
}

/// Masks rows of the lake, of which some may be masked already: what looks like a mask stays.
pub fn apply_again(masks: &Masks, mapping: &Mapping, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
    mask(masks, mapping, batch, Cover::new(masks.key.as_ref()).sparing_masks())
}

fn mask(
    masks: &Masks,
    mapping: &Mapping,
    batch: RecordBatch,
    cover: Cover,
) -> Result<RecordBatch, ArrowError> {
    if masks.columns.is_empty() {
        return Ok(batch);
    }
    let schema = batch.schema();
    let methods = with_twins(masks, &schema);
    let mut columns = Vec::with_capacity(batch.num_columns());
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        columns.push(match methods.get(field.name().as_str()) {
            Some(method) => cells(column, *method, &cover),
            None if field.name() == RESCUED => {
                let places = rescued::Places::new(masks, mapping);
                Arc::new(match column.as_string_opt::<i32>() {
                    Some(texts) => {
                        texts.iter().map(|text| text.and_then(|text| places.cover(text, &cover))).collect()
                    }
                    None => StringArray::new_null(batch.num_rows()),
                })
            }
            None => Arc::clone(column),
        });
    }
    RecordBatch::try_new(schema, columns)
}

/// The masked columns and, behind a select, the twin with the value as sent.
fn with_twins<'s>(masks: &Masks, schema: &'s Schema) -> BTreeMap<&'s str, Method> {
    let mut methods = BTreeMap::new();
    for (column, method) in &masks.columns {
        let twin = column.strip_prefix(&column_name("")).map(twin_name);
        for name in std::iter::once(column).chain(&twin) {
            if let Ok(field) = schema.field_with_name(name) {
                methods.insert(field.name().as_str(), *method);
            }
        }
    }
    methods
}

fn is_text(of: &DataType) -> bool {
    match of {
        DataType::Utf8 => true,
        DataType::List(element) => *element.data_type() == DataType::Utf8,
        _ => false,
    }
}

fn cells(column: &ArrayRef, method: Method, cover: &Cover) -> ArrayRef {
    let texts = |texts: &StringArray| -> StringArray {
        texts.iter().map(|text| text.and_then(|text| cover.text(text, method))).collect()
    };
    if let Some(column) = column.as_string_opt::<i32>() {
        return Arc::new(texts(column));
    }
    let DataType::List(element) = column.data_type() else {
        return new_null_array(column.data_type(), column.len());
    };
    match column.as_list_opt::<i32>().and_then(|lists| Some((lists, lists.values().as_string_opt::<i32>()?)))
    {
        Some((lists, values)) if method != Method::Drop => {
            let (offsets, nulls) = (lists.offsets().clone(), lists.nulls().cloned());
            Arc::new(ListArray::new(Arc::clone(element), offsets, Arc::new(texts(values)), nulls))
        }
        _ => new_null_array(column.data_type(), column.len()),
    }
}

#[cfg(test)]
mod tests;
