//! The number spaces by which one header names the next, and the names of their numbers (IANA).

use super::ipv6::{DSTOPTS, FRAGHDR, HOPOPTS, IPV6, ROUTING};
use super::{
    arp::ARP,
    icmp::ICMP,
    icmpv6::ICMPV6,
    ipv4::IPV4,
    tcp::TCP,
    udp::UDP,
    vlan::{DOT1AD, VLAN},
};
use super::{
    ethernet::ETHERNET,
    gre::GRE,
    igmp::IGMP,
    mpls::MPLS,
    ppp::{DISCOVERY, SESSION},
};
use crate::protocol::Registry;

/// EtherTypes (IEEE 802).
pub static ETHERTYPES: Registry = Registry {
    via: "ethertype",
    entries: &[
        (0x0800, &IPV4),
        (0x0806, &ARP),
        (0x86dd, &IPV6),
        (0x8100, &VLAN),
        (0x88a8, &DOT1AD),
        (0x9100, &VLAN),
        (0x8847, &MPLS),
        (0x8848, &MPLS),
        (0x8863, &DISCOVERY),
        (0x8864, &SESSION),
    ],
};

/// Names of EtherTypes.
pub const ETHERTYPE_NAMES: &[(u64, &str)] = &[
    (0x0800, "IPv4"),
    (0x0806, "ARP"),
    (0x86dd, "IPv6"),
    (0x8100, "802.1Q Virtual LAN"),
    (0x88a8, "802.1ad Provider Bridge (Q-in-Q)"),
    (0x8847, "MPLS label switched packet"),
    (0x8848, "MPLS with upstream-assigned label"),
    (0x8863, "PPPoE Discovery"),
    (0x8864, "PPPoE Session"),
    (0x8870, "Jumbo LLC"),
    (0x888e, "802.1X Authentication"),
    (0x88cc, "802.1 Link Layer Discovery Protocol (LLDP)"),
    (0x88e5, "802.1AE (MACsec)"),
    (0x9000, "Loopback"),
    (0x9100, "QinQ: old standard 802.1QinQ protocol tag"),
];

/// Protocol numbers of IPv4.
pub static IP_PROTOCOLS: Registry = Registry {
    via: "",
    entries: &[
        (6, &TCP),
        (17, &UDP),
        (1, &ICMP),
        (58, &ICMPV6),
        (4, &IPV4),
        (41, &IPV6),
        (2, &IGMP),
        (47, &GRE),
    ],
};

/// Protocol numbers of IPv6, extension headers included.
pub static IPV6_PROTOCOLS: Registry = Registry {
    via: "",
    entries: &[
        (6, &TCP),
        (17, &UDP),
        (58, &ICMPV6),
        (0, &HOPOPTS),
        (43, &ROUTING),
        (44, &FRAGHDR),
        (60, &DSTOPTS),
        (1, &ICMP),
        (4, &IPV4),
        (41, &IPV6),
        (47, &GRE),
    ],
};

/// What GRE carries: EtherTypes, and Ethernet itself.
pub static GRE_TYPES: Registry = Registry {
    via: "",
    entries: &[(0x0800, &IPV4), (0x86dd, &IPV6), (0x6558, &ETHERNET), (0x8847, &MPLS), (0x0806, &ARP)],
};

/// Protocol numbers of PPP.
pub static PPP_PROTOCOLS: Registry = Registry { via: "", entries: &[(0x0021, &IPV4), (0x0057, &IPV6)] };

/// Address families of the BSD loopbacks.
pub static FAMILIES: Registry =
    Registry { via: "", entries: &[(2, &IPV4), (30, &IPV6), (24, &IPV6), (28, &IPV6), (10, &IPV6)] };

/// Names of protocol numbers.
pub const PROTOCOL_NAMES: &[(u64, &str)] = &[
    (0, "IPv6 Hop-by-Hop Option"),
    (1, "ICMP"),
    (2, "IGMP"),
    (4, "IPIP"),
    (6, "TCP"),
    (8, "EGP"),
    (17, "UDP"),
    (33, "DCCP"),
    (41, "IPv6"),
    (43, "Routing Header for IPv6"),
    (44, "Fragment Header for IPv6"),
    (46, "Reservation Protocol"),
    (47, "Generic Routing Encapsulation"),
    (50, "Encap Security Payload"),
    (51, "Authentication Header"),
    (58, "ICMPv6"),
    (59, "No Next Header for IPv6"),
    (60, "Destination Options for IPv6"),
    (89, "OSPF IGP"),
    (103, "Protocol Independent Multicast"),
    (112, "VRRP"),
    (132, "SCTP"),
    (136, "UDP Lite"),
];

/// Names of differentiated services codepoints.
pub const DSCP_NAMES: &[(u64, &str)] = &[
    (0, "Default"),
    (8, "Class Selector 1"),
    (10, "Assured Forwarding 11"),
    (12, "Assured Forwarding 12"),
    (14, "Assured Forwarding 13"),
    (16, "Class Selector 2"),
    (18, "Assured Forwarding 21"),
    (20, "Assured Forwarding 22"),
    (22, "Assured Forwarding 23"),
    (24, "Class Selector 3"),
    (26, "Assured Forwarding 31"),
    (28, "Assured Forwarding 32"),
    (30, "Assured Forwarding 33"),
    (32, "Class Selector 4"),
    (34, "Assured Forwarding 41"),
    (36, "Assured Forwarding 42"),
    (38, "Assured Forwarding 43"),
    (40, "Class Selector 5"),
    (44, "Voice Admit"),
    (46, "Expedited Forwarding"),
    (48, "Class Selector 6"),
    (56, "Class Selector 7"),
];

/// Names of the two bits of explicit congestion notification.
pub const ECN_NAMES: &[(u64, &str)] = &[
    (0, "Not ECN-Capable Transport"),
    (1, "ECN-Capable Transport codepoint '01'"),
    (2, "ECN-Capable Transport codepoint '10'"),
    (3, "Congestion Experienced"),
];
