//! Listening sockets: the only place where one is made, and the only place where `accept` is called.
//!
//! A host name goes in; connected, non-blocking-by-choice sockets come out and go to a concurrency model.
//!
//! Each listener gets `SO_REUSEADDR` (a restart must not wait for TIME_WAIT), a backlog of 4096 (`std` asks for
//! 128), close-on-exec, and `TCP_NODELAY`, which Linux hands down to every accepted socket.

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

use crate::bell::Bell;
use crate::error::{Error, Result};
use crate::options::Options;

/// All the sockets one server listens on.
#[derive(Debug)]
pub(crate) struct Doors {
    /// One per address; never empty.
    listeners: Vec<Socket>,
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
    /// Time passed.
    Nothing,
}

impl Doors {
    /// Opens every address of `options`.
    pub(crate) fn open(options: &Options) -> Result<Self> {
        if let Some(path) = &options.unix {
            return Self::open_unix(path, options.backlog);
        }
        if matches!(options.host.as_str(), "" | "*") {
            return Self::open_everywhere(options);
        }
        let mut port = options.port;
        let mut listeners = Vec::new();
        for ip in resolve(&options.host)? {
            let listener = listen(SocketAddr::new(ip, port), options.backlog, true)?;
            // The second address of a name gets the port the kernel chose for the first.
            port = local_port(&listener)?;
            listeners.push(listener);
        }
        Ok(Self { listeners, unix: None })
    }

    /// Every address: one IPv6 socket that takes IPv4 too, or IPv4 alone on a host without IPv6.
    fn open_everywhere(options: &Options) -> Result<Self> {
        let any = |ip: IpAddr| listen(SocketAddr::new(ip, options.port), options.backlog, false);
        let listener = match any(Ipv6Addr::UNSPECIFIED.into()) {
            Err(Error::Listen { .. }) => any(Ipv4Addr::UNSPECIFIED.into())?,
            other => other?,
        };
        Ok(Self { listeners: vec![listener], unix: None })
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
        Ok(Self { listeners: vec![listener], unix: Some(path.to_owned()) })
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

    /// Sleeps until somebody knocks, the bell rings or `at_most` has passed.
    pub(crate) fn wait(&self, bell: &Bell, at_most: Option<Duration>) -> io::Result<Knock> {
        let mut fds = vec![PollFd::new(bell, PollFlags::IN)];
        fds.extend(self.listeners.iter().map(|listener| PollFd::new(listener, PollFlags::IN)));
        poll_retrying(&mut fds, at_most)?;
        if !fds[0].revents().is_empty() {
            return Ok(Knock::Bell);
        }
        let door = fds[1..].iter().position(|fd| !fd.revents().is_empty());
        Ok(door.map_or(Knock::Nothing, Knock::Door))
    }

    /// The addresses with the ports that were really taken; empty for a Unix socket.
    pub(crate) fn local_addrs(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()?.as_socket()).collect()
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

/// One TCP listener, made the one right way.
fn listen(at: SocketAddr, backlog: i32, only_v6: bool) -> Result<Socket> {
    let listener = || -> io::Result<Socket> {
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
    };
    listener().map_err(|source| match source.kind() {
        io::ErrorKind::AddrInUse => Error::AddressInUse { address: at.to_string() },
        _ => Error::Listen { address: at.to_string(), source },
    })
}

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

fn ip_of(address: SocketAddrAny) -> Option<IpAddr> {
    SocketAddr::try_from(address).ok().map(|address| address.ip().to_canonical())
}
