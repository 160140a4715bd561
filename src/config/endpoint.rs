//! Which address a source may have: https, or plain http to this machine only.

use reqwest::Url;

use super::{document::Section, fault::Faults};

/// Reads `base_url`: scheme, host and port, nothing else.
pub(super) fn read(section: &Section<'_>, faults: &mut Faults) -> Option<Url> {
    if !section.has("base_url") {
        section.missing("`base_url`", "base_url = \"https://HOST\"", faults);
    }
    section.parsed("base_url", faults, endpoint)
}

/// The address without its text in any error: it may carry a password.
pub(super) fn endpoint(text: &str) -> Result<Url, String> {
    let wanted = "write \"https://HOST\" or \"https://HOST:PORT\"";
    let url = Url::parse(text).map_err(|why| format!("is no address ({why}); {wanted}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("carries a user or a password; credentials have keys of their own".to_owned());
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(format!("has no host; {wanted}"));
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        "http" => {
            return Err("is plain http://, which would send the credentials in clear text; write https:// (http:// is for 127.0.0.1, ::1 and localhost only)".to_owned());
        }
        other => return Err(format!("has the scheme `{other}`; {wanted}")),
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!("has a query or a fragment; {wanted}"));
    }
    if url.path() != "/" {
        return Err(format!("has the path `{}`; {wanted}", url.path()));
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::endpoint;

    #[test]
    fn https_and_loopback_are_taken() {
        for right in [
            "https://support.kf5.com",
            "https://support.kf5.com/",
            "https://h:8443",
            "http://127.0.0.1:1",
            "http://127.9.9.9",
            "http://[::1]:80",
            "http://localhost:8080",
            "HTTPS://SHOP.example",
        ] {
            assert!(endpoint(right).is_ok(), "{right}");
        }
    }

    #[test]
    fn the_rest_is_refused_without_repeating_a_password() {
        for wrong in [
            "",
            "support.kf5.com",
            "http://support.kf5.com",
            "http://10.0.0.1",
            "http://localhost.evil.com",
            "http://127.0.0.1.evil.com",
            "ftp://h",
            "https://u:geheim@h",
            "https://geheim@h",
            "https://h/apiv2",
            "https://h?a=geheim",
            "https://h#x",
            "file:///tmp",
            "https://",
        ] {
            let message = endpoint(wrong).expect_err(wrong);
            assert!(!message.contains("geheim"), "{message}");
        }
    }
}
