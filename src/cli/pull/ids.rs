//! Ticket ids as people hand them over: on the command line, in a file, by a pipe.

use std::{
    collections::BTreeSet,
    io::{self, Read},
};

use crate::error::Error;

/// All ids that the arguments name, each once, ascending.
pub fn read(arguments: &[String]) -> Result<Vec<i64>, Error> {
    let mut ids = BTreeSet::new();
    for argument in arguments {
        match (argument.as_str(), argument.strip_prefix('@')) {
            ("-" | "@-", _) => {
                let mut text = String::new();
                let read = io::stdin().read_to_string(&mut text);
                read.map_err(|why| Error::Usage(format!("--ids: standard input cannot be read: {why}")))?;
                parse(&text, "standard input", &mut ids)?;
            }
            (_, Some(file)) => {
                let text = crate::files::read_text(file.as_ref());
                let text =
                    text.map_err(|why| Error::Usage(format!("--ids: {file} cannot be read: {why}")))?;
                parse(&text, file, &mut ids)?;
            }
            (text, None) => parse(text, "", &mut ids)?,
        }
    }
    if ids.is_empty() {
        return Err(Error::Usage("--ids: no id is named; write them as 1,2,3".to_owned()));
    }
    Ok(ids.into_iter().collect())
}

/// Ids with commas, semicolons or white space between them.
fn parse(text: &str, place: &str, ids: &mut BTreeSet<i64>) -> Result<(), Error> {
    // Excel begins its text files with a mark.
    for (number, line) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
        for word in
            line.split(|c: char| c.is_whitespace() || matches!(c, ',' | ';')).filter(|word| !word.is_empty())
        {
            let digits = word.bytes().all(|byte| byte.is_ascii_digit());
            let Some(id) = word.parse().ok().filter(|_| digits) else {
                let at = if place.is_empty() { String::new() } else { format!("{place}:{number}: ") };
                let shown: String = word.chars().take(40).collect();
                return Err(Error::Usage(format!(
                    "--ids: {at}\"{shown}\" is no ticket id; an id is a whole number"
                )));
            };
            ids.insert(id);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_in_many_forms() {
        let mut ids = BTreeSet::new();
        parse("\u{feff}3, 1\r\n2;1\t9007199254740993\n", "x", &mut ids).unwrap();
        assert_eq!(ids.into_iter().collect::<Vec<_>>(), [1, 2, 3, 9_007_199_254_740_993]);
    }

    #[test]
    fn what_is_no_id_is_named_with_its_line() {
        for wrong in ["1.0", "-1", "#8", "９", "99999999999999999999"] {
            let error = parse(&format!("1\n{wrong}"), "f.csv", &mut BTreeSet::new()).unwrap_err().to_string();
            assert!(error.contains(&format!("f.csv:2: \"{wrong}\"")), "{error}");
        }
        assert!(read(&[" ,".to_owned()]).is_err());
    }
}
