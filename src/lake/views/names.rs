//! What the custom columns are called in a view: by their labels, each name once.

use std::collections::{HashMap, HashSet};

use super::sql::Custom;

/// The name of a field's column, and of its twin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    pub column: String,
    pub twin: Option<String>,
}

/// Names the columns of `fields`, in their order. A label that is not free is followed by the field's name: one that
/// another field has, or one of `reserved`. Capitals do not tell names apart, since DuckDB takes them for equal.
pub fn names(fields: &[Custom], reserved: &[&str]) -> Vec<Names> {
    let reserved: HashSet<String> = reserved.iter().map(|name| folded(name)).collect();
    let wanted: Vec<String> = fields.iter().map(wanted).collect();
    let mut counts: HashMap<String, usize> = HashMap::new();
    for name in &wanted {
        *counts.entry(folded(name)).or_default() += 1;
    }
    let free = |name: &str| counts.get(&folded(name)) == Some(&1) && !reserved.contains(&folded(name));

    // Labels that nothing disputes are taken first: no made-up name may push them aside.
    let mut taken = reserved.clone();
    taken.extend(wanted.iter().filter(|name| free(name)).map(|name| folded(name)));
    let columns: Vec<String> = fields
        .iter()
        .zip(wanted)
        .map(|(field, name)| if free(&name) { name } else { distinct_name(name, field, &mut taken) })
        .collect();
    let twin = |(field, column): (&Custom, String)| {
        let twin = field.twin.then(|| {
            let name = format!("{column}__raw");
            if taken.insert(folded(&name)) { name } else { distinct_name(name, field, &mut taken) }
        });
        Names { column, twin }
    };
    fields.iter().zip(columns).map(twin).collect()
}

/// The label, or the field's name where there is none to be seen; where that is empty too, the column's.
fn wanted(field: &Custom) -> String {
    let label = field.label.as_deref().filter(|label| !label.trim().is_empty());
    let name = Some(field.field.as_str()).filter(|name| !name.is_empty());
    writable(label.or(name).unwrap_or(&field.column))
}

/// SQL text cannot hold a NUL.
fn writable(name: &str) -> String {
    name.replace('\0', "\u{fffd}")
}

fn distinct_name(mut name: String, field: &Custom, taken: &mut HashSet<String>) -> String {
    loop {
        name = format!("{name} ({})", writable(&field.field));
        if taken.insert(folded(&name)) {
            return name;
        }
    }
}

/// Only ASCII letters have a case for DuckDB's names.
fn folded(name: &str) -> String {
    name.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field(name: &str, label: Option<&str>, twin: bool) -> Custom {
        Custom {
            column: format!("cf_{name}"),
            field: name.to_owned(),
            label: label.map(str::to_owned),
            vendor_type: None,
            description: None,
            twin,
        }
    }

    fn named(fields: &[Custom]) -> Vec<String> {
        let names = names(fields, &["id", "status"]);
        names.into_iter().flat_map(|names| [Some(names.column), names.twin]).flatten().collect()
    }

    #[test]
    fn labels_that_are_not_free_are_told_apart_by_the_field() {
        let fields = [
            field("f1", Some("问题类型"), true),
            field("f2", Some("Area"), false),
            field("f3", Some("area"), true),
            field("f4", Some("STATUS"), false),
            field("f5", Some(" "), false),
            field("f6", None, false),
            field("f7", Some("问题类型__raw"), false),
            field("f8", Some("Area (f2)"), false),
            field("f9", Some("a\0b"), false),
            field("", Some(""), false),
        ];
        let wanted = [
            "问题类型",
            "问题类型__raw (f1)",
            "Area (f2) (f2)",
            "area (f3)",
            "area (f3)__raw",
            "STATUS (f4)",
            "f5",
            "f6",
            "问题类型__raw",
            "Area (f2)",
            "a\u{fffd}b",
            "cf_",
        ];
        assert_eq!(named(&fields), wanted);
    }

    proptest! {
        #[test]
        fn no_name_is_empty_or_occurs_twice(labels in prop::collection::vec(("[aA] ?\\(?f?1?\\)?|id|", any::<bool>()), 0..12)) {
            let fields: Vec<_> =
                labels.iter().enumerate().map(|(n, (label, twin))| field(&format!("f{n}"), Some(label), *twin)).collect();
            let names = named(&fields);
            let mut seen = HashSet::from(["id".to_owned(), "status".to_owned()]);
            prop_assert!(names.iter().all(|name| !name.is_empty() && seen.insert(folded(name))), "{:?}", names);
        }
    }
}
