//! The shape every conversation has: events in, actions out.
//!
//! Events come from the driver (a socket loop in `serve`, the test pair, a peer in `check`); actions go back to
//! it. The driver owns one [`Actions`] and lends it for each call, so a machine allocates nothing in the common
//! case.

use core::net::SocketAddr;
use core::ops::Range;
use core::time::Duration;

/// A conversation: one peer of one connection, or one UDP socket.
///
/// The rules both sides keep:
/// - the driver gives stream bytes in order, cut anywhere: one message may come in ten events, ten messages in one;
/// - the driver carries out actions in order, and the machine never learns how long that took;
/// - after [`Actions::finish`] the machine sends nothing more; after [`Event::End`] it receives nothing more.
pub trait Machine: Send {
    /// Takes in one event and writes down what to do about it.
    fn handle(&mut self, event: Event<'_>, now: Now, actions: &mut Actions);

    /// The number of the message that has begun and is not complete, if there is one. While it stays the same
    /// the driver's *read* timeout runs, otherwise its *idle* timeout. A protocol without messages (echo) is never
    /// in the middle of one.
    fn open_message(&self) -> Option<u64> {
        None
    }
}

/// What happened, as the driver tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The conversation begins. Sent once, before anything else.
    Open,
    /// The next bytes of the stream: never empty, cut at any place.
    Bytes(&'a [u8]),
    /// One whole datagram, maybe empty, lost, doubled or out of order.
    Datagram {
        /// The address it came from, which anyone may have forged.
        from: SocketAddr,
        /// Everything in it.
        bytes: &'a [u8],
    },
    /// The peer finished sending in an orderly way (FIN, `close_notify`). It may still be reading.
    End,
    /// All output so far has left: a machine that makes much output makes the next piece now.
    Sent,
    /// The time asked for by [`Actions::wake_at`] has come, or is past.
    Wake,
    /// The server is shutting down: finish at the next message boundary.
    Drain,
}

/// The time, given with each event. Tests invent it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// Time since an arbitrary start; never jumps. For timers and intervals.
    pub steady: Duration,
    /// Time since 1970-01-01 00:00 UTC, as the host believes; may jump. For what is said to people.
    pub wall: Duration,
}

impl Now {
    /// The same moment moved on by `by`, on both clocks.
    #[must_use]
    pub fn after(self, by: Duration) -> Self {
        Self { steady: self.steady + by, wall: self.wall + by }
    }
}

/// What a machine wants done. The driver clears it, lends it, carries it out.
#[derive(Debug, Default)]
pub struct Actions {
    /// Stream bytes to send, and the contents of all datagrams one after the other.
    bytes: Vec<u8>,
    /// Which parts of `bytes` are datagrams, and for whom.
    datagrams: Vec<Datagram>,
    /// Set when no more bytes will follow.
    is_finished: bool,
    /// The next [`Event::Wake`], on [`Now::steady`].
    wake_at: Option<Duration>,
}

/// One datagram to send: its receiver and its place in [`Actions::bytes`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// The receiver.
    pub to: SocketAddr,
    /// Where its contents lie in [`Actions::bytes`].
    pub range: Range<usize>,
}

impl Actions {
    /// Sends these bytes on the stream, after all earlier ones.
    pub fn send(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Sends one datagram.
    pub fn send_to(&mut self, to: SocketAddr, bytes: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        self.datagrams.push(Datagram { to, range: start..self.bytes.len() });
    }

    /// Ends our side of the stream once all bytes have left (FIN, after `close_notify` under TLS).
    pub fn finish(&mut self) {
        self.is_finished = true;
    }

    /// Asks for one [`Event::Wake`] at `steady`; a later call replaces an earlier one.
    pub fn wake_at(&mut self, steady: Duration) {
        self.wake_at = Some(steady);
    }

    /// Room at the end of the output, for machines that write in place.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Everything to send, in order.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The datagrams to send, in order; their contents are in [`Self::bytes`].
    pub fn datagrams(&self) -> &[Datagram] {
        &self.datagrams
    }

    /// Was [`Self::finish`] called?
    pub fn is_finished(&self) -> bool {
        self.is_finished
    }

    /// Takes the time asked for by [`Self::wake_at`], if any.
    pub fn take_wake(&mut self) -> Option<Duration> {
        self.wake_at.take()
    }

    /// Empties everything and keeps the memory. The driver calls this when all has been carried out.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.datagrams.clear();
        self.is_finished = false;
        self.wake_at = None;
    }
}
