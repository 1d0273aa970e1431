//! Scapy's notation of a packet: layers that Scapy fills in itself as it does, explicit values for the rest, and raw
//! bytes from where it would not come to the same ones.

use super::python_bytes;
use crate::{Layer, Packet, Value, craft, forget_automatic};

/// The expression that makes this packet, in Scapy and in [`Expression`](crate::expr::Expression).
///
/// Lengths, checksums and types that are right are left to be filled in; if one is wrong, all are written down.
#[must_use]
pub fn scapy(packet: &Packet<'_>) -> String {
    let notation = Notation { packet, is_explicit: !fills_itself(packet) };
    let mut out: Vec<String> = Vec::new();
    let mut at = 0;
    for (index, layer) in packet.layers.iter().enumerate() {
        // A layer that a length has cut off starts somewhere else.
        if layer.header.start != at {
            break;
        }
        let next = packet.layers.get(index + 1).filter(|next| next.header.start == layer.header.end);
        let Some(text) = notation.layer(index, layer, next) else { break };
        out.push(text);
        at = layer.header.end;
    }
    let inner_end = end_of_lengths(packet, &out);
    let (load, padding) = (at..inner_end.max(at), inner_end.max(at)..packet.bytes.len());
    if !load.is_empty() || out.is_empty() {
        out.push(format!("Raw(load={})", python_bytes(&packet.bytes[load])));
    }
    if !padding.is_empty() {
        out.push(format!("Padding(load={})", python_bytes(&packet.bytes[padding])));
    }
    out.join("/")
}

/// Where the bytes end that the lengths of the layers count; behind them stands padding.
fn end_of_lengths(packet: &Packet<'_>, written: &[String]) -> usize {
    let layers = packet.layers.iter().take(written.len());
    let counted = layers.filter(|layer| matches!(layer.protocol.name, "ip" | "ipv6" | "arp"));
    counted.map(|layer| layer.payload.end.max(layer.header.end)).next().unwrap_or(packet.bytes.len())
}

/// Whether all automatic fields come back by themselves.
fn fills_itself(packet: &Packet<'_>) -> bool {
    let mut layers = packet.to_layers();
    let is_partial = layers.iter().any(|layer| layer.is_partial);
    forget_automatic(&mut layers);
    !is_partial && craft(&layers) == packet.bytes
}

struct Notation<'p> {
    packet: &'p Packet<'p>,
    is_explicit: bool,
}

/// What the notation knows of a layer: Scapy's name, and rows of key, id, and the value that Scapy has by itself.
type Rows = &'static [(&'static str, &'static str, Option<u64>)];

const ALWAYS: Option<u64> = None;
const IP: Rows = &[
    ("tos", "ip.dsfield", Some(0)),
    ("id", "ip.id", Some(1)),
    ("frag", "ip.frag_offset", Some(0)),
    ("ttl", "ip.ttl", Some(64)),
];
const IPV6: Rows =
    &[("tc", "ipv6.tclass", Some(0)), ("fl", "ipv6.flow", Some(0)), ("hlim", "ipv6.hlim", Some(64))];
const TCP: Rows = &[
    ("sport", "tcp.srcport", ALWAYS),
    ("dport", "tcp.dstport", ALWAYS),
    ("seq", "tcp.seq_raw", ALWAYS),
    ("ack", "tcp.ack_raw", ALWAYS),
    ("window", "tcp.window_size_value", Some(8192)),
    ("urgptr", "tcp.urgent_pointer", Some(0)),
];
const UDP: Rows = &[("sport", "udp.srcport", ALWAYS), ("dport", "udp.dstport", ALWAYS)];
const VLAN: Rows = &[("prio", "vlan.priority", Some(0)), ("vlan", "vlan.id", Some(1))];
const ARP: Rows = &[("op", "arp.opcode", ALWAYS)];
const ECHO: Rows = &[
    ("type", "icmp.type", ALWAYS),
    ("code", "icmp.code", Some(0)),
    ("id", "icmp.ident", ALWAYS),
    ("seq", "icmp.seq", ALWAYS),
];
const ECHO6: Rows = &[
    ("code", "icmpv6.code", Some(0)),
    ("id", "icmpv6.echo.identifier", ALWAYS),
    ("seq", "icmpv6.echo.sequence_number", ALWAYS),
];

impl Notation<'_> {
    /// One layer; `None` where raw bytes are surer.
    fn layer(&self, index: usize, layer: &Layer, next: Option<&Layer>) -> Option<String> {
        match layer.protocol.name {
            "eth" => self.ethernet(index, next),
            "vlan" => self.vlan(index, next),
            "arp" => self.arp(index, layer),
            "ip" => self.ipv4(index, layer, next),
            "ipv6" => self.ipv6(index, next),
            "tcp" => self.tcp(index, layer),
            "udp" => self.udp(index),
            "icmp" => self.icmp(index),
            "icmpv6" => self.icmpv6(index),
            _ => None,
        }
    }

    fn ethernet(&self, index: usize, next: Option<&Layer>) -> Option<String> {
        let mut said = vec![self.quoted(index, "dst", "eth.dst")?, self.quoted(index, "src", "eth.src")?];
        self.uint(index, "eth.type")?;
        let is_known = next.is_some_and(|next| matches!(next.protocol.name, "ip" | "ipv6" | "arp" | "vlan"));
        self.hex(index, "type", "eth.type", is_known, &mut said);
        Some(format!("Ether({})", said.join(", ")))
    }

    fn vlan(&self, index: usize, next: Option<&Layer>) -> Option<String> {
        // The bit between has had two names in Scapy.
        if self.uint(index, "vlan.dei")? != 0 {
            return None;
        }
        let mut said = self.rows(index, VLAN);
        let is_known = next.is_some_and(|next| matches!(next.protocol.name, "ip" | "ipv6" | "arp"));
        self.hex(index, "type", "vlan.etype", is_known, &mut said);
        Some(format!("Dot1Q({})", said.join(", ")))
    }

    fn arp(&self, index: usize, layer: &Layer) -> Option<String> {
        let usual =
            [("arp.hw.type", 1), ("arp.proto.type", 0x0800), ("arp.hw.size", 6), ("arp.proto.size", 4)];
        if layer.header.len() != 28 || usual.iter().any(|(id, number)| self.uint(index, id) != Some(*number))
        {
            return None;
        }
        let mut said = self.rows(index, ARP);
        for (key, id) in [
            ("hwsrc", "arp.src.hw_mac"),
            ("psrc", "arp.src.proto_ipv4"),
            ("hwdst", "arp.dst.hw_mac"),
            ("pdst", "arp.dst.proto_ipv4"),
        ] {
            said.push(self.quoted(index, key, id)?);
        }
        Some(format!("ARP({})", said.join(", ")))
    }

    fn ipv4(&self, index: usize, layer: &Layer, next: Option<&Layer>) -> Option<String> {
        if layer.header.len() != 20
            || self.uint(index, "ip.version") != Some(4)
            || self.uint(index, "ip.hdr_len") != Some(20)
        {
            return None;
        }
        let mut said = vec![self.quoted(index, "src", "ip.src")?, self.quoted(index, "dst", "ip.dst")?];
        said.extend(self.rows(index, IP));
        let flags = [("ip.flags.rb", 4), ("ip.flags.df", 2), ("ip.flags.mf", 1)];
        let flags: u64 =
            flags.iter().filter(|(id, _)| self.uint(index, id) == Some(1)).map(|(_, bit)| bit).sum();
        if flags != 0 {
            said.push(format!("flags={flags}"));
        }
        let is_known = next.is_some_and(|next| self.layer_of(next).is_some());
        self.decimal(index, "proto", "ip.proto", is_known, &mut said);
        if self.is_explicit {
            self.decimal(index, "len", "ip.len", false, &mut said);
            self.hex(index, "chksum", "ip.checksum", false, &mut said);
        }
        Some(format!("IP({})", said.join(", ")))
    }

    fn ipv6(&self, index: usize, next: Option<&Layer>) -> Option<String> {
        if self.uint(index, "ipv6.version") != Some(6) {
            return None;
        }
        let mut said = vec![self.quoted(index, "src", "ipv6.src")?, self.quoted(index, "dst", "ipv6.dst")?];
        said.extend(self.rows(index, IPV6));
        let is_known = next.is_some_and(|next| self.layer_of(next).is_some());
        self.decimal(index, "nh", "ipv6.nxt", is_known, &mut said);
        if self.is_explicit {
            self.decimal(index, "plen", "ipv6.plen", false, &mut said);
        }
        Some(format!("IPv6({})", said.join(", ")))
    }

    /// Whether a transport would be written as a layer, so that the layer outside names it by itself.
    fn layer_of(&self, layer: &Layer) -> Option<()> {
        let index = self.packet.layers.iter().position(|known| known == layer)?;
        let is_transport = matches!(layer.protocol.name, "tcp" | "udp" | "icmp" | "icmpv6");
        self.layer(index, layer, None).filter(|_| is_transport).map(drop)
    }

    fn tcp(&self, index: usize, layer: &Layer) -> Option<String> {
        if layer.header.len() < 20 || self.uint(index, "tcp.hdr_len") != Some(layer.header.len() as u64) {
            return None;
        }
        let number = self.uint(index, "tcp.flags")?;
        let mut said = self.rows(index, TCP);
        let letters = "FSRPAUECN".chars().enumerate().filter(|(bit, _)| number >> bit & 1 == 1);
        let letters: String = letters.map(|(_, letter)| letter).collect();
        said.insert(4, format!("flags=\"{letters}\""));
        if number >> 9 != 0 {
            said.push(format!("reserved={}", number >> 9));
        }
        if layer.header.len() > 20 {
            let options = &self.packet.bytes[layer.header.start + 20..layer.header.end];
            said.push(format!("options=[{}]", tcp_options(options)?.join(", ")));
        }
        if self.is_explicit {
            said.push(format!("dataofs={}", layer.header.len() / 4));
            self.hex(index, "chksum", "tcp.checksum", false, &mut said);
        }
        Some(format!("TCP({})", said.join(", ")))
    }

    fn udp(&self, index: usize) -> Option<String> {
        let sum = self.uint(index, "udp.checksum")?;
        let mut said = self.rows(index, UDP);
        if self.is_explicit {
            self.decimal(index, "len", "udp.length", false, &mut said);
        }
        if self.is_explicit || sum == 0 {
            said.push(format!("chksum=0x{sum:04x}"));
        }
        Some(format!("UDP({})", said.join(", ")))
    }

    fn icmp(&self, index: usize) -> Option<String> {
        if !matches!(self.uint(index, "icmp.type")?, 0 | 8) {
            return None;
        }
        let mut said = self.rows(index, ECHO);
        if self.is_explicit {
            self.hex(index, "chksum", "icmp.checksum", false, &mut said);
        }
        Some(format!("ICMP({})", said.join(", ")))
    }

    fn icmpv6(&self, index: usize) -> Option<String> {
        let name = match self.uint(index, "icmpv6.type")? {
            128 => "ICMPv6EchoRequest",
            129 => "ICMPv6EchoReply",
            _ => return None,
        };
        let mut said = self.rows(index, ECHO6);
        if self.is_explicit {
            self.hex(index, "cksum", "icmpv6.checksum", false, &mut said);
        }
        Some(format!("{name}({})", said.join(", ")))
    }

    fn rows(&self, index: usize, rows: Rows) -> Vec<String> {
        let mut said = Vec::new();
        for (key, id, usual) in rows {
            match self.uint(index, id) {
                Some(number) if Some(number) != *usual => said.push(format!("{key}={number}")),
                _ => {}
            }
        }
        said
    }

    fn value(&self, index: usize, id: &str) -> Option<&Value<'_>> {
        let found = self.packet.fields.iter().find(|value| value.layer == index && value.field.id == id)?;
        Some(&found.value)
    }

    fn uint(&self, index: usize, id: &str) -> Option<u64> {
        self.value(index, id).and_then(Value::uint)
    }

    fn quoted(&self, index: usize, key: &str, id: &str) -> Option<String> {
        self.value(index, id).map(|value| format!("{key}=\"{value}\""))
    }

    fn hex(&self, index: usize, key: &str, id: &str, is_known: bool, said: &mut Vec<String>) {
        if let Some(number) = self.uint(index, id).filter(|_| !is_known || self.is_explicit) {
            said.push(format!("{key}=0x{number:04x}"));
        }
    }

    fn decimal(&self, index: usize, key: &str, id: &str, is_known: bool, said: &mut Vec<String>) {
        if let Some(number) = self.uint(index, id).filter(|_| !is_known || self.is_explicit) {
            said.push(format!("{key}={number}"));
        }
    }
}

/// Options of TCP as pairs; `None` for those that Scapy would not write back the same.
fn tcp_options(bytes: &[u8]) -> Option<Vec<String>> {
    let mut pairs = Vec::new();
    let mut rest = bytes;
    while let [kind, after @ ..] = rest {
        if matches!(kind, 0 | 1) {
            pairs.push(if *kind == 0 { "(\"EOL\", None)" } else { "(\"NOP\", None)" }.to_owned());
            rest = after;
            continue;
        }
        let len = usize::from(*after.first()?);
        let value = rest.get(2..len)?;
        rest = rest.get(len..)?;
        let word =
            |at: usize| value.get(at..at + 4).and_then(|four| four.try_into().ok()).map(u32::from_be_bytes);
        pairs.push(match (kind, value.len()) {
            (2, 2) => format!("(\"MSS\", {})", u16::from_be_bytes([value[0], value[1]])),
            (3, 1) => format!("(\"WScale\", {})", value[0]),
            (4, 0) => "(\"SAckOK\", b\"\")".to_owned(),
            (5, len) if len > 0 && len.is_multiple_of(8) => {
                let edges: Option<Vec<String>> =
                    (0..len).step_by(4).map(|at| word(at).map(|edge| edge.to_string())).collect();
                format!("(\"SAck\", ({}))", edges?.join(", "))
            }
            (8, 8) => format!("(\"Timestamp\", ({}, {}))", word(0)?, word(4)?),
            _ => return None,
        });
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::Expression;
    use crate::{LinkType, dissect};

    #[test]
    fn the_notation_makes_the_same_bytes() {
        for text in [
            r#"Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01")/IP(src="10.0.0.1", dst="10.0.0.2")/TCP(sport=20, dport=80, seq=1, ack=0, flags="SEC", options=[("MSS", 1460), ("NOP", None), ("WScale", 7), ("SAckOK", b""), ("Timestamp", (1, 2))])"#,
            r#"IP(src="10.0.0.1", dst="10.0.0.2", tos=3, id=7, ttl=3, flags=2)/ICMP(type=8, id=1, seq=2)/Raw(load=b"\x00\"ping\\")"#,
            r#"IP(src="10.0.0.1", dst="10.0.0.2", proto=47)/Raw(load=b"\x00\x00\x08\x00")"#,
            r#"Ether(dst="ff:ff:ff:ff:ff:ff", src="02:00:00:00:00:01")/ARP(op=1, hwsrc="02:00:00:00:00:01", psrc="10.0.0.1", hwdst="00:00:00:00:00:00", pdst="10.0.0.2")/Padding(load=b"\x00\x00\x00")"#,
            r#"IPv6(src="fe80::1", dst="fe80::2", hlim=255)/ICMPv6EchoRequest(id=1, seq=9)/Raw(load=b"x")"#,
            r#"Ether(dst="02:00:00:00:00:02", src="02:00:00:00:00:01")/Dot1Q(vlan=7)/IP(src="10.0.0.1", dst="10.0.0.2")/UDP(sport=1, dport=2)/Raw(load=b"x")/Padding(load=b"pad")"#,
        ] {
            let expression = Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let bytes = expression.packet(0).unwrap();
            let packet = dissect(expression.link(), &bytes);
            assert_eq!(scapy(&packet), text);
        }
    }

    #[test]
    fn what_is_wrong_is_written_down() {
        let bytes = Expression::parse("IP(len=99, chksum=1)/UDP(chksum=7, len=8)/\"abc\"")
            .unwrap()
            .packet(0)
            .unwrap();
        let text = scapy(&dissect(LinkType::RawIp, &bytes));
        assert!(text.contains("len=99") && text.contains("chksum=0x0007"), "{text}");
        assert_eq!(Expression::parse(&text).unwrap().packet(0).unwrap(), bytes);
    }
}
