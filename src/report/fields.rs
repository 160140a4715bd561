//! The columns of a source as the report uses them: their labels, which hold choices, which hold paths.

use std::collections::BTreeMap;

use arrow::datatypes::SchemaRef;

use super::rows::{Form, Looked};
use crate::{
    columns::{LAST, Type},
    dictionary,
    fields::{KnownColumn, column_name, known_columns},
    lake::{self, Lake, LakeError},
};

/// The tickets' columns of one source.
#[derive(Debug, Clone)]
pub struct SourceColumns {
    pub name: String,
    /// Of all its files.
    pub schema: SchemaRef,
    /// The custom ones.
    pub custom: Vec<KnownColumn>,
    /// The labels of the custom columns.
    pub labels: BTreeMap<String, String>,
    /// Custom columns whose lists are paths from a root to a leaf.
    pub paths: Vec<String>,
}

impl SourceColumns {
    pub fn read(lake: &Lake, source: &str) -> Result<Self, LakeError> {
        let schema = lake::schema_of_source(lake, source, false)?;
        let schema = schema.unwrap_or_else(|| arrow::datatypes::Schema::empty().into());
        let known = dictionary::read(lake, &[source.to_owned()], false)?;
        let fields = || known.sources.iter().flat_map(|of| &of.fields);
        let field_of = |column: &str| {
            let field = fields().find(|field| field.cells.text("column_name") == column)?;
            Some(field.cells.text("field_name").to_owned())
        };
        let custom = known_columns(&schema, &field_of);
        let mut found =
            Self { name: source.to_owned(), schema, custom, labels: BTreeMap::new(), paths: Vec::new() };
        for field in fields() {
            let column = field.cells.text("column_name").to_owned();
            if found.schema.field_with_name(&column).is_err() {
                continue;
            }
            if field.options.iter().any(|option| option.texts("path").len() > 1) {
                found.paths.push(column.clone());
            }
            let label = Some(field.cells.text("label")).filter(|label| !label.trim().is_empty());
            found.labels.insert(column.clone(), label.unwrap_or(&column).to_owned());
        }
        Ok(found)
    }

    /// What the lists of a column mean.
    pub fn form_of(&self, column: &str) -> Form {
        if self.paths.iter().any(|path| path == column) { Form::Path } else { Form::Several }
    }

    /// The columns in which something is chosen: select fields, paths and checkboxes.
    pub fn choices(&self) -> Vec<Looked> {
        let chosen = self.custom.iter().filter(|known| known.twin || known.of == Type::Bool);
        let looked = chosen.map(|known| {
            let column = column_name(&known.field);
            Looked { form: self.form_of(&column), column }
        });
        looked.collect()
    }

    /// The columns whose fill rate is reported, with the labels of custom ones: all that hold what a vendor sent, once.
    pub fn filled(&self) -> Vec<(String, Option<String>)> {
        let own = |name: &str| name == "id" || LAST.iter().any(|column| column.name == name);
        let names = self.schema.fields().iter().map(|field| field.name().as_str());
        let others = names.filter(|name| !own(name) && !self.is_twin(name));
        others.map(|name| (name.to_owned(), self.labels.get(name).cloned())).collect()
    }

    /// A twin holds what its column holds.
    fn is_twin(&self, name: &str) -> bool {
        let of = name.strip_suffix("__raw");
        of.is_some_and(|of| self.custom.iter().any(|known| known.twin && column_name(&known.field) == of))
    }

    pub fn label<'a>(&'a self, column: &'a str) -> &'a str {
        self.labels.get(column).map_or(column, String::as_str)
    }
}
