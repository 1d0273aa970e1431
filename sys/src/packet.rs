//! `packet(7)`: a raw socket on one link. Whole Ethernet frames come in and go out; nothing else reaches it.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use crate::{Result, check, netlink, socket};

const PACKET_STATISTICS: i32 = 6;
const PACKET_QDISC_BYPASS: i32 = 20;
const PACKET_IGNORE_OUTGOING: i32 = 23;

/// A non-blocking packet socket bound to one link.
#[derive(Debug)]
pub struct PacketSocket {
    fd: OwnedFd,
    /// What the kernel granted as receive buffer, in bytes (it doubles what is asked).
    pub buffer: usize,
}

impl PacketSocket {
    /// Opens one on a link of the calling thread's namespace. Its own frames do not come back.
    ///
    /// # Errors
    /// EPERM without CAP_NET_RAW over the namespace, ENODEV without such a link.
    pub fn open(link: &str) -> Result<Self> {
        // Protocol 0: nothing arrives before everything is set and the socket is bound.
        let fd = socket::open(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_NONBLOCK, 0)?;
        socket::set_int(fd.as_fd(), libc::SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)?;
        // Both are improvements only: an old kernel without them still forwards right.
        let _ = socket::set_int(fd.as_fd(), libc::SOL_PACKET, PACKET_QDISC_BYPASS, 1);
        let _ = socket::set_buffer(fd.as_fd(), libc::SO_RCVBUF, 8 << 20);
        let buffer = socket::int(fd.as_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF)? as usize;
        bind(&fd, netlink::index(link)?)?;
        Ok(Self { fd, buffer })
    }

    /// The next frame into `buffer`: its length, or `None` when there is none now.
    ///
    /// # Errors
    /// The errno of `recv`; ENETDOWN when the link went down.
    pub fn receive(&self, buffer: &mut [u8]) -> Result<Option<usize>> {
        // SAFETY: pointer and length of writable bytes.
        let got = unsafe {
            libc::recv(self.fd.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), libc::MSG_TRUNC)
        };
        match check("recv(packet)", got as i64) {
            Ok(len) => Ok(Some((len as usize).min(buffer.len()))),
            Err(error) if socket::is_later(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends a frame. On a veth the receiving host has handled it when this returns.
    ///
    /// # Errors
    /// ENETDOWN when the link is down, ENOBUFS or EAGAIN when the kernel has no room, EMSGSIZE past the MTU.
    pub fn send(&self, frame: &[u8]) -> Result<()> {
        // SAFETY: pointer and length of live bytes.
        let sent = unsafe { libc::send(self.fd.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
        check("send(packet)", sent as i64).map(drop)
    }

    /// Frames that the kernel had to drop before we read them, since the last call. Not 0 = the capture is not whole.
    ///
    /// # Errors
    /// The errno of `getsockopt`.
    pub fn drops(&self) -> Result<u32> {
        let mut statistics = [0u32; 2];
        let mut len = size_of_val(&statistics) as libc::socklen_t;
        // SAFETY: tpacket_stats is two unsigned ints.
        let got = unsafe {
            libc::getsockopt(
                self.fd.as_raw_fd(),
                libc::SOL_PACKET,
                PACKET_STATISTICS,
                statistics.as_mut_ptr().cast(),
                &raw mut len,
            )
        };
        check("getsockopt(PACKET_STATISTICS)", i64::from(got))?;
        Ok(statistics[1])
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Binds a packet socket to a link, or with index 0 to all of them; frames of every protocol arrive from then on.
pub(crate) fn bind(fd: &OwnedFd, index: u32) -> Result<()> {
    // SAFETY: all-zero is a valid sockaddr_ll.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = index as i32;
    let len = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: pointer and size of one sockaddr_ll.
    let bound = unsafe { libc::bind(fd.as_raw_fd(), (&raw const address).cast(), len) };
    check("bind(packet)", i64::from(bound)).map(drop)
}
