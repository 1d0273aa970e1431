//! The clock's listener: hears ticks, asks for the time, keeps a report.
//!
//! Datagrams come from a group or a server and go through [`tongro_proto::clock::Listener`], in a thread of its own.
//!
//! The machine counts; this file only binds, joins the group and keeps the thread. The port may be shared
//! (`SO_REUSEADDR`), since several learners on one host want to hear one broadcast; a *server's* port never is.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tongro_proto::clock::{Listener, Report};
use tongro_proto::{Actions, Event, Machine, Now};

use crate::connection::Connection;
use crate::datagram::Datagrams;
use crate::doors::Doors;
use crate::drive::{Sleep, drive};
use crate::error::{Error, Result};
use crate::job::Job;
use crate::options::Options;
use crate::session::Watch;

/// Where to listen and whom to ask.
#[derive(Clone, Debug)]
pub struct ListenOptions {
    /// The address to bind; port 0 is any. Several listeners of one host may share a port: each hears every tick
    /// that is broadcast.
    pub at: SocketAddr,
    /// A multicast group to join.
    pub group: Option<IpAddr>,
    /// The interface to join the group on, by its own address; without it, the kernel's choice by its routes.
    pub interface: Option<Ipv4Addr>,
    /// A server to ask for the time, and how often.
    pub ask: Option<(SocketAddr, Duration)>,
    /// Who is told of each tick and sample.
    pub watch: Option<Watch>,
}

/// A listener at work; dropping it ends it.
#[derive(Debug)]
pub struct ClockListener {
    local_addr: SocketAddr,
    machine: Shared,
    job: Arc<Job>,
    thread: Option<JoinHandle<()>>,
}

/// The machine, in the hands of its thread and of those who want its report.
#[derive(Clone, Debug)]
struct Shared(Arc<Mutex<Listener>>);

impl Machine for Shared {
    fn handle(&mut self, event: Event<'_>, now: Now, actions: &mut Actions) {
        self.lock().handle(event, now, actions);
    }
}

impl Shared {
    /// A report is whole after each event.
    fn lock(&self) -> MutexGuard<'_, Listener> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClockListener {
    /// Starts to listen.
    pub fn start(options: ListenOptions) -> Result<Self> {
        let ListenOptions { at, group, interface, ask, watch } = options;
        let socket =
            bind(at, group, interface).map_err(|source| Error::Listen { address: at.to_string(), source })?;
        let local = socket.local_addr().map_err(Error::io("getsockname"))?;
        let local_addr = local.as_socket().unwrap_or(at);
        let machine = Shared(Arc::new(Mutex::new(Listener::new(ask))));
        let job = Arc::new(Job::new(Options { watch, ..Options::default() }, Doors::closed())?);
        let (theirs, driven) = (Arc::clone(&job), machine.clone());
        let thread = std::thread::Builder::new().name("clock".to_owned()).spawn(move || {
            let mut connection =
                Connection::datagrams(socket, Datagrams::new(Box::new(driven), theirs.clock));
            let _ = drive(&mut connection, &theirs, &mut theirs.small_scratch(), Sleep::InPoll);
        });
        let thread = Some(thread.map_err(Error::io("clone"))?);
        Ok(Self { local_addr, machine, job, thread })
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// What was found out so far.
    pub fn report(&self) -> Report {
        self.machine.lock().report()
    }
}

impl Drop for ClockListener {
    fn drop(&mut self) {
        self.job.ring();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A socket that may share its port and hears its group.
fn bind(at: SocketAddr, group: Option<IpAddr>, interface: Option<Ipv4Addr>) -> std::io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(at), Type::DGRAM, None)?;
    socket.set_reuse_address(true)?;
    socket.set_broadcast(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&at.into())?;
    match group {
        Some(IpAddr::V4(group)) => {
            socket.join_multicast_v4(&group, &interface.unwrap_or(Ipv4Addr::UNSPECIFIED))?
        }
        Some(IpAddr::V6(group)) => socket.join_multicast_v6(&group, 0)?,
        None => {}
    }
    Ok(socket)
}
