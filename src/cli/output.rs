//! How results reach standard output: whole, and without complaint when the reader has left.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::Path,
};

use serde::Serialize;

use crate::{
    error::Error,
    files,
    terminal::{plainly, steers},
};

/// Writes `text` to standard output. A reader that closed the pipe (`| head`) has what it wanted.
/// Nothing in it moves the cursor, rings or turns a line ([`plainly`]).
pub fn print(text: impl AsRef<[u8]>) -> Result<(), Error> {
    let mut out = io::stdout().lock();
    let shown = str::from_utf8(text.as_ref()).map(plainly);
    match out.write_all(shown.as_deref().map_or(text.as_ref(), str::as_bytes)).and_then(|()| out.flush()) {
        Err(why) if why.kind() != ErrorKind::BrokenPipe => Err(cannot("standard output", why)),
        _ => Ok(()),
    }
}

/// Writes `value` as the one JSON object of a run with `--json`.
pub fn print_json(value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string(value).map_err(|why| Error::Unexpected(why.to_string()))?;
    // Such a character stands in a string only, where its escape means the same.
    let mut shown = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        if steers(c) { shown.push_str(&format!("\\u{:04x}", u32::from(c))) } else { shown.push(c) }
    }
    shown.push('\n');
    print(shown)
}

/// Puts `content` at `path`, whole or not at all: over what is there, by way of a file beside it.
pub fn put(path: &Path, content: &[u8]) -> Result<(), Error> {
    let failed = |why| cannot(&path.display().to_string(), why);
    let Some(name) = path.file_name() else {
        return Err(failed(io::Error::new(ErrorKind::InvalidInput, "it names no file; name one")));
    };
    files::replaceable(path).map_err(|why| Error::Usage(format!("{}: {why}", path.display())))?;
    let mut beside = name.to_owned();
    beside.push(format!(".{}.part", std::process::id()));
    let beside = path.with_file_name(beside);
    let write = || {
        let mut file = File::create(&beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().map_err(|why| {
        // Half a file is of no use; that it may not be there is no second fault.
        let _ = fs::remove_file(&beside);
        failed(why)
    })
}

/// The error of a place that cannot be written.
pub(super) fn cannot(place: &str, why: io::Error) -> Error {
    Error::Io { what: format!("cannot write to {place}"), why }
}
