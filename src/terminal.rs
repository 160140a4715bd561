//! What a person's terminal is shown: nothing that steers it.

use std::{
    borrow::Cow,
    io::{self, Write},
};

/// Writes a line to standard error, also with `-q`. When that is closed, nothing is left to do.
pub fn tell(line: &str) {
    drop(writeln!(io::stderr(), "{}", plainly(line)));
}

/// The text as a terminal may have it: servers, tickets and old records hold what would steer one, and that becomes
/// U+FFFD.
pub fn plainly(text: &str) -> Cow<'_, str> {
    let taken = |c| steers(c) && !matches!(c, '\n' | '\t');
    match text.contains(taken) {
        true => Cow::Owned(text.replace(taken, "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

/// Control characters of both sets, and those that change the direction of what follows.
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_steers_a_terminal() {
        assert_eq!(plainly("退款 a\tb\n"), "退款 a\tb\n");
        let hostile = "\u{1b}]0;x\u{7} \u{9b}31m \u{202e}abc\u{2066} \r";
        assert_eq!(plainly(hostile), "\u{fffd}]0;x\u{fffd} \u{fffd}31m \u{fffd}abc\u{fffd} \u{fffd}");
    }
}
