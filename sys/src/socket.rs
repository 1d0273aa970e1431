//! `socket(2)` and `setsockopt(2)`: the few options that the standard library has no door for, and peers' sockets
//! made in a namespace the calling thread visits.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::{Error, Result, check};

/// Sets a buffer size; the kernel bounds it.
///
/// # Errors
/// The errno of `setsockopt`.
pub fn set_buffer(fd: BorrowedFd<'_>, option: i32, bytes: i32) -> Result<()> {
    set_int(fd, libc::SOL_SOCKET, option, bytes)
}

/// Sets an integer option.
///
/// # Errors
/// The errno of `setsockopt`.
pub fn set_int(fd: BorrowedFd<'_>, level: i32, option: i32, value: i32) -> Result<()> {
    // SAFETY: pointer and size of one int.
    let set = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            size_of::<i32>() as libc::socklen_t,
        )
    };
    check("setsockopt", i64::from(set)).map(drop)
}

/// Reads an integer option.
///
/// # Errors
/// The errno of `getsockopt`.
pub fn int(fd: BorrowedFd<'_>, level: i32, option: i32) -> Result<i32> {
    let mut value = 0i32;
    let mut len = size_of::<i32>() as libc::socklen_t;
    // SAFETY: pointer and size of one int, and of its length.
    let got =
        unsafe { libc::getsockopt(fd.as_raw_fd(), level, option, (&raw mut value).cast(), &raw mut len) };
    check("getsockopt", i64::from(got))?;
    Ok(value)
}

/// Makes `close` send a RST and drop what is unsent (SO_LINGER 0), or behave as usual again.
///
/// # Errors
/// The errno of `setsockopt`.
pub fn set_abort_on_close(fd: BorrowedFd<'_>, on: bool) -> Result<()> {
    let linger = libc::linger { l_onoff: i32::from(on), l_linger: 0 };
    // SAFETY: pointer and size of one linger.
    let set = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            size_of::<libc::linger>() as libc::socklen_t,
        )
    };
    check("setsockopt(SO_LINGER)", i64::from(set)).map(drop)
}

/// Sent bytes that the other end has not acknowledged yet (SIOCOUTQ); a FIN counts one.
///
/// # Errors
/// The errno of `ioctl`.
pub fn unacknowledged(fd: BorrowedFd<'_>) -> Result<u32> {
    let mut bytes = 0i32;
    // SAFETY: TIOCOUTQ writes one int.
    let got = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TIOCOUTQ, &raw mut bytes) };
    check("ioctl(SIOCOUTQ)", i64::from(got))?;
    Ok(bytes as u32)
}

/// A fresh socket in the calling thread's network namespace, closed on exec.
///
/// # Errors
/// The errno of `socket`.
pub fn open(domain: i32, kind: i32, protocol: i32) -> Result<OwnedFd> {
    // SAFETY: numbers only.
    let fd = unsafe { libc::socket(domain, kind | libc::SOCK_CLOEXEC, protocol) };
    check("socket", i64::from(fd))?;
    // SAFETY: the descriptor is fresh and ours alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Starts a non-blocking connect; completion is POLLOUT, its outcome `take_error` of the socket.
///
/// # Errors
/// The errno of `connect`, save EINPROGRESS.
pub fn start_connect(fd: BorrowedFd<'_>, to: SocketAddr) -> Result<()> {
    let address = RawAddress::from(to);
    // SAFETY: the address lives through the call and its length fits its family.
    let done = unsafe { libc::connect(fd.as_raw_fd(), address.pointer(), address.len) };
    match check("connect", i64::from(done)) {
        Err(error) if error.errno() == libc::EINPROGRESS => Ok(()),
        other => other.map(drop),
    }
}

/// Binds to a local address.
///
/// # Errors
/// The errno of `bind`.
pub fn bind(fd: BorrowedFd<'_>, to: SocketAddr) -> Result<()> {
    let address = RawAddress::from(to);
    // SAFETY: the address lives through the call and its length fits its family.
    check("bind", i64::from(unsafe { libc::bind(fd.as_raw_fd(), address.pointer(), address.len) })).map(drop)
}

/// Shuts both directions of a socket down: the other side reads end of file, waiting readers here too.
///
/// # Errors
/// The errno of `shutdown`.
pub fn shutdown(fd: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: numbers only.
    check("shutdown", i64::from(unsafe { libc::shutdown(fd.as_raw_fd(), libc::SHUT_RDWR) })).map(drop)
}

/// A `sockaddr` as the kernel wants it.
pub(crate) struct RawAddress {
    storage: libc::sockaddr_storage,
    len: libc::socklen_t,
}

impl RawAddress {
    pub(crate) fn pointer(&self) -> *const libc::sockaddr {
        (&raw const self.storage).cast()
    }

    pub(crate) fn len(&self) -> libc::socklen_t {
        self.len
    }
}

impl From<SocketAddr> for RawAddress {
    fn from(address: SocketAddr) -> Self {
        // SAFETY: all-zero is a valid sockaddr_storage.
        let mut storage: libc::sockaddr_storage = unsafe { std::mem::zeroed() };
        let len = match address {
            SocketAddr::V4(v4) => {
                let raw = libc::sockaddr_in {
                    sin_family: libc::AF_INET as u16,
                    sin_port: v4.port().to_be(),
                    sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(v4.ip().octets()) },
                    sin_zero: [0; 8],
                };
                // SAFETY: sockaddr_storage is larger than and aligned for sockaddr_in.
                unsafe { (&raw mut storage).cast::<libc::sockaddr_in>().write(raw) };
                size_of::<libc::sockaddr_in>()
            }
            SocketAddr::V6(v6) => {
                let raw = libc::sockaddr_in6 {
                    sin6_family: libc::AF_INET6 as u16,
                    sin6_port: v6.port().to_be(),
                    sin6_flowinfo: v6.flowinfo(),
                    sin6_addr: libc::in6_addr { s6_addr: v6.ip().octets() },
                    sin6_scope_id: v6.scope_id(),
                };
                // SAFETY: sockaddr_storage is larger than and aligned for sockaddr_in6.
                unsafe { (&raw mut storage).cast::<libc::sockaddr_in6>().write(raw) };
                size_of::<libc::sockaddr_in6>()
            }
        };
        Self { storage, len: len as libc::socklen_t }
    }
}

/// Reads an address out of the bytes of a `sockaddr`, as a traced program's memory holds them.
#[must_use]
pub fn address_from_bytes(bytes: &[u8]) -> Option<SocketAddr> {
    let family = i32::from(u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?));
    let port = u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?);
    let ip: IpAddr = match family {
        libc::AF_INET => <[u8; 4]>::try_from(bytes.get(4..8)?).ok()?.into(),
        libc::AF_INET6 => <[u8; 16]>::try_from(bytes.get(8..24)?).ok()?.into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// The peer's address of any descriptor, if it is a connected IP socket.
#[must_use]
pub fn peer_of(fd: BorrowedFd<'_>) -> Option<SocketAddr> {
    name_of(fd, libc::getpeername)
}

/// The own address of any descriptor, if it is an IP socket.
#[must_use]
pub fn local_of(fd: BorrowedFd<'_>) -> Option<SocketAddr> {
    name_of(fd, libc::getsockname)
}

type NameCall = unsafe extern "C" fn(i32, *mut libc::sockaddr, *mut libc::socklen_t) -> i32;

fn name_of(fd: BorrowedFd<'_>, call: NameCall) -> Option<SocketAddr> {
    let mut bytes = [0u8; 128];
    let mut len = bytes.len() as libc::socklen_t;
    // SAFETY: a buffer and its length, both writable.
    let got = unsafe { call(fd.as_raw_fd(), bytes.as_mut_ptr().cast(), &raw mut len) };
    (got == 0).then(|| address_from_bytes(&bytes)).flatten()
}

/// Whether the error of a non-blocking call means "later".
#[must_use]
pub fn is_later(error: &Error) -> bool {
    matches!(error.errno(), libc::EAGAIN | libc::EINTR)
}
