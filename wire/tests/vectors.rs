//! Packets with known contents: what the tables read, print and write.

mod frames;

use tongro_wire::{LayerSpec, LinkType, Packet, ProblemKind, craft, dissect, protocols, table};

fn sample(name: &str) -> &'static [u8] {
    let all = frames::all();
    all.into_iter().find(|(known, _)| *known == name).expect("a sample").1.leak()
}

fn ether(name: &str) -> Packet<'static> {
    dissect(LinkType::Ethernet, sample(name))
}

/// All values of a field, with commas between, as `tshark -T fields` prints them.
fn printed(packet: &Packet<'_>, id: &str) -> String {
    packet.values(id).map(|value| value.print()).collect::<Vec<_>>().join(",")
}

#[test]
fn rfc1071_era_header_of_rfc_textbooks() {
    // The IPv4 header whose checksum, b1e6, is worked out by hand in many textbooks.
    let header = b"\x45\x00\x00\x3c\x1c\x46\x40\x00\x40\x06\xb1\xe6\xac\x10\x0a\x63\xac\x10\x0a\x0c";
    let packet = dissect(LinkType::RawIp, header);
    assert_eq!(printed(&packet, "ip.checksum.status"), "1");
    assert_eq!(printed(&packet, "ip.len"), "60");
    assert_eq!(packet.problems[0].kind, ProblemKind::BadLength { declared: 60, available: 20 });
}

#[test]
fn a_syn_with_options() {
    let packet = ether("tcp-syn");
    assert_eq!(packet.protocols(), "eth:ethertype:ip:tcp");
    for (id, value) in [
        ("eth.type", "0x0800"),
        ("ip.hdr_len", "20"),
        ("ip.id", "0x1c46"),
        ("ip.flags.df", "1"),
        ("ip.addr", "10.77.0.1,10.77.0.2"),
        ("tcp.port", "40312,9000"),
        ("tcp.hdr_len", "40"),
        ("tcp.flags", "0x0002"),
        ("tcp.flags.syn", "1"),
        ("tcp.flags.ack", "0"),
        ("tcp.len", "0"),
        ("tcp.option_kind", "2,4,8,1,3"),
        ("tcp.options.mss_val", "1460"),
        ("tcp.options.timestamp.tsval", "1"),
        ("tcp.options.wscale.shift", "10"),
        ("tcp.checksum.status", "1"),
        ("tcp.payload", ""),
    ] {
        assert_eq!(printed(&packet, id), value, "{id}");
    }
    assert_eq!(packet.find("tcp.flags.syn").unwrap().bits, 14 * 8 + 20 * 8 + 110..14 * 8 + 20 * 8 + 111);
}

#[test]
fn rows_that_were_looked_up_find_the_same_values() {
    for (_, bytes) in frames::all() {
        let packet = dissect(LinkType::Ethernet, &bytes);
        for id in ["tcp.port", "ip.addr", "icmp.unused", "dns.id", "vlan.etype"] {
            let rows = tongro_wire::rows_of(id);
            assert!(packet.values_of(&rows).eq(packet.values(id)), "{id}");
        }
    }
}

#[test]
fn every_link_type_leads_to_the_packet() {
    let datagram = &sample("udp-hello")[14..];
    let behind = |header: &[u8]| [header, datagram].concat();
    for (link, header, protocols) in [
        (LinkType::RawIp, &b""[..], "raw:ip:udp:data"),
        (LinkType::Null, b"\x02\0\0\0", "null:ip:udp:data"),
        (LinkType::Loop, b"\0\0\0\x02", "null:ip:udp:data"),
        (LinkType::Ppp, b"\xff\x03\x00\x21", "ppp:ip:udp:data"),
        (LinkType::LinuxSll, b"\0\x04\0\x01\0\x06\x02\0\0\0\0\x01\0\0\x08\0", "sll:ethertype:ip:udp:data"),
        (
            LinkType::LinuxSll2,
            b"\x08\0\0\0\0\0\0\x03\0\x01\x04\x06\x02\0\0\0\0\x01\0\0",
            "sll:ethertype:ip:udp:data",
        ),
    ] {
        let bytes = behind(header);
        let packet = dissect(link, &bytes);
        assert_eq!((packet.protocols().as_str(), &packet.problems[..]), (protocols, &[][..]));
    }
}

#[test]
fn sack_blocks_are_a_list() {
    let packet = ether("tcp-sack");
    assert_eq!(printed(&packet, "tcp.options.sack_le"), "200,400,600");
    assert_eq!(printed(&packet, "tcp.options.sack_re"), "300,500,700");
}

#[test]
fn an_error_quotes_a_packet() {
    let packet = ether("icmp-time-exceeded-short-quote");
    assert_eq!(packet.protocols(), "eth:ethertype:ip:icmp:ip:udp");
    assert_eq!(printed(&packet, "ip.src"), "10.77.0.9,10.77.0.1");
    assert_eq!(printed(&packet, "udp.dstport"), "33434");
    assert_eq!(printed(&packet, "udp.checksum.status"), "2");
    assert_eq!(packet.problems, []);
}

#[test]
fn fragments_have_no_transport_but_the_first() {
    assert_eq!(ether("ip-fragment-last").protocols(), "eth:ethertype:ip:data");
    assert_eq!(printed(&ether("ip-fragment-last"), "ip.frag_offset"), "185");
    assert_eq!(ether("ipv6-fragment-last").protocols(), "eth:ethertype:ipv6:ipv6.fraghdr:data");
    assert_eq!(printed(&ether("ip-fragment-first"), "udp.checksum.status"), "2");
}

#[test]
fn checksum_verdicts() {
    assert_eq!(printed(&ether("udp-hello"), "udp.checksum.status"), "1");
    assert_eq!(printed(&ether("udp-no-checksum"), "udp.checksum.status"), "3");
    assert_eq!(printed(&ether("ipv6-routing"), "udp.checksum.status"), "1");
    let packet = ether("udp-bad-checksum");
    assert_eq!(printed(&packet, "udp.checksum.status"), "0");
    assert!(matches!(packet.problems[0].kind, ProblemKind::BadChecksum { stored: 0x1234, .. }));
}

#[test]
fn a_router_advertisement_and_its_options() {
    let packet = ether("nd-router-advertisement");
    assert_eq!(printed(&packet, "icmpv6.nd.ra.router_lifetime"), "1800");
    assert_eq!(printed(&packet, "icmpv6.opt.type"), "1,5,3,25");
    assert_eq!(printed(&packet, "icmpv6.opt.linkaddr"), "02:00:00:00:00:01");
    assert_eq!(printed(&packet, "icmpv6.opt.prefix"), "fd77::");
}

#[test]
fn said_values_are_kept_right_or_wrong() {
    let layers = [
        LayerSpec::new(&table::ipv4::IPV4).with("ip.ttl", 3).unwrap().with("ip.len", 9999).unwrap(),
        LayerSpec::new(&table::udp::UDP).with("udp.checksum", 0xbeef).unwrap(),
        LayerSpec::data(*b"hi"),
    ];
    let bytes = craft(&layers);
    let packet = dissect(LinkType::RawIp, &bytes);
    assert_eq!(printed(&packet, "ip.len"), "9999");
    assert_eq!(printed(&packet, "udp.checksum"), "0xbeef");
    assert_eq!(printed(&packet, "udp.length"), "10");
    assert_eq!(printed(&packet, "ip.checksum.status"), "1");
}

#[test]
fn options_are_crafted_in_the_order_said() {
    let mut tcp = LayerSpec::new(&table::tcp::TCP);
    for (id, value) in
        [("tcp.options.mss_val", 1460), ("tcp.option_kind", 1), ("tcp.options.wscale.shift", 7)]
    {
        tcp.set(id, value).unwrap();
    }
    for edge in [10, 20, 30, 40] {
        let id = if edge % 20 == 10 { "tcp.options.sack_le" } else { "tcp.options.sack_re" };
        tcp.set(id, edge).unwrap();
    }
    tcp.set("tcp.flags", 0x12).unwrap();
    let bytes = craft(&[LayerSpec::new(&table::ipv4::IPV4), tcp]);
    let packet = dissect(LinkType::RawIp, &bytes);
    assert_eq!(printed(&packet, "tcp.option_kind"), "2,1,3,5,0,0");
    assert_eq!(printed(&packet, "tcp.option_len"), "4,3,18");
    assert_eq!(printed(&packet, "tcp.hdr_len"), "48");
    assert_eq!(printed(&packet, "tcp.flags"), "0x0012");
    assert_eq!(printed(&packet, "tcp.checksum.status"), "1");
}

#[test]
fn edits_of_a_dissected_packet() {
    let mut layers = ether("tcp-data").to_layers();
    layers[1].set("ip.ttl", 1).unwrap();
    layers[1].unset("ip.checksum");
    layers[2].set("tcp.flags", 0x04).unwrap();
    layers[2].unset("tcp.checksum");
    let bytes = craft(&layers);
    let packet = dissect(LinkType::Ethernet, &bytes);
    assert_eq!(printed(&packet, "ip.ttl"), "1");
    assert_eq!(printed(&packet, "tcp.flags"), "0x0004");
    assert_eq!(packet.problems, []);
}

#[test]
fn every_field_of_the_course_is_known() {
    let ids = include_str!("data/course.fields").lines();
    let missing: Vec<_> = ids.filter(|id| tongro_wire::field(id).is_none()).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn every_field_that_is_found_is_in_a_table() {
    for (_, bytes) in frames::all() {
        for value in dissect(LinkType::Ethernet, &bytes).fields {
            assert!(tongro_wire::field(value.field.id).is_some(), "{}", value.field.id);
        }
    }
}

#[test]
fn the_tables_are_sound() {
    for protocol in protocols() {
        assert!(!protocol.name.is_empty() && !protocol.title.is_empty());
        for field in protocol.all_fields() {
            assert!(!field.name.is_empty() && !field.doc.is_empty(), "{}", field.id);
            assert!(tongro_wire::field(field.id).is_some());
        }
    }
}
