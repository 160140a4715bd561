//! KF5's custom-field definitions. Types and keys are those of the vendor's page on ticket fields; `multi_options`
//! and its flat tree are known from the vendor's Java SDK only.

use std::collections::{HashMap, HashSet};

use crate::{
    fields::{Definition, FieldOption, Reading},
    json::Json,
    source::definition::{flag, list_texts, one_or_json, text},
};

/// Reads one definition; `None` where it has neither a name nor a number.
pub fn definition(json: &Json) -> Option<Definition> {
    let id = text(json, "id");
    let name = text(json, "name").filter(|name| !name.is_empty());
    let name = name.or_else(|| id.map(|id| field_name(&id)))?;
    let vendor_type = text(json, "type").unwrap_or_default();
    let parent = text(json, "cascade_id").filter(|id| !matches!(id.as_str(), "" | "0"));
    let parent_path = parent.as_ref().and_then(|_| list_texts(&json.get("cascade_value")?));
    Some(Definition {
        reading: reading(&vendor_type),
        label: text(json, "agent_title"),
        active: flag(json, "active"),
        required_for_agent: flag(json, "agent_required"),
        visible_to_customer: flag(json, "enduser_visible"),
        editable_by_customer: flag(json, "enduser_editable"),
        required_for_customer: flag(json, "enduser_required"),
        description: text(json, "enduser_description"),
        validation_regexp: json.get("regexp_for_validation").and_then(|regexp| one_or_json(&regexp)),
        parent: parent.map(|id| field_name(&id)),
        parent_path,
        options: json.get("custom_field_options").map(|o| options(&o)).unwrap_or_default(),
        raw: json.to_compact(),
        vendor_type,
        name,
    })
}

/// The vendor's naming rule: `field_` and the field's number.
fn field_name(id: &str) -> String {
    format!("field_{id}")
}

/// The vendor's words for types, and how values of each are read; a field of any other type is text.
pub const TYPES: &[(&str, Reading)] = &[
    ("text", Reading::Text),
    ("textarea", Reading::Text),
    ("regexp", Reading::Text),
    ("int", Reading::Integer),
    ("decimal", Reading::Decimal),
    ("date", Reading::Date),
    ("checkbox", Reading::Bool),
    ("dropdownlist", Reading::Choice),
    ("cascade", Reading::Choice),
    ("multi_cascade", Reading::Path),
    ("multi_options", Reading::Path),
];

fn reading(vendor_type: &str) -> Reading {
    TYPES.iter().find(|(name, _)| *name == vendor_type).map_or(Reading::Text, |(_, reading)| *reading)
}

fn options(json: &Json) -> Vec<FieldOption> {
    let mut options = Vec::new();
    match json {
        Json::List(_) => nested(json, &mut Vec::new(), &mut options),
        Json::Object(_) => flat(&json.get("list").unwrap_or(Json::Null), &mut options),
        _ => {}
    }
    options
}

/// A list of `{key, value, sub_items}` or of plain texts.
fn nested(list: &Json, path: &mut Vec<String>, options: &mut Vec<FieldOption>) {
    for node in list.elements() {
        let key = text(&node, "key").or_else(|| node.scalar_text().map(Into::into));
        let Some(label) = text(&node, "value").or_else(|| key.clone()) else { continue };
        path.push(label.clone());
        options.push(FieldOption { path: path.clone(), raw: key.unwrap_or_else(|| label.clone()), label });
        nested(&node.get("sub_items").unwrap_or(Json::Null), path, options);
        path.pop();
    }
}

/// A list of `{id, key, level, parent}` in which a child names its parent's id.
fn flat(list: &Json, options: &mut Vec<FieldOption>) {
    struct Node {
        id: String,
        key: String,
        label: String,
    }
    let mut children: HashMap<String, Vec<Node>> = HashMap::new();
    let elements = list.elements();
    let known: HashSet<_> = elements.iter().filter_map(|node| text(node, "id")).collect();
    for node in &elements {
        let Some(key) = text(node, "key").or_else(|| text(node, "value")) else { continue };
        let parent = text(node, "parent").filter(|id| known.contains(id)).unwrap_or_default();
        let label = text(node, "value").unwrap_or_else(|| key.clone());
        let id = text(node, "id").unwrap_or_default();
        children.entry(parent).or_default().push(Node { id, key, label });
    }
    // Taking a node's children away as they are visited ends every circle.
    fn visit(
        parent: &str,
        path: &mut Vec<String>,
        children: &mut HashMap<String, Vec<Node>>,
        options: &mut Vec<FieldOption>,
    ) {
        for node in children.remove(parent).unwrap_or_default() {
            path.push(node.label.clone());
            options.push(FieldOption { path: path.clone(), raw: node.key, label: node.label });
            if !node.id.is_empty() {
                visit(&node.id, path, children, options);
            }
            path.pop();
        }
    }
    visit("", &mut Vec::new(), &mut children, options);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Definition {
        definition(&Json::parse(text).unwrap()).unwrap()
    }

    fn paths(definition: &Definition) -> Vec<String> {
        definition.options.iter().map(|o| format!("{}={}", o.raw, o.path.join("/"))).collect()
    }

    #[test]
    fn a_tree_in_both_its_forms() {
        let nested = read(
            r#"{"id":"709","type":"multi_cascade","name":"field_709","custom_field_options":[
                {"key":"n","value":"数字","sub_items":["111",{"key":"x","value":"222"}]},{"key":"文本"}]}"#,
        );
        assert_eq!(paths(&nested), ["n=数字", "111=数字/111", "x=数字/222", "文本=文本"]);
        let flat = read(
            r#"{"id":5,"type":"multi_options","custom_field_options":{"titles":["a"],"list":[
                {"id":2,"key":"b","level":2,"parent":1},{"id":1,"key":"a","level":1,"parent":0},
                {"id":3,"key":"c","level":1,"parent":"3"}]}}"#,
        );
        assert_eq!(flat.name, "field_5");
        assert_eq!(paths(&flat), ["a=a", "b=a/b"]);
    }

    #[test]
    fn a_child_field_names_its_parent() {
        let child =
            read(r#"{"name":"field_730","type":"date","cascade_id":"709","cascade_value":["数字","111"]}"#);
        assert_eq!(child.parent.as_deref(), Some("field_709"));
        assert_eq!(child.parent_path.unwrap(), [Some("数字".to_owned()), Some("111".to_owned())]);
        for none in ["null", "\"\"", "0", "\"0\""] {
            assert_eq!(
                read(&format!(r#"{{"name":"a","cascade_id":{none},"cascade_value":"x"}}"#)).parent_path,
                None
            );
        }
    }
}
