//! What can go wrong on an interface.

use std::net::IpAddr;

/// Why packets cannot be captured, sent or asked.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// No interface has this name.
    #[error("no interface `{0}`")]
    NoInterface(String),
    /// There is no way to this address.
    #[error("no route to {0}")]
    NoRoute(IpAddr),
    /// Nobody on the link answers for this address.
    #[error("no hardware address for {0}")]
    NoNeighbour(IpAddr),
    /// The packet says of nothing where it is to go.
    #[error("the packet has no destination")]
    NoDestination,
    /// The kernel refused a call.
    #[error(transparent)]
    Call(#[from] tongro_sys::Error),
}

/// The kinds of failures, as far as their cure differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A privilege is missing.
    Denied,
    /// No such interface.
    NoInterface,
    /// The interface is down.
    Down,
    /// No route.
    NoRoute,
    /// Nobody answers for the address.
    NoNeighbour,
    /// The packet is longer than the link takes.
    TooLong,
    /// Something else.
    Other,
}

impl LiveError {
    /// Which cure fits.
    #[must_use]
    pub fn cause(&self) -> Cause {
        match self {
            Self::NoInterface(_) => Cause::NoInterface,
            Self::NoRoute(_) | Self::NoDestination => Cause::NoRoute,
            Self::NoNeighbour(_) => Cause::NoNeighbour,
            Self::Call(error) => match error.errno() {
                libc::EPERM | libc::EACCES => Cause::Denied,
                libc::ENODEV | libc::ENXIO => Cause::NoInterface,
                libc::ENETDOWN => Cause::Down,
                libc::ENETUNREACH | libc::EHOSTUNREACH | libc::EADDRNOTAVAIL => Cause::NoRoute,
                libc::EMSGSIZE => Cause::TooLong,
                _ => Cause::Other,
            },
        }
    }
}
