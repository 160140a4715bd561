//! The cryptography of all connections: one provider for the whole process, and roots where the machine has none.

use std::sync::Once;

/// Makes it the process's provider. To be called before a client is made.
pub fn provide() {
    static PROVIDED: Once = Once::new();
    PROVIDED.call_once(|| {
        // An error says that a provider is installed already, which is all we want.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// The roots that this program brings along, where the machine has none, as in a bare container; else `None`.
pub fn built_in_roots() -> Option<Vec<reqwest::Certificate>> {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let places = ["/etc/ssl/certs", "/etc/pki/tls/certs", "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem"];
    let is_there = |place: &str| match std::fs::read_dir(place) {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => std::path::Path::new(place).is_file(),
    };
    let has_roots = named("SSL_CERT_FILE").is_some()
        || named("SSL_CERT_DIR").is_some()
        || cfg!(any(target_os = "macos", windows))
        || places.iter().any(|place| is_there(place));
    if has_roots {
        return None;
    }
    let roots = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    Some(roots.filter_map(|root| reqwest::Certificate::from_der(root).ok()).collect())
}
