//! Reading JSON without building it: one strict pass, every value as it was written.
//!
//! The lake promises numbers as written, keys in the order sent and half surrogates as U+FFFD. No serde data model
//! carries all three, so this is ours; it also spares an intermediate tree for each ticket.

use std::{borrow::Cow, fmt};

mod extent;
mod text;
mod trail;
pub use text::{Text, write_text};
pub use trail::{Met, Trail};

/// Where and why a text is not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed {
    /// Byte offset in the text that was read.
    pub at: usize,
    /// What would have been right there.
    pub expected: &'static str,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not JSON at byte {}: expected {}", self.at, self.expected)
    }
}

impl std::error::Error for Malformed {}

/// One value. Objects and lists are their text, checked but not built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Json<'a> {
    Null,
    Bool(bool),
    /// The number as written.
    Number(&'a str),
    Text(Text<'a>),
    Object(&'a str),
    List(&'a str),
}

impl<'a> Json<'a> {
    /// Reads a text that is one value and nothing else.
    pub fn parse(text: &'a str) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(text);
        let value = cursor.value()?;
        cursor.finish()?;
        Ok(value)
    }

    /// The text of a string, a number or a boolean; `None` for the others.
    pub fn scalar_text(&self) -> Option<Cow<'a, str>> {
        match self {
            Json::Text(text) => Some(text.decoded()),
            Json::Number(number) => Some(Cow::Borrowed(number)),
            Json::Bool(true) => Some(Cow::Borrowed("true")),
            Json::Bool(false) => Some(Cow::Borrowed("false")),
            Json::Null | Json::Object(_) | Json::List(_) => None,
        }
    }

    /// Whether it is null, or has nothing in it.
    pub fn is_nothing(&self) -> bool {
        match self {
            Json::Null => true,
            Json::Text(text) => text.is_empty(),
            Json::List(_) => self.elements().is_empty(),
            Json::Object(_) => self.entries().is_empty(),
            Json::Bool(_) | Json::Number(_) => false,
        }
    }

    /// The JSON text without white space and needless escapes, appended to `out`.
    pub fn write_compact(&self, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Bool(true) => out.push_str("true"),
            Json::Bool(false) => out.push_str("false"),
            Json::Number(number) => out.push_str(number),
            Json::Text(text) => text.write_compact(out),
            Json::Object(text) | Json::List(text) => text::compact(text, out),
        }
    }

    /// [`Json::write_compact`] into a new string.
    pub fn to_compact(&self) -> String {
        let mut out = String::new();
        self.write_compact(&mut out);
        out
    }

    /// Hands over the entries of an object in the order sent; none for any other value.
    pub fn for_each_entry(&self, mut each: impl FnMut(Text<'a>, Json<'a>)) {
        if let Json::Object(text) = self {
            // The text was checked when this value was read.
            let _ = Cursor::new(text).object(|key, cursor| {
                each(key, cursor.value()?);
                Ok(())
            });
        }
    }

    /// The entries of an object in the order sent; empty for any other value.
    pub fn entries(&self) -> Vec<(Text<'a>, Json<'a>)> {
        let mut entries = Vec::new();
        self.for_each_entry(|key, value| entries.push((key, value)));
        entries
    }

    /// The value of an object's key, the last one where it stands twice.
    pub fn get(&self, key: &str) -> Option<Json<'a>> {
        let mut found = None;
        self.for_each_entry(|name, value| {
            if name.is(key) {
                found = Some(value);
            }
        });
        found
    }

    /// The elements of a list; empty for any other value.
    pub fn elements(&self) -> Vec<Json<'a>> {
        let mut elements = Vec::new();
        if let Json::List(text) = self {
            let _ = Cursor::new(text).list(|cursor| {
                elements.push(cursor.value()?);
                Ok(())
            });
        }
        elements
    }
}

/// How deep lists and objects may nest; deeper is refused, so that no answer can exhaust the stack.
const MAX_DEPTH: u32 = 256;

/// A place in a JSON text.
pub struct Cursor<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
}

impl<'a> Cursor<'a> {
    /// Starts at the first byte of `text`.
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    /// The byte offset of the next value.
    #[inline]
    pub fn offset(&mut self) -> usize {
        self.skip_space();
        self.at
    }

    /// The first byte of the next value, 0 at the end of the text.
    #[inline]
    pub fn peek(&mut self) -> u8 {
        self.skip_space();
        self.byte()
    }

    /// Checks that nothing but white space follows.
    pub fn finish(&mut self) -> Result<(), Malformed> {
        self.skip_space();
        if self.at == self.text.len() { Ok(()) } else { Err(self.malformed("the end of the text")) }
    }

    /// Reads the next value whole.
    #[inline]
    pub fn value(&mut self) -> Result<Json<'a>, Malformed> {
        match self.peek() {
            b'"' => Ok(Json::Text(self.string()?)),
            first => self.no_string(first),
        }
    }

    fn no_string(&mut self, first: u8) -> Result<Json<'a>, Malformed> {
        match first {
            b'{' => {
                let start = self.at;
                self.object(|_, cursor| cursor.skip())?;
                Ok(Json::Object(&self.text[start..self.at]))
            }
            b'[' => {
                let start = self.at;
                self.list(|cursor| cursor.skip())?;
                Ok(Json::List(&self.text[start..self.at]))
            }
            b't' => self.literal("true").map(|()| Json::Bool(true)),
            b'f' => self.literal("false").map(|()| Json::Bool(false)),
            b'n' => self.literal("null").map(|()| Json::Null),
            _ => self.number().map(Json::Number),
        }
    }

    /// Checks the next value and passes over it.
    pub fn skip(&mut self) -> Result<(), Malformed> {
        self.value().map(|_| ())
    }

    /// Passes over the next value. Objects and lists are only measured, not checked: for what is read again.
    pub fn pass(&mut self) -> Result<(), Malformed> {
        if !matches!(self.peek(), b'{' | b'[') {
            return self.skip();
        }
        let end = extent::end_of(self.text, self.at);
        self.at = end.ok_or(Malformed { at: self.text.len(), expected: "a closing bracket" })?;
        Ok(())
    }

    /// Reads by `read` as if nothing were around: levels are counted from here.
    pub fn alone<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let around = std::mem::take(&mut self.depth);
        let read = read(self);
        self.depth = around;
        read
    }

    /// What was read since an offset.
    #[inline]
    pub fn since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Walks an object; `each` gets a key and must read its value from the cursor.
    pub fn object(
        &mut self,
        mut each: impl FnMut(Text<'a>, &mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.enter(b'{', "an object")?;
        if self.peek() == b'}' {
            return self.leave();
        }
        loop {
            self.skip_space();
            let key = self.string()?;
            self.skip_space();
            self.expect(b':', "`:`")?;
            each(key, self)?;
            match self.peek() {
                b',' => self.at += 1,
                b'}' => return self.leave(),
                _ => return Err(self.malformed("`,` or `}`")),
            }
        }
    }

    /// Walks a list; `each` must read one element from the cursor.
    pub fn list(
        &mut self,
        mut each: impl FnMut(&mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.enter(b'[', "a list")?;
        if self.peek() == b']' {
            return self.leave();
        }
        loop {
            each(self)?;
            match self.peek() {
                b',' => self.at += 1,
                b']' => return self.leave(),
                _ => return Err(self.malformed("`,` or `]`")),
            }
        }
    }

    #[inline]
    fn enter(&mut self, bracket: u8, expected: &'static str) -> Result<(), Malformed> {
        self.skip_space();
        self.expect(bracket, expected)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(self.malformed("fewer nested levels")) } else { Ok(()) }
    }

    #[inline]
    fn leave(&mut self) -> Result<(), Malformed> {
        self.at += 1;
        self.depth -= 1;
        Ok(())
    }

    #[inline]
    fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    #[inline]
    fn skip_space(&mut self) {
        while matches!(self.byte(), b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
    }

    #[inline]
    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), Malformed> {
        if self.byte() == byte {
            self.at += 1;
            Ok(())
        } else {
            Err(self.malformed(expected))
        }
    }

    #[inline]
    fn literal(&mut self, word: &'static str) -> Result<(), Malformed> {
        if self.text.as_bytes()[self.at..].starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else {
            Err(self.malformed("a value"))
        }
    }

    #[inline]
    fn string(&mut self) -> Result<Text<'a>, Malformed> {
        self.expect(b'"', "`\"`")?;
        let (text, end) = text::scan(self.text, self.at)?;
        self.at = end;
        Ok(text)
    }

    fn number(&mut self) -> Result<&'a str, Malformed> {
        let start = self.at;
        if self.byte() == b'-' {
            self.at += 1;
        }
        if self.byte() == b'0' {
            self.at += 1;
        } else {
            self.digits("a value")?;
        }
        if self.byte() == b'.' {
            self.at += 1;
            self.digits("a digit")?;
        }
        if matches!(self.byte(), b'e' | b'E') {
            self.at += 1;
            if matches!(self.byte(), b'+' | b'-') {
                self.at += 1;
            }
            self.digits("a digit")?;
        }
        Ok(&self.text[start..self.at])
    }

    fn digits(&mut self, expected: &'static str) -> Result<(), Malformed> {
        let start = self.at;
        while self.byte().is_ascii_digit() {
            self.at += 1;
        }
        if self.at == start { Err(self.malformed(expected)) } else { Ok(()) }
    }

    fn malformed(&self, expected: &'static str) -> Malformed {
        Malformed { at: self.at, expected }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn compact(text: &str) -> String {
        Json::parse(text).unwrap().to_compact()
    }

    #[test]
    fn values_stand_as_written() {
        assert_eq!(Json::parse(" 1.50e+3 ").unwrap(), Json::Number("1.50e+3"));
        assert_eq!(compact("{ \"b\" : 9007199254740993 , \"a\":[ ] }"), r#"{"b":9007199254740993,"a":[]}"#);
    }

    #[test]
    fn needless_escapes_go_and_needed_ones_stay() {
        assert_eq!(compact(r#""\u4e2d\/\u0041\n\u001f\"""#), r#""中/A\n\u001f\"""#);
    }

    #[test]
    fn half_a_surrogate_pair_becomes_the_replacement_character() {
        assert_eq!(compact(r#""a\ud83dz""#), "\"a\u{fffd}z\"");
        assert_eq!(compact(r#""\ude00""#), "\"\u{fffd}\"");
        assert_eq!(compact(r#""\ud83d\ude00""#), "\"😀\"");
        assert_eq!(compact(r#""\ud83d\ud83d\ude00""#), "\"\u{fffd}😀\"");
        assert_eq!(compact(r#""\ud83d\u0041""#), "\"\u{fffd}A\"");
    }

    #[test]
    fn what_is_not_json_is_refused() {
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "01",
            "1.",
            "-",
            "+1",
            "\"\n\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "nul",
            "[1 2]",
            "\"abc",
            "1 1",
        ] {
            assert!(Json::parse(text).is_err(), "{text}");
        }
        assert!(Json::parse(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn the_last_of_two_equal_keys_counts() {
        assert_eq!(Json::parse(r#"{"a":1,"a":2}"#).unwrap().get("a"), Some(Json::Number("2")));
    }

    proptest! {
        #[test]
        fn agrees_with_serde_on_what_is_json(text in "[\\[\\]{}\",:0-9a-e.\\\\ntrufals +-]{0,12}") {
            let serde = serde_json::from_str::<serde_json::Value>(&text);
            let overflow = serde.as_ref().is_err_and(|e| e.to_string().contains("out of range"));
            prop_assert!(overflow || Json::parse(&text).is_ok() == serde.is_ok());
        }

        #[test]
        fn passing_ends_where_reading_does(value in "[\\[{]([\\[\\]{}\",:a-c\\\\中 ]|\"[a-c\\]{中]{0,20}\"){0,12}", rest in "[,\\]]?") {
            let text = format!("{value}{rest}");
            let (mut reading, mut passing) = (Cursor::new(&text), Cursor::new(&text));
            if reading.skip().is_ok() {
                prop_assert!(passing.pass().is_ok());
                prop_assert_eq!(reading.offset(), passing.offset());
            }
        }

        #[test]
        fn any_text_survives(text in "\\PC*|[\\x00-\\x7f]*") {
            let quoted = serde_json::to_string(&text).unwrap();
            let Ok(Json::Text(read)) = Json::parse(&quoted) else { panic!("not a text") };
            prop_assert_eq!(read.decoded(), text.as_str());
            prop_assert_eq!(serde_json::from_str::<String>(&compact(&quoted)).unwrap(), text);
        }
    }
}
