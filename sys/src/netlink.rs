//! `rtnetlink(7)`: links, addresses, neighbours and routes of a lab, in five message types.
//!
//! Requests are built as bytes and asked one at a time; the kernel's own sentence (extended ack) is kept in the
//! error's text where it gives one.

use std::net::IpAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use crate::{Error, Result, check, socket};

const REQUEST_ACK: u16 = 0x5;
const CREATE_NEW: u16 = 0x600;
const RTM_NEWLINK: u16 = 16;
const RTM_NEWADDR: u16 = 20;
const RTM_NEWROUTE: u16 = 24;
const RTM_NEWNEIGH: u16 = 28;

/// A netlink message under construction.
pub(crate) struct Message(Vec<u8>);

impl Message {
    /// A header of that type and flags; length is set by [`Message::finish`].
    pub(crate) fn new(kind: u16, flags: u16) -> Self {
        let mut bytes = vec![0; 16];
        bytes[4..6].copy_from_slice(&kind.to_ne_bytes());
        bytes[6..8].copy_from_slice(&flags.to_ne_bytes());
        Self(bytes)
    }

    /// Appends fixed bytes (`ifinfomsg` and the like).
    pub(crate) fn body(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Appends an attribute, padded to four.
    fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        self.0.extend_from_slice(&(value.len() as u16 + 4).to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    /// Appends an attribute that holds what `inside` appends.
    fn nested(mut self, kind: u16, inside: impl FnOnce(Self) -> Self) -> Self {
        let at = self.0.len();
        self.0.extend_from_slice(&[0; 2]);
        self.0.extend_from_slice(&kind.to_ne_bytes());
        let mut done = inside(self);
        let len = (done.0.len() - at) as u16;
        done.0[at..at + 2].copy_from_slice(&len.to_ne_bytes());
        done
    }

    /// The finished bytes.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        let len = self.0.len() as u32;
        self.0[..4].copy_from_slice(&len.to_ne_bytes());
        self.0
    }
}

/// A netlink socket of one protocol, living in the namespace it was made in.
#[derive(Debug)]
pub(crate) struct Netlink(OwnedFd);

impl Netlink {
    pub(crate) fn open(protocol: i32) -> Result<Self> {
        socket::open(libc::AF_NETLINK, libc::SOCK_RAW, protocol).map(Self)
    }

    pub(crate) fn send(&self, bytes: &[u8]) -> Result<()> {
        // SAFETY: pointer and length of live bytes.
        let sent = unsafe { libc::send(self.0.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), 0) };
        check("send(netlink)", sent as i64).map(drop)
    }

    /// One datagram of answers; its length.
    pub(crate) fn receive(&self, buffer: &mut [u8]) -> Result<usize> {
        loop {
            // SAFETY: pointer and length of writable bytes.
            let got = unsafe { libc::recv(self.0.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), 0) };
            match check("recv(netlink)", got as i64) {
                Err(error) if error.errno() == libc::EINTR => {}
                other => return other.map(|len| len as usize),
            }
        }
    }
}

impl AsFd for Netlink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The answers in a datagram: type and payload after the 16-byte header.
pub(crate) fn answers(datagram: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        let len = u32::from_ne_bytes(rest.get(..4)?.try_into().ok()?) as usize;
        let message = rest.get(..len).filter(|message| message.len() >= 16)?;
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes([message[4], message[5]]), &message[16..]))
    })
}

/// The errno of an NLMSG_ERROR payload, 0 = acknowledged.
pub(crate) fn errno_of(payload: &[u8]) -> i32 {
    payload
        .get(..4)
        .and_then(|code| code.try_into().ok())
        .map_or(libc::EBADMSG, |code| -i32::from_ne_bytes(code))
}

/// A route socket.
#[derive(Debug)]
pub struct Route(Netlink);

impl Route {
    /// Opens one in the calling thread's network namespace.
    ///
    /// # Errors
    /// The errno of `socket`.
    pub fn open() -> Result<Self> {
        Netlink::open(libc::NETLINK_ROUTE).map(Self)
    }

    /// Makes a veth pair: `near` here, `far` in the namespace `far_net`, born there.
    ///
    /// # Errors
    /// EOPNOTSUPP where the kernel has no veth, EPERM without CAP_NET_ADMIN over both.
    pub fn add_veth(&self, near: &Link, far: &Link, far_net: BorrowedFd<'_>) -> Result<()> {
        let message = Message::new(RTM_NEWLINK, REQUEST_ACK | CREATE_NEW)
            .body(&[0; 16])
            .attribute(libc::IFLA_IFNAME, &zero_terminated(near.name))
            .attribute(libc::IFLA_ADDRESS, &near.mac)
            .nested(libc::IFLA_LINKINFO, |m| {
                m.attribute(libc::IFLA_INFO_KIND, b"veth").nested(libc::IFLA_INFO_DATA, |m| {
                    m.nested(1, |m| {
                        m.body(&[0; 16])
                            .attribute(libc::IFLA_IFNAME, &zero_terminated(far.name))
                            .attribute(libc::IFLA_ADDRESS, &far.mac)
                            .attribute(libc::IFLA_NET_NS_FD, &far_net.as_raw_fd().to_ne_bytes())
                    })
                })
            });
        self.ask("netlink(add veth)", message)
    }

    /// Brings a link up.
    ///
    /// # Errors
    /// ENODEV without such a link; EPERM where capabilities are denied.
    pub fn set_up(&self, name: &str) -> Result<()> {
        let mut head = [0u8; 16];
        head[4..8].copy_from_slice(&index(name)?.to_ne_bytes());
        head[8..12].copy_from_slice(&(libc::IFF_UP as u32).to_ne_bytes());
        head[12..16].copy_from_slice(&(libc::IFF_UP as u32).to_ne_bytes());
        self.ask("netlink(link up)", Message::new(RTM_NEWLINK, REQUEST_ACK).body(&head))
    }

    /// Adds an address with its prefix length; IPv6 addresses skip duplicate detection and work at once.
    ///
    /// # Errors
    /// EEXIST where it is there already.
    pub fn add_address(&self, name: &str, address: IpAddr, prefix: u8) -> Result<()> {
        const IFA_F_NODAD: u8 = 0x02;
        let (family, flags) =
            if address.is_ipv4() { (libc::AF_INET, 0) } else { (libc::AF_INET6, IFA_F_NODAD) };
        let mut head = [family as u8, prefix, flags, 0, 0, 0, 0, 0];
        head[4..8].copy_from_slice(&index(name)?.to_ne_bytes());
        let octets = octets(address);
        let message = Message::new(RTM_NEWADDR, REQUEST_ACK | CREATE_NEW)
            .body(&head)
            .attribute(libc::IFA_LOCAL, &octets)
            .attribute(libc::IFA_ADDRESS, &octets);
        self.ask("netlink(add address)", message)
    }

    /// Routes a destination (host routes: /32, /128) out of a link.
    ///
    /// # Errors
    /// EEXIST where it is there already.
    pub fn add_route(&self, name: &str, to: IpAddr, prefix: u8) -> Result<()> {
        const MAIN_TABLE: u8 = 254;
        const BOOT: u8 = 3;
        const SCOPE_LINK: u8 = 253;
        const UNICAST: u8 = 1;
        const RTA_DST: u16 = 1;
        const RTA_OIF: u16 = 4;
        let family = if to.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 } as u8;
        let scope = if to.is_ipv4() { SCOPE_LINK } else { 0 };
        let head = [family, prefix, 0, 0, MAIN_TABLE, BOOT, scope, UNICAST, 0, 0, 0, 0];
        let message = Message::new(RTM_NEWROUTE, REQUEST_ACK | CREATE_NEW)
            .body(&head)
            .attribute(RTA_DST, &octets(to))
            .attribute(RTA_OIF, &index(name)?.to_ne_bytes());
        self.ask("netlink(add route)", message)
    }

    /// Writes a permanent neighbour entry, so that no ARP or ND is needed for it.
    ///
    /// # Errors
    /// EEXIST where it is there already.
    pub fn add_neighbour(&self, name: &str, address: IpAddr, mac: [u8; 6]) -> Result<()> {
        const NUD_PERMANENT: u16 = 0x80;
        let family = if address.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 } as u8;
        let mut head = [family, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        head[4..8].copy_from_slice(&index(name)?.to_ne_bytes());
        head[8..10].copy_from_slice(&NUD_PERMANENT.to_ne_bytes());
        let message = Message::new(RTM_NEWNEIGH, REQUEST_ACK | CREATE_NEW)
            .body(&head)
            .attribute(libc::NDA_DST, &octets(address))
            .attribute(libc::NDA_LLADDR, &mac);
        self.ask("netlink(add neighbour)", message)
    }

    /// The way to an address: out of which link, over which router, from which of our addresses.
    ///
    /// # Errors
    /// ENETUNREACH or EHOSTUNREACH without a route.
    pub fn way(&self, to: IpAddr) -> Result<Way> {
        const RTM_GETROUTE: u16 = 26;
        const RTA_DST: u16 = 1;
        const RTA_OIF: u16 = 4;
        const RTA_GATEWAY: u16 = 5;
        const RTA_PREFSRC: u16 = 7;
        let (family, bits) = if to.is_ipv4() { (libc::AF_INET, 32) } else { (libc::AF_INET6, 128) };
        let head = [family as u8, bits, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        self.0.send(&Message::new(RTM_GETROUTE, 1).body(&head).attribute(RTA_DST, &octets(to)).finish())?;
        let mut way = Way { index: 0, gateway: None, source: None };
        for (kind, value) in self.answer("netlink(get route)", 12)? {
            match kind {
                RTA_OIF => {
                    way.index =
                        value.get(..4).and_then(|four| four.try_into().ok()).map_or(0, u32::from_ne_bytes)
                }
                RTA_GATEWAY => way.gateway = address(&value),
                RTA_PREFSRC => way.source = address(&value),
                _ => {}
            }
        }
        Ok(way)
    }

    /// The hardware address of a neighbour, if the kernel knows it.
    ///
    /// # Errors
    /// The errno of the answer, save ENOENT.
    pub fn neighbour(&self, index: u32, to: IpAddr) -> Result<Option<[u8; 6]>> {
        const RTM_GETNEIGH: u16 = 30;
        let family = if to.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 } as u8;
        let mut head = [family, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        head[4..8].copy_from_slice(&index.to_ne_bytes());
        self.0.send(
            &Message::new(RTM_GETNEIGH, 1).body(&head).attribute(libc::NDA_DST, &octets(to)).finish(),
        )?;
        match self.answer("netlink(get neighbour)", 12) {
            Ok(attributes) => {
                let found = attributes.into_iter().find(|(kind, _)| *kind == libc::NDA_LLADDR);
                Ok(found.and_then(|(_, value)| value.try_into().ok()))
            }
            Err(error) if matches!(error.errno(), libc::ENOENT | libc::EOPNOTSUPP | libc::EINVAL) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The attributes of the one message that answers, behind its fixed `head` bytes.
    fn answer(&self, call: &'static str, head: usize) -> Result<Vec<(u16, Vec<u8>)>> {
        let mut buffer = [0u8; 4096];
        let len = self.0.receive(&mut buffer)?;
        let (kind, payload) =
            answers(&buffer[..len]).next().ok_or_else(|| Error::from_errno(call, libc::EBADMSG))?;
        if kind == libc::NLMSG_ERROR as u16 {
            return Err(Error::from_errno(call, errno_of(payload)));
        }
        Ok(attributes(payload.get(head..).unwrap_or_default()))
    }

    fn ask(&self, call: &'static str, message: Message) -> Result<()> {
        self.0.send(&message.finish())?;
        let mut buffer = [0u8; 4096];
        let len = self.0.receive(&mut buffer)?;
        for (kind, payload) in answers(&buffer[..len]) {
            if kind == libc::NLMSG_ERROR as u16 {
                let errno = errno_of(payload);
                return if errno == 0 { Ok(()) } else { Err(Error::from_errno(call, errno)) };
            }
        }
        Err(Error::from_errno(call, libc::EBADMSG))
    }
}

/// The way to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// The link's index.
    pub index: u32,
    /// The router; none when the address is on the link.
    pub gateway: Option<IpAddr>,
    /// The address of ours that the kernel would use.
    pub source: Option<IpAddr>,
}

/// The attributes of a message: type and value.
fn attributes(bytes: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut rest = bytes;
    let mut found = Vec::new();
    while let [a, b, c, d, ..] = rest {
        let (len, kind) = (usize::from(u16::from_ne_bytes([*a, *b])), u16::from_ne_bytes([*c, *d]));
        let Some(value) = rest.get(4..len) else { break };
        found.push((kind & 0x3fff, value.to_vec()));
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}

/// A link's name and hardware address.
#[derive(Debug, Clone, Copy)]
pub struct Link<'a> {
    /// At most 15 bytes.
    pub name: &'a str,
    /// Locally administered.
    pub mac: [u8; 6],
}

/// The index of a link of the calling thread's namespace.
///
/// # Errors
/// ENODEV without such a link.
pub fn index(name: &str) -> Result<u32> {
    let name = std::ffi::CString::new(name).unwrap_or_default();
    // SAFETY: a live C string.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    if index == 0 { Err(Error::last("if_nametoindex")) } else { Ok(index) }
}

fn zero_terminated(name: &str) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_padded_and_nested_lengths_cover_padding() {
        let bytes = Message::new(16, 5).nested(18, |m| m.attribute(1, b"veth\0")).finish();
        assert_eq!(bytes.len(), 16 + 4 + 12);
        assert_eq!(bytes[..4], 32u32.to_ne_bytes());
        assert_eq!(bytes[16..18], 16u16.to_ne_bytes(), "nested: own header + padded attribute");
        assert_eq!(bytes[20..22], 9u16.to_ne_bytes(), "attribute: header + value, unpadded");
    }

    #[test]
    fn answers_stop_at_garbage() {
        assert_eq!(answers(&[1, 2, 3]).count(), 0);
        assert_eq!(answers(&[0xff; 40]).count(), 0);
        let one = Message::new(2, 0).body(&0i32.to_ne_bytes()).finish();
        assert_eq!(
            answers(&one).map(|(kind, payload)| (kind, errno_of(payload))).collect::<Vec<_>>(),
            [(2, 0)]
        );
    }
}
