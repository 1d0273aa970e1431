//! What the headers below the applications say.

use std::fmt::Write as _;

use tongro_wire::FieldValue;

use super::super::of_layer;
use super::Speaker;

/// Flags in tshark's order, from the lowest bit.
const FLAGS: [(u64, &str); 9] = [
    (0x001, "FIN"),
    (0x002, "SYN"),
    (0x004, "RST"),
    (0x008, "PSH"),
    (0x010, "ACK"),
    (0x020, "URG"),
    (0x040, "ECE"),
    (0x080, "CWR"),
    (0x100, "AE"),
];

/// Findings that stand before the rest, as tshark prints them.
const FINDINGS: [(&str, &str); 15] = [
    ("tcp.analysis.reused_ports", "TCP Port numbers reused"),
    ("tcp.analysis.zero_window_probe", "TCP ZeroWindowProbe"),
    ("tcp.analysis.zero_window", "TCP ZeroWindow"),
    ("tcp.analysis.fast_retransmission", "TCP Fast Retransmission"),
    ("tcp.analysis.spurious_retransmission", "TCP Spurious Retransmission"),
    ("tcp.analysis.out_of_order", "TCP Out-Of-Order"),
    ("tcp.analysis.retransmission", "TCP Retransmission"),
    ("tcp.analysis.lost_segment", "TCP Previous segment not captured"),
    ("tcp.analysis.ack_lost_segment", "TCP ACKed unseen segment"),
    ("tcp.analysis.window_update", "TCP Window Update"),
    ("tcp.analysis.window_full", "TCP Window Full"),
    ("tcp.analysis.keep_alive_ack", "TCP Keep-Alive ACK"),
    ("tcp.analysis.keep_alive", "TCP Keep-Alive"),
    ("tcp.analysis.zero_window_probe_ack", "TCP ZeroWindowProbeAck"),
    ("tcp.analysis.duplicate_ack_num", "TCP Dup ACK"),
];

pub(super) fn tcp(speaker: Speaker<'_, '_>) -> String {
    let mut info = findings(speaker);
    let flags = speaker.number("tcp.flags").unwrap_or(0);
    let names: Vec<&str> = FLAGS.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| *name).collect();
    let names = if names.is_empty() { "<None>".to_owned() } else { names.join(", ") };
    let (source, target) = (speaker.shown("tcp.srcport"), speaker.shown("tcp.dstport"));
    let seq = speaker.find("tcp.seq").or_else(|| speaker.find("tcp.seq_raw"));
    let _ =
        write!(info, "{source} → {target} [{names}] Seq={}", seq.map(FieldValue::print).unwrap_or_default());
    if flags & 0x10 != 0 {
        let ack = speaker.find("tcp.ack").or_else(|| speaker.find("tcp.ack_raw"));
        let _ = write!(info, " Ack={}", ack.map(FieldValue::print).unwrap_or_default());
    }
    let window = speaker.find("tcp.window_size").or_else(|| speaker.find("tcp.window_size_value"));
    let window = window.map(FieldValue::print).unwrap_or_default();
    let _ = write!(info, " Win={window} Len={}", speaker.shown("tcp.len"));
    options(speaker, &mut info);
    info
}

fn findings(speaker: Speaker<'_, '_>) -> String {
    let mut out = String::new();
    for (id, name) in FINDINGS {
        if speaker.find(id).is_none() {
            continue;
        }
        let is_fast = name == "TCP Retransmission"
            && (speaker.find("tcp.analysis.fast_retransmission").is_some()
                || speaker.find("tcp.analysis.spurious_retransmission").is_some());
        if is_fast {
            continue;
        }
        let _ = if id == "tcp.analysis.duplicate_ack_num" {
            let (frame, n) = (speaker.shown("tcp.analysis.duplicate_ack_frame"), speaker.shown(id));
            write!(out, "[{name} {frame}#{n}] ")
        } else {
            write!(out, "[{name}] ")
        };
    }
    out
}

fn options(speaker: Speaker<'_, '_>, info: &mut String) {
    for value in of_layer(speaker.packet, speaker.index) {
        let shown = || value.print();
        let _ = match value.field.id {
            "tcp.options.mss_val" => write!(info, " MSS={}", shown()),
            "tcp.options.wscale.shift" => {
                write!(info, " WS={}", 1u64 << value.value.uint().unwrap_or(0).min(14))
            }
            "tcp.option_kind" if value.value.uint() == Some(4) => write!(info, " SACK_PERM"),
            "tcp.options.timestamp.tsval" => write!(info, " TSval={}", shown()),
            "tcp.options.timestamp.tsecr" => write!(info, " TSecr={}", shown()),
            "tcp.options.sack_le" => write!(info, " SLE={}", shown()),
            "tcp.options.sack_re" => write!(info, " SRE={}", shown()),
            _ => Ok(()),
        };
    }
}

pub(super) fn udp(speaker: Speaker<'_, '_>) -> String {
    let len = speaker.number("udp.length").unwrap_or(8).saturating_sub(8);
    format!("{} → {} Len={len}", speaker.shown("udp.srcport"), speaker.shown("udp.dstport"))
}

pub(super) fn icmp(speaker: Speaker<'_, '_>) -> String {
    let kind = speaker.number("icmp.type").unwrap_or(0);
    if !matches!(kind, 0 | 8) {
        let name = speaker.meaning("icmp.type").unwrap_or("Unknown");
        return match speaker.meaning("icmp.code") {
            Some(code) => format!("{name} ({code})"),
            None => name.to_owned(),
        };
    }
    let name = if kind == 8 { "request" } else { "reply  " };
    let ttl = speaker.outside("ip.ttl").map(FieldValue::print).unwrap_or_default();
    format!("Echo (ping) {name}  {}, ttl={ttl}", echo(speaker, "icmp.ident", "icmp.seq"))
}

fn echo(speaker: Speaker<'_, '_>, ident: &str, seq: &str) -> String {
    let (ident, seq) = (speaker.number(ident).unwrap_or(0), speaker.number(seq).unwrap_or(0));
    format!("id=0x{ident:04x}, seq={seq}/{}", (seq as u16).swap_bytes())
}

pub(super) fn icmpv6(speaker: Speaker<'_, '_>) -> String {
    let kind = speaker.number("icmpv6.type").unwrap_or(0);
    let name = speaker.meaning("icmpv6.type").unwrap_or("Unknown");
    match kind {
        128 | 129 => {
            let which = if kind == 128 { "request" } else { "reply" };
            let ident = speaker.number("icmpv6.echo.identifier").unwrap_or(0);
            let seq = speaker.number("icmpv6.echo.sequence_number").unwrap_or(0);
            let limit = speaker.outside("ipv6.hlim").map(FieldValue::print).unwrap_or_default();
            format!("Echo (ping) {which} id=0x{ident:04x}, seq={seq}, hop limit={limit}")
        }
        135 => format!("{name} for {}", speaker.shown("icmpv6.nd.ns.target_address")),
        136 => format!("{name} {}", speaker.shown("icmpv6.nd.na.target_address")),
        _ => name.to_owned(),
    }
}

pub(super) fn igmp(speaker: Speaker<'_, '_>) -> (String, String) {
    let protocol = format!("IGMPv{}", speaker.shown("igmp.version"));
    let name = speaker.meaning("igmp.type").unwrap_or("Unknown");
    let group = speaker.shown("igmp.maddr");
    (protocol, format!("{name} {group}").trim_end().to_owned())
}

pub(super) fn arp(speaker: Speaker<'_, '_>) -> String {
    let (source, target) = (speaker.shown("arp.src.proto_ipv4"), speaker.shown("arp.dst.proto_ipv4"));
    match speaker.number("arp.opcode") {
        Some(1) if source == target => format!("ARP Announcement for {target}"),
        Some(1) if source == "0.0.0.0" => format!("Who has {target}? (ARP Probe)"),
        Some(1) => format!("Who has {target}? Tell {source}"),
        Some(2) => format!("{source} is at {}", speaker.shown("arp.src.hw_mac")),
        _ => speaker.meaning("arp.opcode").unwrap_or("Unknown operation").to_owned(),
    }
}

pub(super) fn ip(speaker: Speaker<'_, '_>) -> String {
    let (number, name) = (speaker.shown("ip.proto"), speaker.meaning("ip.proto").unwrap_or("Unknown"));
    let offset = speaker.number("ip.frag_offset").unwrap_or(0);
    if offset > 0 || speaker.number("ip.flags.mf") == Some(1) {
        let id = speaker.number("ip.id").unwrap_or(0);
        let offset = offset * 8;
        return format!("Fragmented IP protocol (proto={name} {number}, off={offset}, ID={id:04x})");
    }
    format!("{name} ({number})")
}

pub(super) fn ipv6(speaker: Speaker<'_, '_>) -> String {
    if let Some(offset) = speaker.number("ipv6.fraghdr.offset") {
        let more = if speaker.number("ipv6.fraghdr.more") == Some(1) { "y" } else { "n" };
        let (next, id) = (speaker.shown("ipv6.fraghdr.nxt"), speaker.shown("ipv6.fraghdr.ident"));
        return format!("IPv6 fragment (off={} more={more} ident={id} nxt={next})", offset * 8);
    }
    speaker.meaning("ipv6.nxt").unwrap_or("IPv6 no next header").to_owned()
}
