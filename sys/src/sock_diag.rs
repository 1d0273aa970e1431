//! `sock_diag(7)`: the state of TCP and UDP sockets of one namespace, looked up exactly or listed, and destroyed.
//!
//! ```text
//!  inet_diag_req_v2, 56 bytes            inet_diag_msg, 72 bytes, then attributes
//!  family protocol ext pad  states(4)    family state timer retrans  id(48)
//!  sport dport src(16) dst(16)           expires rqueue wqueue uid inode
//!  if(4) cookie(8) = all ones            INET_DIAG_INFO (2) = tcp_info
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};

use crate::netlink::{Message, Netlink, answers, errno_of};
use crate::{Error, Result, check, socket};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const SOCK_DESTROY: u16 = 21;
const REQUEST: u16 = 0x1;
const REQUEST_ACK: u16 = 0x5;
const REQUEST_DUMP: u16 = 0x301;
const INET_DIAG_INFO: u16 = 2;
const GROUP_TCP_DESTROY: u32 = 1 << 0;
const GROUP_TCP6_DESTROY: u32 = 1 << 2;

/// `TCP_LISTEN`, for masks: `1 << LISTEN`.
pub const LISTEN: u8 = 10;
/// The mask of every state.
pub const ALL_STATES: u32 = !0;

/// Which protocol's sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// One row of the socket table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// AF_INET or AF_INET6: a listener on `::` is the second, also when it serves IPv4.
    pub family: u8,
    /// The kernel's state number (`TCP_ESTABLISHED` = 1 …).
    pub state: u8,
    /// The socket's own end; IPv4-mapped addresses are given as IPv4.
    pub local: SocketAddr,
    /// The other end; port 0 where there is none.
    pub remote: SocketAddr,
    /// Bytes to be read (a FIN counts 1); for a listener, connections waiting for accept.
    pub rqueue: u32,
    /// Bytes not acknowledged (SYN and FIN count 1 each); for a listener, the backlog.
    pub wqueue: u32,
    /// 0 = no descriptor: SYN-RECV, TIME-WAIT, not accepted yet, or closed by the program.
    pub inode: u32,
    /// Retransmissions of the oldest unacknowledged segment.
    pub retransmits: u8,
    /// `tcp_info`, where the state carries one.
    pub info: Option<Info>,
}

/// The part of `tcp_info` that is used; times in µs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)] // the names are the kernel's
pub struct Info {
    pub rto: u32,
    pub unacked: u32,
    pub rtt: u32,
    pub ssthresh: u32,
    pub cwnd: u32,
    pub total_retrans: u32,
    pub segs_in: u32,
    pub snd_wnd: u32,
}

/// A sock_diag socket; it asks about the namespace it was made in.
#[derive(Debug)]
pub struct Diag(Netlink);

impl Diag {
    /// Opens one in the calling thread's network namespace.
    ///
    /// # Errors
    /// EPROTONOSUPPORT where the kernel has none.
    pub fn open() -> Result<Self> {
        Netlink::open(libc::NETLINK_SOCK_DIAG).map(Self)
    }

    /// The TCP socket with exactly these ends (5 µs), or `None`. A listener is never taken for it.
    ///
    /// # Errors
    /// Those of the netlink socket.
    pub fn lookup(&self, local: SocketAddr, remote: SocketAddr) -> Result<Option<Row>> {
        self.0.send(&tcp_request(REQUEST, SOCK_DIAG_BY_FAMILY, local, remote))?;
        let mut buffer = [0u8; 2048];
        let len = self.0.receive(&mut buffer)?;
        let Some((kind, payload)) = answers(&buffer[..len]).next() else { return Ok(None) };
        if kind == libc::NLMSG_ERROR as u16 {
            let errno = errno_of(payload);
            return if errno == libc::ENOENT { Ok(None) } else { Err(Error::from_errno("sock_diag", errno)) };
        }
        // Where no connection is found the kernel answers with the listener: compare before believing.
        Ok(row(payload).filter(|row| row.state != LISTEN && row.remote.port() == remote.port()))
    }

    /// All sockets of one family in the states of the mask. `1 << LISTEN` costs 28 µs, all states 200.
    ///
    /// # Errors
    /// Those of the netlink socket.
    pub fn list(&self, protocol: Protocol, family: u8, states: u32) -> Result<Vec<Row>> {
        let number = if protocol == Protocol::Tcp { libc::IPPROTO_TCP } else { libc::IPPROTO_UDP };
        let mut body = [0u8; 56];
        body[0] = family;
        body[1] = number as u8;
        body[2] = 1 << (INET_DIAG_INFO - 1);
        body[4..8].copy_from_slice(&states.to_ne_bytes());
        self.0.send(&Message::new(SOCK_DIAG_BY_FAMILY, REQUEST_DUMP).body(&body).finish())?;
        let mut rows = Vec::new();
        let mut buffer = vec![0u8; 32 * 1024];
        loop {
            let len = self.0.receive(&mut buffer)?;
            for (kind, payload) in answers(&buffer[..len]) {
                match i32::from(kind) {
                    libc::NLMSG_DONE => return Ok(rows),
                    libc::NLMSG_ERROR => return Err(Error::from_errno("sock_diag(dump)", errno_of(payload))),
                    _ => rows.extend(row(payload)),
                }
            }
            if len == 0 {
                return Ok(rows);
            }
        }
    }

    /// Destroys the TCP socket with exactly these ends: its program gets ECONNABORTED, its peer a RST.
    ///
    /// # Errors
    /// ENOENT without such a socket, EPERM without CAP_NET_ADMIN, EOPNOTSUPP where the kernel can't.
    pub fn destroy(&self, local: SocketAddr, remote: SocketAddr) -> Result<()> {
        self.0.send(&tcp_request(REQUEST_ACK, SOCK_DESTROY, local, remote))?;
        let mut buffer = [0u8; 2048];
        let len = self.0.receive(&mut buffer)?;
        let errno = answers(&buffer[..len]).next().map_or(libc::EBADMSG, |(_, payload)| errno_of(payload));
        if errno == 0 { Ok(()) } else { Err(Error::from_errno("sock_diag(destroy)", errno)) }
    }
}

/// Hears of every TCP socket that the namespace frees, with its last state.
#[derive(Debug)]
pub struct DestroyEvents(Netlink);

impl DestroyEvents {
    /// Listens in the calling thread's network namespace.
    ///
    /// # Errors
    /// Those of `socket` and `bind`.
    pub fn open() -> Result<Self> {
        use std::os::fd::AsRawFd;
        let netlink = Netlink::open(libc::NETLINK_SOCK_DIAG)?;
        // SAFETY: all-zero is a valid sockaddr_nl.
        let mut address: libc::sockaddr_nl = unsafe { std::mem::zeroed() };
        address.nl_family = libc::AF_NETLINK as u16;
        address.nl_groups = GROUP_TCP_DESTROY | GROUP_TCP6_DESTROY;
        let len = size_of::<libc::sockaddr_nl>() as libc::socklen_t;
        // SAFETY: pointer and size of one sockaddr_nl.
        let bound = unsafe { libc::bind(netlink.as_fd().as_raw_fd(), (&raw const address).cast(), len) };
        check("bind(netlink)", i64::from(bound))?;
        socket::set_buffer(netlink.as_fd(), libc::SO_RCVBUF, 1 << 20)?;
        Ok(Self(netlink))
    }

    /// The rows that have come; blocks until there is one, so poll first.
    ///
    /// # Errors
    /// ENOBUFS when some were lost.
    pub fn receive(&self) -> Result<Vec<Row>> {
        let mut buffer = [0u8; 16 * 1024];
        let len = self.0.receive(&mut buffer)?;
        Ok(answers(&buffer[..len]).filter_map(|(_, payload)| row(payload)).collect())
    }
}

impl AsFd for DestroyEvents {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn tcp_request(flags: u16, kind: u16, local: SocketAddr, remote: SocketAddr) -> Vec<u8> {
    let mut body = [0u8; 56];
    body[0] = if local.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 } as u8;
    body[1] = libc::IPPROTO_TCP as u8;
    body[2] = 1 << (INET_DIAG_INFO - 1);
    body[4..8].copy_from_slice(&ALL_STATES.to_ne_bytes());
    body[8..10].copy_from_slice(&local.port().to_be_bytes());
    body[10..12].copy_from_slice(&remote.port().to_be_bytes());
    write_ip(&mut body[12..28], local.ip());
    write_ip(&mut body[28..44], remote.ip());
    body[48..56].fill(0xff);
    Message::new(kind, flags).body(&body).finish()
}

fn write_ip(to: &mut [u8], ip: IpAddr) {
    match ip {
        IpAddr::V4(v4) => to[..4].copy_from_slice(&v4.octets()),
        IpAddr::V6(v6) => to.copy_from_slice(&v6.octets()),
    }
}

fn row(payload: &[u8]) -> Option<Row> {
    let head = payload.get(..72)?;
    let word = |at: usize| u32::from_ne_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let port = |at: usize| u16::from_be_bytes([head[at], head[at + 1]]);
    Some(Row {
        family: head[0],
        state: head[1],
        local: SocketAddr::new(read_ip(head[0], &head[8..24]), port(4)),
        remote: SocketAddr::new(read_ip(head[0], &head[24..40]), port(6)),
        rqueue: word(56),
        wqueue: word(60),
        inode: word(68),
        retransmits: head[3],
        info: info(&payload[72..]),
    })
}

fn read_ip(family: u8, bytes: &[u8]) -> IpAddr {
    if i32::from(family) == libc::AF_INET {
        return Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).into();
    }
    let mut octets = [0u8; 16];
    octets.copy_from_slice(bytes);
    let v6 = Ipv6Addr::from(octets);
    v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), IpAddr::V4)
}

fn info(mut attributes: &[u8]) -> Option<Info> {
    while attributes.len() >= 4 {
        let len = usize::from(u16::from_ne_bytes([attributes[0], attributes[1]]));
        let kind = u16::from_ne_bytes([attributes[2], attributes[3]]);
        let value = attributes.get(4..len)?;
        if kind == INET_DIAG_INFO {
            // Older kernels give fewer bytes: what is missing reads as 0.
            let word =
                |at: usize| value.get(at..at + 4).map_or(0, |b| u32::from_ne_bytes([b[0], b[1], b[2], b[3]]));
            return Some(Info {
                rto: word(8),
                unacked: word(24),
                rtt: word(68),
                ssthresh: word(76),
                cwnd: word(80),
                total_retrans: word(100),
                segs_in: word(140),
                snd_wnd: word(228),
            });
        }
        attributes = attributes.get(len.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn finds_both_ends_of_a_loopback_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (local, remote) = (client.local_addr().unwrap(), client.peer_addr().unwrap());
        let diag = Diag::open().unwrap();
        let row = diag.lookup(local, remote).unwrap().unwrap();
        assert_eq!((row.state, row.local, row.remote), (1, local, remote));
        assert!(row.inode != 0 && row.info.is_some());
        let waiting = diag.lookup(remote, local).unwrap().unwrap();
        assert_eq!((waiting.state, waiting.inode), (1, 0), "established, not accepted yet");
        let listeners = diag.list(Protocol::Tcp, libc::AF_INET as u8, 1 << LISTEN).unwrap();
        assert!(listeners.iter().any(|row| row.local == remote && row.rqueue == 1));
        drop(client);
    }

    #[test]
    fn a_listener_is_not_a_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let remote = listener.local_addr().unwrap();
        let nobody = "127.0.0.1:9".parse().unwrap();
        assert_eq!(Diag::open().unwrap().lookup(remote, nobody).unwrap(), None);
    }
}
