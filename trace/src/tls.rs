//! TLS opened with the keys that a program wrote down: records in, plain text out.
//!
//! Whole records come in, in the order of their stream, from whoever put the stream together; the secrets come from a
//! key log (`SSLKEYLOGFILE`, or the secrets block of a pcapng file). Handshake messages, alerts and application data
//! leave as they were before encryption. AEAD suites of TLS 1.2 (RFC 5246, RFC 5288, RFC 7905) and TLS 1.3 (RFC 8446).
//! The cryptography is ring's; nothing here makes keys or checks certificates.
//!
//! ```no_run
//! use tongro_trace::tls::{KeyLog, Session};
//!
//! let keys = KeyLog::parse(&std::fs::read("keys.log")?);
//! let mut session = Session::default();
//! # let records: Vec<(usize, Vec<u8>)> = Vec::new();
//! for (direction, record) in records {
//!     if let Some(plain) = session.open(&keys, direction, &record) {
//!         assert_eq!(plain.content_type, 23);
//!     }
//! }
//! # Ok::<(), std::io::Error>(())
//! ```

mod cipher;
mod key_log;
mod session;

pub use key_log::KeyLog;
pub use session::{Plain, Session};
