//! The cryptography of all connections: one provider for the whole process.

use std::sync::Once;

/// Makes it the process's provider. To be called before a client is made.
pub fn provide() {
    static PROVIDED: Once = Once::new();
    PROVIDED.call_once(|| {
        // An error says that a provider is installed already, which is all we want.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
