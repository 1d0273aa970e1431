//! Forged segments: a RST or FIN that an end takes for the other's, with exactly the sequence number it expects next
//! (RFC 5961 section 3.2: any other one in the window is answered by a challenge instead of being believed).

use tongro_trace::event::HostId;
use tongro_wire::checksum;
use tongro_wire::view::flag;

use crate::flow::{Flow, Flows, is_before};
use crate::topology::MACS;

/// A frame to `to` with these flags in the given TCP conversation, or in the one that was opened last.
pub(crate) fn segment_to(flows: &Flows, flow: Option<usize>, to: HostId, flags: u8) -> Option<Vec<u8>> {
    let flow = match flow {
        Some(index) => flows.list.get(index)?,
        None => flows.list.iter().rev().find(|flow| flow.protocol == 6)?,
    };
    (flow.protocol == 6).then(|| segment(flow, to, flags)).flatten()
}

/// Ethernet + IPv4 or IPv6 + TCP without options and payload.
fn segment(flow: &Flow, to: HostId, flags: u8) -> Option<Vec<u8>> {
    let is_to_client = to == flow.opener;
    let (src, dst) = if is_to_client { (flow.server, flow.client) } else { (flow.client, flow.server) };
    let toward = &flow.streams[usize::from(is_to_client)];
    let back = &flow.streams[usize::from(!is_to_client)];
    // The receiver expects what lies behind the last byte it got in order; its own last ACK may be older.
    let seq = match back.acked_by_it {
        Some(acked) if is_before(toward.delivered, acked) => acked,
        _ => toward.delivered,
    };
    let ack = toward.acked_by_it.unwrap_or(back.next);
    let mut tcp = Vec::with_capacity(20);
    tcp.extend_from_slice(&src.port().to_be_bytes());
    tcp.extend_from_slice(&dst.port().to_be_bytes());
    tcp.extend_from_slice(&seq.to_be_bytes());
    tcp.extend_from_slice(&(if flags & flag::ACK != 0 { ack } else { 0 }).to_be_bytes());
    tcp.extend_from_slice(&[0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
    let sum = checksum::transport(src.ip(), dst.ip(), 6, &tcp);
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());
    let mut frame = Vec::with_capacity(74);
    frame.extend_from_slice(&MACS[usize::from(to & 1)]);
    frame.extend_from_slice(&MACS[usize::from(1 - (to & 1))]);
    match (src.ip(), dst.ip()) {
        (std::net::IpAddr::V4(src), std::net::IpAddr::V4(dst)) => {
            let mut ip = [0x45, 0, 0, 40, 0, 0, 0x40, 0, 64, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            ip[12..16].copy_from_slice(&src.octets());
            ip[16..20].copy_from_slice(&dst.octets());
            let sum = checksum::internet(&ip);
            ip[10..12].copy_from_slice(&sum.to_be_bytes());
            frame.extend_from_slice(&[0x08, 0x00]);
            frame.extend_from_slice(&ip);
        }
        (std::net::IpAddr::V6(src), std::net::IpAddr::V6(dst)) => {
            frame.extend_from_slice(&[0x86, 0xdd, 0x60, 0, 0, 0, 0, 20, 6, 64]);
            frame.extend_from_slice(&src.octets());
            frame.extend_from_slice(&dst.octets());
        }
        _ => return None,
    }
    frame.extend_from_slice(&tcp);
    Some(frame)
}
