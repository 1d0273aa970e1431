//! The words on an arrow, from a frame's bytes: `SYN seq 0`, `ACK 65 · SACK 1513–2961`, `UDP 5000 → 9000 · 12 B`.

use std::net::Ipv4Addr;

use tongro_wire::view::{Ip, Transport, View, flag};

use crate::segment::Segment;

use super::model::ArrowKind;

/// What a TCP segment is drawn as and its label.
pub(super) fn tcp(segment: &Segment) -> (ArrowKind, String) {
    let has = |mask| segment.has(mask);
    if has(flag::RST) {
        return (ArrowKind::Control, format!("{} seq {}", flags(segment), segment.seq));
    }
    if has(flag::SYN) || has(flag::FIN) {
        let label = with_payload(format!("{} seq {}", flags(segment), segment.seq), segment.payload);
        let kind = if segment.payload > 0 { ArrowKind::Data } else { ArrowKind::Control };
        return (kind, label);
    }
    if segment.payload > 0 {
        return (ArrowKind::Data, with_payload(format!("seq {}", segment.seq), segment.payload));
    }
    if !has(flag::ACK) {
        return (ArrowKind::Control, format!("seq {}", segment.seq));
    }
    (ArrowKind::Ack, acknowledgment(segment))
}

fn flags(segment: &Segment) -> String {
    const NAMES: [(u8, &str); 4] =
        [(flag::SYN, "SYN"), (flag::FIN, "FIN"), (flag::RST, "RST"), (flag::ACK, "ACK")];
    let names: Vec<_> = NAMES.iter().filter(|(bit, _)| segment.has(*bit)).map(|(_, name)| *name).collect();
    names.join(" ")
}

fn with_payload(label: String, payload: u32) -> String {
    if payload > 0 { format!("{label} · {payload} B") } else { label }
}

fn acknowledgment(segment: &Segment) -> String {
    let mut label = format!("ACK {}", segment.ack);
    let blocks: Vec<_> =
        segment.options.sack().iter().map(|(left, right)| format!("{left}–{right}")).collect();
    if !blocks.is_empty() {
        label += &format!(" · SACK {}", blocks.join(", "));
    }
    if segment.window == 0 {
        label += " · win 0";
    }
    label
}

/// Kind and label of everything that is not TCP.
pub(super) fn other(view: Option<&View>, frame: &[u8]) -> (ArrowKind, String) {
    let Some(view) = view else { return (ArrowKind::Control, format!("{} B", frame.len())) };
    let Some(ip) = &view.ip else {
        return (ArrowKind::Control, without_ip(view, frame));
    };
    let fragment = fragment(ip, frame);
    match (&view.transport, fragment) {
        (Transport::Udp { src_port, dst_port, payload }, first) => {
            let more = if first.is_some() { " · fragment 0" } else { "" };
            (ArrowKind::Data, format!("UDP {src_port} → {dst_port} · {} B{more}", payload.len()))
        }
        (Transport::Icmp { kind, code }, _) => (ArrowKind::Control, icmp(ip, frame, *kind, *code)),
        (_, Some(offset)) => (ArrowKind::Data, format!("fragment {offset} · {} B", ip.payload.len())),
        (_, None) => (ArrowKind::Data, format!("IP protocol {} · {} B", ip.protocol, ip.payload.len())),
    }
}

fn without_ip(view: &View, frame: &[u8]) -> String {
    match (view.ethertype, frame.len().checked_sub(28)) {
        (0x0806, Some(_)) => arp(frame).unwrap_or_else(|| "ARP".to_owned()),
        (length, _) if length < 0x0600 => format!("LLC · {length} B"),
        (ethertype, _) => format!("ethertype 0x{ethertype:04x} · {} B", frame.len()),
    }
}

/// ARP over Ethernet and IPv4 (RFC 826), without VLAN tag.
fn arp(frame: &[u8]) -> Option<String> {
    let arp = frame.get(14..42).filter(|_| frame[12..14] == [8, 6])?;
    let address = |at: usize| Ipv4Addr::new(arp[at], arp[at + 1], arp[at + 2], arp[at + 3]);
    Some(match arp[7] {
        1 if address(14) == address(24) => format!("ARP announces {}", address(24)),
        1 => format!("ARP who has {}", address(24)),
        2 => {
            let mac: Vec<_> = arp[8..14].iter().map(|byte| format!("{byte:02x}")).collect();
            format!("ARP {} is at {}", address(14), mac.join(":"))
        }
        operation => format!("ARP operation {operation}"),
    })
}

/// The byte offset of a fragment, 0 for the first of several, `None` for a whole packet.
fn fragment(ip: &Ip, frame: &[u8]) -> Option<u32> {
    let word = |at: usize| Some(u16::from_be_bytes(frame.get(at..at + 2)?.try_into().ok()?));
    if ip.src.is_ipv4() {
        let field = word(ip.start + 6)?;
        return (field & 0x3fff != 0).then(|| u32::from(field & 0x1fff) * 8);
    }
    // The walk over extension headers stopped right behind the fragment header (RFC 8200 section 4.5).
    let field = word(ip.payload.start.checked_sub(6)?).filter(|_| ip.is_later_fragment)?;
    Some(u32::from(field & 0xfff8))
}

fn icmp(ip: &Ip, frame: &[u8], kind: u8, code: u8) -> String {
    let name = if ip.src.is_ipv4() { icmp4(kind, code) } else { icmp6(kind, code) };
    let version = if ip.src.is_ipv4() { "ICMP" } else { "ICMPv6" };
    let is_echo = matches!((ip.src.is_ipv4(), kind), (true, 0 | 8) | (false, 128 | 129));
    let sequence = frame.get(ip.payload.start + 6..ip.payload.start + 8).filter(|_| is_echo);
    match (name, sequence) {
        (Some(name), Some(seq)) => format!("{version} {name} seq {}", u16::from_be_bytes([seq[0], seq[1]])),
        (Some(name), None) => format!("{version} {name}"),
        (None, _) => format!("{version} type {kind} code {code}"),
    }
}

/// RFC 792, RFC 1191.
fn icmp4(kind: u8, code: u8) -> Option<&'static str> {
    Some(match (kind, code) {
        (0, _) => "echo reply",
        (3, 0) => "net unreachable",
        (3, 1) => "host unreachable",
        (3, 2) => "protocol unreachable",
        (3, 3) => "port unreachable",
        (3, 4) => "fragmentation needed",
        (3, _) => "unreachable",
        (5, _) => "redirect",
        (8, _) => "echo request",
        (11, 0) => "time exceeded",
        (11, _) => "reassembly time exceeded",
        (12, _) => "parameter problem",
        _ => return None,
    })
}

/// RFC 4443, RFC 4861, RFC 3810.
fn icmp6(kind: u8, code: u8) -> Option<&'static str> {
    Some(match (kind, code) {
        (1, 4) => "port unreachable",
        (1, _) => "unreachable",
        (2, _) => "packet too big",
        (3, _) => "time exceeded",
        (4, _) => "parameter problem",
        (128, _) => "echo request",
        (129, _) => "echo reply",
        (133, _) => "router solicitation",
        (134, _) => "router advertisement",
        (135, _) => "neighbor solicitation",
        (136, _) => "neighbor advertisement",
        (137, _) => "redirect",
        (143, _) => "listener report",
        _ => return None,
    })
}
