//! A connection: a socket and what is said on it. This is what the doors give to a model.
//!
//! Bytes come from the kernel through `recv(2)` and go back through `send(2)`, one call each per message.
//!
//! A stream and a UDP socket look alike to a model: something to pump when it may be ready, with wishes and a deadline.
//! That is why the clock, which has no connections at all, runs under every model too.

use std::io::{self, ErrorKind, Read};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use rustix::net::SendFlags;
use socket2::Socket;
use tongro_proto::Now;

use crate::datagram::Datagrams;
use crate::gate::Permit;
use crate::mail::Mailbox;
use crate::session::{Input, Io, Scratch, Session, Wants};

/// One socket, what is said on it, and its place inside.
pub(crate) struct Connection {
    /// Shared only with whoever may have to wake a blocked reader at shutdown.
    socket: Arc<Socket>,
    talk: Talk,
    /// Gives the place back on drop.
    permit: Option<Permit>,
}

/// The two kinds of transport.
enum Talk {
    Stream(Session),
    Datagrams(Box<Datagrams>),
}

impl Connection {
    /// A session on an accepted socket.
    pub(crate) fn stream(socket: Socket, session: Session, permit: Permit) -> Self {
        Self { socket: Arc::new(socket), talk: Talk::Stream(session), permit: Some(permit) }
    }

    /// A session on a socket we connected ourselves: it takes nobody's place.
    pub(crate) fn outgoing(socket: Socket, session: Session) -> Self {
        Self { socket: Arc::new(socket), talk: Talk::Stream(session), permit: None }
    }

    /// A machine on a UDP socket: a connection to everybody.
    pub(crate) fn datagrams(socket: Socket, datagrams: Datagrams) -> Self {
        Self { socket: Arc::new(socket), talk: Talk::Datagrams(Box::new(datagrams)), permit: None }
    }

    /// See [`Session::pump`].
    pub(crate) fn pump(&mut self, scratch: &mut Scratch, now: Now, may_read: bool) -> io::Result<Input> {
        match &mut self.talk {
            Talk::Stream(session) => session.pump(&mut Wire(&self.socket), scratch, now, may_read),
            Talk::Datagrams(datagrams) => {
                let is_all = datagrams.pump(&self.socket, scratch.watch.as_ref())?;
                Ok(if is_all { Input::Exhausted } else { Input::More })
            }
        }
    }

    /// The same, with another way to the socket's bytes than reading them here; datagrams are read as ever.
    pub(crate) fn pump_with<'a, I: Io>(
        &'a mut self,
        io: impl FnOnce(&'a Socket) -> I,
        scratch: &mut Scratch,
        now: Now,
        may_read: bool,
    ) -> io::Result<Input> {
        match &mut self.talk {
            Talk::Stream(session) => session.pump(&mut io(&self.socket), scratch, now, may_read),
            Talk::Datagrams(_) => self.pump(scratch, now, may_read),
        }
    }

    /// See [`Session::expire`].
    pub(crate) fn expire(&mut self, scratch: &mut Scratch, now: Now) -> io::Result<()> {
        match &mut self.talk {
            Talk::Stream(session) => session.expire(&mut Wire(&self.socket), scratch, now),
            Talk::Datagrams(datagrams) => {
                datagrams.expire(&self.socket, scratch.watch.as_ref());
                Ok(())
            }
        }
    }

    /// See [`Session::drain`].
    pub(crate) fn drain(&mut self) {
        match &mut self.talk {
            Talk::Stream(session) => session.drain(),
            Talk::Datagrams(datagrams) => datagrams.drain(),
        }
    }

    /// See [`Session::wants`].
    pub(crate) fn wants(&self, scratch: &Scratch) -> Wants {
        match &self.talk {
            Talk::Stream(session) => session.wants(scratch),
            Talk::Datagrams(_) => Wants { read: true, write: false },
        }
    }

    /// See [`Session::is_blocked`].
    pub(crate) fn is_blocked(&self) -> bool {
        matches!(&self.talk, Talk::Stream(session) if session.is_blocked())
    }

    /// See [`Session::deadline`].
    pub(crate) fn deadline(&self, scratch: &Scratch) -> Option<Duration> {
        match &self.talk {
            Talk::Stream(session) => session.deadline(&scratch.timeouts),
            Talk::Datagrams(datagrams) => datagrams.deadline(),
        }
    }

    /// See [`Session::only_listens`].
    pub(crate) fn only_listens(&self) -> bool {
        matches!(&self.talk, Talk::Stream(session) if session.only_listens())
    }

    /// See [`Session::is_done`].
    pub(crate) fn is_done(&self) -> bool {
        match &self.talk {
            Talk::Stream(session) => session.is_done(),
            Talk::Datagrams(datagrams) => datagrams.is_done(),
        }
    }

    /// Where others leave their words for this peer.
    pub(crate) fn mailbox(&self) -> Option<&Arc<Mailbox>> {
        match &self.talk {
            Talk::Stream(session) => session.mailbox(),
            Talk::Datagrams(_) => None,
        }
    }

    /// The socket, for settings and for waking a blocked reader.
    pub(crate) fn socket(&self) -> &Arc<Socket> {
        &self.socket
    }

    /// Lets go of the socket and keeps the place, for a process that handed the connection to another.
    pub(crate) fn into_permit(self) -> Option<Permit> {
        self.permit
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
