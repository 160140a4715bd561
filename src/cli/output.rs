//! How results reach standard output: whole, and without complaint when the reader has left.

use std::io::{self, ErrorKind, Write};

use serde::Serialize;

use crate::error::Error;

/// Writes `text` to standard output. A reader that closed the pipe (`| head`) has what it wanted.
pub fn print(text: impl AsRef<[u8]>) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_ref()).and_then(|()| out.flush()) {
        Err(why) if why.kind() != ErrorKind::BrokenPipe => Err(cannot("standard output", why)),
        _ => Ok(()),
    }
}

/// Writes `value` as the one JSON object of a run with `--json`.
pub fn print_json(value: &impl Serialize) -> Result<(), Error> {
    let mut text = serde_json::to_vec(value).map_err(|why| Error::Unexpected(why.to_string()))?;
    text.push(b'\n');
    print(text)
}

/// The error of a place that cannot be written.
pub(super) fn cannot(place: &str, why: io::Error) -> Error {
    Error::Io { what: format!("cannot write to {place}"), why }
}
