//! Where a lake may lie: in a folder, or in a bucket of an object store.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// Where a lake lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Folder(PathBuf),
    Bucket(Bucket),
}

/// A bucket of an object store, and the folder in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    pub kind: StoreKind,
    pub name: String,
    /// Without slashes at its ends; empty for the whole bucket.
    pub prefix: String,
}

/// Whose protocol a store speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreKind {
    S3,
    Gcs,
    Azure,
}

impl StoreKind {
    const ALL: [Self; 3] = [Self::S3, Self::Gcs, Self::Azure];

    /// What stands before `://`.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Gcs => "gs",
            Self::Azure => "az",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => path.display().fmt(out),
            Self::Bucket(Bucket { kind, name, prefix }) => {
                let slash = if prefix.is_empty() { "" } else { "/" };
                write!(out, "{}://{name}{slash}{prefix}", kind.scheme())
            }
        }
    }
}

impl Place {
    /// The place that a text names; a relative path starts from `folder`. The error says what is wrong with it, and
    /// shows nothing of an address that may hold a secret.
    pub(super) fn parse(text: &Path, folder: &Path) -> Result<Self, String> {
        let told = text.to_string_lossy();
        let Some((scheme, rest)) = told.split_once("://") else {
            return match told.trim().is_empty() {
                true => Err("is empty; write the path of a folder".to_owned()),
                false => Ok(Self::Folder(folder.join(text))),
            };
        };
        match StoreKind::ALL.into_iter().find(|kind| kind.scheme() == scheme) {
            Some(kind) => bucket(kind, rest).map(Self::Bucket),
            None => Err(format!(
                "starts with `{scheme}://`; write the path of a folder, or s3://BUCKET/PREFIX, gs://… or az://…"
            )),
        }
    }
}

fn bucket(kind: StoreKind, rest: &str) -> Result<Bucket, String> {
    let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    let shape = format!("write {}://BUCKET/PREFIX", kind.scheme());
    if rest.contains('@') {
        return Err(format!(
            "holds an @, as an address with credentials does; leave them to the environment and {shape}"
        ));
    }
    if rest.contains(['?', '#']) || name.contains(':') {
        return Err(format!("holds more than a bucket and a folder in it; {shape}"));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    if name.is_empty() || !name.bytes().all(plain) {
        return Err(format!("has no bucket of a possible name; {shape}"));
    }
    let odd = |part: &str| matches!(part, "" | "." | "..") || part.chars().any(char::is_control);
    if !prefix.is_empty() && prefix.split('/').any(odd) {
        return Err(format!("has an empty part, or `.` or `..`, in its prefix; {shape}"));
    }
    Ok(Bucket { kind, name: name.to_owned(), prefix: prefix.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<String, String> {
        Place::parse(Path::new(text), Path::new("/etc")).map(|place| place.to_string())
    }

    #[test]
    fn folders_and_buckets_are_told_apart() {
        assert_eq!(parsed("lake").unwrap(), "/etc/lake");
        assert_eq!(parsed("/data/lake").unwrap(), "/data/lake");
        assert_eq!(parsed("s3://b").unwrap(), "s3://b");
        assert_eq!(parsed("gs://b/").unwrap(), "gs://b");
        assert_eq!(parsed("az://b/帮助台/lake/").unwrap(), "az://b/帮助台/lake");
    }

    #[test]
    fn what_is_no_place_is_said_without_secrets() {
        for wrong in [
            "s3://",
            "s3:///x",
            "s3://KEY:s3cret@b/x",
            "s3://b/a//c",
            "s3://b/../c",
            "s3://b/c?k=s3cret",
            "s3://b c",
        ] {
            let why = parsed(wrong).unwrap_err();
            assert!(why.contains("s3://BUCKET/PREFIX") && !why.contains("s3cret"), "{why}");
        }
        assert!(parsed("http://s3cret@x").unwrap_err().starts_with("starts with `http://`; write the path"));
        assert!(parsed(" ").unwrap_err().starts_with("is empty"));
    }
}
