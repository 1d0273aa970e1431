//! A connection: a socket and the session on it. This is what the doors give to a model.
//!
//! Bytes come from the kernel through `recv(2)` and go back through `send(2)`, one call each per message.

use std::io::{self, ErrorKind, Read};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::net::SendFlags;
use socket2::Socket;
use tongro_proto::Now;

use crate::gate::Permit;
use crate::session::{Input, Io, Scratch, Session, Wants};

/// One accepted socket, what is said on it, and its place inside.
pub(crate) struct Connection {
    /// Shared only with whoever may have to wake a blocked reader at shutdown.
    socket: Arc<Socket>,
    session: Session,
    /// Gives the place back on drop.
    _permit: Permit,
}

impl Connection {
    /// Puts a session on a socket.
    pub(crate) fn new(socket: Socket, session: Session, permit: Permit) -> Self {
        Self { socket: Arc::new(socket), session, _permit: permit }
    }

    /// See [`Session::pump`].
    pub(crate) fn pump(&mut self, scratch: &mut Scratch, now: Now, may_read: bool) -> io::Result<Input> {
        self.session.pump(&mut Wire(&self.socket), scratch, now, may_read)
    }

    /// See [`Session::expire`].
    pub(crate) fn expire(&mut self, scratch: &mut Scratch, now: Now) -> io::Result<()> {
        self.session.expire(&mut Wire(&self.socket), scratch, now)
    }

    /// See [`Session::drain`].
    pub(crate) fn drain(&mut self) {
        self.session.drain();
    }

    /// See [`Session::wants`].
    pub(crate) fn wants(&self, scratch: &Scratch) -> Wants {
        self.session.wants(scratch)
    }

    /// See [`Session::deadline`].
    pub(crate) fn deadline(&self, scratch: &Scratch) -> Option<Duration> {
        self.session.deadline(&scratch.timeouts)
    }

    /// See [`Session::only_listens`].
    pub(crate) fn only_listens(&self) -> bool {
        self.session.only_listens()
    }

    /// See [`Session::is_done`].
    pub(crate) fn is_done(&self) -> bool {
        self.session.is_done()
    }

    /// The socket, for settings and for waking a blocked reader.
    pub(crate) fn socket(&self) -> &Arc<Socket> {
        &self.socket
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// A stream socket as [`Io`]: interrupted calls go on, and writing to a peer that is gone is an error, not SIGPIPE.
pub(crate) struct Wire<'a>(pub(crate) &'a Socket);

impl Io for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(rustix::io::retry_on_intr(|| rustix::net::send(self.0, bytes, SendFlags::NOSIGNAL))?)
    }

    fn finish(&mut self) -> io::Result<()> {
        match self.0.shutdown(Shutdown::Write) {
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(()), // reset while we were busy
            other => other,
        }
    }
}
