//! TLS: certificates made and broken, and why a handshake failed.

mod authority;
mod failure;

use std::sync::Arc;

pub(crate) use authority::certificates;
pub use authority::{Authority, Breakage, Identity, roots_of};
pub use failure::Failure;

/// ring, named explicitly: two providers in one binary would make rustls' default panic.
pub(crate) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
