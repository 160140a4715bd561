//! What the reader can do about an object store's error. Of an answer only its code and its message are shown: the rest
//! may hold what was signed.

use std::{error::Error, fmt};

use object_store::Error as StoreError;

use crate::{
    config::StoreKind,
    secret::{redact, without_tokens},
};

/// The most characters of an answer that are shown.
const MAX_CHARACTERS: usize = 300;

/// Why an object store did not do what it was asked.
#[derive(Debug)]
pub struct Refusal {
    kind: Kind,
    store: StoreKind,
    text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    NoBucket,
    NoCredentials,
    Credentials,
    Denied,
    Unreachable,
    Redirected,
    Unconditional,
    Configuration,
    Other,
}

/// Words of answers and failures, searched in this order.
const WORDS: [(Kind, &[&str]); 7] = [
    (Kind::NoBucket, &["NoSuchBucket", "ContainerNotFound", "bucket does not exist"]),
    // The addresses at which machines in a cloud ask for credentials.
    (
        Kind::NoCredentials,
        &[
            "169.254.169.254",
            "latest/api/token",
            "metadata.google.internal",
            "computeMetadata",
            "metadata/identity",
        ],
    ),
    (
        Kind::Credentials,
        &[
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "AuthenticationFailed",
            "ExpiredToken",
            "invalid_grant",
        ],
    ),
    (Kind::Denied, &["AccessDenied", "403 Forbidden"]),
    (Kind::Redirected, &["301 Moved", "PermanentRedirect", "redirect without LOCATION"]),
    (Kind::Unreachable, &["error sending request"]),
    (Kind::Configuration, &["URL scheme is not allowed"]),
];

impl Refusal {
    pub fn new(store: StoreKind, cause: &StoreError) -> Self {
        let chain = chain(cause);
        let occurs = |word: &&str| chain.iter().any(|text| text.contains(word));
        let known = WORDS.iter().find(|(_, words)| words.iter().any(occurs)).map(|(kind, _)| *kind);
        let kind = known.unwrap_or(match cause {
            StoreError::PermissionDenied { .. } => Kind::Denied,
            StoreError::Unauthenticated { .. } => Kind::Credentials,
            StoreError::NotImplemented { .. } | StoreError::NotSupported { .. } => Kind::Unconditional,
            StoreError::UnknownConfigurationKey { .. } => Kind::Configuration,
            _ => Kind::Other,
        });
        Self { kind, store, text: summary(&chain) }
    }

    /// Of a store that cannot be set up as the environment says.
    pub fn set_up(store: StoreKind, cause: &StoreError) -> Self {
        Self { kind: Kind::Configuration, store, text: summary(&chain(cause)) }
    }

    /// Of a store that takes a write which must not happen; `what` says which.
    pub fn unconditional(store: StoreKind, what: &str) -> Self {
        Self { kind: Kind::Unconditional, store, text: what.to_owned() }
    }

    /// Whether the store lacks the bucket, as against a file in it.
    pub fn is_without_bucket(&self) -> bool {
        self.kind == Kind::NoBucket
    }

    /// Whether a right is missing.
    pub fn is_denied(&self) -> bool {
        self.kind == Kind::Denied
    }

    /// Whether nothing can be done without another set-up.
    pub fn is_configuration(&self) -> bool {
        self.kind == Kind::Configuration
    }

    fn advice(&self) -> String {
        let (credentials, endpoint, variables) = match self.store {
            StoreKind::S3 => {
                ("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL, AWS_REGION", "AWS")
            }
            StoreKind::Gcs => ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_BASE_URL", "GOOGLE"),
            StoreKind::Azure => (
                "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
                "AZURE_STORAGE_ACCOUNT_NAME, AZURE_STORAGE_ENDPOINT",
                "AZURE",
            ),
        };
        let plain = match self.kind {
            Kind::NoCredentials => return format!("no credentials were found: set {credentials}"),
            Kind::Credentials => return format!("the credentials were refused: check {credentials}"),
            Kind::Unreachable => {
                return format!("the store cannot be reached: check the network and {endpoint}");
            }
            Kind::Redirected => return format!("the bucket lies elsewhere: check {endpoint}"),
            Kind::Configuration => {
                let http =
                    if self.text.contains("scheme") { "; http:// needs AWS_ALLOW_HTTP=true" } else { "" };
                return format!("check the {variables}_… variables of the environment{http}");
            }
            Kind::NoBucket => "make the bucket, or correct `path` under [lake]",
            Kind::Denied => {
                "give these credentials the rights to list, read, write and delete under the lake's prefix"
            }
            Kind::Unconditional => {
                "the lake needs a store with conditional puts (If-None-Match and If-Match): use another, or a newer one"
            }
            Kind::Other => "run again; what was committed stands",
        };
        plain.to_owned()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}; {}", self.text, self.advice())
    }
}

/// The texts of an error and of what caused it.
fn chain(cause: &StoreError) -> Vec<String> {
    let mut texts = vec![cause.to_string()];
    let mut next = cause.source();
    while let Some(inner) = next {
        texts.push(inner.to_string());
        next = inner.source();
    }
    texts
}

/// What the store said, else what failed last: one line, without what may have been signed.
fn summary(chain: &[String]) -> String {
    let said = chain.iter().find_map(|text| {
        let code = element(text, "Code")?;
        let message = element(text, "Message").unwrap_or_default();
        Some(if message.is_empty() { code.to_owned() } else { format!("{code}: {message}") })
    });
    let status = || chain.iter().find_map(|text| status(text));
    let text = said.or_else(status).or_else(|| chain.last().cloned()).unwrap_or_default();
    let plain: Vec<&str> = text.split_whitespace().map(without_query).collect();
    let secrets = secrets(
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
    );
    hidden(&plain.join(" "), &secrets).chars().take(MAX_CHARACTERS).collect()
}

/// A store, or a proxy before it, may give back what it was sent.
fn hidden(text: &str, secrets: &[String]) -> String {
    let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
    without_tokens(&redact(text, &secrets))
}

/// The values of those variables that a store's client takes its secrets from.
fn secrets(variables: impl Iterator<Item = (String, String)>) -> Vec<String> {
    let is_secret = |name: &str| {
        let of_store = ["AWS_", "AZURE_", "GOOGLE_"].iter().any(|store| name.starts_with(store));
        let words = ["_KEY", "SECRET", "TOKEN", "SAS", "PASSWORD"];
        of_store
            && words.iter().any(|word| name.contains(word))
            && !["_ID", "_FILE", "_PATH", "_URI"].iter().any(|end| name.ends_with(end))
    };
    let texts = variables.filter(|(name, _)| is_secret(&name.to_ascii_uppercase()));
    texts.map(|(_, value)| value).collect()
}

fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (content, _) = rest.split_once(&format!("</{name}>"))?;
    Some(content.trim())
}

/// `Server returned non-2xx status code: 403 Forbidden: <body>`: the code with its name.
fn status(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("status code: ")?;
    let line = rest.split([':', '\n', '<']).next()?;
    Some(format!("the store answered {}", line.trim()))
}

/// An address without its query, where signatures stand.
fn without_query(word: &str) -> &str {
    match word.find("://").and_then(|_| word.find('?')) {
        Some(at) => &word[..at],
        None => word,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> Refusal {
        Refusal::new(StoreKind::S3, &StoreError::Generic { store: "S3", source: text.into() })
    }

    #[test]
    fn an_answer_is_told_by_code_and_message_alone() {
        let body = "Server returned non-2xx status code: 403 Forbidden: <Error><Code>SignatureDoesNotMatch</Code>\
                    <Message>It does not\n match.</Message><StringToSign>AWS4 s3cret</StringToSign></Error>";
        let told = refusal(body).to_string();
        assert!(
            told.starts_with("SignatureDoesNotMatch: It does not match.; the credentials were refused"),
            "{told}"
        );
        assert!(!told.contains("s3cret"));
        let told =
            refusal("error sending request for url (https://a.blob/x?sig=s3cret): refused").to_string();
        assert!(told.contains("cannot be reached") && !told.contains("s3cret"), "{told}");
    }

    #[test]
    fn a_secret_in_the_message_is_not_shown() {
        let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let variables = [
            variable("AWS_ACCESS_KEY_ID", "AKIA1"),
            variable("AWS_SECRET_ACCESS_KEY", "s3c/ret+K"),
            variable("AZURE_STORAGE_ACCOUNT_KEY", "a2V5a2V5"),
            variable("AWS_WEB_IDENTITY_TOKEN_FILE", "/run/token"),
        ];
        let secrets = secrets(variables.into_iter());
        assert_eq!(secrets, ["s3c/ret+K", "a2V5a2V5"]);
        let echo = "AKIA1 s3c/ret+K s3c%2Fret%2BK a2V5a2V5 Bearer ya29.a0AfH6SMBx-1_2 /run/token";
        assert_eq!(hidden(echo, &secrets), "AKIA1 *** *** *** Bearer *** /run/token");
    }

    #[test]
    fn each_kind_says_what_to_do() {
        let told = |text| refusal(text).to_string();
        assert!(told("status code: 404 Not Found: <Code>NoSuchBucket</Code>").contains("make the bucket"));
        assert!(told("GET http://169.254.169.254/latest failed").contains("AWS_ACCESS_KEY_ID"));
        assert!(told("status code: 403 Forbidden: ").contains("rights to list"));
        assert!(told("something else").ends_with("run again; what was committed stands"));
    }
}
