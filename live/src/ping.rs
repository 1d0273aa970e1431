//! Ping: an echo, a connection or a datagram, and how long its answer takes. None of them needs a privilege where the
//! system allows echo sockets.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use tongro_sys::raw::{self, EchoKind};
use tongro_sys::{poll, socket};
use tongro_wire::{LayerSpec, craft, table};

use crate::LiveError;

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PingKind {
    /// An ICMP echo request.
    Icmp,
    /// A connection to this port; refusing it is an answer, too.
    Tcp(u16),
    /// A datagram to this port; "port unreachable" is an answer, too.
    Udp(u16),
}

/// How to ping.
#[derive(Debug, Clone, Copy)]
pub struct Ping {
    /// Whom.
    pub to: SocketAddr,
    /// With what.
    pub kind: PingKind,
    /// Bytes of payload.
    pub size: usize,
    /// TTL or hop limit; none = the system's.
    pub ttl: Option<u8>,
    /// How long to wait for each answer.
    pub timeout: Duration,
}

/// What came of one ping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Echo {
    /// It was answered.
    Reply {
        /// After this time.
        took: Duration,
        /// With this TTL, where that is told.
        ttl: Option<u8>,
        /// With so many bytes.
        len: usize,
    },
    /// The host is there, and the port is closed.
    Refused {
        /// After this time.
        took: Duration,
    },
    /// A router or host says that it does not get there.
    Unreachable {
        /// Who says so; none for this host itself.
        from: Option<IpAddr>,
        /// Type and code of the ICMP message, 0 for this host's own errors.
        icmp: (u8, u8),
    },
    /// Nothing came in time.
    Silence,
}

/// Pings one address.
#[derive(Debug)]
pub struct Pinger {
    ping: Ping,
    socket: Option<(OwnedFd, EchoKind)>,
    ident: u16,
}

impl Pinger {
    /// Opens what is needed.
    ///
    /// # Errors
    /// Where neither kind of echo socket is allowed, or there is no route.
    pub fn open(ping: Ping) -> Result<Self, LiveError> {
        let ident = std::process::id() as u16;
        let socket = match ping.kind {
            PingKind::Icmp => {
                let (fd, kind) = raw::echo(SocketAddr::new(ping.to.ip(), 0))?;
                prepare(&fd, &ping)?;
                Some((fd, kind))
            }
            _ => None,
        };
        Ok(Self { ping, socket, ident })
    }

    /// Sends one and waits for its answer.
    ///
    /// # Errors
    /// What the kernel says of it, as far as it is no answer.
    pub fn ping(&mut self, seq: u16) -> Result<Echo, LiveError> {
        match (&self.socket, self.ping.kind) {
            (Some((fd, kind)), _) => self.echo(fd, *kind, seq),
            (None, PingKind::Udp(port)) => self.datagram(port, seq),
            (None, PingKind::Tcp(port)) => self.connection(port),
            (None, PingKind::Icmp) => Ok(Echo::Silence),
        }
    }

    fn echo(&self, fd: &OwnedFd, kind: EchoKind, seq: u16) -> Result<Echo, LiveError> {
        let is_v4 = self.ping.to.is_ipv4();
        let request = echo_request(is_v4, self.ident, seq, self.ping.size);
        let began = Instant::now();
        if let Err(error) = raw::send(fd.as_fd(), &request) {
            return told(fd, &error).map_or(Err(error.into()), Ok);
        }
        let mut buffer = vec![0; 65_536];
        while wait(fd, began, self.ping.timeout)? {
            while let Ok(Some(received)) = raw::receive(fd.as_fd(), &mut buffer) {
                let (took, message) = (began.elapsed(), message(&buffer[..received.len], kind, is_v4));
                let ident = (kind == EchoKind::Raw).then_some(self.ident);
                if is_reply(message, is_v4, ident, seq) {
                    return Ok(Echo::Reply { took, ttl: received.ttl, len: message.len() });
                }
            }
            while let Some(error) = raw::take_error(fd.as_fd())? {
                // Of another of our pings, which has been given up.
                if error.quote.get(6..8).is_none_or(|quoted| quoted == seq.to_be_bytes()) {
                    return Ok(Echo::Unreachable { from: error.from, icmp: error.icmp.unwrap_or((0, 0)) });
                }
            }
        }
        Ok(Echo::Silence)
    }

    fn datagram(&self, port: u16, seq: u16) -> Result<Echo, LiveError> {
        let fd = socket::open(family(self.ping.to), libc::SOCK_DGRAM | libc::SOCK_NONBLOCK, 0)?;
        prepare(&fd, &self.ping)?;
        socket::start_connect(fd.as_fd(), SocketAddr::new(self.ping.to.ip(), port))?;
        let began = Instant::now();
        let payload = [&seq.to_be_bytes()[..], &vec![0x2e; self.ping.size.saturating_sub(2)]].concat();
        raw::send(fd.as_fd(), &payload)?;
        let mut buffer = vec![0; 65_536];
        while wait(&fd, began, self.ping.timeout)? {
            let took = began.elapsed();
            if let Ok(Some(received)) = raw::receive(fd.as_fd(), &mut buffer) {
                return Ok(Echo::Reply { took, ttl: received.ttl, len: received.len });
            }
            if let Some(error) = raw::take_error(fd.as_fd())? {
                return Ok(refused_or_lost(&error, took));
            }
        }
        Ok(Echo::Silence)
    }

    fn connection(&self, port: u16) -> Result<Echo, LiveError> {
        let fd = socket::open(family(self.ping.to), libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0)?;
        prepare(&fd, &self.ping)?;
        // The answer is all that is wanted: the connection ends with RST.
        socket::set_abort_on_close(fd.as_fd(), true)?;
        let began = Instant::now();
        if let Err(error) = socket::start_connect(fd.as_fd(), SocketAddr::new(self.ping.to.ip(), port)) {
            return if error.errno() == libc::ECONNREFUSED {
                Ok(Echo::Refused { took: began.elapsed() })
            } else {
                Err(error.into())
            };
        }
        let limit = i32::try_from(self.ping.timeout.as_millis()).unwrap_or(i32::MAX);
        if poll::one(fd.as_fd(), libc::POLLOUT, limit)? == 0 {
            return Ok(Echo::Silence);
        }
        let took = began.elapsed();
        if let Some(error) = raw::take_error(fd.as_fd())? {
            return Ok(refused_or_lost(&error, took));
        }
        match socket::int(fd.as_fd(), libc::SOL_SOCKET, libc::SO_ERROR)? {
            0 => Ok(Echo::Reply { took, ttl: None, len: 0 }),
            libc::ECONNREFUSED => Ok(Echo::Refused { took }),
            errno => Err(tongro_sys::Error::from_errno("connect", errno).into()),
        }
    }
}

fn refused_or_lost(error: &raw::Told, took: Duration) -> Echo {
    match error.icmp {
        // Port unreachable, of either version.
        Some((3, 3) | (1, 4)) => Echo::Refused { took },
        icmp => Echo::Unreachable { from: error.from, icmp: icmp.unwrap_or((0, 0)) },
    }
}

/// What the error queue says of a send that failed.
fn told(fd: &OwnedFd, error: &tongro_sys::Error) -> Option<Echo> {
    let queued = raw::take_error(fd.as_fd()).ok().flatten();
    match queued {
        Some(queued) => Some(Echo::Unreachable { from: queued.from, icmp: queued.icmp.unwrap_or((0, 0)) }),
        None if matches!(error.errno(), libc::EHOSTUNREACH | libc::ENETUNREACH) => {
            Some(Echo::Unreachable { from: None, icmp: (0, 0) })
        }
        None => None,
    }
}

fn prepare(fd: &OwnedFd, ping: &Ping) -> Result<(), LiveError> {
    raw::hear_errors(fd.as_fd(), ping.to.is_ipv4())?;
    if let Some(ttl) = ping.ttl {
        raw::set_ttl(fd.as_fd(), ping.to.is_ipv4(), ttl)?;
    }
    Ok(())
}

fn wait(fd: &OwnedFd, began: Instant, timeout: Duration) -> Result<bool, LiveError> {
    let left = timeout.saturating_sub(began.elapsed());
    if left.is_zero() {
        return Ok(false);
    }
    poll::readable([fd.as_fd()], Some(left.as_nanos() as u64))?;
    Ok(true)
}

pub(crate) fn family(to: SocketAddr) -> i32 {
    if to.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 }
}

/// An echo request; over IPv6 the kernel writes the checksum, since it knows the addresses.
pub(crate) fn echo_request(is_v4: bool, ident: u16, seq: u16, size: usize) -> Vec<u8> {
    let (protocol, ids) = if is_v4 {
        (&table::icmp::ICMP, ["icmp.ident", "icmp.seq"])
    } else {
        (&table::icmpv6::ICMPV6, ["icmpv6.echo.identifier", "icmpv6.echo.sequence_number"])
    };
    let mut header = LayerSpec::new(protocol);
    for (id, value) in ids.into_iter().zip([ident, seq]) {
        // Sixteen bits fit sixteen bits.
        let _ = header.set(id, u64::from(value));
    }
    let pattern: Vec<u8> = (0..size).map(|at| at as u8).collect();
    craft(&[header, LayerSpec::data(pattern)])
}

/// The ICMP message of what was received: raw IPv4 sockets get the IP header, too.
pub(crate) fn message(bytes: &[u8], kind: EchoKind, is_v4: bool) -> &[u8] {
    if kind == EchoKind::Datagram || !is_v4 {
        return bytes;
    }
    let header = bytes.first().map_or(0, |first| usize::from(first & 15) * 4);
    bytes.get(header..).unwrap_or_default()
}

pub(crate) fn is_reply(message: &[u8], is_v4: bool, ident: Option<u16>, seq: u16) -> bool {
    let reply = if is_v4 { 0 } else { 129 };
    message.first() == Some(&reply)
        && message.get(6..8) == Some(&seq.to_be_bytes()[..])
        && ident.is_none_or(|ident| message.get(4..6) == Some(&ident.to_be_bytes()[..]))
}
