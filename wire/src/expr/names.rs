//! Scapy's names for layers and fields, and the ids they stand for.

use crate::protocol::Protocol;
use crate::table;

/// A layer as expressions name it.
pub(super) struct Layer {
    pub(super) name: &'static str,
    pub(super) protocol: &'static Protocol,
    /// Values that the name itself says.
    pub(super) preset: &'static [(&'static str, u64)],
    /// Scapy's field names and the ids.
    pub(super) keys: &'static [(&'static str, &'static str)],
}

const fn layer(
    name: &'static str,
    protocol: &'static Protocol,
    keys: &'static [(&'static str, &'static str)],
) -> Layer {
    Layer { name, protocol, preset: &[], keys }
}

const ICMPV6_KEYS: &[(&str, &str)] = &[
    ("cksum", "icmpv6.checksum"),
    ("id", "icmpv6.echo.identifier"),
    ("seq", "icmpv6.echo.sequence_number"),
    ("R", "icmpv6.nd.na.flag.r"),
    ("S", "icmpv6.nd.na.flag.s"),
    ("O", "icmpv6.nd.na.flag.o"),
    ("chlim", "icmpv6.nd.ra.cur_hop_limit"),
    ("M", "icmpv6.nd.ra.flag.m"),
    ("routerlifetime", "icmpv6.nd.ra.router_lifetime"),
];

const fn icmpv6(name: &'static str, preset: &'static [(&'static str, u64)]) -> Layer {
    Layer { name, protocol: &table::icmpv6::ICMPV6, preset, keys: ICMPV6_KEYS }
}

/// The layers; any other protocol of the tables is found by its own name.
pub(super) static LAYERS: &[Layer] = &[
    layer("Ether", &table::ethernet::ETHERNET, &[]),
    layer(
        "Dot1Q",
        &table::vlan::VLAN,
        &[("prio", "vlan.priority"), ("vlan", "vlan.id"), ("type", "vlan.etype")],
    ),
    layer(
        "ARP",
        &table::arp::ARP,
        &[
            ("hwtype", "arp.hw.type"),
            ("ptype", "arp.proto.type"),
            ("hwlen", "arp.hw.size"),
            ("plen", "arp.proto.size"),
            ("op", "arp.opcode"),
            ("hwsrc", "arp.src.hw_mac"),
            ("psrc", "arp.src.proto_ipv4"),
            ("hwdst", "arp.dst.hw_mac"),
            ("pdst", "arp.dst.proto_ipv4"),
        ],
    ),
    layer(
        "IP",
        &table::ipv4::IPV4,
        &[
            ("ihl", "ip.hdr_len"),
            ("tos", "ip.dsfield"),
            ("frag", "ip.frag_offset"),
            ("chksum", "ip.checksum"),
        ],
    ),
    layer("IPv6", &table::ipv6::IPV6, &[("tc", "ipv6.tclass"), ("fl", "ipv6.flow"), ("nh", "ipv6.nxt")]),
    layer(
        "IPv6ExtHdrFragment",
        &table::ipv6::FRAGHDR,
        &[
            ("nh", "ipv6.fraghdr.nxt"),
            ("offset", "ipv6.fraghdr.offset"),
            ("m", "ipv6.fraghdr.more"),
            ("id", "ipv6.fraghdr.ident"),
        ],
    ),
    layer(
        "ICMP",
        &table::icmp::ICMP,
        &[
            ("chksum", "icmp.checksum"),
            ("id", "icmp.ident"),
            ("gw", "icmp.redir_gw"),
            ("nexthopmtu", "icmp.mtu"),
            ("ptr", "icmp.pointer"),
            ("addr_mask", "icmp.address_mask"),
        ],
    ),
    icmpv6("ICMPv6EchoRequest", &[("icmpv6.type", 128)]),
    icmpv6("ICMPv6EchoReply", &[("icmpv6.type", 129)]),
    icmpv6("ICMPv6ND_RS", &[("icmpv6.type", 133)]),
    icmpv6("ICMPv6ND_RA", &[("icmpv6.type", 134)]),
    Layer {
        name: "ICMPv6ND_NS",
        protocol: &table::icmpv6::ICMPV6,
        preset: &[("icmpv6.type", 135)],
        keys: &[("tgt", "icmpv6.nd.ns.target_address")],
    },
    Layer {
        name: "ICMPv6ND_NA",
        protocol: &table::icmpv6::ICMPV6,
        preset: &[("icmpv6.type", 136)],
        keys: &[
            ("tgt", "icmpv6.nd.na.target_address"),
            ("R", "icmpv6.nd.na.flag.r"),
            ("S", "icmpv6.nd.na.flag.s"),
            ("O", "icmpv6.nd.na.flag.o"),
        ],
    },
    icmpv6("ICMPv6PacketTooBig", &[("icmpv6.type", 2)]),
    layer(
        "TCP",
        &table::tcp::TCP,
        &[
            ("sport", "tcp.srcport"),
            ("dport", "tcp.dstport"),
            ("seq", "tcp.seq_raw"),
            ("ack", "tcp.ack_raw"),
            ("dataofs", "tcp.hdr_len"),
            ("reserved", "tcp.flags.res"),
            ("window", "tcp.window_size_value"),
            ("chksum", "tcp.checksum"),
            ("urgptr", "tcp.urgent_pointer"),
        ],
    ),
    layer(
        "UDP",
        &table::udp::UDP,
        &[
            ("sport", "udp.srcport"),
            ("dport", "udp.dstport"),
            ("len", "udp.length"),
            ("chksum", "udp.checksum"),
        ],
    ),
    layer("DNS", &table::dns::DNS, DNS_KEYS),
    layer("DNSTCP", &table::dns::DNS_TCP, DNS_KEYS),
    layer(
        "BOOTP",
        &table::dhcp::DHCP,
        &[
            ("op", "dhcp.type"),
            ("htype", "dhcp.hw.type"),
            ("hlen", "dhcp.hw.len"),
            ("xid", "dhcp.id"),
            ("ciaddr", "dhcp.ip.client"),
            ("yiaddr", "dhcp.ip.your"),
            ("siaddr", "dhcp.ip.server"),
            ("giaddr", "dhcp.ip.relay"),
            ("chaddr", "dhcp.hw.mac_addr"),
        ],
    ),
    layer("GRE", &table::gre::GRE, &[("seqnum", "gre.sequence_number"), ("chksum", "gre.checksum")]),
    layer("MPLS", &table::mpls::MPLS, &[("cos", "mpls.exp"), ("s", "mpls.bottom")]),
    layer("VXLAN", &table::vxlan::VXLAN, &[]),
    layer("Raw", &table::data::DATA, &[("load", "data.data"), ("", "data.data")]),
    layer("Padding", &table::data::DATA, &[("load", "data.data"), ("", "data.data")]),
];

const DNS_KEYS: &[(&str, &str)] = &[
    ("qr", "dns.flags.response"),
    ("opcode", "dns.flags.opcode"),
    ("aa", "dns.flags.authoritative"),
    ("tc", "dns.flags.truncated"),
    ("rd", "dns.flags.recdesired"),
    ("ra", "dns.flags.recavail"),
    ("z", "dns.flags.z"),
    ("ad", "dns.flags.authenticated"),
    ("cd", "dns.flags.checkdisable"),
    ("rcode", "dns.flags.rcode"),
    ("qdcount", "dns.count.queries"),
    ("ancount", "dns.count.answers"),
    ("nscount", "dns.count.auth_rr"),
    ("arcount", "dns.count.add_rr"),
];

/// Words that stand for numbers, by field.
pub(super) const WORDS: &[(&str, &str, u64)] = &[
    ("arp.opcode", "who-has", 1),
    ("arp.opcode", "is-at", 2),
    ("icmp.type", "echo-reply", 0),
    ("icmp.type", "dest-unreach", 3),
    ("icmp.type", "redirect", 5),
    ("icmp.type", "echo-request", 8),
    ("icmp.type", "time-exceeded", 11),
    ("icmp.type", "timestamp-request", 13),
    ("icmp.code", "port-unreachable", 3),
    ("icmp.code", "fragmentation-needed", 4),
    ("ip.proto", "tcp", 6),
    ("ip.proto", "udp", 17),
    ("ip.proto", "icmp", 1),
];

/// Names of ports, as /etc/services has them.
pub(super) const PORTS: &[(&str, u64)] = &[
    ("echo", 7),
    ("ftp", 21),
    ("ssh", 22),
    ("telnet", 23),
    ("smtp", 25),
    ("domain", 53),
    ("http", 80),
    ("ntp", 123),
    ("https", 443),
    ("ircd", 6667),
    ("http_alt", 8080),
];

/// The TCP options of Scapy: name, kind, and the fields of its values.
pub(super) const TCP_OPTIONS: &[(&str, u64, &[&str])] = &[
    ("EOL", 0, &[]),
    ("NOP", 1, &[]),
    ("MSS", 2, &["tcp.options.mss_val"]),
    ("WScale", 3, &["tcp.options.wscale.shift"]),
    ("SAckOK", 4, &[]),
    ("SAck", 5, &["tcp.options.sack_le", "tcp.options.sack_re"]),
    ("Timestamp", 8, &["tcp.options.timestamp.tsval", "tcp.options.timestamp.tsecr"]),
];

/// The DHCP options of Scapy and their fields.
pub(super) const DHCP_OPTIONS: &[(&str, &str)] = &[
    ("message-type", "dhcp.option.dhcp"),
    ("requested_addr", "dhcp.option.requested_ip_address"),
    ("server_id", "dhcp.option.dhcp_server_id"),
    ("lease_time", "dhcp.option.ip_address_lease_time"),
    ("subnet_mask", "dhcp.option.subnet_mask"),
    ("router", "dhcp.option.router"),
    ("name_server", "dhcp.option.domain_name_server"),
    ("hostname", "dhcp.option.hostname"),
    ("domain", "dhcp.option.domain_name"),
    ("param_req_list", "dhcp.option.request_list_item"),
];
