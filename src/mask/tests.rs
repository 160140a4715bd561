//! Masks over batches and over what `_rescued` holds.

use arrow::{
    array::{Int64Array, ListBuilder, StringBuilder},
    datatypes::Field,
};

use super::*;
use crate::{config::Kind, secret::Secret, source};

fn masks(columns: &[(&str, Method)]) -> Masks {
    let columns = columns.iter().map(|(name, method)| ((*name).to_owned(), *method)).collect();
    Masks { columns, key: Some(Secret::new("key")) }
}

fn hashed(text: &str) -> String {
    Cover::new(Some(&Secret::new("key"))).hash(text)
}

fn covered(kind: Kind, columns: &[(&str, Method)], rescued: &str) -> Option<String> {
    let masks = masks(columns);
    rescued::Places::new(&masks, source::ticket(kind)).cover(rescued, &Cover::new(masks.key.as_ref()))
}

#[test]
fn columns_and_twins_are_masked_and_the_rest_stays() {
    let mut lists = ListBuilder::new(StringBuilder::new());
    lists.append_value([Some("甲"), None]);
    lists.append_null();
    let text = |values: [Option<&str>; 2]| Arc::new(StringArray::from(values.to_vec())) as ArrayRef;
    let columns: Vec<(&str, ArrayRef)> = vec![
        ("id", Arc::new(Int64Array::from(vec![1, 2]))),
        ("requester_email", text([Some("a@b.cn"), None])),
        ("assignee_id", Arc::new(Int64Array::from(vec![7, 8]))),
        ("cf_path", Arc::new(lists.finish())),
        ("cf_path__raw", text([Some("0,1"), Some("")])),
        ("cf_other", text([Some("stays"), Some("too")])),
    ];
    let fields: Vec<Field> =
        columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema, columns.into_iter().map(|(_, array)| array).collect()).unwrap();
    let wanted = masks(&[
        ("requester_email", Method::Hash),
        ("assignee_id", Method::Drop),
        ("cf_path", Method::Redact),
    ]);
    check(&wanted, &batch.schema()).unwrap();
    let masked = apply(&wanted, source::ticket(Kind::Udesk), batch.clone()).unwrap();
    let texts =
        |name: &str| masked.column_by_name(name).unwrap().as_string::<i32>().iter().collect::<Vec<_>>();
    assert_eq!(texts("requester_email"), [Some(hashed("a@b.cn").as_str()), None]);
    assert_eq!(masked.column_by_name("assignee_id").unwrap().null_count(), 2);
    let path = masked.column_by_name("cf_path").unwrap().as_list::<i32>().clone();
    assert_eq!(path.value(0).as_string::<i32>().iter().collect::<Vec<_>>(), [Some("***"), None]);
    assert!(path.is_null(1));
    assert_eq!(texts("cf_path__raw"), [Some("***"), Some("***")]);
    assert_eq!(texts("cf_other"), [Some("stays"), Some("too")]);
    let again = apply_again(&wanted, source::ticket(Kind::Udesk), masked.clone()).unwrap();
    assert_eq!(again, masked);
    assert_eq!(apply(&Masks::default(), source::ticket(Kind::Udesk), batch.clone()).unwrap(), batch);
}

#[test]
fn a_mask_that_does_not_fit_is_told() {
    let schema = Schema::new(vec![Field::new("cf_n", DataType::Int64, true)]);
    assert_eq!(
        check(&masks(&[("cf_n", Method::Hash)]), &schema),
        Err(MaskError::NoText { column: "cf_n".to_owned(), of: "int64".to_owned() })
    );
    assert_eq!(check(&masks(&[("cf_n", Method::Redact)]), &schema), Ok(()));
    assert_eq!(check(&masks(&[("cf_x", Method::Drop)]), &schema), Err(MaskError::Unknown("cf_x".to_owned())));
}

#[test]
fn what_was_rescued_of_a_masked_column_is_masked_by_its_key() {
    let rescued = r#"{"user_email":{"a":"x@y.cn"},"user":["n"],"requester_email":1.0,"new":"stays","user_cellphone":null}"#;
    let columns = [
        ("requester_email", Method::Hash),
        ("requester_name", Method::Drop),
        ("requester_phone", Method::Redact),
    ];
    let (object, number) = (hashed(r#"{"a":"x@y.cn"}"#), hashed("1.0"));
    assert_eq!(
        covered(Kind::Udesk, &columns, rescued).unwrap(),
        format!(
            r#"{{"user_email":"{object}","requester_email":"{number}","new":"stays","user_cellphone":null}}"#
        )
    );
    assert_eq!(covered(Kind::Udesk, &[("requester_name", Method::Drop)], r#"{"user":[1]}"#), None);
}

#[test]
fn sub_objects_and_shared_keys_take_the_strictest_method() {
    let columns = [
        ("satisfaction_score", Method::Redact),
        ("slax_title", Method::Drop),
        ("satisfaction_comment", Method::Drop),
    ];
    assert_eq!(
        covered(
            Kind::Kf5,
            &columns,
            r#"{"satisfaction_rating":{"score":[5],"comment":{},"by":7},"slax":"whole","sla_event":"stays"}"#
        )
        .unwrap(),
        r#"{"satisfaction_rating":{"score":"***","by":7},"sla_event":"stays"}"#
    );
}

#[test]
fn custom_fields_are_found_under_their_names_and_without() {
    let columns = [("cf_field_9", Method::Redact)];
    let of = |rescued: &str| covered(Kind::Kf5, &columns, rescued);
    assert_eq!(
        of(r#"{"custom_fields":{"field_9":"x","field_8":{"a":1},"":[{"name":"field_9","value":"old"},{"name":"field_8","value":1},{"value":"whose?"},7]}}"#).unwrap(),
        r#"{"custom_fields":{"field_9":"***","field_8":{"a":1},"":["***",{"name":"field_8","value":1},"***","***"]}}"#
    );
    // A list that came as an object of numbers, as text, as something else.
    assert_eq!(
        of(r#"{"custom_fields":{"0":{"name":"field_9","value":"x"},"1":{"name":"field_8","value":"y"}}}"#)
            .unwrap(),
        r#"{"custom_fields":{"0":"***","1":{"name":"field_8","value":"y"}}}"#
    );
    assert_eq!(
        of(r#"{"custom_fields":"[field_9: x]","field_9":3}"#).unwrap(),
        r#"{"custom_fields":"***","field_9":"***"}"#
    );
    // An earlier one of two entries of an object says nothing of its name.
    let nameless = covered(Kind::Udesk, &[("cf_a", Method::Drop)], r#"{"custom_fields":{"":["x"],"b":2}}"#);
    assert_eq!(nameless.unwrap(), r#"{"custom_fields":{"b":2}}"#);
}

#[test]
fn a_fingerprint_tells_masks_and_keys_apart() {
    let one = masks(&[("requester_email", Method::Hash)]);
    let other = Masks { key: Some(Secret::new("other")), ..one.clone() };
    assert_ne!(fingerprint(&one), fingerprint(&other));
    assert_eq!(fingerprint(&Masks { key: one.key.clone(), ..Masks::default() }), "");
    assert!(
        fingerprint(&one).starts_with("requester_email=hash key=") && !fingerprint(&one).contains("key=key")
    );
}
