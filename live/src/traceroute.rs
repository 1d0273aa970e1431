//! Traceroute: probes that live for one hop, two hops, three …, and who says that they died.
//!
//! Every probe has a socket of its own with the hop's TTL; who dropped it stands in the socket's error queue, so none of
//! the three kinds needs a privilege (ICMP where the system allows echo sockets).

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use tongro_sys::raw::{self, EchoKind, Told};
use tongro_sys::{poll, socket};

use crate::LiveError;
use crate::ping::{echo_request, family, is_reply, message};

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceKind {
    /// Datagrams to this port and those above it, where nobody should listen.
    Udp(u16),
    /// Echo requests.
    Icmp,
    /// SYNs to this port.
    Tcp(u16),
}

/// How to trace.
#[derive(Debug, Clone, Copy)]
pub struct Trace {
    /// Whom.
    pub to: SocketAddr,
    /// With what.
    pub kind: TraceKind,
    /// The first TTL.
    pub first: u8,
    /// The last TTL.
    pub most: u8,
    /// Probes for each.
    pub probes: u8,
    /// How long to wait for the probes of one hop.
    pub timeout: Duration,
}

/// What came of one probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probe {
    /// A router dropped it since its time was over.
    Expired {
        /// The router.
        from: IpAddr,
        /// After this time.
        took: Duration,
    },
    /// It arrived.
    Reached {
        /// After this time.
        took: Duration,
    },
    /// Somebody says that it gets no further.
    Unreachable {
        /// Who; none for this host itself.
        from: Option<IpAddr>,
        /// Type and code of the ICMP message.
        icmp: (u8, u8),
        /// After this time.
        took: Duration,
    },
    /// Nothing came in time.
    Silence,
}

/// All probes of one TTL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hop {
    /// The TTL.
    pub ttl: u8,
    /// What came of each.
    pub probes: Vec<Probe>,
}

impl Hop {
    /// Whether the way ends here: arrived, or no further.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.probes.iter().any(|probe| matches!(probe, Probe::Reached { .. } | Probe::Unreachable { .. }))
    }
}

/// Walks the way hop by hop.
#[derive(Debug)]
pub struct Tracer {
    trace: Trace,
    next: u8,
    sent: u16,
    is_over: bool,
}

/// A probe on its way.
struct Sent {
    fd: OwnedFd,
    kind: Option<EchoKind>,
    seq: u16,
    at: Instant,
    got: Option<Probe>,
}

impl Tracer {
    /// Begins before the first hop.
    #[must_use]
    pub fn new(trace: Trace) -> Self {
        Self { trace, next: trace.first.max(1), sent: 0, is_over: false }
    }

    /// Probes the next hop; `None` behind the last.
    ///
    /// # Errors
    /// Without route, and for ICMP where echo sockets are not allowed.
    pub fn hop(&mut self) -> Result<Option<Hop>, LiveError> {
        if self.is_over || self.next > self.trace.most {
            return Ok(None);
        }
        let ttl = self.next;
        let mut probes = Vec::new();
        for _ in 0..self.trace.probes.max(1) {
            probes.push(self.send(ttl)?);
        }
        let until = Instant::now() + self.trace.timeout;
        while probes.iter().any(|probe| probe.got.is_none()) && Instant::now() < until {
            self.listen(&mut probes, until)?;
        }
        let hop = Hop {
            ttl,
            probes: probes.into_iter().map(|probe| probe.got.unwrap_or(Probe::Silence)).collect(),
        };
        self.is_over = hop.is_last();
        self.next = ttl.saturating_add(1);
        Ok(Some(hop))
    }

    fn send(&mut self, ttl: u8) -> Result<Sent, LiveError> {
        let Trace { to, kind, .. } = self.trace;
        self.sent = self.sent.wrapping_add(1);
        let seq = self.sent;
        let (fd, echo) = match kind {
            TraceKind::Icmp => {
                let (fd, kind) = raw::echo(SocketAddr::new(to.ip(), 0))?;
                (fd, Some(kind))
            }
            TraceKind::Udp(_) => (socket::open(family(to), libc::SOCK_DGRAM | libc::SOCK_NONBLOCK, 0)?, None),
            TraceKind::Tcp(_) => {
                (socket::open(family(to), libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0)?, None)
            }
        };
        raw::set_ttl(fd.as_fd(), to.is_ipv4(), ttl)?;
        raw::hear_errors(fd.as_fd(), to.is_ipv4())?;
        let at = Instant::now();
        let mut sent = Sent { fd, kind: echo, seq, at, got: None };
        let done = match kind {
            TraceKind::Icmp => raw::send(sent.fd.as_fd(), &echo_request(to.is_ipv4(), ident(), seq, 32)),
            TraceKind::Udp(port) => {
                let port = port.wrapping_add(seq - 1).max(1);
                socket::start_connect(sent.fd.as_fd(), SocketAddr::new(to.ip(), port))
                    .and_then(|()| raw::send(sent.fd.as_fd(), &[b'.'; 32]))
            }
            TraceKind::Tcp(port) => {
                socket::set_abort_on_close(sent.fd.as_fd(), true)?;
                socket::start_connect(sent.fd.as_fd(), SocketAddr::new(to.ip(), port))
            }
        };
        match done {
            Ok(()) => {}
            // On loopback the answer is there before the call returns.
            Err(error) if matches!(error.errno(), libc::ECONNREFUSED) => {
                sent.got = Some(Probe::Reached { took: at.elapsed() });
            }
            Err(error) => match raw::take_error(sent.fd.as_fd())? {
                Some(told) => sent.got = Some(read(&told, at.elapsed(), kind)),
                None => return Err(error.into()),
            },
        }
        Ok(sent)
    }

    /// Waits for the first of the open probes and takes what came for each.
    fn listen(&self, probes: &mut [Sent], until: Instant) -> Result<(), LiveError> {
        // The probes of a hop take much the same time: wait for one, look at all.
        let Some(first) = probes.iter().find(|probe| probe.got.is_none()) else { return Ok(()) };
        let events = if matches!(self.trace.kind, TraceKind::Tcp(_)) { libc::POLLOUT } else { libc::POLLIN };
        const LOOK_MS: u128 = 20;
        let left = until.saturating_duration_since(Instant::now()).as_millis().clamp(1, LOOK_MS) as i32;
        poll::one(first.fd.as_fd(), events, left)?;
        probes.iter_mut().filter(|probe| probe.got.is_none()).try_for_each(|probe| self.look(probe))
    }

    fn look(&self, probe: &mut Sent) -> Result<(), LiveError> {
        let (is_v4, took) = (self.trace.to.is_ipv4(), probe.at.elapsed());
        while let Some(told) = raw::take_error(probe.fd.as_fd())? {
            // A raw socket hears of the other probes, too: the quote begins with the ICMP header.
            let is_own = probe.kind.is_none() || told.quote.get(6..8) == Some(&probe.seq.to_be_bytes()[..]);
            if is_own {
                probe.got = Some(read(&told, took, self.trace.kind));
                return Ok(());
            }
        }
        if let TraceKind::Tcp(_) = self.trace.kind {
            if poll::one(probe.fd.as_fd(), libc::POLLOUT, 0)? != 0 {
                let errno = socket::int(probe.fd.as_fd(), libc::SOL_SOCKET, libc::SO_ERROR)?;
                probe.got = matches!(errno, 0 | libc::ECONNREFUSED).then_some(Probe::Reached { took });
            }
            return Ok(());
        }
        let mut buffer = [0; 2048];
        while let Ok(Some(received)) = raw::receive(probe.fd.as_fd(), &mut buffer) {
            let is_own = probe.kind.is_none_or(|kind| {
                let ident = (kind == EchoKind::Raw).then(ident);
                is_reply(message(&buffer[..received.len], kind, is_v4), is_v4, ident, probe.seq)
            });
            if is_own {
                probe.got = Some(Probe::Reached { took });
                return Ok(());
            }
        }
        Ok(())
    }
}

/// The identifier of our echo requests.
fn ident() -> u16 {
    std::process::id() as u16
}

fn read(told: &Told, took: Duration, kind: TraceKind) -> Probe {
    let is_closed = matches!(kind, TraceKind::Udp(_));
    match (told.icmp, told.from) {
        // Time exceeded on the way.
        (Some((11 | 3, 0)), Some(from)) if told.icmp == Some((11, 0)) || from.is_ipv6() => {
            Probe::Expired { from, took }
        }
        // Port unreachable is how a host says that a datagram has arrived.
        (Some((3, 3) | (1, 4)), _) if is_closed => Probe::Reached { took },
        (icmp, from) => Probe::Unreachable { from, icmp: icmp.unwrap_or((0, 0)), took },
    }
}
