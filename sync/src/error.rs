//! What can go wrong with large files and folders, typed; the binary adds the language and the fix.

use std::io;
use std::path::PathBuf;

/// Everything this room reports as failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A system call on a path failed.
    #[error("`{}`: {source}", path.display())]
    Path {
        /// Where.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// A step on the network or elsewhere failed.
    #[error("{step}: {source}")]
    Io {
        /// The step.
        step: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// What `serve` reports: no such host, refused, unreachable …
    #[error(transparent)]
    Serve(#[from] tongro_serve::Error),
    /// TLS could not be set up or agreed on.
    #[error("TLS: {source}")]
    Tls {
        /// What rustls said.
        #[from]
        source: rustls::Error,
    },
    /// The identity file is broken.
    #[error("`{}` is not an identity of tongro", path.display())]
    Identity {
        /// That file.
        path: PathBuf,
    },
    /// The peer is not among those that were paired.
    #[error("the peer {fingerprint} is not paired with this device")]
    NotPaired {
        /// Its fingerprint, short.
        fingerprint: String,
    },
    /// The peer says that it does not know us.
    #[error("the peer does not know this device")]
    NotKnown,
    /// The code was wrong, or somebody stands between.
    #[error("the pairing code does not match")]
    WrongCode,
    /// What was typed is no pairing code.
    #[error("`{code}` is not a pairing code")]
    NotACode {
        /// What was typed.
        code: String,
    },
    /// The peer speaks something else.
    #[error("the peer does not speak this protocol: {what}")]
    Protocol {
        /// What came instead.
        what: &'static str,
    },
    /// The peer ended in the middle.
    #[error("the connection ended in the middle")]
    Cut,
    /// The peer refused, with its reason.
    #[error("the peer refused: {why}")]
    Refused {
        /// Its words.
        why: String,
    },
    /// The index could not be read or written.
    #[error("index: {source}")]
    Index {
        /// What SQLite said.
        #[from]
        source: rusqlite::Error,
    },
    /// The index holds something that this version cannot read.
    #[error("the index cannot be read: {what}")]
    IndexFormat {
        /// What is wrong.
        what: &'static str,
    },
    /// Another process works on this folder.
    #[error("another tongro works on `{}`", path.display())]
    Busy {
        /// The folder.
        path: PathBuf,
    },
    /// The folder is not there.
    #[error("`{}` is not there", path.display())]
    NoRoot {
        /// The folder.
        path: PathBuf,
    },
    /// Everything that was there is gone at once.
    #[error("all {count} files of `{}` are gone", path.display())]
    Emptied {
        /// The folder.
        path: PathBuf,
        /// How many there were.
        count: usize,
    },
    /// Both folders belong to different pairs.
    #[error("the folders belong to different sets")]
    OtherFolder,
    /// A simulated machine lost its power.
    #[error("the power is gone")]
    PowerCut,
}

/// Results of this room.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Gives an I/O error its step.
    pub(crate) fn io(step: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                Self::Cut
            }
            _ => Self::Io { step, source },
        }
    }

    /// Gives an I/O error its path.
    pub(crate) fn at(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Path { path: path.into(), source }
    }
}
