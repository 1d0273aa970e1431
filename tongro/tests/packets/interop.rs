//! Wireshark on what we craft, and Scapy on the Python we write: `cargo xtask test` installs both.

use std::process::{Command, Stdio};

use super::{file, tongro};

/// Expressions with the fields that tshark must show of their first packet.
const CRAFTED: &[(&str, &[(&str, &str)])] = &[
    (
        r#"Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")/IP(src="10.0.0.1", dst="10.0.0.2", ttl=7, id=9, flags="DF")/TCP(sport=1234, dport=80, flags="SA", seq=5, ack=6, window=1000, options=[("MSS", 1460), ("NOP", None), ("WScale", 7), ("SAckOK", b""), ("Timestamp", (1, 2))])"#,
        &[
            ("eth.src", "02:00:00:00:00:01"),
            ("ip.ttl", "7"),
            ("ip.id", "0x0009"),
            ("ip.flags.df", "1"),
            ("ip.checksum.status", "1"),
            ("tcp.checksum.status", "1"),
            ("tcp.flags", "0x0012"),
            ("tcp.seq_raw", "5"),
            ("tcp.window_size_value", "1000"),
            ("tcp.options.mss_val", "1460"),
            ("tcp.options.timestamp.tsecr", "2"),
        ],
    ),
    (
        r#"Ether()/Dot1Q(vlan=7, prio=3)/IP(dst="10.0.0.2")/UDP(sport=40000, dport=7000)/"hello""#,
        &[("vlan.id", "7"), ("vlan.priority", "3"), ("udp.length", "13"), ("udp.checksum.status", "1")],
    ),
    (
        r#"Ether()/IP(dst="10.0.0.2")/UDP()/DNS(id=7, qd=DNSQR(qname="example.com", qtype="AAAA"))"#,
        &[("dns.id", "0x0007"), ("dns.qry.name", "example.com"), ("dns.qry.type", "28")],
    ),
    (
        r#"Ether()/IP(dst="10.0.0.2")/ICMP(id=3, seq=4)/"ping""#,
        &[("icmp.type", "8"), ("icmp.ident", "3"), ("icmp.seq", "4"), ("icmp.checksum.status", "1")],
    ),
    (
        r#"Ether()/IPv6(src="fe80::1", dst="fe80::2", hlim=3)/ICMPv6EchoRequest(id=1, seq=9)/"x""#,
        &[("ipv6.hlim", "3"), ("icmpv6.echo.sequence_number", "9"), ("icmpv6.checksum.status", "1")],
    ),
    (r#"Ether()/IPv6(dst="::2")/TCP(dport=443)/"tls?""#, &[("ipv6.nxt", "6"), ("tcp.checksum.status", "1")]),
    (
        r#"Ether()/ARP(op="is-at", psrc="10.0.0.1", hwsrc="02:00:00:00:00:01")"#,
        &[("arp.opcode", "2"), ("arp.src.proto_ipv4", "10.0.0.1")],
    ),
    (
        r#"Ether()/IP()/GRE()/IP(src="10.5.0.1", dst="10.5.0.2")/UDP(sport=40000, dport=7000)/"in""#,
        &[("ip.proto", "47,17"), ("udp.dstport", "7000"), ("udp.checksum.status", "1")],
    ),
    (
        r#"Ether()/IP()/UDP()/BOOTP(chaddr="02:00:00:00:00:01", xid=77)/DHCP(options=[("message-type", 1), ("hostname", "h"), "end"])"#,
        &[("dhcp.option.dhcp", "1"), ("dhcp.option.hostname", "h"), ("dhcp.id", "0x0000004d")],
    ),
];

const CHECKS: [&str; 6] =
    ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE"];

fn tshark(arguments: &[&str]) -> String {
    let output = Command::new("tshark").args(arguments).args(CHECKS).output();
    let output =
        output.unwrap_or_else(|error| panic!("`tshark` is needed: cargo xtask test installs it: {error}"));
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn wireshark_reads_what_was_said_and_finds_nothing_wrong() {
    for (number, (expression, fields)) in CRAFTED.iter().enumerate() {
        let path = file(&format!("interop-{number}.pcapng"));
        let (code, _, err) = tongro(&["craft", expression, "-w", &path]);
        assert_eq!(code, 0, "{expression}: {err}");
        let mut arguments = vec!["-r", &path, "-T", "fields", "-E", "occurrence=a"];
        let asked =
            ["_ws.malformed", "_ws.expert.severity"].into_iter().chain(fields.iter().map(|(id, _)| *id));
        asked.for_each(|id| arguments.extend(["-e", id]));
        let out = tshark(&arguments);
        let values: Vec<&str> = out.trim_end_matches('\n').split('\t').collect();
        assert_eq!(values[0], "", "{expression} is malformed");
        // Severity 8388608 is an error, 6291456 a warning.
        let worst =
            values[1].split(',').filter_map(|severity| severity.parse::<u32>().ok()).max().unwrap_or(0);
        assert!(worst < 8_388_608, "{expression}: {out}");
        for ((id, wanted), value) in fields.iter().zip(&values[2..]) {
            assert_eq!(value, wanted, "{id} of {expression}");
        }
    }
}

#[test]
fn a_thousand_packets_of_chance_have_good_checksums_in_wireshark() {
    let path = file("chance.pcapng");
    let expression = r#"Ether()/IP(src="10.0.0.1", dst="10.0.0.2")/fuzz(TCP()/Raw())"#;
    let (code, _, err) = tongro(&["craft", expression, "--count", "1000", "--seed", "5", "-w", &path]);
    assert_eq!(code, 0, "{err}");
    let out = tshark(&["-r", &path, "-T", "fields", "-e", "ip.checksum.status", "-e", "tcp.checksum.status"]);
    assert_eq!(out.lines().count(), 1000);
    assert!(out.lines().all(|line| line == "1\t1"), "every checksum is good");
}

/// Reads a hex line and an expression line in turn; prints the expression's bytes where they differ.
const SCAPY: &str = r#"
import logging, sys
logging.disable(logging.CRITICAL)
from scapy.all import *
lines = sys.stdin.read().split('\n')
bad = 0
for want, text in zip(lines[0::2], lines[1::2]):
    got = raw(eval(text)).hex()
    if got != want:
        bad += 1
        print('want', want, 'got', got, 'for', text)
print('done', len(lines) // 2, bad)
"#;

#[test]
fn scapy_makes_the_same_bytes_of_our_python() {
    let mut expressions: Vec<String> =
        CRAFTED.iter().map(|(expression, _)| (*expression).to_owned()).collect();
    expressions.extend(
        [
            r#"IP(len=99, chksum=1)/UDP(sport=40000, dport=7000, chksum=7)/"wrong""#,
            r#"Ether()/IP()/UDP(sport=40000, dport=7000, chksum=0)/"x"/Padding(load="pad")"#,
            r#"IP()/TCP(dataofs=6, flags="SEC", reserved=1)"#,
            r#"IP()/ICMP(type=3, code=3)/IP()/UDP()"#,
            r#"IP(dst="10.0.0.0/29", ttl=(1,3))/TCP(dport=[80,443])/"GET / HTTP/1.1\r\n\r\n""#,
        ]
        .map(str::to_owned),
    );
    let mut input = String::new();
    for expression in &expressions {
        let (hex, python) =
            (tongro(&["craft", expression, "--hex"]).1, tongro(&["craft", expression, "--python"]).1);
        let texts = python.lines().filter_map(|line| {
            line.strip_prefix("packet = ")
                .or_else(|| line.trim_start().strip_suffix(',').filter(|line| line.contains('(')))
        });
        hex.lines().zip(texts).for_each(|(hex, text)| input.push_str(&format!("{hex}\n{text}\n")));
    }
    let pairs = input.lines().count() / 2;
    assert!(pairs > 50, "{input}");
    // Debian's own Python has Debian's Scapy.
    let mut python = Command::new("/usr/bin/python3")
        .args(["-c", SCAPY])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = python.stdin.take().unwrap();
    let writer =
        std::thread::spawn(move || std::io::Write::write_all(&mut stdin, input.trim_end().as_bytes()));
    let output = python.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(out.ends_with(&format!("done {pairs} 0\n")), "{out}");
}
