//! A running server: made by [`start`], ended by its [`Shutdown`] handle.
//!
//! `start` opens the doors in the caller's thread, so an address in use is the caller's error, then hands the
//! [`Job`] to the chosen model in a thread of its own.

use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags};
use socket2::Socket;
use tongro_proto::{Bounds, Proto};

use crate::bell::Bell;
use crate::clock::Clock;
use crate::connection::Connection;
use crate::doors::{Doors, poll_retrying};
use crate::error::{Error, Result};
use crate::gate::{Entry, Gate};
use crate::live::Live;
use crate::model;
use crate::options::Options;
use crate::session::{Scratch, Session};

/// Opens the doors and starts serving.
pub fn start(options: Options) -> Result<Server> {
    let doors = Doors::open(&options)?;
    let local_addrs = doors.local_addrs();
    let job = Arc::new(Job {
        bell: Arc::new(Bell::new().map_err(Error::io("eventfd"))?),
        live: Live::default(),
        gate: Gate::new(&options.limits),
        clock: Clock::start(),
        doors: Mutex::new(Some(doors)),
        options,
    });
    let (tell_end, ended) = channel();
    let thread = std::thread::Builder::new().name(job.options.model.name().to_owned());
    let theirs = Arc::clone(&job);
    let thread = thread
        .spawn(move || {
            let outcome = model::run(&theirs);
            theirs.ring(); // if it failed, whoever waits in `join` must hear of it
            let _ = tell_end.send(());
            outcome
        })
        .map_err(Error::io("clone"))?;
    Ok(Server { local_addrs, job, thread: Some(thread), ended })
}

/// A server at work. Dropping it rings the bell and does not wait.
#[derive(Debug)]
pub struct Server {
    local_addrs: Vec<SocketAddr>,
    job: Arc<Job>,
    /// The thread that accepts; taken by `join`.
    thread: Option<JoinHandle<std::io::Result<()>>>,
    /// Tells when that thread has left.
    ended: Receiver<()>,
}

/// Ends a server from anywhere: another thread, a signal handler's thread, a test.
#[derive(Clone, Debug)]
pub struct Shutdown(Arc<Job>);

/// What a server did, told when it has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Connections let in.
    pub accepted: u64,
    /// Connections closed at once because their address had its share.
    pub refused: u64,
    /// Connections cut because they had not finished when the drain time was over.
    pub cut: usize,
}

impl Server {
    /// Where it listens, with the real ports. Empty if it listens on a Unix socket.
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.local_addrs
    }

    /// Connections inside at this moment.
    pub fn connections(&self) -> usize {
        self.job.gate.tally().0
    }

    /// A handle that ends this server.
    pub fn shutdown_handle(&self) -> Shutdown {
        Shutdown(Arc::clone(&self.job))
    }

    /// Stops accepting, lets conversations finish; see [`crate::Timeouts::drain`].
    pub fn shutdown(&self) {
        self.job.ring();
    }

    /// Waits until the server has ended after a shutdown, or failed.
    pub fn join(mut self) -> Result<Summary> {
        let Some(thread) = self.thread.take() else { return Ok(Summary::default()) };
        let cut = self.wait_or_cut();
        let outcome =
            thread.join().unwrap_or_else(|_| Err(std::io::Error::other("the serving thread panicked")));
        outcome.map_err(Error::io("serve"))?;
        let (_, accepted, refused) = self.job.gate.tally();
        Ok(Summary { accepted, refused, cut })
    }

    /// Waits for the end; once the bell has rung only for the drain time, then cuts what blocks.
    fn wait_or_cut(&self) -> usize {
        let mut bell = [PollFd::new(&*self.job.bell, PollFlags::IN)];
        let _ = poll_retrying(&mut bell, None);
        if self.ended.recv_timeout(self.job.options.timeouts.drain).is_ok() {
            return 0;
        }
        let left = self.connections();
        self.job.live.end(std::net::Shutdown::Both);
        left
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.job.ring();
    }
}

impl Shutdown {
    /// See [`Server::shutdown`].
    pub fn shutdown(&self) {
        self.0.ring();
    }
}

/// Everything a model works with.
#[derive(Debug)]
pub(crate) struct Job {
    /// The listeners, taken by the model so that they close when it stops accepting.
    pub(crate) doors: Mutex<Option<Doors>>,
    /// Rings at shutdown.
    pub(crate) bell: Arc<Bell>,
    /// Who has to be woken then.
    pub(crate) live: Live,
    /// Who is inside.
    pub(crate) gate: Arc<Gate>,
    /// What time it is.
    pub(crate) clock: Clock,
    /// What was asked for.
    pub(crate) options: Options,
}

impl Job {
    /// Takes the doors; a model calls this once.
    pub(crate) fn take_doors(&self) -> std::io::Result<Doors> {
        let mut doors = self.doors.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        doors.take().ok_or_else(|| std::io::Error::other("the doors are already taken"))
    }

    /// Working space for a thread that serves many.
    pub(crate) fn scratch(&self) -> Scratch {
        Scratch::new(64 * 1024, &self.options.limits, &self.options.timeouts)
    }

    /// Working space for a thread that serves one: it is multiplied by the number of peers.
    pub(crate) fn small_scratch(&self) -> Scratch {
        Scratch::new(16 * 1024, &self.options.limits, &self.options.timeouts)
    }

    /// Lets a newcomer in, or closes the socket because its address has its share.
    pub(crate) fn welcome(&self, socket: Socket, from: Option<IpAddr>) -> Option<Connection> {
        let Entry::Pass(permit) = self.gate.enter(from) else { return None };
        let bounds = Bounds { message_len: self.options.limits.message_len };
        let session = Session::new(self.proto().machine(bounds), self.clock.now());
        Some(Connection::new(socket, session, permit))
    }

    /// The protocol spoken here.
    pub(crate) fn proto(&self) -> Proto {
        self.options.proto
    }

    fn ring(&self) {
        self.bell.ring();
        self.live.end(std::net::Shutdown::Read);
    }
}
