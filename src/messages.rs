//! Every text that exists in English and in Chinese: what a manager or an analyst reads.
//!
//! A catalogue is a list of [`Message`]s, made by [`messages!`]; each has both languages, so neither can be forgotten.
//! Log lines and errors are not among them: a terminal's are English.

pub mod report;

use std::borrow::Cow;

use serde::Serialize;

use crate::figures;

/// A language that texts exist in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// English
    #[default]
    En,
    /// Chinese
    Zh,
}

impl Lang {
    pub const ALL: [Self; 2] = [Self::En, Self::Zh];

    /// Its name in the configuration and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }

    /// As HTML names it.
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh-CN",
        }
    }

    /// What stands between the names of a list.
    pub fn list<S: AsRef<str>>(self, names: impl IntoIterator<Item = S>) -> String {
        let comma = if self == Self::En { ", " } else { "、" };
        names.into_iter().map(|name| name.as_ref().to_owned()).collect::<Vec<_>>().join(comma)
    }
}

/// A text in both languages. `{name}` is a place for a value; in English `one|many` are the forms for a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message {
    pub en: &'static str,
    pub zh: &'static str,
}

impl Message {
    pub fn text(self, lang: Lang) -> &'static str {
        match lang {
            Lang::En => self.en,
            Lang::Zh => self.zh,
        }
    }

    /// The text with these values in their places.
    pub fn with(self, lang: Lang, values: &[(&str, &str)]) -> String {
        filled(self.text(lang), values)
    }

    /// The text for so many; the number itself is `{n}`.
    pub fn count(self, lang: Lang, number: u64, values: &[(&str, &str)]) -> String {
        let text = match (lang, self.en.split_once('|')) {
            (Lang::En, Some((one, many))) => {
                if number == 1 {
                    one
                } else {
                    many
                }
            }
            _ => self.text(lang),
        };
        let number = figures::count(number);
        filled(text, &[&[("n", number.as_str())], values].concat())
    }
}

/// One pass from left to right, so a value that looks like a place stays as it is.
fn filled(text: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, next)) = after.split_once('}') else { break };
        let value = values.iter().find(|(known, _)| *known == name);
        out += before;
        out += &value.map_or(Cow::Owned(format!("{{{name}}}")), |(_, value)| Cow::Borrowed(*value));
        rest = next;
    }
    out + rest
}

/// Makes a catalogue: a constant for each message, and `ALL` of them with their names.
macro_rules! messages {
    ($($name:ident: $en:literal, $zh:literal;)*) => {
        $(pub const $name: $crate::messages::Message = $crate::messages::Message { en: $en, zh: $zh };)*
        /// Every message of this catalogue, by name.
        #[cfg(test)]
        pub const ALL: &[(&str, $crate::messages::Message)] = &[$((stringify!($name), $name)),*];
    };
}
pub(crate) use messages;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every catalogue of the program.
    const CATALOGUES: [&[(&str, Message)]; 1] = [report::ALL];

    fn places(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|after| after.split_once('}')).map(|(name, _)| name).collect()
    }

    #[test]
    fn both_languages_are_complete() {
        for (name, message) in CATALOGUES.into_iter().flatten() {
            let Message { en, zh } = message;
            assert!(!en.trim().is_empty() && !zh.trim().is_empty(), "{name}");
            assert_eq!(places(en), places(zh), "{name}");
            let is_han = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
            assert!(!en.chars().any(is_han), "{name} is English: {en}");
            // Without its places; a text without letters is the same in both.
            let words = en.split('{').flat_map(|part| part.split('}').next_back()).collect::<String>();
            let has_words = words.chars().any(char::is_alphabetic);
            assert!(!has_words || zh.chars().any(is_han), "{name} is Chinese: {zh}");
            assert!(!zh.contains('|'), "{name}: Chinese has one form for every count");
        }
    }

    #[test]
    fn values_stand_in_their_places() {
        let message =
            Message { en: "{n} ticket of {name}|{n} tickets of {name}", zh: "{name} 的 {n} 张工单" };
        let of = |lang, number| message.count(lang, number, &[("name", "{n}")]);
        assert_eq!([of(Lang::En, 1), of(Lang::En, 1200)], ["1 ticket of {n}", "1,200 tickets of {n}"]);
        assert_eq!(of(Lang::Zh, 1), "{n} 的 1 张工单");
        assert_eq!(filled("{other} {", &[]), "{other} {");
        assert_eq!((Lang::En.list(["a", "b"]), Lang::Zh.list(["a", "b"])), ("a, b".into(), "a、b".into()));
    }
}
