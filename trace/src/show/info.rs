//! What a packet says in one line: the columns Source, Destination, Protocol and Info, in tshark's words where the
//! course's protocols have them. The innermost layer that has something to say speaks.

mod messages;
mod transports;

use tongro_wire::{FieldValue, Packet, Value};

use super::of_layer;

/// The columns of a packet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// The innermost source address: IP, else the card's.
    pub source: String,
    /// The innermost destination address.
    pub target: String,
    /// The protocol that says most.
    pub protocol: String,
    /// What it says.
    pub info: String,
}

/// One layer of a packet and its fields, for those who speak of it.
#[derive(Clone, Copy)]
struct Speaker<'p, 'a> {
    packet: &'p Packet<'a>,
    index: usize,
}

impl<'p, 'a> Speaker<'p, 'a> {
    fn find(self, id: &str) -> Option<&'p FieldValue<'a>> {
        of_layer(self.packet, self.index).find(|value| value.field.id == id)
    }

    fn number(self, id: &str) -> Option<u64> {
        self.find(id)?.value.uint()
    }

    fn shown(self, id: &str) -> String {
        self.find(id).map(FieldValue::print).unwrap_or_default()
    }

    fn meaning(self, id: &str) -> Option<&'static str> {
        self.find(id)?.meaning()
    }

    /// The value as a string when it is text.
    fn text(self, id: &str) -> Option<&'p str> {
        match &self.find(id)?.value {
            Value::Text(text) => Some(text.as_ref()),
            _ => None,
        }
    }

    /// A field of the nearest layer outside that has it.
    fn outside(self, id: &str) -> Option<&'p FieldValue<'a>> {
        let layers = (0..self.index).rev().map(|index| Self { index, ..self });
        layers.filter_map(|layer| layer.find(id)).next()
    }
}

/// Layers that only carry on what another began.
const BODIES: &[&str] = &["data", "data-text-lines", "json", "xml", "urlencoded-form", "media"];

/// The columns of a packet.
#[must_use]
pub fn summary(packet: &Packet<'_>) -> Summary {
    let (source, target) = addresses(packet);
    let last =
        (0..packet.layers.len()).rev().find(|index| !BODIES.contains(&packet.layers[*index].protocol.name));
    let Some(index) = last else {
        let info = format!("{} bytes", packet.bytes.len());
        return Summary { source, target, protocol: "Data".to_owned(), info };
    };
    let first = first_quoting(packet).unwrap_or(index).min(index);
    let (protocol, info) = said(Speaker { packet, index: first });
    Summary { source, target, protocol, info }
}

/// An error message speaks for the packet it quotes.
fn first_quoting(packet: &Packet<'_>) -> Option<usize> {
    packet.layers.iter().position(|layer| matches!(layer.protocol.name, "icmp" | "icmpv6"))
}

fn addresses(packet: &Packet<'_>) -> (String, String) {
    let first_error = first_quoting(packet).unwrap_or(usize::MAX);
    let last = |ids: &[&str]| {
        let values = packet.fields.iter().rev();
        let found =
            values.filter(|value| value.layer < first_error).find(|value| ids.contains(&value.field.id));
        found.map(FieldValue::print).unwrap_or_default()
    };
    let ip = last(&["ip.src", "ipv6.src"]);
    if ip.is_empty() {
        return (last(&["eth.src", "sll.src.eth"]), last(&["eth.dst"]));
    }
    (ip, last(&["ip.dst", "ipv6.dst"]))
}

fn said(speaker: Speaker<'_, '_>) -> (String, String) {
    let protocol = speaker.packet.layers[speaker.index].protocol;
    let (name, info) = match protocol.name {
        "tcp" => ("TCP", transports::tcp(speaker)),
        "udp" => ("UDP", transports::udp(speaker)),
        "icmp" => ("ICMP", transports::icmp(speaker)),
        "icmpv6" => ("ICMPv6", transports::icmpv6(speaker)),
        "igmp" => return transports::igmp(speaker),
        "arp" => ("ARP", transports::arp(speaker)),
        "ip" => ("IPv4", transports::ip(speaker)),
        "ipv6" | "ipv6.fraghdr" => ("IPv6", transports::ipv6(speaker)),
        "dns" => ("DNS", messages::dns(speaker)),
        "mdns" => ("MDNS", messages::dns(speaker)),
        "http" => return messages::http(speaker),
        "tls" => return messages::tls(speaker),
        "dhcp" => ("DHCP", messages::dhcp(speaker)),
        "ntp" => ("NTP", messages::ntp(speaker)),
        "websocket" => ("WebSocket", messages::websocket(speaker)),
        "irc" => ("IRC", messages::irc(speaker)),
        "quic" => ("QUIC", messages::quic(speaker)),
        _ if protocol.is_own => return (protocol.name.to_uppercase(), messages::own(speaker)),
        name => return (name.to_uppercase(), protocol.title.to_owned()),
    };
    (name.to_owned(), info)
}
