//! Files that people name: read as they are meant, and not replaced where they are no files.

use std::{
    fs,
    io::{self, ErrorKind},
    path::Path,
};

/// Refuses a place where something lies that is no regular file: a device, a pipe, a link.
pub fn replaceable(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(there) if !there.is_file() => Err(io::Error::new(
            ErrorKind::InvalidInput,
            "what is there is no regular file; name another place",
        )),
        _ => Ok(()),
    }
}

/// The text of a file, without the mark that editors on Windows put at its start, which tells UTF-16 too.
pub fn read_text(path: &Path) -> io::Result<String> {
    decoded(&fs::read(path)?)
}

fn decoded(bytes: &[u8]) -> io::Result<String> {
    let wide = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, left) = rest.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().copied().map(unit).collect();
        String::from_utf16(&units).ok().filter(|_| left.is_empty())
    };
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => str::from_utf8(rest).ok().map(str::to_owned),
        _ => str::from_utf8(bytes).ok().map(str::to_owned),
    };
    text.ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "it is not UTF-8; save it as UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_of_windows_is_read_as_it_is_meant() {
        let wide = |mark: &[u8], bytes: fn(u16) -> [u8; 2]| {
            [mark, &"密\r\n".encode_utf16().flat_map(bytes).collect::<Vec<u8>>()].concat()
        };
        for bytes in [
            "\u{feff}密\r\n".as_bytes().to_vec(),
            wide(&[0xff, 0xfe], u16::to_le_bytes),
            wide(&[0xfe, 0xff], u16::to_be_bytes),
        ] {
            assert_eq!(decoded(&bytes).unwrap(), "密\r\n");
        }
        assert!(decoded(b"\xff\xfea").is_err() && decoded(b"a\xff").is_err());
    }
}
