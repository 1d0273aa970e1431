//! `raw(7)`, `icmp(7)` and the error queue of `ip(7)`: packets with headers of one's own, echo sockets that need no
//! privilege, and what ICMP said of a datagram.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use crate::socket::{self, RawAddress};
use crate::{Result, check};

const SOL_IPV6: i32 = 41;
const SOL_IP: i32 = 0;
const IP_TTL: i32 = 2;
const IP_RECVERR: i32 = 11;
const IP_RECVTTL: i32 = 12;
const IPV6_UNICAST_HOPS: i32 = 16;
const IPV6_RECVERR: i32 = 25;
const IPV6_RECVHOPLIMIT: i32 = 51;
const IPV6_HOPLIMIT: i32 = 52;

/// A socket that sends IP packets as they are given, header included; it receives nothing.
#[derive(Debug)]
pub struct RawIp(OwnedFd);

impl RawIp {
    /// Opens one for the family of `to`, bound to a link if one is named.
    ///
    /// # Errors
    /// EPERM without CAP_NET_RAW, ENODEV without such a link.
    pub fn open(to: IpAddr, link: Option<&str>) -> Result<Self> {
        let family = family(to);
        let fd = socket::open(family, libc::SOCK_RAW | libc::SOCK_NONBLOCK, libc::IPPROTO_RAW)?;
        if let Some(link) = link {
            bind_to_link(fd.as_fd(), link)?;
        }
        socket::set_int(fd.as_fd(), libc::SOL_SOCKET, libc::SO_BROADCAST, 1)?;
        let _ = socket::set_buffer(fd.as_fd(), libc::SO_SNDBUF, 4 << 20);
        Ok(Self(fd))
    }

    /// Sends a packet towards an address (of IPv6 link-local addresses, out of the link with index `scope`). The kernel
    /// writes the total length and the header checksum of IPv4 itself.
    ///
    /// # Errors
    /// EINVAL for a header that is too short, EMSGSIZE past the MTU, ENETUNREACH without a route.
    pub fn send(&self, packet: &[u8], to: IpAddr, scope: u32) -> Result<()> {
        let address = match to {
            IpAddr::V4(_) => SocketAddr::new(to, 0),
            IpAddr::V6(v6) => std::net::SocketAddrV6::new(v6, 0, 0, scope).into(),
        };
        let address = RawAddress::from(address);
        // SAFETY: bytes and address live through the call.
        let sent = unsafe {
            libc::sendto(
                self.0.as_raw_fd(),
                packet.as_ptr().cast(),
                packet.len(),
                0,
                address.pointer(),
                address.len(),
            )
        };
        check("sendto(raw)", sent as i64).map(drop)
    }
}

impl AsFd for RawIp {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Lets a socket use one link only (SO_BINDTODEVICE).
///
/// # Errors
/// ENODEV without such a link.
pub fn bind_to_link(fd: BorrowedFd<'_>, link: &str) -> Result<()> {
    // SAFETY: pointer and length of a live string.
    let set = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_BINDTODEVICE,
            link.as_ptr().cast(),
            link.len() as libc::socklen_t,
        )
    };
    check("setsockopt(SO_BINDTODEVICE)", i64::from(set)).map(drop)
}

/// Which kind of echo socket the system allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EchoKind {
    /// `SOCK_DGRAM`: no privilege, the kernel chooses the identifier and hands over only what belongs to it.
    Datagram,
    /// `SOCK_RAW`: CAP_NET_RAW; every ICMP message to this host comes in, over IPv4 with its header.
    Raw,
}

/// A non-blocking ICMP socket connected to an address: without privilege where `net.ipv4.ping_group_range` allows it.
///
/// # Errors
/// EACCES or EPERM where neither kind is allowed; those of `connect`.
pub fn echo(to: SocketAddr) -> Result<(OwnedFd, EchoKind)> {
    let protocol = if to.is_ipv4() { libc::IPPROTO_ICMP } else { libc::IPPROTO_ICMPV6 };
    let open = |kind: i32| socket::open(family(to.ip()), kind | libc::SOCK_NONBLOCK, protocol);
    let (fd, kind) = match open(libc::SOCK_DGRAM) {
        Ok(fd) => (fd, EchoKind::Datagram),
        Err(_) => (open(libc::SOCK_RAW)?, EchoKind::Raw),
    };
    socket::start_connect(fd.as_fd(), to)?;
    Ok((fd, kind))
}

/// Lets errors that ICMP tells queue up with their sender ([`take_error`]), and received messages tell their TTL.
///
/// # Errors
/// The errno of `setsockopt`.
pub fn hear_errors(fd: BorrowedFd<'_>, is_v4: bool) -> Result<()> {
    let options = if is_v4 {
        [(SOL_IP, IP_RECVERR), (SOL_IP, IP_RECVTTL)]
    } else {
        [(SOL_IPV6, IPV6_RECVERR), (SOL_IPV6, IPV6_RECVHOPLIMIT)]
    };
    options.iter().try_for_each(|(level, option)| socket::set_int(fd, *level, *option, 1))
}

/// Sets the TTL or hop limit of what is sent.
///
/// # Errors
/// EINVAL outside 1 to 255.
pub fn set_ttl(fd: BorrowedFd<'_>, is_v4: bool, ttl: u8) -> Result<()> {
    let (level, option) = if is_v4 { (SOL_IP, IP_TTL) } else { (SOL_IPV6, IPV6_UNICAST_HOPS) };
    socket::set_int(fd, level, option, i32::from(ttl))
}

/// Sends on a connected socket.
///
/// # Errors
/// The errno of `send`; that of an error that came in before, once.
pub fn send(fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<()> {
    // SAFETY: pointer and length of live bytes.
    let sent = unsafe { libc::send(fd.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), libc::MSG_NOSIGNAL) };
    check("send", sent as i64).map(drop)
}

/// What `ip(7)` keeps in the error queue of a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The errno that it means: EHOSTUNREACH, ECONNREFUSED …
    pub errno: i32,
    /// Who said it; none for errors of this host itself.
    pub from: Option<IpAddr>,
    /// Type and code of the ICMP message; none for errors of this host itself.
    pub icmp: Option<(u8, u8)>,
    /// The MTU, where the message names one.
    pub info: u32,
    /// The first bytes of the payload that it quotes: of a datagram its data, of an echo its ICMP header.
    pub quote: Vec<u8>,
}

/// A received message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Received {
    /// How many bytes of the buffer it fills.
    pub len: usize,
    /// Its TTL or hop limit, where the socket tells it.
    pub ttl: Option<u8>,
    /// Who sent it.
    pub from: Option<SocketAddr>,
}

/// The next message into `buffer`; `None` when there is none now.
///
/// # Errors
/// The errno of `recvmsg`, that of an error that came in included.
pub fn receive(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<Option<Received>> {
    let mut told = None;
    let message = take(fd, buffer, 0, |level, kind, bytes| {
        if matches!((level, kind), (SOL_IP, IP_TTL) | (SOL_IPV6, IPV6_HOPLIMIT)) {
            told = bytes
                .get(..4)
                .and_then(|four| four.try_into().ok())
                .map(|four| i32::from_ne_bytes(four) as u8);
        }
    })?;
    Ok(message.map(|(len, from)| Received { len, ttl: told, from }))
}

/// The next entry of the error queue; `None` when it is empty.
///
/// # Errors
/// The errno of `recvmsg`.
pub fn take_error(fd: BorrowedFd<'_>) -> Result<Option<Told>> {
    let mut quote = vec![0; 64];
    let mut told = None;
    let message = take(fd, &mut quote, libc::MSG_ERRQUEUE, |level, kind, bytes| {
        if matches!((level, kind), (SOL_IP, IP_RECVERR) | (SOL_IPV6, IPV6_RECVERR)) {
            told = extended(bytes);
        }
    })?;
    let Some((len, _)) = message else { return Ok(None) };
    quote.truncate(len);
    Ok(told.map(|told| Told { quote, ..told }))
}

/// A `sock_extended_err` and the address of the offender behind it.
fn extended(bytes: &[u8]) -> Option<Told> {
    const ICMP: u8 = 2;
    const ICMP6: u8 = 3;
    let number =
        |at: usize| bytes.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_ne_bytes);
    let (origin, kind, code) = (*bytes.get(4)?, *bytes.get(5)?, *bytes.get(6)?);
    let is_icmp = matches!(origin, ICMP | ICMP6);
    let from = socket::address_from_bytes(bytes.get(16..)?).map(|address| address.ip()).filter(|_| is_icmp);
    let icmp = is_icmp.then_some((kind, code));
    Some(Told { errno: number(0)? as i32, from, icmp, info: number(8)?, quote: Vec::new() })
}

/// `recvmsg(2)`, with each control message given to `seen` as level, type and bytes.
fn take(
    fd: BorrowedFd<'_>,
    buffer: &mut [u8],
    flags: i32,
    mut seen: impl FnMut(i32, i32, &[u8]),
) -> Result<Option<(usize, Option<SocketAddr>)>> {
    let mut name = [0u8; 128];
    let mut control = [0u64; 64];
    let mut vector = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
    // SAFETY: all-zero is a valid msghdr.
    let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
    message.msg_name = name.as_mut_ptr().cast();
    message.msg_namelen = name.len() as libc::socklen_t;
    message.msg_iov = &raw mut vector;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control) as _;
    // SAFETY: everything the header points to lives through the call and is as long as it says.
    let got = unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, flags | libc::MSG_DONTWAIT) };
    let len = match check("recvmsg", got as i64) {
        Ok(len) => len as usize,
        Err(error) if socket::is_later(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    // SAFETY: the header describes the control buffer that the kernel filled; the macros walk inside it.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(&raw const message);
        while let Some(one) = header.as_ref() {
            let len = one.cmsg_len.saturating_sub(libc::CMSG_LEN(0) as usize);
            seen(one.cmsg_level, one.cmsg_type, std::slice::from_raw_parts(libc::CMSG_DATA(one), len));
            header = libc::CMSG_NXTHDR(&raw const message, one);
        }
    }
    Ok(Some((len.min(buffer.len()), socket::address_from_bytes(&name))))
}

fn family(address: IpAddr) -> i32 {
    if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 }
}
