//! The rows: every protocol by name.
//!
//! A name comes from a command line, a machine goes to the driver. A new protocol adds a file and one row here;
//! no concurrency model has to learn of it.

use core::str::FromStr;

use crate::daytime::Daytime;
use crate::echo::Echo;
use crate::frame::Frame;
use crate::line::Line;
use crate::transfer::Transfer;
use crate::{Machine, clock};

/// The protocols of this room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Proto {
    /// Every byte goes back ([`crate::echo`]).
    Echo,
    /// One request line, one answer line ([`crate::line`]).
    Line,
    /// Length-prefixed messages come back ([`crate::frame`]).
    Frame,
    /// The time in one line, then the end ([`crate::daytime`]).
    Daytime,
    /// Time over UDP, with numbers ([`crate::clock`]).
    Clock,
    /// Large files, resumed and checked ([`crate::transfer`]).
    Transfer,
    /// One room of members ([`crate::chat`]).
    Chat,
}

/// What carries a protocol's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// An ordered byte stream with an end: TCP, a Unix stream socket, TLS over either.
    Stream,
    /// Datagrams, which may be lost, doubled or reordered: UDP.
    Datagram,
}

/// How long a message may be, told to each machine that keeps an unfinished one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The longest message accepted, in bytes. A longer one is answered with an error, never stored.
    pub message_len: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { message_len: 64 * 1024 }
    }
}

impl Proto {
    /// All of them, in the order of the course.
    pub const ALL: &[Self] =
        &[Self::Echo, Self::Line, Self::Frame, Self::Daytime, Self::Clock, Self::Transfer, Self::Chat];

    /// The name used on command lines and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Line => "line",
            Self::Frame => "frame",
            Self::Daytime => "daytime",
            Self::Clock => "clock",
            Self::Transfer => "transfer",
            Self::Chat => "chat",
        }
    }

    /// What carries it.
    pub fn transport(self) -> Transport {
        match self {
            Self::Clock => Transport::Datagram,
            _ => Transport::Stream,
        }
    }

    /// Does it act only when bytes arrive? Then a thread may sleep in `recv` itself; otherwise something else must
    /// be able to wake it.
    pub fn is_reactive(self) -> bool {
        !matches!(self, Self::Clock | Self::Transfer | Self::Chat)
    }

    /// The server's side of one new connection. `None` for [`Self::Chat`], whose connections share one
    /// [`Room`](crate::chat::Room).
    pub fn machine(self, bounds: Bounds) -> Option<Box<dyn Machine>> {
        Some(match self {
            Self::Echo => Box::new(Echo),
            Self::Line => Box::new(Line::new(bounds)),
            Self::Frame => Box::new(Frame::new(bounds)),
            Self::Daytime => Box::new(Daytime),
            Self::Clock => Box::new(clock::Server::new(None)),
            Self::Transfer => Box::new(Transfer::server(bounds)),
            Self::Chat => return None,
        })
    }
}

/// A protocol name nobody knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownProto(
    /// What was asked for.
    pub String,
);

impl core::fmt::Display for UnknownProto {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "unknown protocol `{}`", self.0)
    }
}

impl core::error::Error for UnknownProto {}

impl FromStr for Proto {
    type Err = UnknownProto;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().copied().find(|proto| proto.name() == name);
        found.ok_or_else(|| UnknownProto(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back_to_its_protocol() {
        for proto in Proto::ALL {
            assert_eq!(proto.name().parse(), Ok(*proto));
        }
        assert_eq!("ecco".parse::<Proto>(), Err(UnknownProto("ecco".to_owned())));
    }
}
