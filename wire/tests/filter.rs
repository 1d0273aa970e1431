//! Display filters: what passes, and what is said of a filter that is none.

mod frames;

use tongro_wire::filter::{Filter, FilterErrorKind};
use tongro_wire::{LinkType, dissect};

/// The samples that pass a filter.
fn passing(filter: &str) -> Vec<&'static str> {
    let filter = Filter::parse(filter).unwrap_or_else(|error| panic!("{filter}: {error}"));
    let all = frames::all();
    let pass = all.iter().filter(|(_, bytes)| filter.matches(&dissect(LinkType::Ethernet, bytes)));
    pass.map(|(name, _)| *name).collect()
}

#[test]
fn names_and_presence() {
    assert_eq!(passing("arp"), ["arp-request", "arp-reply"]);
    assert_eq!(passing("tcp.options.sack_le"), ["tcp-sack"]);
    assert_eq!(passing("").len(), frames::all().len());
    assert_eq!(passing("!eth").len(), 0);
}

#[test]
fn comparisons() {
    assert_eq!(passing("tcp.flags.reset == 1"), ["tcp-rst"]);
    assert_eq!(passing("tcp.flags.syn == true and tcp.flags.ack == 1"), ["tcp-syn-ack"]);
    assert_eq!(passing("icmp.mtu ge 1400 && icmp.mtu < 0x600"), ["icmp-too-big"]);
    assert_eq!(passing("5000 < tcp.srcport < 9001 && tcp.flags.syn == 1"), ["tcp-syn-ack"]);
    assert_eq!(passing("80 == http.response.code"), [""; 0]);
    assert_eq!(passing("http.response.code == 404"), ["http-404"]);
    assert_eq!(passing("arp.opcode == \"reply\""), ["arp-reply"]);
}

#[test]
fn a_field_is_a_list() {
    // The quote of an error has its own addresses and ports.
    assert_eq!(passing("icmp.type == 11 and udp.dstport == 33434"), ["icmp-time-exceeded-short-quote"]);
    assert!(passing("ip.addr == 10.77.0.9").contains(&"icmp-time-exceeded-short-quote"));
    assert!(!passing("ip.addr != 10.77.0.1").contains(&"tcp-syn"));
    assert!(passing("ip.addr !== 10.77.0.1").contains(&"tcp-syn"));
    assert!(passing("any tcp.port < 1024").contains(&"dns-tcp"));
    assert!(!passing("all tcp.port < 1024").contains(&"dns-tcp"));
    assert_eq!(passing("tcp.port === 2"), [""; 0]);
}

#[test]
fn sets_and_networks() {
    assert_eq!(passing("icmp.type in {11, 13}"), ["icmp-time-exceeded-short-quote", "icmp-timestamp"]);
    assert_eq!(passing("tcp.dstport in {6660..6669}"), ["irc-request"]);
    assert_eq!(passing("ip.src == 192.0.2.0/24 && gre.key"), ["gre-key-seq"]);
    assert!(passing("ipv6.src == fd77::/16").contains(&"ipv6-tcp"));
    assert_eq!(passing("ip.dst in {224.0.0.0/24} && igmp.version == 3"), ["igmp-v3-query", "igmp-v3-report"]);
}

#[test]
fn bytes_text_and_patterns() {
    assert_eq!(passing("tcp.payload contains \"network\\n\" && tcp.len == 14"), ["tcp-data"]);
    assert!(passing("frame contains \"hello\"").contains(&"udp-hello"));
    assert_eq!(passing("http.request.uri matches \"INDEX[.]html\""), ["http-get"]);
    assert_eq!(passing("eth.dst[0:3] == ff:ff:ff"), ["arp-request"]);
    assert_eq!(passing("udp[8:2] == \"hi\""), ["eth-with-trailer"]);
    assert_eq!(passing("tcp.payload[-2] == 6b && tcp.payload[0-1] == 68:65"), ["tcp-data"]);
    assert!(passing("dns.qry.name contains \"example\" && dns.flags.rcode == 3").contains(&"dns-nxdomain"));
}

#[test]
fn functions_and_bits() {
    assert_eq!(passing("len(tcp.payload) == 14"), ["tcp-data"]);
    assert_eq!(passing("count(tcp.options.sack_le) == 3"), ["tcp-sack"]);
    assert_eq!(passing("lower(http.host) == \"example.com:8080\""), ["http-get"]);
    assert_eq!(passing("tcp.flags & 0x04"), ["tcp-rst"]);
    assert_eq!(passing("tcp.flags & 0x12 == 0x12"), ["tcp-syn-ack"]);
    assert_eq!(passing("ip[0] & 0x0f == 0f"), [""; 0]);
}

#[test]
fn both_sides_may_be_fields() {
    assert!(passing("udp.srcport == udp.dstport").contains(&"ntp-client"));
    assert!(!passing("udp.srcport == udp.dstport").contains(&"udp-hello"));
    assert_eq!(
        passing("not (tcp or udp or icmp or icmpv6 or arp or igmp)").first(),
        Some(&"ip-fragment-last")
    );
}

#[test]
fn errors_have_a_place_and_a_hint() {
    let error = |text: &str| Filter::parse(text).unwrap_err();
    let unknown = error("ip.ttl > 3 && tcp.falgs.syn");
    assert_eq!(unknown.at, 14);
    assert!(matches!(unknown.kind, FilterErrorKind::UnknownField { nearest: Some("tcp.flags.syn"), .. }));
    assert_eq!(error("ip.src == 300.1.1.1").at, 10);
    assert_eq!(error("tcp.port ==").kind, FilterErrorKind::UnexpectedEnd);
    assert_eq!(error("tcp.port == \"80").kind, FilterErrorKind::OpenString);
    assert_eq!(error("(tcp").kind, FilterErrorKind::UnexpectedEnd);
    assert!(matches!(error("tcp )").kind, FilterErrorKind::Unexpected { .. }));
    assert!(matches!(error("http.host matches \"(\"").kind, FilterErrorKind::BadPattern(_)));
    assert!(matches!(error("eth.src[a] == 00").kind, FilterErrorKind::BadSlice(_)));
    assert_eq!(error("1 == 1").kind, FilterErrorKind::NoField);
}
