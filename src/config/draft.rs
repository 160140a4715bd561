//! What a new configuration looks like: the example's own text and comments, with the values of an account in it.

use std::path::Path;

use super::{Faults, Kind, Overrides, credentials, endpoint, parse, source};

const EXAMPLE: &str = include_str!("../../ticketlake.example.toml");
const HEAD: &str = "\
# Secrets are never written here: { env = \"VARIABLE\" } or { file = \"PATH\" } says where they are.
# Lines that begin with \"# key = \" show what holds when nothing is written.
# Relative paths start from the folder of this file.
";

/// The values of a configuration that is still to be written.
#[derive(Debug, Clone)]
pub struct Draft {
    /// A folder, as the file is to name it.
    pub lake: String,
    pub sources: Vec<SourceDraft>,
}

/// One account.
#[derive(Debug, Clone)]
pub struct SourceDraft {
    pub name: String,
    pub kind: Kind,
    pub base_url: String,
    /// Only where [`needs_email`].
    pub email: Option<String>,
    /// One of [`secret_keys`].
    pub secret_key: String,
    pub place: SecretPlace,
}

/// Where a secret will be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretPlace {
    Env(String),
    File(String),
}

/// The keys of which one holds the secret of an account, the usual one first.
pub fn secret_keys(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Kf5 => &["password", "token"],
        Kind::Udesk => &["secret"],
    }
}

/// Whether somebody logs in with an address.
pub fn needs_email(kind: Kind) -> bool {
    matches!(kind, Kind::Kf5)
}

/// An address of the vendor, as an example.
pub fn sample_url(kind: Kind) -> &'static str {
    match kind {
        Kind::Kf5 => "https://support.kf5.com",
        Kind::Udesk => "https://shop.udesk.cn",
    }
}

/// Takes what may be the `name` of a source. The error, as those below, says what would be right.
pub fn check_name(text: &str) -> Result<(), String> {
    source::folder_name(text)
}

/// Takes what may be a `base_url`.
pub fn check_url(text: &str) -> Result<(), String> {
    endpoint::endpoint(text).map(|_| ())
}

/// Takes what may be an `email`.
pub fn check_email(text: &str) -> Result<(), String> {
    credentials::address(text)
}

/// Takes what may be the name of an environment variable.
pub fn check_variable(text: &str) -> Result<(), String> {
    credentials::from_env(text, false).map(|_| ())
}

/// The text of the file that will lie at `path`; it loads, or the faults say what is wrong with the values.
pub fn write(draft: &Draft, path: &Path) -> Result<String, Faults> {
    let mut parts = EXAMPLE.split("\n[[source]]\n");
    let lake = parts.next().and_then(|head| head.split_once("[lake]\n")).map_or("", |(_, lake)| lake);
    let mut text = format!("{HEAD}\n[lake]\n{}\n", set(lake, "path", &quoted(&draft.lake)));
    let (first, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let split = |block: &'static str, at: &str| block.find(at).map_or((block, ""), |at| block.split_at(at));
    let ((own, shared), (signed, special)) = (split(first, "# timezone"), split(second, "# Every key"));
    for (number, source) in draft.sources.iter().enumerate() {
        let block = match source.kind {
            Kind::Kf5 => own.trim_end(),
            Kind::Udesk => signed.trim_end(),
        };
        let block = set(block, "name", &quoted(&source.name));
        let block = set(&block, "base_url", &quoted(&source.base_url));
        let block = match &source.email {
            Some(email) => set(&block, "email", &quoted(email)),
            None => block,
        };
        let place = match &source.place {
            SecretPlace::Env(name) => format!("{{ env = {} }}", quoted(name)),
            SecretPlace::File(path) => format!("{{ file = {} }}", quoted(path)),
        };
        let usual = secret_keys(source.kind).first().copied().unwrap_or_default();
        let block = replace(&block, usual, &format!("{} = {place}", source.secret_key), false);
        text += &format!("\n[[source]]\n{block}\n");
        // What may be left out is shown once; it is the same for every source.
        if number == 0 {
            text += &format!("\n{}\n", shared.trim_end());
        }
        if source.kind == Kind::Udesk {
            for line in
                special.lines().filter_map(|line| line.strip_prefix('#')).filter(|l| l.starts_with('#'))
            {
                text += &format!("{line}\n");
            }
        }
    }
    parse(path, &text, &Overrides::default(), false).map(|_| text)
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// `block` with another value of `key`, its comment kept.
fn set(block: &str, key: &str, value: &str) -> String {
    replace(block, key, &format!("{key} = {value}"), true)
}

fn replace(block: &str, key: &str, new: &str, comment: bool) -> String {
    let start = format!("{key} = ");
    let lines = block.lines().map(|line| {
        if !line.starts_with(&start) {
            return line.to_owned();
        }
        match line.find(" # ").filter(|_| comment) {
            Some(at) => format!("{new:<width$}{}", &line[at..], width = at),
            None => new.to_owned(),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Credentials;

    fn source(kind: Kind, name: &str) -> SourceDraft {
        SourceDraft {
            name: name.to_owned(),
            kind,
            base_url: "https://desk.example.com".to_owned(),
            email: needs_email(kind).then(|| "a.b@example.com".to_owned()),
            secret_key: secret_keys(kind)[secret_keys(kind).len() - 1].to_owned(),
            place: SecretPlace::File("C:\\keys\\\"geheim\" 密".to_owned()),
        }
    }

    #[test]
    fn what_is_written_loads_with_the_values_given() {
        let sources =
            vec![source(Kind::Udesk, "laden"), source(Kind::Kf5, "hilfe"), source(Kind::Udesk, "shop")];
        let draft = Draft { lake: "数据 \"湖\"".to_owned(), sources };
        let text = write(&draft, Path::new("x/ticketlake.toml")).expect("no fault");
        let config = parse(Path::new("x/t.toml"), &text, &Overrides::default(), false).expect("it loads");
        assert_eq!(config.lake.place.to_string(), "x/数据 \"湖\"");
        assert_eq!(
            config.sources.iter().map(|s| s.name.as_str()).collect::<Vec<_>>(),
            ["laden", "hilfe", "shop"]
        );
        let Credentials::Token { email, .. } = &config.sources[1].credentials else { panic!("{text}") };
        assert_eq!(
            (email.as_str(), config.sources[0].base_url.host_str()),
            ("a.b@example.com", Some("desk.example.com"))
        );
        assert!(text.contains("# rate = \"60/min\"") && text.contains("# incremental_filter = 12"), "{text}");
        assert_eq!(text.matches("# rate = ").count(), 1);
        assert!(!text.contains("support") && !text.contains("KF5_PASSWORD"), "{text}");
    }

    #[test]
    fn what_would_not_load_is_not_written() {
        let wrong = SourceDraft { base_url: "http://example.com".to_owned(), ..source(Kind::Kf5, "a") };
        let draft = Draft { lake: "l".to_owned(), sources: vec![wrong] };
        let faults = write(&draft, Path::new("t.toml")).expect_err("plain http");
        assert!(faults.to_string().contains("`base_url` in [[source]] \"a\" is plain http://"), "{faults}");
    }
}
