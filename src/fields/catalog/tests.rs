use proptest::prelude::*;

use super::*;
use crate::columns::{TICKET_FIELD_OPTIONS, TICKET_FIELDS};
use crate::fields::rows::{from_batch, to_batch};

fn definition(name: &str, reading: Reading, options: &[(&str, &str)]) -> Definition {
    let option = |(raw, label): &(&str, &str)| FieldOption {
        path: vec![(*label).to_owned()],
        raw: (*raw).to_owned(),
        label: (*label).to_owned(),
    };
    Definition {
        name: name.into(),
        label: Some(name.to_uppercase()),
        vendor_type: String::new(),
        reading,
        active: Some(true),
        required_for_agent: None,
        visible_to_customer: None,
        editable_by_customer: None,
        required_for_customer: None,
        description: None,
        validation_regexp: None,
        parent: None,
        parent_path: None,
        options: options.iter().map(option).collect(),
        raw: format!("{{\"name\":\"{name}\"}}"),
    }
}

fn read(json: &Json) -> Option<Definition> {
    Some(definition(json.get("name")?.scalar_text()?.as_ref(), Reading::Integer, &[]))
}

/// What the next run would find in the lake.
fn remember(catalog: &Catalog, read_at: i64) -> Known {
    let through = |columns, rows: &[Row]| from_batch(columns, &to_batch(columns, rows).unwrap());
    Known {
        fields: through(TICKET_FIELDS, &catalog.field_rows),
        options: through(TICKET_FIELD_OPTIONS, &catalog.option_rows),
        columns: catalog.fields.known(),
        read_at: Some(read_at),
    }
}

fn names(catalog: &Catalog) -> Vec<(&str, Type)> {
    catalog.fields.iter().map(|f| (f.name.as_str(), f.column)).collect()
}

fn schema_of(columns: &[(&str, Type)]) -> Schema {
    let fields = columns.iter().map(|(name, of)| arrow::datatypes::Field::new(*name, of.arrow(), true));
    Schema::new(fields.collect::<Vec<_>>())
}

fn known(field: &str, of: Type, twin: bool) -> KnownColumn {
    KnownColumn { field: field.to_owned(), of, twin }
}

#[test]
fn what_no_row_names_is_read_from_the_name() {
    let columns = [
        ("id", Type::Int64),
        ("cf_a", Type::TextList),
        ("cf_a__raw", Type::Text),
        ("cf_A~2", Type::Int64),
        ("cf_A~2__raw", Type::Int64),
        ("cf_b~x", Type::Text),
        ("cf_c__raw", Type::Text),
        ("cf_a~3", Type::Bool),
        ("_rescued", Type::Text),
    ];
    let wanted = [
        known("a", Type::TextList, true),
        known("A", Type::Int64, false),
        known("A~2__raw", Type::Int64, false),
        known("b~x", Type::Text, false),
        known("c__raw", Type::Text, false),
        // No two columns are of one field.
        known("a~3", Type::Bool, false),
    ];
    assert_eq!(known_columns(&schema_of(&columns), &|_| None), wanted);
}

#[test]
fn a_row_of_the_fields_says_what_a_column_is_of() {
    let mut row = vec![Value::Null; TICKET_FIELDS.len()];
    (row[0], row[1]) = (Value::Text("x__raw".into()), Value::Text("cf_x__raw".into()));
    let mut cased = row.clone();
    (cased[0], cased[1]) = (Value::Text("n~1".into()), Value::Text("cf_n~1~2".into()));
    let names = field_names(&[row, cased]);
    let columns = [("cf_x", Type::Text), ("cf_x__raw", Type::Text), ("cf_n~1~2", Type::Date)];
    let wanted =
        [known("x", Type::Text, false), known("x__raw", Type::Text, false), known("n~1", Type::Date, false)];
    assert_eq!(known_columns(&schema_of(&columns), &|column| names.get(column).cloned()), wanted);
}

fn field() -> impl Strategy<Value = CustomField> {
    let types = prop::sample::select(vec![Type::Text, Type::Int64, Type::Instant, Type::TextList]);
    let named = prop_oneof![("[ab]{1,2}", Just(false)), ("[ab]{1,2}(__raw)?(~[0-9]{1,2})?", Just(true)),];
    (named, types, any::<bool>()).prop_map(|((name, defined), column, twin)| CustomField {
        column,
        twin,
        defined,
        ..CustomField::undefined(&name)
    })
}

proptest! {
    /// The columns that a run makes come back from a file's schema and the table of definitions.
    #[test]
    fn columns_come_back_from_a_schema(fields in prop::collection::vec(field(), 0..8)) {
        let mut names = HashSet::new();
        let fields = fields.into_iter().filter(|field| names.insert(field.name.clone()));
        let fields = Fields::new(fields.collect());
        let rows: HashMap<String, String> = fields
            .iter()
            .filter(|field| field.defined)
            .map(|field| (field.column_name(), field.name.clone()))
            .collect();
        let found = known_columns(&fields.schema(), &|column| rows.get(column).cloned());
        prop_assert_eq!(found, fields.known());
    }
}

#[test]
fn nothing_new_is_no_difference() {
    let today =
        || vec![definition("a", Reading::Integer, &[]), definition("b", Reading::KeyedChoice, &[("0", "x")])];
    let first = join(today(), &Known::default(), &read, 10);
    assert!((first.new, first.defined) == (2, 2) && first.fields_differ && first.options_differ);
    let second = join(today(), &remember(&first, 10), &read, 20);
    assert!((second.new, second.changed) == (0, 0) && !second.fields_differ && !second.options_differ);
}

#[test]
fn a_removed_field_keeps_its_place_type_and_last_sight() {
    let today = vec![
        definition("a", Reading::Integer, &[]),
        definition("b", Reading::Integer, &[]),
        definition("c", Reading::Date, &[]),
    ];
    let first = join(today, &Known::default(), &read, 10);
    let gone = vec![definition("a", Reading::Integer, &[]), definition("c", Reading::Date, &[])];
    let second = join(gone, &remember(&first, 15), &read, 20);
    assert_eq!(names(&second), [("a", Type::Int64), ("b", Type::Int64), ("c", Type::Date)]);
    let row = &second.field_rows[1];
    assert_eq!((&row[5], &row[14], &row[15]), (&Value::Bool(false), &Value::Int(10), &Value::Int(15)));
}

#[test]
fn another_type_widens_and_an_undefined_column_stays() {
    let first = join(vec![definition("n", Reading::Integer, &[])], &Known::default(), &read, 10);
    let mut known = remember(&first, 10);
    known.columns.push(KnownColumn { field: "x".into(), of: Type::Text, twin: false });
    let second = join(vec![definition("n", Reading::Decimal, &[])], &known, &read, 20);
    assert_eq!(names(&second), [("n", Type::Float64), ("x", Type::Text)]);
    let third =
        join(vec![definition("n", Reading::KeyedChoice, &[("0", "x")])], &remember(&second, 20), &read, 30);
    assert_eq!(names(&third), [("n", Type::Text), ("x", Type::Text)]);
    assert!(third.fields.get(0).unwrap().twin);
}

#[test]
fn an_option_that_disappeared_stays_with_its_label() {
    let first = join(
        vec![definition("s", Reading::KeyedChoice, &[("0", "old"), ("1", "y")])],
        &Known::default(),
        &read,
        10,
    );
    let second =
        join(vec![definition("s", Reading::KeyedChoice, &[("1", "z")])], &remember(&first, 10), &read, 20);
    let shown: Vec<_> =
        second.option_rows.iter().map(|r| (r[3].text().unwrap(), &r[5], &r[6], &r[7])).collect();
    let (yes, no) = (Value::Bool(true), Value::Bool(false));
    let at = Value::Int;
    assert_eq!(shown, [("z", &yes, &at(10), &at(20)), ("old", &no, &at(10), &at(10))]);
    assert_eq!(second.fields.get(0).unwrap().labels["0"], "old");
    assert_eq!(second.changed, 1);
}
