//! A running server: made by [`start`], ended by its [`Shutdown`] handle.
//!
//! `start` opens the doors in the caller's thread, so an address in use is the caller's error, then hands the
//! [`Job`] to the chosen model in a thread of its own.
//!
//! Shutdown in order: the bell rings; doors close, so new callers are refused; what has arrived is answered; each
//! conversation ends at its next message boundary, with FIN; what is not through after the drain time is cut, and
//! counted in [`Summary::cut`].

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;

use rustix::event::{PollFd, PollFlags};
use tongro_proto::Transport;

use crate::doors::{Doors, poll_retrying};
use crate::error::{Error, Result, Why};
use crate::job::Job;
use crate::model;
use crate::options::Options;

/// Opens the doors and starts serving.
pub fn start(options: Options) -> Result<Server> {
    let model = options.model;
    model.check(options.proto).map_err(|why| Error::NotPossible { model, why })?;
    if options.tls.is_some() && options.proto.transport() == Transport::Datagram {
        return Err(Error::NotPossible { model, why: Why::NoStream });
    }
    let doors = Doors::open(&options)?;
    let (local_addrs, unix) = (doors.local_addrs(), options.unix.clone());
    let job = Arc::new(Job::new(options, doors)?);
    let (tell_end, ended) = channel();
    let thread = std::thread::Builder::new().name(model.name().to_owned());
    let theirs = Arc::clone(&job);
    let thread = thread
        .spawn(move || {
            let outcome = model::run(&theirs);
            theirs.ring(); // if it failed, whoever waits in `join` must hear of it
            let _ = tell_end.send(());
            outcome
        })
        .map_err(Error::io("clone"))?;
    Ok(Server { local_addrs, unix, job, thread: Some(thread), ended })
}

/// A server at work. Dropping it rings the bell and does not wait.
#[derive(Debug)]
pub struct Server {
    local_addrs: Vec<SocketAddr>,
    unix: Option<PathBuf>,
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

    /// The Unix socket it listens on, if it does.
    pub fn unix_path(&self) -> Option<&Path> {
        self.unix.as_deref()
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

    /// Waits until a shutdown has been asked for, or the server has failed; [`Self::join`] then waits for the end.
    pub fn wait_for_shutdown(&self) {
        let mut bell = [PollFd::new(&*self.job.bell, PollFlags::IN)];
        let _ = poll_retrying(&mut bell, None);
    }

    /// Waits until the server has ended after a shutdown, or failed.
    pub fn join(mut self) -> Result<Summary> {
        let Some(thread) = self.thread.take() else { return Ok(Summary::default()) };
        let cut = self.wait_or_cut();
        let outcome =
            thread.join().unwrap_or_else(|_| Err(std::io::Error::other("the serving thread panicked")));
        outcome.map_err(Error::io("serve"))?;
        let (_, accepted, refused) = self.job.gate.tally();
        Ok(Summary { accepted, refused, cut: cut + self.job.gate.cut() })
    }

    /// Waits for the end; once the bell has rung only for the drain time, then cuts what blocks.
    fn wait_or_cut(&self) -> usize {
        self.wait_for_shutdown();
        if self.ended.recv_timeout(self.job.options.timeouts.drain).is_ok() {
            return 0;
        }
        let left = self.connections();
        self.job.live.end(std::net::Shutdown::Both);
        left.max(1)
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
