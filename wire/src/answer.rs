//! Whether one packet answers another: the rule of each protocol, by addresses, ports, identifiers and numbers.

use crate::{Layer, Packet, Value, checksum};

/// Whether `reply` is an answer to `request`: the segment, datagram or echo that comes back, the owner of an address that
/// was asked for, or an error message that quotes the request.
///
/// ```
/// use tongro_wire::{LinkType, answers, dissect, expr::Expression};
/// let bytes = |text| Expression::parse(text).unwrap().packet(0).unwrap();
/// let syn = bytes(r#"IP(src="10.0.0.1", dst="10.0.0.2")/TCP(sport=20, dport=80, seq=7)"#);
/// let open = bytes(r#"IP(src="10.0.0.2", dst="10.0.0.1")/TCP(sport=80, dport=20, flags="SA", seq=100, ack=8)"#);
/// let other = bytes(r#"IP(src="10.0.0.2", dst="10.0.0.1")/TCP(sport=81, dport=20, flags="SA", ack=8)"#);
/// let [syn, open, other] = [&syn, &open, &other].map(|bytes| dissect(LinkType::RawIp, bytes));
/// assert!(answers(&syn, &open) && !answers(&syn, &other) && !answers(&syn, &syn));
/// ```
#[must_use]
pub fn answers(request: &Packet<'_>, reply: &Packet<'_>) -> bool {
    if let (Some(asked), Some(told)) = (layer(request, 0, &["arp"]), layer(reply, 0, &["arp"])) {
        let (asked, told) = (Part { packet: request, index: asked }, Part { packet: reply, index: told });
        return told.uint("arp.opcode") == Some(2)
            && told.value("arp.src.proto_ipv4") == asked.value("arp.dst.proto_ipv4");
    }
    let names = ["ip", "ipv6"];
    let (Some(asked), Some(told)) = (layer(request, 0, &names), layer(reply, 0, &names)) else {
        return false;
    };
    let quoted = layer(reply, told + 1, &names).filter(|_| is_error(reply, told));
    if let Some(quoted) = quoted {
        return is_same(request, asked, reply, quoted);
    }
    let (ours, theirs) = (Part { packet: request, index: asked }, Part { packet: reply, index: told });
    if ours.name() != theirs.name() || !returns(&ours, &theirs) {
        return false;
    }
    transport(request, asked, reply, told)
}

/// A layer of a packet.
struct Part<'p, 'a> {
    packet: &'p Packet<'a>,
    index: usize,
}

impl<'a> Part<'_, 'a> {
    fn name(&self) -> &'static str {
        self.packet.layers[self.index].protocol.name
    }

    fn value(&self, id: &str) -> Option<&Value<'a>> {
        let mut values = self.packet.fields.iter().filter(|value| value.layer == self.index);
        values.find(|value| value.field.id == id).map(|value| &value.value)
    }

    fn uint(&self, id: &str) -> Option<u64> {
        self.value(id).and_then(Value::uint)
    }

    /// The value of a field of its own protocol, `src` of `ip` or `ipv6`.
    fn own(&self, name: &str) -> Option<&Value<'a>> {
        self.value(&format!("{}.{name}", self.name()))
    }

    fn layer(&self) -> &Layer {
        &self.packet.layers[self.index]
    }
}

/// The first layer of one of these names from an index on.
fn layer(packet: &Packet<'_>, from: usize, names: &[&str]) -> Option<usize> {
    let layers = packet.layers.iter().enumerate().skip(from);
    layers.filter(|(_, layer)| names.contains(&layer.protocol.name)).map(|(index, _)| index).next()
}

const TRANSPORTS: [&str; 4] = ["tcp", "udp", "icmp", "icmpv6"];

/// Whether what the IP packet carries is an ICMP error.
fn is_error(packet: &Packet<'_>, ip: usize) -> bool {
    let Some(index) = layer(packet, ip + 1, &TRANSPORTS) else { return false };
    let part = Part { packet, index };
    match part.name() {
        "icmp" => matches!(part.uint("icmp.type"), Some(3 | 4 | 5 | 11 | 12)),
        "icmpv6" => matches!(part.uint("icmpv6.type"), Some(1..=4)),
        _ => false,
    }
}

/// Whether the packets go opposite ways; what was sent to many may be answered by any.
fn returns(ours: &Part<'_, '_>, theirs: &Part<'_, '_>) -> bool {
    let is_many = match ours.own("dst") {
        Some(Value::Ipv4(address)) => address.is_multicast() || address.octets()[3] == 255,
        Some(Value::Ipv6(address)) => address.is_multicast(),
        _ => true,
    };
    theirs.own("dst") == ours.own("src") && (is_many || theirs.own("src") == ours.own("dst"))
}

/// Whether a quote in an error is of the request: addresses, and as much of the transport as is quoted.
fn is_same(request: &Packet<'_>, asked: usize, reply: &Packet<'_>, quoted: usize) -> bool {
    let (ours, theirs) = (Part { packet: request, index: asked }, Part { packet: reply, index: quoted });
    if ours.name() != theirs.name() || ["src", "dst"].iter().any(|end| ours.own(end) != theirs.own(end)) {
        return false;
    }
    let head = |part: &Part<'_, '_>| {
        let start = part.layer().header.end;
        let bytes = part.packet.bytes.get(start..start + 8)?;
        Some(<[u8; 8]>::try_from(bytes).unwrap_or_default())
    };
    let (Some(ours), Some(theirs)) = (head(&ours), head(&theirs)) else { return true };
    // Routers may put the checksum right or leave it; ports, identifiers and numbers they keep.
    let is_icmp =
        matches!(request.layers.get(asked + 1), Some(next) if next.protocol.name.starts_with("icmp"));
    if is_icmp { ours[..2] == theirs[..2] && ours[4..] == theirs[4..] } else { ours[..4] == theirs[..4] }
}

fn transport(request: &Packet<'_>, asked: usize, reply: &Packet<'_>, told: usize) -> bool {
    let (ours, theirs) = (layer(request, asked + 1, &TRANSPORTS), layer(reply, told + 1, &TRANSPORTS));
    let (Some(ours), Some(theirs)) = (ours, theirs) else {
        // Some other protocol: the same number is all that can be asked for.
        let number = |packet, index| {
            let part = Part { packet, index };
            part.own("proto").or_else(|| part.own("nxt")).and_then(Value::uint)
        };
        return ours == theirs && number(request, asked) == number(reply, told);
    };
    let (ours, theirs) = (Part { packet: request, index: ours }, Part { packet: reply, index: theirs });
    if ours.name() != theirs.name() {
        return false;
    }
    match ours.name() {
        "tcp" => are_swapped(&ours, &theirs) && acknowledges(&ours, &theirs),
        "udp" => {
            are_swapped(&ours, &theirs)
                && !is_echo_of_itself(request, asked, reply, told)
                && same_question(request, reply)
        }
        "icmp" => is_echo(&ours, &theirs, "icmp", ["icmp.ident", "icmp.seq"]),
        _ => {
            is_echo(&ours, &theirs, "icmpv6", ["icmpv6.echo.identifier", "icmpv6.echo.sequence_number"])
                || is_neighbour(&ours, &theirs)
        }
    }
}

fn are_swapped(ours: &Part<'_, '_>, theirs: &Part<'_, '_>) -> bool {
    ours.own("srcport") == theirs.own("dstport") && ours.own("dstport") == theirs.own("srcport")
}

/// A reset, or a segment that acknowledges something of the request.
fn acknowledges(ours: &Part<'_, '_>, theirs: &Part<'_, '_>) -> bool {
    let flags = |part: &Part<'_, '_>| part.uint("tcp.flags").unwrap_or(0);
    const FIN_SYN: u64 = 3;
    if flags(theirs) & 4 != 0 {
        return true;
    }
    let (Some(seq), Some(ack)) = (ours.uint("tcp.seq_raw"), theirs.uint("tcp.ack_raw")) else { return false };
    let len = ours.layer().payload.len() as u32 + (flags(ours) & FIN_SYN).count_ones();
    let ahead = (ack as u32).wrapping_sub(seq as u32);
    flags(theirs) & 16 != 0 && ahead <= len
}

/// Whether the reply is the request itself, as it comes in again on loopback.
fn is_echo_of_itself(request: &Packet<'_>, asked: usize, reply: &Packet<'_>, told: usize) -> bool {
    let whole = |packet: &Packet<'_>, index: usize| packet.bytes[packet.layers[index].extent()].to_vec();
    whole(request, asked) == whole(reply, told)
}

/// Of two DNS messages, whether they have one number.
fn same_question(request: &Packet<'_>, reply: &Packet<'_>) -> bool {
    let id = |packet: &Packet<'_>| packet.find("dns.id").and_then(|value| value.value.uint());
    match (id(request), id(reply)) {
        (Some(ours), Some(theirs)) => ours == theirs,
        _ => true,
    }
}

fn is_echo(ours: &Part<'_, '_>, theirs: &Part<'_, '_>, protocol: &str, ids: [&str; 2]) -> bool {
    let kind = |part: &Part<'_, '_>| part.uint(&format!("{protocol}.type"));
    let pairs = [(8, 0), (13, 14), (15, 16), (17, 18), (128, 129), (133, 134)];
    let is_pair = pairs.iter().any(|(ask, tell)| kind(ours) == Some(*ask) && kind(theirs) == Some(*tell));
    is_pair && ids.iter().all(|id| ours.value(id) == theirs.value(id))
}

fn is_neighbour(ours: &Part<'_, '_>, theirs: &Part<'_, '_>) -> bool {
    let target = ours.value("icmpv6.nd.ns.target_address");
    target.is_some() && target == theirs.value("icmpv6.nd.na.target_address")
}

/// Whether the kernel would send a packet of ours over a raw IPv4 socket as it is: it writes the total length and the
/// header checksum itself, and fills in an identification or a source of zero.
#[must_use]
pub fn survives_raw_socket(packet: &[u8]) -> bool {
    if packet.first().map(|byte| byte >> 4) == Some(6) {
        return true;
    }
    let Some(header) = packet.first().and_then(|first| packet.get(..usize::from(first & 15) * 4)) else {
        return false;
    };
    header.len() >= 20
        && usize::from(u16::from_be_bytes([header[2], header[3]])) == packet.len()
        && checksum::sum(header) == 0xffff
        && header[4..6] != [0, 0]
        && header[12..16] != [0; 4]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LinkType, dissect, expr::Expression};

    fn packet(text: &str) -> Vec<u8> {
        Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).packet(0).unwrap()
    }

    fn check(request: &str, reply: &str) -> bool {
        let (request, reply) = (packet(request), packet(reply));
        answers(&dissect(LinkType::RawIp, &request), &dissect(LinkType::RawIp, &reply))
    }

    const THERE: &str = r#"IP(src="10.0.0.1", dst="10.0.0.2")"#;
    const BACK: &str = r#"IP(src="10.0.0.2", dst="10.0.0.1")"#;

    #[test]
    fn echoes_by_identifier_and_number() {
        let ask = format!("{THERE}/ICMP(id=1, seq=2)");
        assert!(check(&ask, &format!("{BACK}/ICMP(type=0, id=1, seq=2)")));
        assert!(!check(&ask, &format!("{BACK}/ICMP(type=0, id=1, seq=3)")));
        assert!(!check(&ask, &format!("{BACK}/ICMP(type=8, id=1, seq=2)")));
        assert!(!check(&ask, &format!("{THERE}/ICMP(type=0, id=1, seq=2)")), "the wrong way");
        let six = r#"IPv6(src="fe80::1", dst="fe80::2")/ICMPv6EchoRequest(id=1, seq=2)"#;
        assert!(check(six, r#"IPv6(src="fe80::2", dst="fe80::1")/ICMPv6EchoReply(id=1, seq=2)"#));
        let ask = r#"IPv6(src="fe80::1", dst="ff02::1:ff00:2")/ICMPv6ND_NS(tgt="fe80::2")"#;
        assert!(check(ask, r#"IPv6(src="fe80::2", dst="fe80::1")/ICMPv6ND_NA(tgt="fe80::2")"#));
    }

    #[test]
    fn errors_by_what_they_quote() {
        let ask = format!("{THERE}/UDP(sport=5, dport=7)/\"x\"");
        let router = r#"IP(src="10.9.9.9", dst="10.0.0.1")/ICMP(type=11)/"#;
        assert!(check(&ask, &format!("{router}{THERE}/UDP(sport=5, dport=7)")));
        assert!(!check(&ask, &format!("{router}{THERE}/UDP(sport=5, dport=8)")));
        assert!(!check(&ask, &format!("{router}{BACK}/UDP(sport=5, dport=7)")));
    }

    #[test]
    fn segments_by_ports_and_numbers() {
        let ask = format!("{THERE}/TCP(sport=5, dport=7, seq=100, flags=\"A\")/\"abc\"");
        let tell =
            |ack: u32, flags: &str| format!("{BACK}/TCP(sport=7, dport=5, ack={ack}, flags=\"{flags}\")");
        assert!(check(&ask, &tell(103, "A")) && check(&ask, &tell(0, "R")));
        assert!(!check(&ask, &tell(104, "A")) && !check(&ask, &tell(103, "P")));
    }

    #[test]
    fn datagrams_to_oneself_are_no_answers_to_themselves() {
        let own = "IP()/UDP(sport=9, dport=9)/\"x\"";
        assert!(!check(own, own));
        assert!(check(own, "IP()/UDP(sport=9, dport=9)/\"y\""));
        let ask = "IP()/UDP()/DNS(id=1, qd=DNSQR(qname=\"a.b\"))";
        assert!(!check(ask, "IP()/UDP()/DNS(id=2, qr=1, qd=DNSQR(qname=\"a.b\"))"));
    }

    #[test]
    fn what_the_kernel_would_change_is_known() {
        assert!(survives_raw_socket(&packet("IP()/UDP()")));
        for text in ["IP(chksum=1)/UDP()", "IP(len=21)/UDP()", "IP(id=0)/UDP()", "IP(src=\"0.0.0.0\")/UDP()"]
        {
            assert!(!survives_raw_socket(&packet(text)), "{text}");
        }
        assert!(survives_raw_socket(&packet("IPv6(plen=9)/UDP()")));
        assert!(!survives_raw_socket(b"x"));
    }
}
