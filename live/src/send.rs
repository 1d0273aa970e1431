//! Sending crafted packets: frames out of a packet socket, IP packets out of a raw socket, where the kernel finds the way
//! and loopback works.
//!
//! A raw IPv4 socket has the kernel write length and header checksum. A packet whose header is wrong on purpose goes out
//! as a frame instead, with the neighbour's hardware address before it; only on loopback, where frames are not routed,
//! the kernel puts it right.

use std::collections::HashMap;
use std::net::IpAddr;

use tongro_sys::packet::PacketSocket;
use tongro_sys::raw::RawIp;
use tongro_wire::{LinkType, survives_raw_socket};

use crate::{LiveError, way};

/// Sends packets; sockets and ways are kept between them.
#[derive(Debug)]
pub struct Sender {
    link: Option<String>,
    frames: HashMap<String, PacketSocket>,
    raw: HashMap<bool, RawIp>,
    paths: HashMap<(IpAddr, bool), Path>,
}

/// How a packet went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// As it is.
    Whole,
    /// The kernel has put the length or the checksum of its IPv4 header right.
    Corrected,
}

#[derive(Debug, Clone)]
enum Path {
    /// The kernel finds the way.
    Raw { scope: u32, is_corrected: bool },
    /// A frame on this link.
    Frame { link: String, header: [u8; 14] },
}

impl Sender {
    /// Sends out of one interface, or out of that which leads to each packet's destination.
    #[must_use]
    pub fn new(link: Option<&str>) -> Self {
        Self {
            link: link.map(str::to_owned),
            frames: HashMap::new(),
            raw: HashMap::new(),
            paths: HashMap::new(),
        }
    }

    /// Sends one packet.
    ///
    /// # Errors
    /// Without privilege or way, and what the kernel says of the packet.
    pub fn send(&mut self, link_type: LinkType, bytes: &[u8]) -> Result<Target, LiveError> {
        match link_type {
            LinkType::Ethernet => self.frame(bytes),
            _ => self.packet(bytes),
        }
    }

    fn frame(&mut self, frame: &[u8]) -> Result<Target, LiveError> {
        let ethertype = frame.get(12..14).map(|two| u16::from_be_bytes([two[0], two[1]]));
        let to = frame.get(14..).and_then(destination).filter(|_| matches!(ethertype, Some(0x0800 | 0x86dd)));
        let asked = (ethertype == Some(0x0806)).then(|| frame.get(38..42)).flatten();
        let asked = asked.and_then(|four| <[u8; 4]>::try_from(four).ok()).map(IpAddr::from);
        let link = match (&self.link, to.or(asked)) {
            (Some(link), _) => way::interface(link)?,
            (None, Some(to)) => way::way(to, None)?.1,
            (None, None) => return Err(LiveError::NoDestination),
        };
        // A frame on loopback would be taken for a martian: its packet goes the kernel's own way.
        if link.is_loopback && to.is_some() {
            return self.packet(&frame[14..]);
        }
        self.put(&link.name, frame)?;
        Ok(Target::Whole)
    }

    fn put(&mut self, link: &str, frame: &[u8]) -> Result<(), LiveError> {
        if !self.frames.contains_key(link) {
            self.frames.insert(link.to_owned(), PacketSocket::open(link)?);
        }
        let Some(socket) = self.frames.get(link) else { return Ok(()) };
        retried(socket, || socket.send(frame))
    }

    fn packet(&mut self, packet: &[u8]) -> Result<Target, LiveError> {
        let to = destination(packet).ok_or(LiveError::NoDestination)?;
        let key = (to, survives_raw_socket(packet));
        if !self.paths.contains_key(&key) {
            let path = self.path(to, key.1)?;
            self.paths.insert(key, path);
        }
        match self.paths.get(&key).cloned() {
            Some(Path::Raw { scope, is_corrected }) => {
                self.raw(packet, to, scope)?;
                Ok(if is_corrected { Target::Corrected } else { Target::Whole })
            }
            Some(Path::Frame { link, header }) => {
                self.put(&link, &[&header[..], packet].concat())?;
                Ok(Target::Whole)
            }
            None => Err(LiveError::NoRoute(to)),
        }
    }

    fn path(&self, to: IpAddr, survives: bool) -> Result<Path, LiveError> {
        const ETHERNET: u16 = 1;
        let (way, interface) = way::way(to, self.link.as_deref())?;
        let is_frame = !survives && !interface.is_loopback && interface.hardware == ETHERNET;
        if !is_frame {
            return Ok(Path::Raw { scope: interface.index, is_corrected: !survives });
        }
        let mut header = [0; 14];
        header[..6].copy_from_slice(&way::neighbour(&way, &interface, to)?);
        header[6..12].copy_from_slice(&interface.mac);
        header[12..].copy_from_slice(if to.is_ipv4() { &[0x08, 0x00] } else { &[0x86, 0xdd] });
        Ok(Path::Frame { link: interface.name, header })
    }

    fn raw(&mut self, packet: &[u8], to: IpAddr, scope: u32) -> Result<(), LiveError> {
        if !self.raw.contains_key(&to.is_ipv4()) {
            self.raw.insert(to.is_ipv4(), RawIp::open(to, self.link.as_deref())?);
        }
        let Some(socket) = self.raw.get(&to.is_ipv4()) else { return Ok(()) };
        let scope = if is_scoped(to) { scope } else { 0 };
        retried(socket, || socket.send(packet, to, scope))
    }
}

/// Sends again when there is room, if there was none.
fn retried(
    socket: &impl std::os::fd::AsFd,
    send: impl Fn() -> tongro_sys::Result<()>,
) -> Result<(), LiveError> {
    const ROOM_MS: i32 = 100;
    loop {
        match send() {
            Err(error) if matches!(error.errno(), libc::ENOBUFS | libc::EAGAIN | libc::EINTR) => {
                tongro_sys::poll::one(socket.as_fd(), libc::POLLOUT, ROOM_MS)?;
            }
            other => return other.map_err(Into::into),
        }
    }
}

fn is_scoped(to: IpAddr) -> bool {
    matches!(to, IpAddr::V6(v6) if v6.is_unicast_link_local() || v6.is_multicast())
}

/// The destination of an IP packet.
pub(crate) fn destination(packet: &[u8]) -> Option<IpAddr> {
    match packet.first()? >> 4 {
        4 => <[u8; 4]>::try_from(packet.get(16..20)?).ok().map(IpAddr::from),
        6 => <[u8; 16]>::try_from(packet.get(24..40)?).ok().map(IpAddr::from),
        _ => None,
    }
}
