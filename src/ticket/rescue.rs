//! What no column could take: kept as sent, by vendor key, in one JSON object per ticket.

use crate::json::{Json, write_text};

/// The rescued values of one ticket.
#[derive(Default)]
pub struct Rescue {
    json: String,
    /// The name of the open sub-object.
    under: String,
    /// Whether something was kept in it.
    open: bool,
    /// One entry per rescued value: its key, or `object.key` inside an object.
    counted: Vec<String>,
}

impl Rescue {
    /// Keeps a value under its key, inside the open sub-object if there is one.
    pub fn keep(&mut self, key: &str, value: &Json) {
        self.key(key);
        value.write_compact(&mut self.json);
        self.count(key);
    }

    /// Keeps several values as one list under a key.
    pub fn keep_list(&mut self, key: &str, values: &[Json]) {
        self.key(key);
        self.json.push('[');
        for (position, value) in values.iter().enumerate() {
            if position > 0 {
                self.json.push(',');
            }
            value.write_compact(&mut self.json);
            self.count(key);
        }
        self.json.push(']');
    }

    /// Opens a sub-object; nothing of it remains if nothing is kept before [`Rescue::leave`].
    pub fn enter(&mut self, key: &str) {
        self.under.clear();
        self.under.push_str(key);
        self.open = false;
    }

    /// Closes the sub-object.
    pub fn leave(&mut self) {
        if self.open {
            self.json.push('}');
        }
        self.under.clear();
        self.open = false;
    }

    /// Gives the object's text and the keys kept, and is empty after it; `None` where nothing was kept.
    pub fn take(&mut self) -> Option<(String, Vec<String>)> {
        if self.json.is_empty() {
            return None;
        }
        let mut json = std::mem::take(&mut self.json);
        json.push('}');
        Some((json, std::mem::take(&mut self.counted)))
    }

    fn key(&mut self, key: &str) {
        if !self.open && !self.under.is_empty() {
            self.open = true;
            let under = std::mem::take(&mut self.under);
            self.write_key(&under);
            self.json.push('{');
            self.under = under;
        }
        self.write_key(key);
    }

    fn write_key(&mut self, key: &str) {
        match self.json.as_bytes().last() {
            None => self.json.push('{'),
            Some(b'{') => {}
            Some(_) => self.json.push(','),
        }
        write_text(key, &mut self.json);
        self.json.push(':');
    }

    fn count(&mut self, key: &str) {
        let name = if self.under.is_empty() { key.to_owned() } else { format!("{}.{key}", self.under) };
        self.counted.push(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_in_the_order_sent() {
        let mut rescue = Rescue::default();
        rescue.enter("empty");
        rescue.leave();
        assert!(rescue.take().is_none());
        rescue.keep("a", &Json::parse("1.0").unwrap());
        rescue.enter("empty");
        rescue.leave();
        rescue.enter("custom");
        rescue.keep("x\"y", &Json::parse("{ }").unwrap());
        rescue.keep_list("", &[Json::Null, Json::Bool(true)]);
        rescue.leave();
        rescue.keep("b", &Json::parse("\"{\"").unwrap());
        let (json, counted) = rescue.take().unwrap();
        assert_eq!(json, r#"{"a":1.0,"custom":{"x\"y":{},"":[null,true]},"b":"{"}"#);
        assert_eq!(counted, ["a", "custom.x\"y", "custom.", "custom.", "b"]);
    }
}
