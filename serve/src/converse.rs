//! A conversation at a keyboard or in a pipe: what is typed goes to the peer, what comes back is shown, both at the
//! same time and until both have ended.
//!
//! Bytes come from one descriptor (standard input) and from one [`Client`], plain or under TLS; each piece is told to
//! the caller as it was moved, one call for each `send` and each `recv`.
//!
//! ```text
//!   input ──read──▶ pending ──send──▶ socket          the end of the input becomes our FIN (half-close):
//!                                                     the peer may still answer all it got
//!   caller ◀──told── recv ◀────────── socket          the peer's FIN ends the conversation
//! ```
//!
//! One thread waits for both with `poll(2)`. A client that first sends everything and then reads would stand still as
//! soon as both socket buffers are full: the server waits for us to read, and we wait for it.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use crate::client::Client;
use crate::connection::Wire;
use crate::doors::poll_retrying;
use crate::error::{Error, Result};
use crate::session::Io;

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved<'a> {
    /// These bytes were taken by the kernel in one call.
    Sent(&'a [u8]),
    /// These bytes came in one call.
    Received(&'a [u8]),
    /// The input has ended and our FIN has left; the peer may still send.
    Finished,
    /// The peer has finished, with so many bytes of ours unsent.
    PeerFinished(usize),
}

/// The most that is read from the input at once.
const PIECE: usize = 16 * 1024;

/// Talks until both sides have ended, or the peer has. `patience` bounds the wait for a peer that neither takes nor
/// says anything after our own end, or while output waits.
///
/// # Errors
/// Reset, time-out, or what the input or the socket said.
pub fn converse(
    client: &mut Client,
    input: BorrowedFd<'_>,
    patience: Duration,
    mut tell: impl FnMut(Moved<'_>) -> io::Result<()>,
) -> Result<()> {
    client.set_blocking(false)?;
    let mut talk = Talk { client, pending: Vec::new(), input_ended: false, finished: false };
    let outcome = talk.run(input, patience, &mut tell);
    let restored = client.set_blocking(true);
    outcome.and(restored)
}

/// Where a conversation stands.
struct Talk<'a> {
    client: &'a mut Client,
    /// Read from the input, not yet sent.
    pending: Vec<u8>,
    input_ended: bool,
    /// Our FIN has left.
    finished: bool,
}

/// Who is told.
type Tell<'a> = &'a mut dyn FnMut(Moved<'_>) -> io::Result<()>;

impl Talk<'_> {
    /// Turns until the peer has finished.
    fn run(&mut self, input: BorrowedFd<'_>, patience: Duration, tell: Tell<'_>) -> Result<()> {
        let mut buffer = vec![0; 64 * 1024];
        let mut moved_at = Instant::now();
        loop {
            let waits_for_peer = self.input_ended || !self.pending.is_empty();
            let left = waits_for_peer.then(|| patience.saturating_sub(moved_at.elapsed()));
            let ready = self.wait(input, left).map_err(Error::io("receive"))?;
            if ready.nothing {
                return Err(Error::TimedOut { waiting_to: "receive" });
            }
            moved_at = Instant::now();
            if ready.socket && self.receive(&mut buffer, tell)? {
                return Ok(());
            }
            if ready.input {
                self.take_input(input, &mut buffer).map_err(Error::io("read the input"))?;
            }
            self.send(tell)?;
        }
    }

    /// Sleeps until something can be done.
    fn wait(&self, input: BorrowedFd<'_>, at_most: Option<Duration>) -> io::Result<Ready> {
        let is_blocked = !self.pending.is_empty() || self.client.wants_write();
        let flags = if is_blocked { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
        let mut fds = vec![PollFd::new(self.client, flags)];
        if self.pending.is_empty() && !self.input_ended {
            fds.push(PollFd::from_borrowed_fd(input, PollFlags::IN));
        }
        let count = poll_retrying(&mut fds, at_most)?;
        let input = fds.get(1).is_some_and(|fd| !fd.revents().is_empty());
        Ok(Ready { nothing: count == 0, socket: !fds[0].revents().is_empty(), input })
    }

    /// Takes what has come; says whether the peer has finished.
    fn receive(&mut self, buffer: &mut [u8], tell: Tell<'_>) -> Result<bool> {
        match self.client.recv_ready(buffer) {
            Ok(0) => {
                let unsent = self.pending.len();
                tell(Moved::PeerFinished(unsent)).map_err(Error::io("write the output"))?;
                Ok(true)
            }
            Ok(len) => {
                tell(Moved::Received(&buffer[..len])).map_err(Error::io("write the output")).map(|()| false)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(Error::io("receive")(error)),
        }
    }

    /// Reads the next piece.
    fn take_input(&mut self, input: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<()> {
        match rustix::io::retry_on_intr(|| rustix::io::read(input, &mut buffer[..PIECE])) {
            Ok(0) => self.input_ended = true,
            Ok(len) => self.pending.extend_from_slice(&buffer[..len]),
            Err(rustix::io::Errno::AGAIN) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    /// Sends what goes; after the last byte of the input also the end.
    fn send(&mut self, tell: Tell<'_>) -> Result<()> {
        while !self.pending.is_empty() || self.client.wants_write() {
            match self.client.send_some(&self.pending) {
                Ok(len) => {
                    if len > 0 {
                        tell(Moved::Sent(&self.pending[..len])).map_err(Error::io("write the output"))?;
                    }
                    self.pending.drain(..len);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(Error::io("send")(error)),
            }
        }
        if self.input_ended && !self.finished {
            self.client.finish()?;
            self.finished = true;
            tell(Moved::Finished).map_err(Error::io("write the output"))?;
        }
        Ok(())
    }
}

/// What a wait has found.
struct Ready {
    nothing: bool,
    socket: bool,
    input: bool,
}

impl Client {
    /// Sends a part of it; under TLS, first what TLS itself has to say.
    fn send_some(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return Wire(&self.socket).write(bytes) };
        while tls.wants_write() {
            tls.write_tls(&mut &self.socket)?;
        }
        let len = tls.writer().write(bytes)?;
        match tls.write_tls(&mut &self.socket) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
            _ => Ok(len), // what TLS keeps leaves with the next call
        }
    }

    /// What can be had without waiting.
    fn recv_ready(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return Wire(&self.socket).read(buffer) };
        match tls.reader().read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            other => return other,
        }
        let len = tls.read_tls(&mut &self.socket)?;
        tls.process_new_packets().map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        match tls.reader().read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock && len == 0 => {
                Err(ErrorKind::UnexpectedEof.into()) // a FIN without `close_notify`: somebody may have cut it
            }
            other => other,
        }
    }

    /// Has TLS something to say that the socket has not taken?
    fn wants_write(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Whether calls wait.
    fn set_blocking(&self, blocking: bool) -> Result<()> {
        self.socket.set_nonblocking(!blocking).map_err(Error::io("fcntl"))
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
