//! One conversation on a UDP socket: no connection, no end, and nothing is ever sure to arrive.
//!
//! Datagrams come from `recvfrom(2)`, from anyone; the machine's answers leave by `sendto(2)`, each whole or not at
//! all. An answer that cannot leave now is dropped, as the network might have done.
//!
//! There is nothing to accept, nothing to linger for and nobody to be slow: the kernel drops what does not fit into the
//! socket's buffer. So limits and stream timeouts do not apply here. An empty datagram is a datagram and not an end, and
//! a machine that does not understand one ignores it: whoever answers junk answers forged senders.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

use rustix::net::{RecvFlags, SendFlags};
use socket2::Socket;
use tongro_proto::{Actions, Event, Machine};

use crate::clock::Clock;
use crate::session::Watch;

/// How many datagrams are taken before others have their turn.
const BATCH: usize = 64;

/// The largest a datagram can be over IPv4, and one more: longer would be seen, not cut.
const DATAGRAM_LEN: usize = 65_536;

/// A machine on a UDP socket, with its buffers: there is one such socket, not thousands.
pub(crate) struct Datagrams {
    machine: Box<dyn Machine>,
    /// Looked at for each datagram: a clock that is told the time of the batch would be wrong by its length.
    clock: Clock,
    input: Box<[u8]>,
    actions: Actions,
    is_open: bool,
    is_draining: bool,
    is_done: bool,
    wake_at: Option<Duration>,
}

impl Datagrams {
    /// A conversation that has not begun.
    pub(crate) fn new(machine: Box<dyn Machine>, clock: Clock) -> Self {
        Self {
            machine,
            clock,
            input: vec![0; DATAGRAM_LEN].into_boxed_slice(),
            actions: Actions::default(),
            is_open: false,
            is_draining: false,
            is_done: false,
            wake_at: None,
        }
    }

    /// Answers what has arrived. Says whether all of it was taken.
    pub(crate) fn pump(&mut self, socket: &Socket, watch: Option<&Watch>) -> io::Result<bool> {
        if !core::mem::replace(&mut self.is_open, true) {
            self.tell(Event::Open, socket, watch);
        }
        let mut input = core::mem::take(&mut self.input);
        let outcome = self.answer_batch(&mut input, socket, watch);
        self.input = input;
        if self.is_draining && matches!(outcome, Ok(true)) {
            self.tell(Event::Drain, socket, watch);
            self.is_done = true;
        }
        outcome
    }

    /// Wakes the machine if it is time.
    pub(crate) fn expire(&mut self, socket: &Socket, watch: Option<&Watch>) {
        if self.wake_at.is_some_and(|at| at <= self.clock.now().steady) {
            self.wake_at = None;
            self.tell(Event::Wake, socket, watch);
        }
    }

    /// The bell has rung.
    pub(crate) fn drain(&mut self) {
        self.is_draining = true;
    }

    /// When to call [`Self::expire`].
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.wake_at
    }

    /// Is it over?
    pub(crate) fn is_done(&self) -> bool {
        self.is_done
    }

    /// Takes datagrams until there are none, or others must have their turn.
    fn answer_batch(&mut self, input: &mut [u8], socket: &Socket, watch: Option<&Watch>) -> io::Result<bool> {
        for _ in 0..BATCH {
            match rustix::net::recvfrom(socket, &mut *input, RecvFlags::DONTWAIT) {
                Ok((len, _, Some(from))) => {
                    if let Ok(from) = SocketAddr::try_from(from) {
                        self.tell(Event::Datagram { from, bytes: &input[..len] }, socket, watch);
                    }
                }
                Ok((_, _, None)) => {}
                Err(error) if io::Error::from(error).kind() == ErrorKind::WouldBlock => return Ok(true),
                // An ICMP error about an earlier answer comes here; it concerns that one, not the socket.
                Err(rustix::io::Errno::INTR | rustix::io::Errno::CONNREFUSED) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }

    /// One event, and the answers to it, each a datagram.
    fn tell(&mut self, event: Event<'_>, socket: &Socket, watch: Option<&Watch>) {
        self.actions.clear();
        self.machine.handle(event, self.clock.now(), &mut self.actions);
        self.wake_at = self.actions.take_wake().or(self.wake_at);
        for datagram in self.actions.datagrams() {
            let bytes = &self.actions.bytes()[datagram.range.clone()];
            let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
            let _ = rustix::io::retry_on_intr(|| rustix::net::sendto(socket, bytes, flags, &datagram.to));
        }
        if let Some(watch) = watch {
            self.actions.take_notices().into_iter().for_each(|notice| watch.tell(notice));
        }
    }
}
