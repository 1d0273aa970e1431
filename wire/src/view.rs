//! The fast view: what a link, a flow table or a ladder must know of a frame, in one pass and without allocation.
//!
//! It reads fixed offsets of Ethernet (with VLAN tags), IPv4/IPv6 (with extension headers) and TCP/UDP/ICMP and
//! stops quietly where the bytes stop. Every field of every protocol is the dissector's work, not this one's.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// TCP flag bits as they stand in byte 13 of the header (RFC 9293 section 3.1).
pub mod flag {
    /// No more data from sender.
    pub const FIN: u8 = 0x01;
    /// Synchronize sequence numbers.
    pub const SYN: u8 = 0x02;
    /// Reset the connection.
    pub const RST: u8 = 0x04;
    /// Push function.
    pub const PSH: u8 = 0x08;
    /// Acknowledgment field is significant.
    pub const ACK: u8 = 0x10;
    /// Urgent pointer field is significant.
    pub const URG: u8 = 0x20;
}

/// An IP packet inside a frame; ranges are byte offsets from the start of the frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ip {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// The protocol of the payload (IANA protocol numbers), after any extension headers.
    pub protocol: u8,
    /// Time to live or hop limit.
    pub ttl: u8,
    /// Where the IP header starts.
    pub start: usize,
    /// The payload, cut to what the header's length field admits and the frame holds.
    pub payload: Range<usize>,
    /// A fragment that is not the first: its payload starts in mid-datagram and has no transport header.
    pub is_later_fragment: bool,
}

/// A TCP segment inside a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tcp {
    /// Source port.
    pub src_port: u16,
    /// Destination port.
    pub dst_port: u16,
    /// Sequence number as on the wire.
    pub seq: u32,
    /// Acknowledgment number as on the wire.
    pub ack: u32,
    /// The eight low flag bits, see [`flag`].
    pub flags: u8,
    /// Window as on the wire, unscaled.
    pub window: u16,
    /// Where the TCP header starts.
    pub start: usize,
    /// The option bytes.
    pub options: Range<usize>,
    /// The payload bytes.
    pub payload: Range<usize>,
}

impl Tcp {
    /// Whether all bits of `mask` are set.
    #[must_use]
    pub fn has(&self, mask: u8) -> bool {
        self.flags & mask == mask
    }

    /// The length in sequence space: payload plus one each for SYN and FIN (RFC 9293 section 3.4).
    #[must_use]
    pub fn seq_len(&self) -> u32 {
        self.payload.len() as u32 + u32::from(self.has(flag::SYN)) + u32::from(self.has(flag::FIN))
    }
}

/// What the IP payload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Transport {
    /// A TCP segment.
    Tcp(Tcp),
    /// A UDP datagram: ports and payload.
    Udp {
        /// Source port.
        src_port: u16,
        /// Destination port.
        dst_port: u16,
        /// The payload bytes.
        payload: Range<usize>,
    },
    /// ICMP or ICMPv6: type and code.
    Icmp {
        /// Message type.
        kind: u8,
        /// Message code.
        code: u8,
    },
    /// Another protocol, a later fragment, or too few bytes for a header.
    Other,
}

/// A frame at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The EtherType after any VLAN tags.
    pub ethertype: u16,
    /// The IP packet, if the frame carries one.
    pub ip: Option<Ip>,
    /// What the IP packet carries.
    pub transport: Transport,
}

impl View {
    /// The TCP segment with its IP packet, if that is what the frame carries.
    #[must_use]
    pub fn tcp(&self) -> Option<(&Ip, &Tcp)> {
        match (&self.ip, &self.transport) {
            (Some(ip), Transport::Tcp(tcp)) => Some((ip, tcp)),
            _ => None,
        }
    }
}

/// Looks at an Ethernet frame. `None` when not even the 14-byte Ethernet header is there.
#[must_use]
pub fn ethernet(frame: &[u8]) -> Option<View> {
    let mut ethertype = be16(frame, 12)?;
    let mut at = 14;
    while matches!(ethertype, 0x8100 | 0x88a8 | 0x9100) {
        ethertype = be16(frame, at + 2)?;
        at += 4;
    }
    let ip = match ethertype {
        0x0800 => ipv4(frame, at),
        0x86dd => ipv6(frame, at),
        _ => None,
    };
    let transport = ip.as_ref().map_or(Transport::Other, |ip| transport(frame, ip));
    Some(View { ethertype, ip, transport })
}

fn ipv4(frame: &[u8], start: usize) -> Option<Ip> {
    let header = frame.get(start..start + 20)?;
    let header_len = usize::from(header[0] & 0x0f) * 4;
    if header[0] >> 4 != 4 || header_len < 20 {
        return None;
    }
    let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    let end = (start + total).min(frame.len());
    let from = (start + header_len).min(end);
    let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x1fff;
    Some(Ip {
        src: IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(&header[12..16]).ok()?)),
        dst: IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(&header[16..20]).ok()?)),
        protocol: header[9],
        ttl: header[8],
        start,
        payload: from..end,
        is_later_fragment: fragment != 0,
    })
}

fn ipv6(frame: &[u8], start: usize) -> Option<Ip> {
    let header = frame.get(start..start + 40)?;
    if header[0] >> 4 != 6 {
        return None;
    }
    let end = (start + 40 + usize::from(u16::from_be_bytes([header[4], header[5]]))).min(frame.len());
    let (mut protocol, mut at, mut later) = (header[6], start + 40, false);
    // Extension headers (RFC 8200 section 4); each step moves on by at least 8 bytes, so the walk ends.
    while matches!(protocol, 0 | 43 | 44 | 51 | 60) && at + 8 <= end && !later {
        let extension = &frame[at..at + 8];
        let len = match protocol {
            44 => {
                later = u16::from_be_bytes([extension[2], extension[3]]) & 0xfff8 != 0;
                8
            }
            51 => (usize::from(extension[1]) + 2) * 4,
            _ => (usize::from(extension[1]) + 1) * 8,
        };
        protocol = extension[0];
        at += len;
    }
    Some(Ip {
        src: IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(&header[8..24]).ok()?)),
        dst: IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(&header[24..40]).ok()?)),
        protocol,
        ttl: header[7],
        start,
        payload: at.min(end)..end,
        is_later_fragment: later,
    })
}

fn transport(frame: &[u8], ip: &Ip) -> Transport {
    if ip.is_later_fragment {
        return Transport::Other;
    }
    let (at, end) = (ip.payload.start, ip.payload.end);
    let read = || match ip.protocol {
        6 => tcp(frame, at, end),
        17 if at + 8 <= end => Some(Transport::Udp {
            src_port: be16(frame, at)?,
            dst_port: be16(frame, at + 2)?,
            payload: at + 8..end,
        }),
        1 | 58 if at + 4 <= end => Some(Transport::Icmp { kind: frame[at], code: frame[at + 1] }),
        _ => None,
    };
    read().unwrap_or(Transport::Other)
}

fn tcp(frame: &[u8], start: usize, end: usize) -> Option<Transport> {
    let header = frame.get(start..start + 20).filter(|_| start + 20 <= end)?;
    let header_len = (usize::from(header[12] >> 4) * 4).max(20);
    let from = (start + header_len).min(end);
    Some(Transport::Tcp(Tcp {
        src_port: u16::from_be_bytes([header[0], header[1]]),
        dst_port: u16::from_be_bytes([header[2], header[3]]),
        seq: be32(header, 4)?,
        ack: be32(header, 8)?,
        flags: header[13],
        window: u16::from_be_bytes([header[14], header[15]]),
        start,
        options: start + 20..from,
        payload: from..end,
    }))
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A SYN from 10.77.0.1:40312 to 10.77.0.2:9000 with an MSS option.
    const SYN: &[u8] =
        b"\x02\0\0\0\0\x0b\x02\0\0\0\0\x0a\x08\x00\x45\0\0\x2c\0\0\x40\0\x40\x06\0\0\x0a\x4d\0\x01\
        \x0a\x4d\0\x02\x9d\x78\x23\x28\0\0\0\x07\0\0\0\0\x60\x02\xfa\xf0\0\0\0\0\x02\x04\x05\xb4";

    #[test]
    fn reads_a_syn() {
        let view = ethernet(SYN).unwrap();
        let (ip, tcp) = view.tcp().unwrap();
        assert_eq!(ip.dst.to_string(), "10.77.0.2");
        assert_eq!((tcp.src_port, tcp.dst_port, tcp.seq), (40312, 9000, 7));
        assert!(tcp.has(flag::SYN) && !tcp.has(flag::ACK));
        assert_eq!((tcp.options.clone(), tcp.seq_len()), (54..58, 1));
    }

    #[test]
    fn sees_through_a_vlan_tag() {
        let mut tagged = SYN[..12].to_vec();
        tagged.extend_from_slice(b"\x81\x00\x00\x07");
        tagged.extend_from_slice(&SYN[12..]);
        assert_eq!(ethernet(&tagged).unwrap().tcp().unwrap().1.dst_port, 9000);
    }

    proptest! {
        #[test]
        fn never_panics_and_ranges_stay_inside(mut frame in prop::collection::vec(any::<u8>(), 0..200), cut in 0usize..64) {
            let _ = ethernet(&frame);
            for (at, byte) in SYN.iter().enumerate().take(cut) {
                if at < frame.len() { frame[at] = *byte; }
            }
            if let Some(View { ip: Some(ip), transport, .. }) = ethernet(&frame) {
                prop_assert!(ip.payload.start <= ip.payload.end && ip.payload.end <= frame.len());
                if let Transport::Tcp(tcp) = transport {
                    prop_assert!(tcp.options.start <= tcp.options.end && tcp.payload.end <= frame.len());
                }
            }
        }
    }
}
