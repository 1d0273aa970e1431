//! What can go wrong before or beside a conversation.
//!
//! Errors come from the kernel as numbers; here each gets the name a person needs (address in use, refused,
//! unreachable …) and keeps the number as its source. The binary adds the language and the fix.
//!
//! How a number becomes a name:
//!
//! | errno | where | name |
//! |---|---|---|
//! | `EADDRINUSE` | `bind` | [`Error::AddressInUse`] |
//! | `ECONNREFUSED` | `connect` | [`Error::Refused`] |
//! | `EHOSTUNREACH`, `ENETUNREACH` | `connect` | [`Error::Unreachable`] |
//! | `ECONNRESET`, `EPIPE` | `recv`, `send` | [`Error::Reset`] |
//! | `EAGAIN`, `ETIMEDOUT` | a call with a timeout | [`Error::TimedOut`] |

use std::io;
use std::path::PathBuf;

use crate::options::Model;

/// Everything this room reports as failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name gave no address.
    #[error("no address for `{host}`")]
    Resolve {
        /// What was asked.
        host: String,
        /// What the resolver said.
        source: io::Error,
    },
    /// Somebody listens there already.
    #[error("address in use: `{address}`")]
    AddressInUse {
        /// Address and port, or a path.
        address: String,
    },
    /// The kernel would not let us listen there, for another reason.
    #[error("cannot listen on `{address}`: {source}")]
    Listen {
        /// Address and port, or a path.
        address: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// A file stands where the Unix socket should be, and it is not a socket.
    #[error("`{}` exists and is not a socket", path.display())]
    NotASocket {
        /// That file.
        path: PathBuf,
    },
    /// No model has this name.
    #[error("unknown model `{name}`")]
    UnknownModel {
        /// What was asked for.
        name: String,
    },
    /// This model cannot be had here, or not with this protocol.
    #[error("model `{}` is not possible: {why}", model.name())]
    NotPossible {
        /// The model.
        model: Model,
        /// The reason.
        why: Why,
    },
    /// The peer's host answered: nobody listens on this port (RST to our SYN).
    #[error("connection refused by `{address}`")]
    Refused {
        /// Where we called.
        address: String,
    },
    /// No way to that host or network.
    #[error("`{address}` is unreachable")]
    Unreachable {
        /// Where we called.
        address: String,
    },
    /// Nothing came in the time allowed.
    #[error("timed out while waiting to {waiting_to}")]
    TimedOut {
        /// `connect`, `receive` or `send`.
        waiting_to: &'static str,
    },
    /// The peer threw the connection away (RST).
    #[error("connection reset by the peer")]
    Reset,
    /// What was given as PEM is none, or not the right kind.
    #[error("not a usable PEM {what}")]
    Pem {
        /// `certificate`, `key` or `name`.
        what: &'static str,
    },
    /// TLS could not be set up or agreed on.
    #[error("TLS: {source}")]
    Tls {
        /// What rustls said.
        source: rustls::Error,
    },
    /// The file transfer was refused, by us or the peer.
    #[error("file refused: {why}")]
    FileRefused {
        /// The text of the `ERR` frame.
        why: String,
    },
    /// A program could not be started.
    #[error("`{program}` could not be started: {source}")]
    NotStarted {
        /// Its name.
        program: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// A program ended, or ran on, without listening on a TCP port.
    #[error("it never listened on a TCP port; it wrote: {stderr}")]
    NeverListened {
        /// The last lines of its standard error.
        stderr: String,
    },
    /// Anything else, with the operation that met it.
    #[error("{operation}: {source}")]
    Io {
        /// The system call or step.
        operation: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

/// Why a model is not possible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The members of one room would live in different processes.
    #[error("its processes share no memory, and this protocol joins connections")]
    NoSharedMemory,
    /// The kernel has it, and it is forbidden.
    #[error("`{by}` forbids it")]
    SwitchedOff {
        /// The switch.
        by: &'static str,
    },
    /// The kernel is too old for it or was built without it.
    #[error("this kernel does not have it, or does not permit it")]
    KernelLacksIt,
    /// TLS needs a stream.
    #[error("this protocol is spoken in datagrams, and TLS needs a stream")]
    NoStream,
}

impl From<rustls::Error> for Error {
    fn from(source: rustls::Error) -> Self {
        Self::Tls { source }
    }
}

impl Error {
    /// Gives an I/O error the name of its step, or the clearer name it deserves.
    pub(crate) fn io(operation: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::Reset,
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Self::TimedOut { waiting_to: operation },
            _ => Self::Io { operation, source },
        }
    }
}

/// Results of this room.
pub type Result<T, E = Error> = std::result::Result<T, E>;
