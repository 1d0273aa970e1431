//! The job: everything a model works with, made once by [`start`](crate::start) and shared by all its threads.
//!
//! It is also where protocol and model meet, in one place for all cells of the table: [`Job::welcome`] makes a session
//! with whatever its protocol needs (a shelf for files, a mailbox for chat, TLS for any stream), and the model gets a
//! [`Connection`] that looks like every other.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use socket2::Socket;
use tongro_proto::{Bounds, Machine, Proto, clock};

use crate::bell::Bell;
use crate::clock::Clock;
use crate::connection::Connection;
use crate::datagram::Datagrams;
use crate::doors::Doors;
use crate::drive::Sleep;
use crate::error::{Error, Result};
use crate::gate::{Entry, Gate};
use crate::live::Live;
use crate::mail::PostOffice;
use crate::options::Options;
use crate::session::{Scratch, Session};
use crate::shelf::Shelf;

/// What is to be served, and the means to do it.
#[derive(Debug)]
pub(crate) struct Job {
    /// The listeners, taken by the model so that they close when it stops accepting.
    doors: Mutex<Option<Doors>>,
    /// UDP sockets that nobody serves yet.
    datagrams: Mutex<Vec<Socket>>,
    /// Rings at shutdown.
    pub(crate) bell: Arc<Bell>,
    /// Who has to be woken then.
    pub(crate) live: Live,
    /// Who is inside.
    pub(crate) gate: Arc<Gate>,
    /// What time it is.
    pub(crate) clock: Clock,
    /// The one chat room.
    office: Arc<PostOffice>,
    /// The directory of files.
    directory: Arc<PathBuf>,
    /// What was asked for.
    pub(crate) options: Options,
}

impl Job {
    /// A job behind these doors.
    pub(crate) fn new(options: Options, mut doors: Doors) -> Result<Self> {
        let bell = Arc::new(Bell::new().map_err(Error::io("eventfd"))?);
        let datagrams = doors.take_datagrams();
        Ok(Self::with(options, Some(doors), datagrams, bell, Clock::start()))
    }

    /// The same job in a forked child: the doors stay with the parent, the counts begin at nothing, and no lock is
    /// shared with threads that exist only in the parent. The bell is the same.
    pub(crate) fn in_child(&self) -> Self {
        let datagrams = core::mem::take(&mut *lock(&self.datagrams));
        Self::with(self.options.clone(), None, datagrams, Arc::clone(&self.bell), self.clock)
    }

    /// The parts that are always new, and those that are given.
    fn with(
        options: Options,
        doors: Option<Doors>,
        datagrams: Vec<Socket>,
        bell: Arc<Bell>,
        clock: Clock,
    ) -> Self {
        Self {
            doors: Mutex::new(doors),
            datagrams: Mutex::new(datagrams),
            bell,
            live: Live::default(),
            gate: Gate::new(&options.limits),
            clock,
            office: PostOffice::new(bounds(&options)),
            directory: Arc::new(options.directory.clone()),
            options,
        }
    }

    /// Takes the doors; a model calls this once.
    pub(crate) fn take_doors(&self) -> io::Result<Doors> {
        lock(&self.doors).take().ok_or_else(|| io::Error::other("the doors are already taken"))
    }

    /// Working space for a thread that serves many.
    pub(crate) fn scratch(&self) -> Scratch {
        self.scratch_of(64 * 1024)
    }

    /// Working space for a thread that serves one: it is multiplied by the number of peers.
    pub(crate) fn small_scratch(&self) -> Scratch {
        self.scratch_of(16 * 1024)
    }

    /// Buffers of this size under the rules of this server.
    fn scratch_of(&self, input_len: usize) -> Scratch {
        let Options { limits, timeouts, watch, .. } = &self.options;
        Scratch::new(input_len, limits, timeouts, watch.as_ref())
    }

    /// Lets a newcomer in, or closes the socket because its address has its share.
    pub(crate) fn welcome(&self, socket: Socket, from: Option<IpAddr>) -> Option<Connection> {
        let Entry::Pass(permit) = self.gate.enter(from) else { return None };
        Some(Connection::stream(socket, self.session()?, permit))
    }

    /// The next UDP socket that nobody serves yet.
    pub(crate) fn next_datagrams(&self) -> Option<Connection> {
        let socket = lock(&self.datagrams).pop()?;
        let machine: Box<dyn Machine> = match self.options.proto {
            Proto::Clock => Box::new(clock::Server::new(self.options.announce)),
            other => other.machine(bounds(&self.options))?,
        };
        Some(Connection::datagrams(socket, Datagrams::new(machine, self.clock)))
    }

    /// How a thread that serves one connection sleeps.
    pub(crate) fn sleep(&self) -> Sleep {
        let only_bytes = self.options.proto.is_reactive() && self.options.tls.is_none();
        if only_bytes { Sleep::InRecv } else { Sleep::InPoll }
    }

    /// Rings the bell and wakes those who cannot hear it.
    pub(crate) fn ring(&self) {
        self.bell.ring();
        self.live.end(std::net::Shutdown::Read);
    }

    /// A conversation with all that its protocol needs.
    fn session(&self) -> Option<Session> {
        let now = self.clock.now();
        let mut session = match self.options.proto.machine(bounds(&self.options)) {
            Some(machine) => Session::new(machine, now),
            None => {
                let (machine, mailbox) = self.office.admit(self.options.limits.output_len);
                Session::new(machine, now).with_mailbox(mailbox)
            }
        };
        if self.options.proto == Proto::Transfer {
            session = session.with_shelf(Shelf::new(&self.directory));
        }
        match &self.options.tls {
            Some(tls) => Some(session.with_tls(tls.layer().ok()?)),
            None => Some(session),
        }
    }
}

/// What machines may store, out of the limits.
fn bounds(options: &Options) -> Bounds {
    Bounds { message_len: options.limits.message_len }
}

/// The data behind these locks is whole after each statement, so a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
