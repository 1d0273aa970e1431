//! Listening sockets: the only place where one is made, and the only place where `accept` is called.
//!
//! A host name goes in; connected, non-blocking-by-choice sockets come out and go to a concurrency model.
//!
//! Each listener gets `SO_REUSEADDR` (a restart must not wait for TIME_WAIT), a backlog of 4096 (`std` asks for
//! 128), close-on-exec, and `TCP_NODELAY`, which Linux hands down to every accepted socket.
//!
//! What can go wrong at `accept`, and whose fault it is:
//!
//! | error | meaning | what is done |
//! |---|---|---|
//! | `EAGAIN` | nobody waits, or another process was quicker | wait |
//! | `ECONNABORTED`, `EPROTO`, network errors | the caller has gone meanwhile | next caller |
//! | `EINTR` | a signal came | again |
//! | `EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM` | we are out of something | leave the queue alone for a while |
//! | anything else | the listener is broken | the server ends with the error |
//!
//! A listener whose queue is not empty stays readable. So after `EMFILE` a loop that simply waits again would spin at
//! full speed; and one that treats every error as fatal would be shut down by any client that hangs up early.
//!
//! **Dual stack**: the IPv6 wildcard with `IPV6_V6ONLY` off takes IPv4 callers too, as `::ffff:a.b.c.d`; their address
//! is turned back into IPv4 before it is counted, so a peer has one share and not two.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{SocketAddrAny, SocketFlags};
use socket2::{Domain, SockAddr, Socket, Type};
use tongro_proto::Transport;

use crate::bell::Bell;
use crate::error::{Error, Result};
use crate::options::Options;

/// All the sockets one server listens on.
#[derive(Debug)]
pub(crate) struct Doors {
    /// One per address; none for a protocol of datagrams.
    listeners: Vec<Socket>,
    /// UDP sockets, for a protocol of datagrams: nobody knocks there, they are served as they are.
    datagrams: Vec<Socket>,
    /// The file to remove in the end, for a Unix socket.
    unix: Option<PathBuf>,
}

/// What `accept` brought.
pub(crate) enum Arrival {
    /// A connection, non-blocking, and its address (none for Unix sockets).
    Peer(Socket, Option<IpAddr>),
    /// Nobody is waiting.
    Nobody,
    /// The process or the host is out of descriptors or memory: leave the queue alone for a while. Trying again
    /// at once would spin, since the listener stays readable.
    Exhausted,
}

/// What ended a wait.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Knock {
    /// This listener has somebody waiting.
    Door(usize),
    /// The shutdown bell.
    Bell,
    /// One of the other descriptors.
    Other,
    /// Time passed.
    Nothing,
}

impl Doors {
    /// Opens every address of `options`.
    pub(crate) fn open(options: &Options) -> Result<Self> {
        if let Some(path) = &options.unix {
            return Self::open_unix(path, options.backlog);
        }
        let sockets = match options.host.as_str() {
            "" | "*" => vec![open_everywhere(options)?],
            host => open_each(resolve(host)?, options)?,
        };
        let (mut listeners, mut datagrams) = (Vec::new(), Vec::new());
        match options.proto.transport() {
            Transport::Stream => listeners = sockets,
            Transport::Datagram => datagrams = sockets,
        }
        Ok(Self { listeners, datagrams, unix: None })
    }

    /// A Unix socket. A socket file nobody listens on is a leftover and is replaced; any other file is not ours.
    fn open_unix(path: &Path, backlog: i32) -> Result<Self> {
        let address = path.display().to_string();
        let named = |source| Error::Listen { address: address.clone(), source };
        let at = SockAddr::unix(path).map_err(named)?;
        if let Ok(found) = path.symlink_metadata() {
            if !found.file_type().is_socket() {
                return Err(Error::NotASocket { path: path.to_owned() });
            }
            let probe = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(named)?;
            if probe.connect(&at).is_ok() {
                return Err(Error::AddressInUse { address: address.clone() });
            }
            std::fs::remove_file(path).map_err(named)?;
        }
        let listener = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(named)?;
        listener.bind(&at).map_err(named)?;
        listener.listen(backlog).map_err(named)?;
        listener.set_nonblocking(true).map_err(named)?;
        Ok(Self { listeners: vec![listener], datagrams: Vec::new(), unix: Some(path.to_owned()) })
    }

    /// Takes one connection from the queue of `door`.
    pub(crate) fn accept(&self, door: usize) -> io::Result<Arrival> {
        loop {
            match rustix::net::acceptfrom_with(
                &self.listeners[door],
                SocketFlags::NONBLOCK | SocketFlags::CLOEXEC,
            ) {
                Ok((fd, from)) => return Ok(Arrival::Peer(Socket::from(fd), from.and_then(ip_of))),
                Err(Errno::AGAIN) => return Ok(Arrival::Nobody),
                Err(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => {
                    return Ok(Arrival::Exhausted);
                }
                Err(error) if is_passing(error) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Sleeps until somebody knocks, the bell rings, one of `others` is readable or `at_most` has passed.
    pub(crate) fn wait(
        &self,
        bell: &Bell,
        others: &[BorrowedFd<'_>],
        at_most: Option<Duration>,
    ) -> io::Result<Knock> {
        let mut fds = vec![PollFd::new(bell, PollFlags::IN)];
        fds.extend(others.iter().map(|other| PollFd::new(other, PollFlags::IN)));
        fds.extend(self.listeners.iter().map(|listener| PollFd::new(listener, PollFlags::IN)));
        poll_retrying(&mut fds, at_most)?;
        Ok(match fds.iter().position(|fd| !fd.revents().is_empty()) {
            None => Knock::Nothing,
            Some(0) => Knock::Bell,
            Some(number) if number <= others.len() => Knock::Other,
            Some(number) => Knock::Door(number - 1 - others.len()),
        })
    }

    /// No doors: for waiting on everything else.
    pub(crate) fn closed() -> Self {
        Self { listeners: Vec::new(), datagrams: Vec::new(), unix: None }
    }

    /// Is there anything to accept at?
    pub(crate) fn has_listeners(&self) -> bool {
        !self.listeners.is_empty()
    }

    /// Takes the UDP sockets out.
    pub(crate) fn take_datagrams(&mut self) -> Vec<Socket> {
        core::mem::take(&mut self.datagrams)
    }

    /// Closes them in a forked child, without touching what belongs to the parent.
    pub(crate) fn abandon(&mut self) {
        self.listeners.clear();
        self.unix = None;
    }

    /// The addresses with the ports that were really taken; empty for a Unix socket.
    pub(crate) fn local_addrs(&self) -> Vec<SocketAddr> {
        let sockets = self.listeners.iter().chain(&self.datagrams);
        sockets.filter_map(|socket| socket.local_addr().ok()?.as_socket()).collect()
    }

    /// The listeners, for a model that waits for them itself.
    pub(crate) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.listeners.iter().map(AsFd::as_fd)
    }
}

impl Drop for Doors {
    fn drop(&mut self) {
        if let Some(path) = &self.unix {
            let _ = std::fs::remove_file(path);
        }
    }
}

/// `poll(2)` that goes on after a signal.
pub(crate) fn poll_retrying(fds: &mut [PollFd<'_>], at_most: Option<Duration>) -> io::Result<usize> {
    let timeout = at_most.map(timespec);
    loop {
        match poll(fds, timeout.as_ref()) {
            Err(Errno::INTR) => {}
            other => return Ok(other?),
        }
    }
}

/// A duration as the kernel wants it, never rounded down to a busy loop.
pub(crate) fn timespec(duration: Duration) -> Timespec {
    Timespec { tv_sec: duration.as_secs().min(1 << 30) as i64, tv_nsec: i64::from(duration.subsec_nanos()) }
}

/// The addresses of a name, each once.
pub(crate) fn resolve(host: &str) -> Result<Vec<IpAddr>> {
    let found = (host, 0).to_socket_addrs();
    let found = found.map_err(|source| Error::Resolve { host: host.to_owned(), source })?;
    let mut ips: Vec<IpAddr> = Vec::new();
    for address in found {
        if !ips.contains(&address.ip()) {
            ips.push(address.ip());
        }
    }
    Ok(ips)
}

/// One socket per address. The second address of a name gets the port the kernel chose for the first.
fn open_each(ips: Vec<IpAddr>, options: &Options) -> Result<Vec<Socket>> {
    let mut port = options.port;
    let mut sockets = Vec::new();
    for ip in ips {
        let socket = open_one(SocketAddr::new(ip, port), options, true)?;
        port = local_port(&socket)?;
        sockets.push(socket);
    }
    Ok(sockets)
}

/// Every address: one IPv6 socket that takes IPv4 too, or IPv4 alone on a host without IPv6.
fn open_everywhere(options: &Options) -> Result<Socket> {
    let any = |ip: IpAddr| open_one(SocketAddr::new(ip, options.port), options, false);
    match any(Ipv6Addr::UNSPECIFIED.into()) {
        Err(Error::Listen { .. }) => any(Ipv4Addr::UNSPECIFIED.into()),
        other => other,
    }
}

/// One socket for one address, made the one right way.
fn open_one(at: SocketAddr, options: &Options, only_v6: bool) -> Result<Socket> {
    let opened = match options.proto.transport() {
        Transport::Stream => listen(at, options.backlog, only_v6),
        Transport::Datagram => bind_datagrams(at, only_v6, options.interface),
    };
    opened.map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => Error::AddressInUse { address: at.to_string() },
        _ => Error::Listen { address: at.to_string(), source },
    })
}

/// A TCP listener. The order matters: options that accepted sockets inherit are set before `listen`.
fn listen(at: SocketAddr, backlog: i32, only_v6: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, None)?;
    if at.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&at.into())?;
    socket.listen(backlog)?;
    Ok(socket)
}

/// A UDP socket that may send to broadcast addresses. It does not share its port: two servers on one port would each
/// get some of the datagrams.
fn bind_datagrams(at: SocketAddr, only_v6: bool, interface: Option<Ipv4Addr>) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(at), Type::DGRAM, None)?;
    if at.is_ipv6() {
        socket.set_only_v6(only_v6)?;
    }
    if let (Some(interface), true) = (interface, at.is_ipv4()) {
        socket.set_multicast_if_v4(&interface)?;
    }
    socket.set_broadcast(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&at.into())?;
    Ok(socket)
}

/// The port the kernel gave.
fn local_port(listener: &Socket) -> Result<u16> {
    let address = listener.local_addr().map_err(Error::io("getsockname"))?;
    Ok(address.as_socket().map_or(0, |address| address.port()))
}

/// Errors of `accept` that concern one caller who has already gone, not the listener (accept(2), "Error handling").
fn is_passing(error: Errno) -> bool {
    [
        Errno::INTR,
        Errno::CONNABORTED,
        Errno::PROTO,
        Errno::PERM,
        Errno::NETDOWN,
        Errno::NOPROTOOPT,
        Errno::HOSTDOWN,
        Errno::NONET,
        Errno::HOSTUNREACH,
        Errno::OPNOTSUPP,
        Errno::NETUNREACH,
        Errno::TIMEDOUT,
    ]
    .contains(&error)
}

/// The address of a caller, an IPv4 one as IPv4 even if it came through an IPv6 socket.
fn ip_of(address: SocketAddrAny) -> Option<IpAddr> {
    SocketAddr::try_from(address).ok().map(|address| address.ip().to_canonical())
}
