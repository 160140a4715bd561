//! The custom fields of a ticket, as they stand in it: which field each entry names, and what it says.

use std::borrow::Cow;

use super::layout::Layout;
use crate::json::{Cursor, Json, Malformed, Met, Trail};

/// One custom field of a ticket.
pub(super) struct Entry<'a> {
    pub name: Name<'a>,
    pub value: Json<'a>,
    /// The entry as sent.
    pub sent: Json<'a>,
}

/// What an entry names.
#[derive(PartialEq, Eq)]
pub(super) enum Name<'a> {
    /// A field of the layout, by its place.
    Field(usize),
    /// A field that the layout does not know.
    Undefined(Cow<'a, str>),
    /// Nothing that can be a name.
    None,
}

impl<'a> Name<'a> {
    fn of(name: Cow<'a, str>, layout: &Layout) -> Self {
        layout.fields.position(&name).map_or(Name::Undefined(name), Name::Field)
    }
}

/// An object with every name as a key.
pub(super) fn of_object<'a>(
    cursor: &mut Cursor<'a>,
    layout: &Layout,
    trail: &mut Trail,
) -> Result<Vec<Entry<'a>>, Malformed> {
    let mut entries = Vec::with_capacity(layout.custom.len());
    cursor.along(
        trail,
        |name| layout.fields.position(name),
        |met, cursor| {
            let name = match met {
                Met::Known(field) => Name::Field(field),
                Met::Unknown(name) => Name::Undefined(name.decoded()),
            };
            let value = cursor.value()?;
            entries.push(Entry { name, value, sent: value });
            Ok(())
        },
    )?;
    Ok(entries)
}

/// A list of objects with `name` and `value`.
pub(super) fn of_list<'a>(
    cursor: &mut Cursor<'a>,
    layout: &Layout,
    habit: &mut Habit,
) -> Result<Vec<Entry<'a>>, Malformed> {
    let mut entries = Vec::with_capacity(layout.custom.len());
    let mut previous = None;
    cursor.list(|cursor| {
        let start = cursor.offset();
        let mut heads = habit.heads.get(previous.map_or(0, |field| field + 1)).into_iter().flatten();
        let known = heads.find_map(|head| {
            let read = head.read(cursor);
            if read.is_none() {
                cursor.back_to(start);
            }
            read
        });
        let entry = match known {
            Some((field, value)) => Entry { name: Name::Field(field), value, sent: sent(cursor, start) },
            None => read(cursor, layout, habit, previous)?,
        };
        if let Name::Field(field) = entry.name {
            previous = Some(field);
        }
        entries.push(entry);
        Ok(())
    })?;
    Ok(entries)
}

fn sent<'a>(cursor: &Cursor<'a>, start: usize) -> Json<'a> {
    Json::Object(cursor.since(start))
}

/// How a server writes an entry: what stands around the name and the value, where an entry begins with the one and ends
/// with the other.
#[derive(Debug)]
pub(super) struct Habit {
    /// `{"name":`
    before_name: String,
    /// `,"value":`
    before_value: String,
    /// Of each field, and of the start, the entries that came behind it first: servers leave out fields without a value.
    heads: Vec<Vec<Head>>,
}

/// Entries behind one field that are known by their beginning.
const MOST_HEADS: usize = 6;

/// The beginning of an entry up to its value: `{"name":"field_8","value":`
#[derive(Debug, Clone)]
struct Head {
    text: String,
    field: usize,
}

impl Habit {
    /// Nothing is known yet of a server that has so many fields.
    pub fn new(fields: usize) -> Self {
        let heads = vec![Vec::new(); fields + 1];
        Self { before_name: String::new(), before_value: String::new(), heads }
    }

    /// Reads an entry that is written as the last one was.
    fn read<'a>(&self, cursor: &mut Cursor<'a>) -> Option<(Cow<'a, str>, usize, Json<'a>)> {
        let start = cursor.offset();
        let name = cursor.follow(&self.before_name).then(|| cursor.value().ok()).flatten();
        let Some(Json::Text(name)) = name.filter(|_| cursor.follow(&self.before_value)) else { return None };
        let head = cursor.since(start).len();
        let value = last_value(cursor)?;
        (!name.is_empty()).then(|| (name.decoded(), head, value))
    }
}

impl Head {
    fn read<'a>(&self, cursor: &mut Cursor<'a>) -> Option<(usize, Json<'a>)> {
        if !cursor.follow(&self.text) {
            return None;
        }
        Some((self.field, last_value(cursor)?))
    }
}

/// A value behind which its object ends.
fn last_value<'a>(cursor: &mut Cursor<'a>) -> Option<Json<'a>> {
    let value = cursor.value().ok()?;
    cursor.peek();
    cursor.follow("}").then_some(value)
}

/// Reads an element of the list, and learns how it is written.
fn read<'a>(
    cursor: &mut Cursor<'a>,
    layout: &Layout,
    habit: &mut Habit,
    previous: Option<usize>,
) -> Result<Entry<'a>, Malformed> {
    let start = cursor.offset();
    let (name, head, value) = match habit.read(cursor) {
        Some((name, head, value)) => (Some(name), Some(head), value),
        None => {
            cursor.back_to(start);
            if cursor.peek() != b'{' {
                return Ok(Entry { name: Name::None, value: Json::Null, sent: cursor.value()? });
            }
            read_any(cursor, habit)?
        }
    };
    let sent = sent(cursor, start);
    let name = name.map_or(Name::None, |name| Name::of(name, layout));
    // The first ones stay: to try more of them costs what finding a name does.
    if let (Name::Field(field), Some(length), Json::Object(text)) = (&name, head, sent)
        && let Some(heads) = habit.heads.get_mut(previous.map_or(0, |field| field + 1))
        && heads.len() < MOST_HEADS
        && let Some(text) = text.get(..length)
    {
        heads.push(Head { text: text.to_owned(), field: *field });
    }
    Ok(Entry { name, value, sent })
}

/// Name, length up to the value where that comes last, and value.
type Read<'a> = (Option<Cow<'a, str>>, Option<usize>, Json<'a>);

/// Reads an entry with its keys in any order, others among them.
fn read_any<'a>(cursor: &mut Cursor<'a>, habit: &mut Habit) -> Result<Read<'a>, Malformed> {
    let start = cursor.offset();
    let (mut name, mut value, mut keys) = (None, Json::Null, 0);
    // Offsets in the entry: of the name, behind it, and of the value.
    let (mut name_at, mut value_at) = (None, None);
    cursor.object(|key, cursor| {
        keys += 1;
        cursor.peek();
        let from = cursor.since(start).len();
        let json = cursor.value()?;
        if key.is("name") {
            name = match json {
                Json::Text(text) if !text.is_empty() => Some(text.decoded()),
                _ => None,
            };
            name_at = (keys == 1 && name.is_some()).then(|| (from, cursor.since(start).len()));
        } else if key.is("value") {
            value = json;
            value_at = (keys == 2).then_some(from);
        }
        Ok(())
    })?;
    let entry = cursor.since(start);
    let mut head = None;
    if let (2, Some((from, behind)), Some(value_at)) = (keys, name_at, value_at)
        && let (Some(before_name), Some(before_value)) = (entry.get(..from), entry.get(behind..value_at))
    {
        before_name.clone_into(&mut habit.before_name);
        before_value.clone_into(&mut habit.before_value);
        head = Some(value_at);
    }
    Ok((name, head, value))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::{
        super::{CustomShape, Mapping, To},
        *,
    };
    use crate::fields::{CustomField, Fields};

    const MAPPING: Mapping = Mapping {
        keys: &[("id", To::Int64("id")), ("custom_fields", To::Custom)],
        custom: CustomShape::Entries,
        constants: &[],
    };

    fn layout() -> Layout {
        let field = |name| CustomField { defined: true, ..CustomField::undefined(name) };
        Layout::new(&MAPPING, Arc::new(Fields::new(["f1", "f2", "f3"].map(field).to_vec())))
    }

    /// Name, value and entry of each element, as texts; `None` where the list is no JSON.
    fn told(text: &str, layout: &Layout, habit: &mut Habit) -> Option<Vec<[String; 3]>> {
        let mut cursor = Cursor::new(text);
        let entries = of_list(&mut cursor, layout, habit).ok()?;
        cursor.finish().ok()?;
        let told = entries.iter().map(|entry| {
            let name = match &entry.name {
                Name::Field(at) => layout.fields.get(*at).unwrap().name.clone(),
                Name::Undefined(name) => name.to_string(),
                Name::None => String::new(),
            };
            [name, entry.value.to_compact(), entry.sent.to_compact()]
        });
        Some(told.collect())
    }

    /// The same by another reader: of equal keys the last one counts.
    fn plainly(text: &str) -> Option<Vec<[String; 3]>> {
        let list: Vec<serde_json::Value> = serde_json::from_str(text).ok()?;
        let told = list.iter().zip(Json::parse(text).ok()?.elements()).map(|(entry, sent)| {
            let name = entry.get("name").and_then(|name| name.as_str()).unwrap_or_default();
            let value = entry.get("value").unwrap_or(&serde_json::Value::Null);
            [name.to_owned(), value.to_string(), sent.to_compact()]
        });
        Some(told.collect())
    }

    fn entry() -> impl Strategy<Value = String> {
        let name = r#""name": ?("f[1-4]"|"\\u0066[12]"|""|null|7)"#;
        let value = r#""value": ?("x?"|null|1|\{"value":2\}|\["}"\]|"\\n")"#;
        let texts = |pattern: String| prop::string::string_regex(&pattern).unwrap();
        prop_oneof![
            5 => texts(format!(r"\{{{name},{value}\}}")),
            1 => texts(format!(r"\{{ {name} , {value} \}}")),
            1 => texts(format!(r"\{{{value},{name}\}}")),
            1 => texts(format!(r#"\{{{name},{value}(,"more":1|,{value}|,{name})\}}"#)),
            1 => texts(r#"\{\}|1|"f1"|null|\[\]"#.to_owned()),
            1 => texts(format!(r"\{{{name},{value}[,x]?\}}?")),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// Whatever was learned from lists before, each is read as it stands.
        #[test]
        fn a_habit_changes_nothing(lists in prop::collection::vec(prop::collection::vec(entry(), 0..5), 1..5)) {
            let layout = layout();
            let mut habit = Habit::new(3);
            for list in lists {
                let text = format!("[{}]", list.join(","));
                prop_assert_eq!(told(&text, &layout, &mut habit), plainly(&text), "{}", text);
            }
        }
    }
}
