//! Custom fields: what a definition says, and which columns it has in the lake.

mod catalog;
pub mod rows;

pub use catalog::{Catalog, Known, KnownColumn, field_names, join, known_columns};

use std::{collections::HashMap, sync::Arc};

use arrow::datatypes::{Field as ArrowField, Schema, SchemaRef};
use foldhash::fast::RandomState;

use crate::columns::{self, Type};

/// How a custom field's value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    Text,
    Integer,
    Decimal,
    Date,
    Time,
    Instant,
    Bool,
    /// One of a list, sent as its label or its key; what no option names is kept as sent.
    Choice,
    /// One of a list, sent as a key; what no option names is null.
    KeyedChoice,
    /// Several of a list, sent as keys.
    KeyedChoices,
    /// A path sent as labels.
    Path,
    /// A path sent as keys; null without a map of them.
    KeyedPath,
}

impl Reading {
    /// The type of a new column for it.
    pub fn column(self) -> Type {
        match self {
            Reading::Text | Reading::Choice | Reading::KeyedChoice => Type::Text,
            Reading::Integer => Type::Int64,
            Reading::Decimal => Type::Float64,
            Reading::Date => Type::Date,
            Reading::Time => Type::Time,
            Reading::Instant => Type::Instant,
            Reading::Bool => Type::Bool,
            Reading::KeyedChoices | Reading::Path | Reading::KeyedPath => Type::TextList,
        }
    }

    /// Whether its column has a twin that holds the value as sent.
    pub fn is_select(self) -> bool {
        matches!(
            self,
            Reading::Choice
                | Reading::KeyedChoice
                | Reading::KeyedChoices
                | Reading::Path
                | Reading::KeyedPath
        )
    }
}

/// One node of a field's options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldOption {
    /// Labels from the root to this node.
    pub path: Vec<String>,
    /// What a ticket holds for it; for a node of a keyed path the keys from the root, joined by commas.
    pub raw: String,
    pub label: String,
}

/// A custom-field definition in the lake's terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    pub name: String,
    pub label: Option<String>,
    pub vendor_type: String,
    pub reading: Reading,
    pub active: Option<bool>,
    pub required_for_agent: Option<bool>,
    pub visible_to_customer: Option<bool>,
    pub editable_by_customer: Option<bool>,
    pub required_for_customer: Option<bool>,
    pub description: Option<String>,
    pub validation_regexp: Option<String>,
    /// The parent's number or name, as far as the definition tells it.
    pub parent: Option<String>,
    pub parent_path: Option<Vec<Option<String>>>,
    /// Depth first.
    pub options: Vec<FieldOption>,
    /// The definition as sent.
    pub raw: String,
}

/// What keys stand for; looked into for most selects of every ticket.
pub type LabelOfKey = HashMap<String, String, RandomState>;

/// The columns of one custom field.
#[derive(Debug, Clone)]
pub struct CustomField {
    pub name: String,
    pub label: String,
    pub vendor_type: String,
    pub reading: Reading,
    pub column: Type,
    /// Whether a `__raw` column stands behind it.
    pub twin: bool,
    /// Whether a definition is or was known.
    pub defined: bool,
    /// Key → label; for a keyed path, the joined keys → label.
    pub labels: Arc<LabelOfKey>,
}

impl CustomField {
    /// A field that tickets carry and no definition names.
    pub fn undefined(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            label: name.to_owned(),
            vendor_type: String::new(),
            reading: Reading::Text,
            column: Type::Text,
            twin: false,
            defined: false,
            labels: Arc::default(),
        }
    }

    /// The name of its column.
    pub fn column_name(&self) -> String {
        column_name(&self.name)
    }

    fn arrow(&self) -> Vec<ArrowField> {
        let field = |name, of: Type| ArrowField::new(name, of.arrow(), true);
        let mut fields = vec![field(self.column_name(), self.column)];
        if self.twin {
            fields.push(field(twin_name(&self.name), Type::Text));
        }
        fields
    }
}

/// `cf_` and the field's name.
pub fn column_name(field: &str) -> String {
    format!("cf_{field}")
}

/// The column that holds a select's value as sent.
pub fn twin_name(field: &str) -> String {
    format!("cf_{field}__raw")
}

/// All custom fields of a source in column order: those with a definition, then the others by name.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    list: Vec<CustomField>,
    /// Looked into for most values of every ticket.
    by_name: HashMap<String, usize, RandomState>,
}

impl Fields {
    /// Puts fields in column order; of two fields that need one column name the first has it.
    pub fn new(fields: Vec<CustomField>) -> Self {
        let (mut list, mut others): (Vec<_>, Vec<_>) = fields.into_iter().partition(|f| f.defined);
        others.sort_by(|a, b| a.name.cmp(&b.name));
        list.append(&mut others);
        let mut taken = std::collections::HashSet::new();
        list.retain(|field| {
            let mut names: Vec<_> = vec![field.column_name()];
            names.extend(field.twin.then(|| twin_name(&field.name)));
            let free = names.iter().all(|name| !taken.contains(name));
            if free {
                taken.extend(names);
            }
            free
        });
        let by_name = list.iter().enumerate().map(|(at, field)| (field.name.clone(), at)).collect();
        Self { list, by_name }
    }

    /// The fields in column order.
    pub fn iter(&self) -> impl Iterator<Item = &CustomField> {
        self.list.iter()
    }

    /// The field at a place in column order.
    pub fn get(&self, position: usize) -> Option<&CustomField> {
        self.list.get(position)
    }

    /// Where a field stands in column order.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// Whether a new field of this name would need a column that another field has.
    pub fn clashes(&self, name: &str) -> bool {
        let wanted = column_name(name);
        self.list.iter().any(|f| f.name != name && f.twin && twin_name(&f.name) == wanted)
    }

    /// The same fields and those of `names` that are not yet among them; `None` where all are.
    pub fn with_undefined<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let new: Vec<_> = names
            .into_iter()
            .filter(|name| self.position(name).is_none())
            .map(CustomField::undefined)
            .collect();
        (!new.is_empty()).then(|| Self::new(self.list.iter().cloned().chain(new).collect()))
    }

    /// The schema of the source's tickets.
    pub fn schema(&self) -> SchemaRef {
        let before = columns::TICKETS.iter().map(columns::Column::field);
        let custom = self.list.iter().flat_map(CustomField::arrow);
        let after = columns::LAST.iter().map(columns::Column::field);
        Arc::new(Schema::new(before.chain(custom).chain(after).collect::<Vec<_>>()))
    }
}

/// What a column becomes when its field's type calls for another one.
pub fn widen(column: Type, wanted: Type) -> Type {
    match (column, wanted) {
        (a, b) if a == b => a,
        (Type::Int64 | Type::Float64, Type::Int64 | Type::Float64) => Type::Float64,
        _ => Type::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undefined_fields_follow_by_name_and_never_take_a_column_twice() {
        let select = CustomField {
            reading: Reading::Choice,
            twin: true,
            defined: true,
            ..CustomField::undefined("field_8")
        };
        let fields = Fields::new(vec![select]).with_undefined(["z", "field_8__raw", "b", "field_8"]).unwrap();
        let schema = fields.schema();
        let custom: Vec<_> =
            schema.fields().iter().map(|f| f.name().as_str()).filter(|n| n.starts_with("cf_")).collect();
        assert_eq!(custom, ["cf_field_8", "cf_field_8__raw", "cf_b", "cf_z"]);
        assert!(fields.clashes("field_8__raw") && !fields.clashes("field_9"));
    }

    #[test]
    fn only_numbers_widen_to_numbers() {
        assert_eq!(widen(Type::Int64, Type::Float64), Type::Float64);
        assert_eq!(widen(Type::Float64, Type::Int64), Type::Float64);
        assert_eq!(widen(Type::Text, Type::Int64), Type::Text);
        assert_eq!(widen(Type::Date, Type::Instant), Type::Text);
    }
}
