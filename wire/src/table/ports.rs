//! Which application a transport carries: known ports first, then what the bytes themselves look like.

use super::{dhcp, dns, http, irc, ntp, quic, tls, vxlan};
use crate::dissect::{Block, Walk};

/// Chooses the protocol of a TCP segment's payload.
pub(crate) fn over_tcp(walk: &mut Walk<'_>, block: &mut Block) {
    let Some((ports, payload)) = ends(walk, block) else { return };
    block.next = if ports.contains(&53) && is_dns_stream(payload) {
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
    };
}

/// Chooses the protocol of a UDP datagram's payload.
pub(crate) fn over_udp(walk: &mut Walk<'_>, block: &mut Block) {
    let Some((ports, payload)) = ends(walk, block) else { return };
    let has = |port: u16| ports.contains(&port);
    block.next = if has(5353) {
        Some(&dns::MDNS)
    } else if has(53) {
        Some(&dns::DNS)
    } else if (has(67) || has(68)) && payload.len() >= 240 {
        Some(&dhcp::DHCP)
    } else if has(123) {
        Some(&ntp::NTP)
    } else if ports[1] == 4789 {
        Some(&vxlan::VXLAN)
    } else if quic::is_long(payload) {
        Some(&quic::QUIC)
    } else if dns::is_message(payload) {
        Some(&dns::DNS)
    } else {
        None
    };
}

fn ends<'a>(walk: &Walk<'a>, block: &Block) -> Option<([u16; 2], &'a [u8])> {
    let ports =
        [walk.number(block.start, 2, block.end)? as u16, walk.number(block.start + 2, 2, block.end)? as u16];
    let payload =
        walk.bytes.get(block.header_end?..block.payload_end).filter(|payload| !payload.is_empty())?;
    Some((ports, payload))
}

/// Whether a stream starts with the length of a DNS message and that message.
fn is_dns_stream(payload: &[u8]) -> bool {
    let [high, low, message @ ..] = payload else { return false };
    let len = usize::from(*high) << 8 | usize::from(*low);
    message.get(..len).is_some_and(dns::is_message)
}
