//! The tables, one file per protocol; each is read in both directions.

use std::collections::HashMap;
use std::sync::OnceLock;

use crate::field::Field;
use crate::protocol::Protocol;

pub mod arp;
pub mod data;
pub mod dhcp;
pub mod dns;
pub mod ethernet;
pub mod frame;
pub mod gre;
pub mod http;
pub mod icmp;
pub mod icmpv6;
pub mod igmp;
pub mod ipv4;
pub mod ipv6;
pub mod irc;
pub mod llc;
pub mod loopback;
pub mod mpls;
pub mod ntp;
pub mod numbers;
pub(crate) mod ports;
pub mod ppp;
pub mod quic;
pub mod radiotap;
pub mod sll;
pub mod tcp;
pub mod tls;
mod tls_names;
pub mod udp;
pub mod vxlan;
pub mod websocket;

pub mod vlan;

/// Every protocol, link layer first.
static PROTOCOLS: &[&Protocol] = &[
    &frame::FRAME,
    &ethernet::ETHERNET,
    &vlan::VLAN,
    &vlan::DOT1AD,
    &arp::ARP,
    &ipv4::IPV4,
    &ipv6::IPV6,
    &ipv6::HOPOPTS,
    &ipv6::ROUTING,
    &ipv6::FRAGHDR,
    &ipv6::DSTOPTS,
    &icmp::ICMP,
    &icmpv6::ICMPV6,
    &tcp::TCP,
    &frame::ANALYSIS,
    &udp::UDP,
    &sll::SLL,
    &sll::SLL2,
    &loopback::NULL,
    &loopback::LOOP,
    &ppp::PPP,
    &ppp::SESSION,
    &ppp::DISCOVERY,
    &mpls::MPLS,
    &llc::LLC,
    &radiotap::RADIOTAP,
    &radiotap::WLAN,
    &gre::GRE,
    &vxlan::VXLAN,
    &igmp::IGMP,
    &dns::DNS,
    &dns::DNS_TCP,
    &dns::MDNS,
    &dhcp::DHCP,
    &ntp::NTP,
    &http::HTTP,
    &http::TEXT_LINES,
    &http::JSON,
    &http::XML,
    &http::FORM,
    &http::MEDIA,
    &websocket::WEBSOCKET,
    &tls::TLS,
    &quic::QUIC,
    &irc::IRC,
    &data::DATA,
];

/// Ids that stand for both ends, as in Wireshark.
const BOTH_ENDS: &[(&str, &[&str])] = &[
    ("eth.addr", &["eth.src", "eth.dst"]),
    ("ip.addr", &["ip.src", "ip.dst"]),
    ("ipv6.addr", &["ipv6.src", "ipv6.dst"]),
    ("tcp.port", &["tcp.srcport", "tcp.dstport"]),
    ("udp.port", &["udp.srcport", "udp.dstport"]),
];

/// Every protocol that has a table, link layer first.
#[must_use]
pub fn protocols() -> &'static [&'static Protocol] {
    PROTOCOLS
}

/// The protocol of this name (`tcp`).
#[must_use]
pub fn protocol(name: &str) -> Option<&'static Protocol> {
    PROTOCOLS.iter().find(|protocol| protocol.name == name).copied()
}

/// The field of this id; where several rows share an id, the first.
#[must_use]
pub fn field(id: &str) -> Option<&'static Field> {
    static INDEX: OnceLock<HashMap<&'static str, &'static Field>> = OnceLock::new();
    let index = INDEX.get_or_init(|| {
        let rows = PROTOCOLS.iter().flat_map(|protocol| protocol.all_fields()).rev();
        rows.map(|field| (field.id, field)).collect()
    });
    index.get(id).copied()
}

/// The ids that an id stands for; none when no table knows it.
#[must_use]
pub fn ids_of(id: &str) -> Vec<&'static str> {
    match BOTH_ENDS.iter().find(|(both, _)| *both == id) {
        Some((_, ids)) => ids.to_vec(),
        None => field(id).map(|field| field.id).into_iter().collect(),
    }
}

/// Every row that an id stands for: both ends for `tcp.port`, each form of a message for `icmp.unused`.
///
/// Look the rows up once and ask many packets with [`Packet::values_of`](crate::Packet::values_of).
#[must_use]
pub fn rows_of(id: &str) -> Vec<&'static Field> {
    let ids = ids_of(id);
    if ids.is_empty() {
        return Vec::new();
    }
    let fields = PROTOCOLS.iter().flat_map(|protocol| protocol.all_fields());
    let mut rows: Vec<&'static Field> = Vec::new();
    for field in fields.filter(|field| ids.contains(&field.id)) {
        // Tables may share rows (DNS and mDNS).
        if !rows.contains(&field) {
            rows.push(field);
        }
    }
    rows
}
