//! The way to a peer: who we are, whom we trust, and the stream between.
//!
//! ```text
//!   identity.pem ─▶ Identity ─┐
//!   peers        ─▶ Peers ────┼─▶ TLS 1.3, both sides show a certificate ─▶ Channel ─▶ level 0 or level 1
//!   a code       ─▶ pair ─────┘      trusted if pinned, or proven by the code
//! ```

pub mod channel;
pub mod identity;
pub mod pair;

pub use channel::Channel;
pub use identity::{Fingerprint, Identity, Peers};
pub use pair::Code;
