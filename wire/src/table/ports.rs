//! Which application a transport carries: known ports first, then what the bytes themselves look like.

use super::{dhcp, dns, http, irc, ntp, quic, tls, vxlan};
use crate::dissect::{Block, Walk};
use crate::protocol::Protocol;
use crate::scope::Applications;
use crate::tables::Carrier;

/// IANA's port of VXLAN (RFC 7348 section 5).
const VXLAN_PORT: u16 = 4789;

/// Chooses the protocol of a TCP segment's payload.
pub(crate) fn over_tcp(walk: &mut Walk<'_>, block: &mut Block) {
    over(walk, block, Carrier::Tcp, walk.scope.applications == Applications::All);
}

/// Chooses the protocol of a UDP datagram's payload.
pub(crate) fn over_udp(walk: &mut Walk<'_>, block: &mut Block) {
    over(walk, block, Carrier::Udp, walk.scope.applications != Applications::None);
}

fn over(walk: &mut Walk<'_>, block: &mut Block, carrier: Carrier, is_wanted: bool) {
    // A quote in an error message is never part of the stream.
    let ends = ends(walk, block);
    // A quote in an error message is never part of a stream, and what a tunnel carries is no application.
    let is_tunnel = carrier == Carrier::Udp && ends.is_some_and(|(ports, _)| ports[1] == VXLAN_PORT);
    if !is_wanted && !walk.is_quoted && !is_tunnel {
        block.is_last = true;
        return;
    }
    let Some((ports, payload)) = ends else { return };
    block.next = walk.scope.tables.application(carrier, ports, payload);
}

/// The built-in protocol of a stream whose next bytes are these.
pub(crate) fn of_stream(ports: [u16; 2], payload: &[u8]) -> Option<&'static Protocol> {
    if ports.contains(&53) && begins_dns_stream(payload) {
        Some(&dns::DNS_TCP)
    } else if ports.iter().any(|port| (6660..=6669).contains(port)) {
        Some(&irc::IRC)
    } else if http::is_message(payload) {
        Some(&http::HTTP)
    } else if tls::is_record(payload) {
        Some(&tls::TLS)
    } else if is_dns_stream(payload) {
        Some(&dns::DNS_TCP)
    } else {
        None
    }
}

/// The built-in protocol of a datagram.
pub(crate) fn of_datagram(ports: [u16; 2], payload: &[u8]) -> Option<&'static Protocol> {
    let has = |port: u16| ports.contains(&port);
    if has(5353) {
        Some(&dns::MDNS)
    } else if has(53) {
        Some(&dns::DNS)
    } else if (has(67) || has(68)) && payload.len() >= 240 {
        Some(&dhcp::DHCP)
    } else if has(123) {
        Some(&ntp::NTP)
    } else if ports[1] == VXLAN_PORT {
        Some(&vxlan::VXLAN)
    } else if quic::is_long(payload) {
        Some(&quic::QUIC)
    } else if dns::is_message(payload) {
        Some(&dns::DNS)
    } else {
        None
    }
}

fn ends<'a>(walk: &Walk<'a>, block: &Block) -> Option<([u16; 2], &'a [u8])> {
    let ports =
        [walk.number(block.start, 2, block.end)? as u16, walk.number(block.start + 2, 2, block.end)? as u16];
    let payload =
        walk.bytes.get(block.header_end?..block.payload_end).filter(|payload| !payload.is_empty())?;
    Some((ports, payload))
}

/// Whether a stream on the port of DNS starts with the length of a message, and what is here of its header is sane.
fn begins_dns_stream(payload: &[u8]) -> bool {
    let &[high, low, ref message @ ..] = payload else { return false };
    let is_header = message.get(2).is_none_or(|flags| flags >> 3 & 15 <= 5);
    u16::from_be_bytes([high, low]) >= 12 && is_header
}

/// Whether a stream starts with the length of a DNS message and that message.
fn is_dns_stream(payload: &[u8]) -> bool {
    let [high, low, message @ ..] = payload else { return false };
    let len = usize::from(*high) << 8 | usize::from(*low);
    message.get(..len).is_some_and(dns::is_message)
}
