//! What a server is told before it starts: where, what, how, and how much.
//!
//! Values come from a command line or a test and go to [`crate::start`]. Every limit is a field with its reason
//! beside it; none is a constant hidden in a loop.
//!
//! A caller fills in what matters and takes the rest from `Default`:
//!
//! ```
//! use std::time::Duration;
//! use tongro_serve::{Limits, Model, Options, Timeouts};
//!
//! let options = Options {
//!     host: String::new(), // every address, IPv6 and IPv4
//!     port: 7000,
//!     model: Model::Thread,
//!     limits: Limits { connections: 1000, ..Limits::default() },
//!     timeouts: Timeouts { idle: Duration::from_secs(60), ..Timeouts::default() },
//!     ..Options::default()
//! };
//! assert_eq!(options.backlog, 4096);
//! ```

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tongro_proto::clock::Announce;
use tongro_proto::{Bounds, Proto};

use crate::error::Why;
use crate::session::Watch;
use crate::tls::ServerTls;

/// Everything one server needs to know.
#[derive(Clone, Debug)]
pub struct Options {
    /// A name or address to listen on. Empty or `*` means every address of the host, IPv6 and IPv4 (dual stack).
    pub host: String,
    /// The port; 0 lets the kernel choose a free one, see [`crate::Server::local_addrs`].
    pub port: u16,
    /// A Unix socket to listen on instead of `host` and `port`. A stale socket file is replaced.
    pub unix: Option<PathBuf>,
    /// How many connections are served at once, and by what.
    pub model: Model,
    /// What is spoken on them.
    pub proto: Proto,
    /// How many finished handshakes may wait for `accept`. 128, the usual default, makes a storm of connects wait
    /// a second each for a repeated SYN; the kernel cuts this to `net.core.somaxconn`.
    pub backlog: i32,
    /// How many threads (`pool`), processes (`prefork`) or runtime threads (`async`) serve.
    pub hands: usize,
    /// Encrypts every stream, whatever is spoken on it.
    pub tls: Option<ServerTls>,
    /// The directory of the file transfer. Nothing outside it is read or written.
    pub directory: PathBuf,
    /// Where the clock ticks; without it, it only answers.
    pub announce: Option<Announce>,
    /// The interface that ticks to a multicast group leave by, by its own address; without it, the kernel's choice.
    pub interface: Option<Ipv4Addr>,
    /// Who is told what happens: files that came and went.
    pub watch: Option<Watch>,
    /// How much any peer may take.
    pub limits: Limits,
    /// How long any peer may take.
    pub timeouts: Timeouts,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            host: "127.0.0.1".to_owned(),
            port: 0,
            unix: None,
            model: Model::default(),
            proto: Proto::Echo,
            backlog: 4096,
            hands: 8,
            tls: None,
            directory: PathBuf::from("."),
            announce: None,
            interface: None,
            watch: None,
            limits: Limits::default(),
            timeouts: Timeouts::default(),
        }
    }
}

/// Bounds on what peers can make a server hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections served at once. At the limit the server stops accepting; newcomers wait in the backlog.
    pub connections: usize,
    /// Connections from one address at once; one more is accepted and closed, so that others still get in.
    pub per_peer: Option<usize>,
    /// The longest message of a protocol that has messages; see [`Bounds::message_len`].
    pub message_len: usize,
    /// Output waiting for one slow reader. Above it we stop reading from that peer (back-pressure) until it has
    /// taken some; a peer that is *pushed* more than this by others is cut off.
    pub output_len: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            per_peer: None,
            message_len: Bounds::default().message_len,
            output_len: 256 * 1024,
        }
    }
}

/// Bounds on how long a peer can keep a server waiting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Nothing received and nothing to send: the peer may have gone without a word (cable pulled, host asleep).
    pub idle: Duration,
    /// One message begun and not completed: a peer that sends a byte a minute is never idle, yet never done.
    pub read: Duration,
    /// Output waiting and none of it taken: the peer does not read.
    pub write: Duration,
    /// TLS handshake begun and not finished, counted from `accept`.
    pub handshake: Duration,
    /// Our side finished, the peer's not. Closing at once could destroy our last bytes with a reset.
    pub linger: Duration,
    /// After the shutdown bell: what is not finished by then is cut.
    pub drain: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(300),
            read: Duration::from_secs(30),
            write: Duration::from_secs(30),
            handshake: Duration::from_secs(10),
            linger: Duration::from_secs(1),
            drain: Duration::from_secs(5),
        }
    }
}

/// A concurrency model: the columns of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Model {
    /// One connection after the other, in one thread.
    Sequential,
    /// A thread for each connection.
    Thread,
    /// A fixed number of threads, each with one connection at a time.
    Pool,
    /// A process for each connection.
    Fork,
    /// A fixed number of processes, each with one connection at a time.
    Prefork,
    /// One thread waits for all sockets with `poll(2)`.
    Poll,
    /// One thread waits for all sockets with `epoll(7)`: the default engine.
    #[default]
    Epoll,
    /// The kernel does the reading and writing and tells when it is done.
    IoUring,
    /// A task for each connection, all in one thread (tokio).
    Async,
    /// A task for each connection, spread over threads (tokio).
    AsyncMulti,
}

impl Model {
    /// All of them, in the order of the course.
    pub const ALL: &[Self] = &[
        Self::Sequential,
        Self::Thread,
        Self::Pool,
        Self::Fork,
        Self::Prefork,
        Self::Poll,
        Self::Epoll,
        Self::IoUring,
        Self::Async,
        Self::AsyncMulti,
    ];

    /// The name used on command lines and in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Thread => "thread",
            Self::Pool => "pool",
            Self::Fork => "fork",
            Self::Prefork => "prefork",
            Self::Poll => "poll",
            Self::Epoll => "epoll",
            Self::IoUring => "io_uring",
            Self::Async => "async",
            Self::AsyncMulti => "async-multi",
        }
    }

    /// Can this model be had here, for this protocol? If not, why.
    pub fn check(self, proto: Proto) -> Result<(), Why> {
        match self {
            Self::IoUring => why_no_io_uring().map_or(Ok(()), Err),
            Self::Fork | Self::Prefork if proto == Proto::Chat => Err(Why::NoSharedMemory),
            _ => Ok(()),
        }
    }

    /// Does one silent peer leave others unserved? One does under `sequential`; as many as there are `hands` do
    /// under `pool` and `prefork`.
    pub fn waits_for_one(self) -> bool {
        self == Self::Sequential
    }
}

/// What stands in the way of io_uring, if anything: a ring is made to find out.
fn why_no_io_uring() -> Option<Why> {
    tongro_sys::uring::probe().err()?;
    let switch = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled");
    Some(match switch.as_deref().map(str::trim) {
        Ok("1" | "2") => Why::SwitchedOff { by: "kernel.io_uring_disabled" },
        _ => Why::KernelLacksIt,
    })
}

impl FromStr for Model {
    type Err = crate::Error;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().copied().find(|model| model.name() == name);
        found.ok_or_else(|| crate::Error::UnknownModel { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_leads_back_to_its_model() {
        for model in Model::ALL {
            assert_eq!(model.name().parse::<Model>().unwrap(), *model);
        }
        assert!("magic".parse::<Model>().is_err());
    }
}
