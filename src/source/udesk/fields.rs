//! Udesk's custom-field definitions (`/api/v2/ticket_fields` of Open API v1).

use crate::{
    config::Cascades,
    fields::{Definition, FieldOption, Reading},
    json::Json,
    source::definition::{flag, text},
};

/// Reads one definition; `None` where it has no name. The vendor documents its own options of cascades as wrong, so
/// these come from `cascades` alone.
pub fn definition(json: &Json, cascades: Option<&Cascades>) -> Option<Definition> {
    let name = text(json, "field_name").filter(|name| !name.is_empty())?;
    let vendor_type = text(json, "content_type").unwrap_or_default();
    let reading = reading(&vendor_type);
    // 0 unseen, 1 seen, 2 editable, 3 required: the vendor's table of customer permissions.
    let permission: Option<i64> =
        text(json, "permission").and_then(|p| p.parse().ok()).filter(|p| (0..4).contains(p));
    let options = match reading {
        Reading::KeyedPath => cascades.and_then(|map| map.get(&name)).map(cascade).unwrap_or_default(),
        _ => json.get("options").map(|o| options(&o)).unwrap_or_default(),
    };
    Some(Definition {
        reading,
        label: text(json, "field_label"),
        active: Some(true),
        // The vendor's samples spell the key without its second e.
        required_for_agent: flag(json, "requirement").or_else(|| flag(json, "requirment")),
        visible_to_customer: permission.map(|p| p >= 1),
        editable_by_customer: permission.map(|p| p >= 2),
        required_for_customer: permission.map(|p| p >= 3),
        description: text(json, "comment"),
        validation_regexp: None,
        parent: None,
        parent_path: None,
        options,
        raw: json.to_compact(),
        vendor_type,
        name,
    })
}

/// The vendor's words for types, and how values of each are read; a field of any other type is text.
pub const TYPES: &[(&str, Reading)] = &[
    ("text", Reading::Text),
    ("area_text", Reading::Text),
    ("link", Reading::Text),
    ("number", Reading::Integer),
    ("numeric", Reading::Decimal),
    ("date", Reading::Date),
    ("time", Reading::Time),
    ("datetime", Reading::Instant),
    ("droplist", Reading::KeyedChoice),
    ("radio", Reading::KeyedChoice),
    ("checkbox", Reading::KeyedChoices),
    ("chained_droplist", Reading::KeyedPath),
];

fn reading(vendor_type: &str) -> Reading {
    TYPES.iter().find(|(name, _)| *name == vendor_type).map_or(Reading::Text, |(_, reading)| *reading)
}

/// `[{"0": "label"}, …]`: the key is the index that tickets hold, wherever the object stands.
fn options(json: &Json) -> Vec<FieldOption> {
    let objects = if let Json::Object(_) = json { vec![*json] } else { json.elements() };
    let entries = objects.iter().flat_map(Json::entries);
    let mut options: Vec<FieldOption> = Vec::new();
    for (key, label) in entries {
        let (raw, Some(label)) = (key.decoded().into_owned(), label.scalar_text()) else { continue };
        if options.iter().all(|option| option.raw != raw) {
            let label = label.into_owned();
            options.push(FieldOption { path: vec![label.clone()], raw, label });
        }
    }
    options
}

/// The nodes of a cascade map, depth first, siblings by index.
fn cascade(map: &std::collections::BTreeMap<String, String>) -> Vec<FieldOption> {
    let order = |raw: &str| -> Vec<(u64, String)> {
        raw.split(',').map(|index| (index.parse().unwrap_or(u64::MAX), index.to_owned())).collect()
    };
    let path = |raw: &str| -> Option<Vec<String>> {
        let ends = raw.match_indices(',').map(|(at, _)| at).chain([raw.len()]);
        ends.map(|end| map.get(&raw[..end]).cloned()).collect()
    };
    let mut nodes: Vec<_> = map.iter().collect();
    nodes.sort_by_key(|(raw, _)| order(raw));
    let option = |(raw, label): (&String, &String)| {
        Some(FieldOption { path: path(raw)?, raw: raw.clone(), label: label.clone() })
    };
    nodes.into_iter().filter_map(option).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_go_by_key() {
        let json = Json::parse(
            r#"{"field_name":"SelectField_1","content_type":"droplist","permission":1,"requirment":true,
                "options":[{"2":"乙"},{"0":"甲"},{"2":"again"}]}"#,
        );
        let read = definition(&json.unwrap(), None).unwrap();
        assert_eq!(
            read.options.iter().map(|o| (&*o.raw, &*o.label)).collect::<Vec<_>>(),
            [("2", "乙"), ("0", "甲")]
        );
        assert_eq!((read.visible_to_customer, read.editable_by_customer), (Some(true), Some(false)));
        assert_eq!(read.required_for_agent, Some(true));
    }

    #[test]
    fn cascades_come_from_the_map_alone() {
        let json =
            Json::parse(r#"{"field_name":"S","content_type":"chained_droplist","options":[{"0":"wrong"}]}"#)
                .unwrap();
        assert!(definition(&json, None).unwrap().options.is_empty());
        let map = [("0", "华东"), ("0,10", "杭州"), ("0,2", "上海"), ("0,2,1", "浦东"), ("7,1", "孤儿")];
        let map = map.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        let cascades = Cascades::from([("S".to_owned(), map)]);
        let options = definition(&json, Some(&cascades)).unwrap().options;
        let shown: Vec<_> = options.iter().map(|o| format!("{}={}", o.raw, o.path.join("/"))).collect();
        assert_eq!(shown, ["0=华东", "0,2=华东/上海", "0,2,1=华东/上海/浦东", "0,10=华东/杭州"]);
    }
}
