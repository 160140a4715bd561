//! Where secrets come from: an environment variable or a file, never the configuration itself.

use std::path::Path;

use super::{
    Credentials, Kind,
    document::{At, Section},
    fault::Faults,
};
use crate::secret::Secret;

pub(super) const INSTEAD: &str = "{ env = \"VARIABLE\" } or { file = \"PATH\" }";

/// Reads how a source is asked. With `resolve` the secrets are fetched; without, the shape is checked and they stay empty.
pub(super) fn read(
    section: &Section<'_>,
    kind: Kind,
    folder: &Path,
    resolve: bool,
    faults: &mut Faults,
) -> Option<Credentials> {
    let secret = |key: &str, faults: &mut Faults| secret(section, key, folder, resolve, faults);
    match kind {
        Kind::Udesk => {
            if !section.has("secret") {
                section.missing("`secret`", &format!("secret = {INSTEAD}"), faults);
            }
            secret("secret", faults).map(|secret| Credentials::Signed { secret })
        }
        Kind::Kf5 => {
            let email = email(section, faults);
            let password = secret("password", faults);
            let token = secret("token", faults);
            match (section.has("password"), section.has("token")) {
                (true, true) => {
                    let message = format!("{} has both `password` and `token`; keep one", section.title);
                    section.fault(section.line_of("token"), message, faults);
                    None
                }
                (false, false) => {
                    section.missing(
                        "`password` or `token`",
                        &format!("password = {INSTEAD}, or token = {INSTEAD}"),
                        faults,
                    );
                    None
                }
                (true, false) => Some(Credentials::Password { email: email?, password: password? }),
                (false, true) => Some(Credentials::Token { email: email?, token: token? }),
            }
        }
    }
}

fn email(section: &Section<'_>, faults: &mut Faults) -> Option<String> {
    if !section.has("email") {
        section.missing("`email`", "email = \"ADDRESS\" of the agent that logs in", faults);
    }
    section.parsed("email", faults, |email| address(email).map(|()| email.to_owned()))
}

/// Takes an e-mail address that can log in. The error says what would be right.
pub(super) fn address(email: &str) -> Result<(), String> {
    // Basic authentication ends the user at the first colon.
    let ends_early = |c: char| c == ':' || c == '/' || c.is_whitespace() || c.is_control();
    if email.contains('@') && !email.contains(ends_early) {
        return Ok(());
    }
    Err("is no e-mail address; write it as \"ops@example.com\", without `/token`".to_owned())
}

/// Reads the secret under `key`; with `resolve` it is fetched. `None` where it is missing or at fault.
pub(super) fn secret(
    section: &Section<'_>,
    key: &str,
    folder: &Path,
    resolve: bool,
    faults: &mut Faults,
) -> Option<Secret> {
    if !section.has(key) {
        return None;
    }
    let line = section.line_of(key);
    if section.is_text(key) {
        let message = format!(
            "`{key}` in {} is written into the file itself; move it out and write {key} = {INSTEAD}",
            section.title
        );
        section.fault(line, message, faults);
        return None;
    }
    let title = format!("`{key}` of {}", section.title);
    let place = section.table(key, &format!("{key} = {INSTEAD}"), faults)?;
    let place = place.titled(title);
    place.only(&["env", "file"], &[], faults);
    let env = place.text("env", faults);
    let file = place.text("file", faults);
    let found = match (env, file) {
        (Some(_), Some(_)) => Err("has both `env` and `file`; keep one".to_owned()),
        (Some(At { value: name, .. }), None) => from_env(name, resolve),
        (None, Some(At { value: path, .. })) => from_file(path, folder, resolve),
        (None, None) if place.has("env") || place.has("file") => return None,
        (None, None) => Err(format!("says nothing; write {key} = {INSTEAD}")),
    };
    match found {
        Ok(text) => Some(Secret::new(text)),
        Err(why) => {
            section.fault(line, format!("{} {why}", place.title), faults);
            None
        }
    }
}

/// The variable's text, or nothing without `resolve`; the name is checked in any case.
pub(super) fn from_env(name: &str, resolve: bool) -> Result<String, String> {
    let named_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !named_well {
        // Not repeated: people put the secret itself here.
        return Err("names no environment variable: `env` takes letters, digits and _".to_owned());
    }
    if !resolve {
        return Ok(String::new());
    }
    match std::env::var(name) {
        Ok(text) if text.is_empty() => Err(format!("comes from ${name}, which is empty; give it a value")),
        Ok(text) => Ok(text),
        Err(std::env::VarError::NotPresent) => {
            Err(format!("comes from ${name}, which is not set; run with {name}=… in the environment"))
        }
        Err(std::env::VarError::NotUnicode(_)) => Err(format!("comes from ${name}, which is not UTF-8")),
    }
}

fn from_file(path: &str, folder: &Path, resolve: bool) -> Result<String, String> {
    if path.is_empty() {
        return Err("has an empty `file`; write the path of a file".to_owned());
    }
    if !resolve {
        return Ok(String::new());
    }
    let path = folder.join(path);
    let shown = path.display();
    let text = crate::files::read_text(&path)
        .map_err(|why| format!("cannot be read from {shown}: {why}; check the path and its permissions"))?;
    #[cfg(unix)]
    if std::fs::metadata(&path)
        .is_ok_and(|file| std::os::unix::fs::PermissionsExt::mode(&file.permissions()) & 0o004 != 0)
    {
        tracing::warn!(
            "the secrets file {shown} may be read by every user of this machine; `chmod o-r {shown}` ends that"
        );
    }
    // An editor ends the file with a newline that is no part of the secret.
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    if text.is_empty() {
        return Err(format!("comes from {shown}, which is empty"));
    }
    Ok(text.to_owned())
}
