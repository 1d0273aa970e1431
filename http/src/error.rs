//! What can go wrong outside the bytes themselves.

use std::io;
use std::net::SocketAddr;

/// The room's error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A host has no address.
    #[error("`{host}` could not be resolved: {source}")]
    Resolve {
        /// The host asked for.
        host: String,
        /// What the system says.
        source: io::Error,
    },
    /// Nobody answers there.
    #[error("no connection to {address}: {source}")]
    Connect {
        /// The last address tried.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The port cannot be had.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: String,
        /// What the system says.
        source: io::Error,
    },
    /// A file cannot be read or written.
    #[error("`{path}`: {source}")]
    File {
        /// Which.
        path: String,
        /// What the system says.
        source: io::Error,
    },
    /// The handshake failed.
    #[error("TLS with `{name}` failed: {reason}")]
    Tls {
        /// Whom we wanted to speak to.
        name: String,
        /// Why, as a class of [`crate::tls::Failure`].
        failure: crate::tls::Failure,
        /// What rustls says.
        reason: String,
    },
    /// A certificate or key cannot be made or read.
    #[error("certificate: {0}")]
    Certificate(String),
    /// A URL that is none.
    #[error("`{url}` is not a URL: {reason}")]
    Url {
        /// What was given.
        url: String,
        /// Why.
        reason: String,
    },
    /// A request item that is none.
    #[error("`{item}` is not a request item: {reason}")]
    Item {
        /// What was given.
        item: String,
        /// Why.
        reason: String,
    },
    /// The other side does not speak HTTP as it should.
    #[error("the server's answer is not valid HTTP: {0}")]
    Protocol(String),
    /// Time is over.
    #[error("{phase} took longer than {seconds} s")]
    Timeout {
        /// What was waited for.
        phase: &'static str,
        /// How long.
        seconds: f64,
    },
    /// Too many redirects.
    #[error("more than {0} redirects")]
    Redirects(usize),
    /// The database of notes.
    #[error("notes: {0}")]
    Store(#[from] rusqlite::Error),
    /// Anything else of the system.
    #[error("{call}: {source}")]
    System {
        /// What was tried.
        call: &'static str,
        /// What the system says.
        source: io::Error,
    },
}

/// The room's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Names the call that failed.
    pub(crate) fn system(call: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System { call, source }
    }

    /// Names the file that failed.
    pub(crate) fn file(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::File { path, source }
    }
}
