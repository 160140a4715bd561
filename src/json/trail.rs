//! Keys that follow each other in text after text: where the same bytes come again between two values, they need not be
//! read again.

use super::{Cursor, Malformed, Text};

/// Of each key what came behind it last, with all that stood between the values.
#[derive(Debug, Default)]
pub struct Trail(Vec<Step>);

#[derive(Debug, Clone, Default)]
struct Step {
    /// From the end of a value, or of the opening bracket, to the next value: `,"key":`.
    between: String,
    key: usize,
}

/// A key that was met on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Met<'a> {
    /// By its number.
    Known(usize),
    Unknown(Text<'a>),
}

impl Trail {
    /// For so many known keys, each of which has a number.
    pub fn new(keys: usize) -> Self {
        Self(vec![Step::default(); keys + 1])
    }

    /// What came behind `previous`, or at the start.
    fn behind(&mut self, previous: Option<usize>) -> Option<&mut Step> {
        self.0.get_mut(previous.map_or(0, |key| key + 1))
    }
}

impl<'a> Cursor<'a> {
    /// Walks an object as [`Cursor::object`] does. `find` gives the number of a key that is known.
    pub fn along(
        &mut self,
        trail: &mut Trail,
        find: impl Fn(&str) -> Option<usize>,
        mut each: impl FnMut(Met<'a>, &mut Self) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.enter(b'{', "an object")?;
        let (mut previous, mut first) = (None, true);
        loop {
            // Behind an unknown first key stands a comma, which must not be taken for the start of an object.
            let step = trail.behind(previous).filter(|_| first || previous.is_some());
            if let Some(step) = &step
                && self.follow(&step.between)
            {
                previous = Some(step.key);
                each(Met::Known(step.key), self)?;
                first = false;
                continue;
            }
            let from = self.at;
            match (self.peek(), first) {
                (b'}', _) => return self.leave(),
                (b',', false) => self.at += 1,
                (_, true) => {}
                (_, false) => return Err(self.malformed("`,` or `}`")),
            }
            self.skip_space();
            let key = self.string()?;
            self.skip_space();
            self.expect(b':', "`:`")?;
            self.skip_space();
            match find(&key.decoded()) {
                Some(known) => {
                    if let Some(step) = step {
                        *step = Step { between: self.since(from).to_owned(), key: known };
                    }
                    previous = Some(known);
                    each(Met::Known(known), self)?;
                }
                None => each(Met::Unknown(key), self)?,
            }
            first = false;
        }
    }

    /// Passes over `text` if just that comes next, and is something.
    #[inline]
    pub fn follow(&mut self, text: &str) -> bool {
        let next = self.text.as_bytes().get(self.at..).and_then(|rest| rest.get(..text.len()));
        let follows = next.is_some_and(|next| !next.is_empty() && are_equal(next, text.as_bytes()));
        if follows {
            self.at += text.len();
        }
        follows
    }

    /// Goes back to an offset that [`Cursor::offset`] gave.
    pub fn back_to(&mut self, offset: usize) {
        self.at = offset.min(self.at);
    }
}

/// Whether bytes of one length are equal. What stands between values mostly fits into two halves that may overlap: to call
/// for a comparison takes longer than to make it.
#[inline]
fn are_equal(one: &[u8], other: &[u8]) -> bool {
    match one.len() {
        8..=16 => {
            one.first_chunk::<8>() == other.first_chunk() && one.last_chunk::<8>() == other.last_chunk()
        }
        17..=32 => {
            one.first_chunk::<16>() == other.first_chunk() && one.last_chunk::<16>() == other.last_chunk()
        }
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KNOWN: [&str; 3] = ["a", "b", "c"];

    type Entries = Result<Vec<(String, String)>, ()>;

    fn along(trail: &mut Trail, text: &str) -> Entries {
        let mut entries = Vec::new();
        let mut cursor = Cursor::new(text);
        let walked = cursor.along(
            trail,
            |key| KNOWN.iter().position(|known| *known == key),
            |met, cursor| {
                let key = match met {
                    Met::Known(number) => KNOWN[number].to_owned(),
                    Met::Unknown(key) => key.decoded().into_owned(),
                };
                entries.push((key, cursor.value()?.to_compact()));
                Ok(())
            },
        );
        walked.and_then(|()| cursor.finish()).map(|()| entries).map_err(|_| ())
    }

    fn plainly(text: &str) -> Entries {
        let mut entries = Vec::new();
        let mut cursor = Cursor::new(text);
        let walked = cursor.object(|key, cursor| {
            entries.push((key.decoded().into_owned(), cursor.value()?.to_compact()));
            Ok(())
        });
        walked.and_then(|()| cursor.finish()).map(|()| entries).map_err(|_| ())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// Whatever was met before, a text gives what it gives to one who knows no trail: also one that is no JSON.
        #[test]
        fn a_trail_changes_nothing(
            texts in prop::collection::vec("\\{( ?,? ?\"[abcx]\" ?:? ?([0-9]|\"[a,]\"|\\[\\]|\\{\\})){0,5}[ ,]?\\}?", 1..6),
        ) {
            let mut trail = Trail::new(KNOWN.len());
            for text in texts {
                prop_assert_eq!(along(&mut trail, &text), plainly(&text), "{}", text);
            }
        }
    }

    proptest! {
        #[test]
        fn equal_bytes_are_equal(one in prop::collection::vec(0u8..2, 0..40), at: prop::sample::Index) {
            prop_assert!(are_equal(&one, &one.clone()));
            let mut other = one.clone();
            if let Some(byte) = other.get_mut(at.index(one.len().max(1))) {
                *byte ^= 1;
                prop_assert!(!are_equal(&one, &other));
            }
        }
    }

    #[test]
    fn a_comma_behind_an_unknown_key_is_no_start() {
        let mut trail = Trail::new(KNOWN.len());
        assert!(along(&mut trail, r#"{"x":1,"a":2}"#).is_ok());
        assert!(along(&mut trail, r#"{,"a":2}"#).is_err());
        assert!(along(&mut trail, "{}").is_ok_and(|entries| entries.is_empty()));
    }
}
