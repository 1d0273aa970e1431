//! Craft expressions: the packets they stand for, and what is said of texts that are none.

use tongro_wire::expr::{ExprErrorKind, Expression};
use tongro_wire::{LinkType, Packet, dissect};

/// The packets of an expression.
fn packets(text: &str) -> Vec<Vec<u8>> {
    Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).packets().collect()
}

/// The values of a field in the first packet, with commas between.
fn printed(text: &str, id: &str) -> String {
    let bytes = packets(text).remove(0);
    let packet: Packet<'_> = dissect(Expression::parse(text).expect("an expression").link(), &bytes);
    assert_eq!(packet.problems, [], "{text}");
    packet.values(id).map(|value| value.print()).collect::<Vec<_>>().join(",")
}

#[test]
fn the_example_of_every_manual() {
    let text = r#"Ether()/IP(dst="10.0.0.2")/TCP(dport=80, flags="S")/"hello""#;
    assert_eq!(printed(text, "frame.protocols"), "");
    assert_eq!(printed(text, "ip.dst"), "10.0.0.2");
    assert_eq!(printed(text, "tcp.flags"), "0x0002");
    assert_eq!(printed(text, "tcp.checksum.status"), "1");
    assert_eq!(printed(text, "tcp.payload"), "68656c6c6f");
    assert_eq!(printed(text, "tcp.dstport"), "80");
}

#[test]
fn lists_ranges_and_networks_multiply() {
    assert_eq!(packets("IP(ttl=(1,5))/ICMP()").len(), 5);
    assert_eq!(packets(r#"IP(dst="10.0.0.0/30")/TCP(dport=[22, (80, 82)])"#).len(), 16);
    let dst = |bytes: &Vec<u8>| (bytes[19], bytes[23]);
    let order: Vec<_> =
        packets(r#"IP(dst=["10.0.0.1", "10.0.0.2"])/TCP(dport=[1, 2])"#).iter().map(dst).collect();
    assert_eq!(order, [(1, 1), (1, 2), (2, 1), (2, 2)]);
}

#[test]
fn options_flags_and_names() {
    let text = r#"IP(flags="DF")/TCP(flags="SA", dport="https", options=[("MSS", 1460), ("NOP", None), ("WScale", 7),
        ("SAckOK", b""), ("Timestamp", (1, 2)), ("SAck", (10, 20, 30, 40))])"#;
    assert_eq!(printed(text, "tcp.option_kind"), "2,1,3,4,8,5,0,0");
    assert_eq!(printed(text, "tcp.options.sack_re"), "20,40");
    assert_eq!(printed(text, "tcp.options.timestamp.tsecr"), "2");
    assert_eq!(printed(text, "tcp.flags"), "0x0012");
    assert_eq!(printed(text, "ip.flags.df"), "1");
    assert_eq!(printed(text, "tcp.dstport"), "443");
}

#[test]
fn applications() {
    let query = r#"IP()/UDP()/DNS(id=7, rd=1, qd=DNSQR(qname="example.com", qtype="AAAA"))"#;
    assert_eq!(printed(query, "dns.qry.name"), "example.com");
    assert_eq!(printed(query, "dns.qry.type"), "28");
    assert_eq!(printed(query, "dns.count.queries"), "1");
    let answer = r#"IP()/UDP(sport=53)/DNS(qr=1, qd=DNSQR(qname="a.b"), an=DNSRR(rrname="a.b", ttl=60, rdata="1.2.3.4"))"#;
    assert_eq!(printed(answer, "dns.a"), "1.2.3.4");
    let stream = r#"IP()/TCP()/DNS(qd=DNSQR(qname="example.com"))"#;
    assert_eq!(printed(stream, "dns.length"), "29");
    let lease =
        r#"Ether()/IP()/UDP()/BOOTP(chaddr="02:00:00:00:00:01")/DHCP(options=[("message-type", 1), "end"])"#;
    assert_eq!(printed(lease, "dhcp.option.dhcp"), "1");
    assert_eq!(printed(lease, "udp.dstport"), "67");
}

#[test]
fn neighbours_tunnels_and_text() {
    assert_eq!(printed(r#"Ether()/ARP(op="who-has", pdst="10.0.0.2")"#, "arp.dst.proto_ipv4"), "10.0.0.2");
    assert_eq!(
        printed(r#"IPv6(dst="ff02::1")/ICMPv6ND_NS(tgt="fe80::2")"#, "icmpv6.nd.ns.target_address"),
        "fe80::2"
    );
    assert_eq!(printed(r#"IP()/GRE(key=42)/IP()/ICMP()"#, "gre.flags.key"), "1");
    assert_eq!(
        printed(r#"Ether()/Dot1Q(vlan=7)/IP()/UDP(sport=9, dport=9)/Raw(load="A" * 100)"#, "udp.length"),
        "108"
    );
    assert_eq!(printed(r#"IP()/UDP()/VXLAN(vni=5)/Ether()/IP()/ICMP()"#, "udp.dstport"), "4789");
    assert_eq!(printed(r#"IP()/ICMP(type="time-exceeded")/IP()/UDP()"#, "icmp.type"), "11");
    assert_eq!(packets(r"b'\x00\xff'"), [vec![0, 255]]);
}

#[test]
fn wireshark_names_and_wrong_values() {
    assert_eq!(printed("IP()/TCP(srcport=9, tcp.window_size_value=5)", "tcp.window_size_value"), "5");
    let bytes = packets("IP(len=9999, chksum=0)/UDP()").remove(0);
    assert_eq!((&bytes[2..4], &bytes[10..12]), (&[0x27, 0x0f][..], &[0, 0][..]));
    assert_eq!(dissect(LinkType::RawIp, &bytes).problems.len(), 2);
}

#[test]
fn errors_have_a_place() {
    let error = |text: &str| Expression::parse(text).unwrap_err();
    assert_eq!(error("IP()/TPC()").to_string(), "no layer `TPC` at character 5");
    assert_eq!(error("IP(dts=1)").to_string(), "`IP` has no field `dts` at character 3");
    assert_eq!(error("TCP(dport=70000)").to_string(), "`70000` is no value of `dport` at character 4");
    assert_eq!(error("IP(dst=").kind, ExprErrorKind::UnexpectedEnd);
    assert_eq!(error("IP()/\"abc").kind, ExprErrorKind::BadString);
    assert_eq!(error("IP(dst=[\"10.0.0.1\", \"x\"])").at, 3);
    assert_eq!(error("IP() TCP()").at, 5);
    assert_eq!(error("\"A\"*99999").kind, ExprErrorKind::TooLong);
}

#[test]
fn errors_know_what_was_meant() {
    let nearest = |text: &str| Expression::parse(text).unwrap_err().nearest();
    assert_eq!(nearest("IP()/TPC()"), Some("TCP"));
    assert_eq!(nearest("IP(dts=1)"), Some("dst"));
    assert_eq!(nearest("Eter()"), Some("Ether"));
    assert_eq!(nearest("TCP(dprt=1)"), Some("dport"));
    assert_eq!(nearest("Nonsensical()"), None);
    assert_eq!(nearest("TCP(dport=70000)"), None);
}

#[test]
fn chance_follows_the_seed_and_keeps_what_was_said() {
    let text = r#"Ether()/IP(dst="10.0.0.2")/fuzz(TCP(dport=80)/Raw())"#;
    let made = |seed: u64| -> Vec<Vec<u8>> {
        let expression = Expression::parse(text).unwrap().with_seed(seed);
        assert!(expression.is_fuzzed());
        (0..20).map(|index| expression.packet(index).unwrap()).collect()
    };
    assert_eq!(made(1), made(1));
    assert_ne!(made(1), made(2));
    for bytes in made(3) {
        let packet = dissect(LinkType::Ethernet, &bytes);
        assert_eq!(packet.find("tcp.dstport").unwrap().print(), "80");
        assert_eq!(packet.find("ip.dst").unwrap().print(), "10.0.0.2");
        assert_eq!(packet.find("ip.checksum.status").unwrap().print(), "1", "what fills itself stays right");
    }
    let ports: std::collections::BTreeSet<String> = made(4)
        .iter()
        .map(|bytes| dissect(LinkType::Ethernet, bytes).find("tcp.srcport").unwrap().print())
        .collect();
    assert!(ports.len() > 15, "{ports:?}");
    assert!(Expression::parse("fuzz(IP()/fuzz(TCP()))").is_err());
}

#[test]
fn padding_is_counted_by_no_length() {
    let bytes = packets(r#"Ether()/IP()/UDP(sport=40000, dport=7000)/"hi"/Padding(load="PAD")"#).remove(0);
    let packet = dissect(LinkType::Ethernet, &bytes);
    assert_eq!((bytes.len(), packet.find("ip.len").unwrap().print()), (47, "30".to_owned()));
    assert!(bytes.ends_with(b"hiPAD") && packet.problems.is_empty());
}
