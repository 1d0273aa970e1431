//! Load: many clients in one thread, counted honestly.
//!
//! Requests go to one server over many connections; what comes back is only counted, timed and compared. The
//! result is a [`Report`]: data for a table, a plot or a verdict.
//!
//! **Closed loop**: each connection sends its next request when it has its reply. The rate is what the server gives,
//! but a server that stops for a second is asked nothing in that second, so the second is seen once instead of a
//! thousand times (*coordinated omission*).
//!
//! **Open loop**: requests have times of their own, a fixed number per second, whether or not earlier ones were
//! answered. Latency counts from the *intended* time: a request that had to wait behind a stalled server, or could
//! not even be sent, has waited.
//!
//! ```
//! use std::time::Duration;
//! use tongro_serve::load::{Load, Loop, run};
//! use tongro_serve::{Options, start};
//!
//! let server = start(Options::default())?;
//! let mut load = Load::echo(server.local_addrs()[0], 64);
//! load.how = Loop::Open { per_second: 2000.0 };
//! load.length = Duration::from_millis(50);
//! let report = run(&load)?;
//! assert_eq!((report.messages, report.unanswered), (100, 0));
//! # Ok::<(), tongro_serve::Error>(())
//! ```

mod engine;
mod histogram;
mod lane;

use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use crate::error::{Error, Result};
pub use histogram::{Histogram, Percentiles};

/// What to do to a server.
#[derive(Clone, Debug)]
pub struct Load {
    /// Where it listens.
    pub target: SocketAddr,
    /// Connections, all opened at once.
    pub connections: usize,
    /// What each request is.
    pub request: Vec<u8>,
    /// What a reply is.
    pub reply: Reply,
    /// When requests are sent.
    pub how: Loop,
    /// How long requests are sent.
    pub length: Duration,
    /// How much of that is not counted at its beginning.
    pub warmup: Duration,
    /// How long to wait for the last replies, and for connections.
    pub patience: Duration,
    /// Threads that share the connections; one is enough to fill one core of a server.
    pub threads: usize,
}

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loop {
    /// Each connection sends when it has its reply.
    Closed,
    /// So many per second over all connections, in turn.
    Open {
        /// The rate.
        per_second: f64,
    },
}

/// How a reply is known to be complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// It is the request again, byte for byte; anything else counts as wrong.
    Echo,
    /// It has this length.
    Bytes(usize),
    /// It ends with a line feed.
    Line,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Report {
    /// Connections asked for.
    pub connections: usize,
    /// Handshakes that were completed.
    pub connected: usize,
    /// Connections that were refused, reset or ended by the server.
    pub lost: usize,
    /// Connections on which at least one reply came: being connected is not being served.
    pub served: usize,
    /// Replies that count, those after the warm-up.
    pub messages: u64,
    /// Requests whose reply had not come when patience ran out.
    pub unanswered: u64,
    /// Replies that were not what was asked for.
    pub wrong: u64,
    /// The time in which `messages` were counted, in seconds.
    pub seconds: f64,
    /// All replies that ever came, also those of the warm-up and the late ones: what the server has worked for.
    pub replies: u64,
    /// Replies whose last piece came 30 ms or more after their first: somebody waited for an acknowledgment.
    pub late_pieces: u64,
    /// `messages / seconds`.
    pub per_second: f64,
    /// Until the last handshake was complete, in nanoseconds.
    pub all_connected: u64,
    /// Replies per connection: the poorest, the middle, the richest.
    pub fairness: Fairness,
    /// From the intended time to the last byte of the reply, in nanoseconds.
    pub latency: Histogram,
    /// From `connect` to the end of the handshake, in nanoseconds. A SYN that had to be repeated shows as a second.
    pub connect: Histogram,
}

/// How evenly the replies are spread over the connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fairness {
    /// The connection with the fewest.
    pub min: u64,
    /// The middle one.
    pub median: u64,
    /// The one with the most.
    pub max: u64,
}

impl Load {
    /// Echo of 64 bytes, closed loop, one second.
    pub fn echo(target: SocketAddr, connections: usize) -> Self {
        Self {
            target,
            connections,
            request: (0..64).collect(),
            reply: Reply::Echo,
            how: Loop::Closed,
            length: Duration::from_secs(1),
            warmup: Duration::ZERO,
            patience: Duration::from_secs(2),
            threads: 1,
        }
    }
}

/// A place in a run at which somebody may want to read other counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// All handshakes are through, or patience is over; no request has been sent.
    Connected,
    /// All requests are answered, or patience is over; the connections are still open.
    Over,
}

/// Puts the load on, from `load.threads` threads, and waits for the end.
pub fn run(load: &Load) -> Result<Report> {
    run_told(load, &|_| {})
}

/// The same; `tell` is called by each load thread at each [`Moment`].
pub fn run_told(load: &Load, tell: &(dyn Fn(Moment) + Sync)) -> Result<Report> {
    let threads = load.threads.clamp(1, load.connections.max(1));
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let start = |number| {
            let share = share_of(load, threads, number);
            scope.spawn(move || engine::run(&share, tell))
        };
        let running: Vec<_> = (0..threads).map(start).collect();
        running.into_iter().map(|thread| thread.join()).collect()
    });
    let mut whole = Report::default();
    let mut replies = Vec::new();
    for outcome in outcomes {
        let part = outcome.map_err(|_| std::io::Error::other("a load thread panicked")).and_then(|part| part);
        let (report, more) = part.map_err(Error::io("load"))?;
        whole.add(&report);
        replies.extend(more);
    }
    replies.sort_unstable();
    whole.fairness = Fairness {
        min: replies.first().copied().unwrap_or_default(),
        median: replies.get(replies.len() / 2).copied().unwrap_or_default(),
        max: replies.last().copied().unwrap_or_default(),
    };
    Ok(whole)
}

/// One thread's part of the connections and of the rate.
fn share_of(load: &Load, threads: usize, number: usize) -> Load {
    let connections = load.connections / threads + usize::from(number < load.connections % threads);
    let how = match load.how {
        Loop::Closed => Loop::Closed,
        Loop::Open { per_second } => {
            Loop::Open { per_second: per_second * connections as f64 / load.connections as f64 }
        }
    };
    Load { connections, how, ..load.clone() }
}

impl Report {
    /// Adds the part of another thread. Served and fairness need all connections and come last.
    fn add(&mut self, part: &Self) {
        self.connections += part.connections;
        self.connected += part.connected;
        self.served += part.served;
        self.replies += part.replies;
        self.late_pieces += part.late_pieces;
        self.lost += part.lost;
        self.messages += part.messages;
        self.unanswered += part.unanswered;
        self.wrong += part.wrong;
        self.seconds = self.seconds.max(part.seconds);
        self.per_second = if self.seconds > 0.0 { self.messages as f64 / self.seconds } else { 0.0 };
        self.all_connected = self.all_connected.max(part.all_connected);
        self.latency.add(&part.latency);
        self.connect.add(&part.connect);
    }
}
