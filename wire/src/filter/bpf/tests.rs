//! The program against the filter it was made from: it never rejects what the filter matches.

use super::*;
use crate::{LinkType, dissect, expr::Expression};

/// A machine for the few instructions that are used; `None` = a load past the end, which rejects.
fn run(program: &[Instruction], frame: &[u8]) -> Option<u32> {
    let (mut a, mut x, mut at) = (0u32, 0u32, 0usize);
    let load = |from: u32, len: usize| {
        let bytes = frame.get(from as usize..from as usize + len)?;
        Some(bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    };
    loop {
        let Instruction { code, jt, jf, k } = *program.get(at).expect("inside the program");
        at += 1;
        let mut jump = |holds: bool| at += usize::from(if holds { jt } else { jf });
        match code {
            0x20 => a = load(k, 4)?,
            0x28 => a = load(k, 2)?,
            0x30 => a = load(k, 1)?,
            0x40 => a = load(k + x, 4)?,
            0x48 => a = load(k + x, 2)?,
            0x50 => a = load(k + x, 1)?,
            0x80 => a = frame.len() as u32,
            0xb1 => x = (load(k, 1)? & 15) * 4,
            0x01 => x = k,
            0x87 => a = x,
            0x1c => a = a.wrapping_sub(x),
            0x54 => a &= k,
            0x15 => jump(a == k),
            0x25 => jump(a > k),
            0x35 => jump(a >= k),
            0x06 => return Some(k),
            other => panic!("code {other:#x}"),
        }
    }
}

const FRAMES: &[&str] = &[
    r#"Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")/IP(src="10.0.0.1", dst="10.0.0.2")/TCP(sport=[1024, 80], dport=[80, 443], flags=["S", "SA", "F"])/"x""#,
    r#"Ether()/IP(src=["10.0.0.1", "192.168.1.9"], ttl=[1, 64])/UDP(sport=5000, dport=[53, 9, 4789])/"hello""#,
    r#"Ether()/IPv6(src="fe80::1", dst=["fe80::2", "::1"])/TCP(dport=[80, 22])"#,
    r#"Ether()/IPv6()/UDP(sport=53, dport=1234)/"abc""#,
    r#"Ether()/ARP(pdst="10.0.0.2", op=[1, 2])"#,
    r#"Ether()/IP(dst="10.0.0.9")/ICMP()/"ping""#,
    r#"Ether()/IP()/GRE()/IP(dst="10.0.0.2")/TCP(dport=80)"#,
    r#"Ether()/Dot1Q(vlan=5)/IP(dst="10.0.0.2")/TCP(dport=80)"#,
    r#"Ether()/IP(frag=100)/"tail""#,
    r#"Ether()/IP(flags="MF", dst="10.0.0.2")/TCP(dport=80)"#,
    r#"Ether()/IP()/UDP(dport=4789)/VXLAN(vni=1)/Ether()/IP(dst="10.0.0.2")/TCP(dport=80)"#,
];

const FILTERS: &[&str] = &[
    "tcp",
    "udp",
    "arp",
    "ip",
    "ipv6",
    "icmp",
    "http",
    "dns",
    "tcp.port == 80",
    "tcp.port != 80",
    "!(tcp.port == 80)",
    "tcp.srcport == 80 && tcp.flags.syn == 1",
    "tcp.flags.syn == 1 && tcp.flags.ack == 0",
    "tcp.flags == 0x12",
    "ip.addr == 10.0.0.2",
    "!(ip.addr == 10.0.0.2)",
    "ip.src == 192.168.0.0/16",
    "ip.src != 10.0.0.0/8 or udp.dstport < 53",
    "ip.ttl > 1",
    "ip.ttl <= 1 || arp.opcode == 2",
    "eth.src == 02:00:00:00:00:01",
    "eth.addr == 02:00:00:00:00:02 and tcp",
    "ipv6.dst == ::1",
    "ipv6.addr != fe80::2",
    "udp.port in {53, 9}",
    "tcp.port == 99999999",
    "70000 > tcp.port",
    "tcp.payload contains \"x\" and ip.dst == 10.0.0.2",
    "not arp and not tcp",
    "tcp.len > 0 xor udp",
    "any tcp.port == 80",
    "all tcp.port == 80",
];

fn frames() -> Vec<Vec<u8>> {
    let whole = FRAMES.iter().flat_map(|text| Expression::parse(text).unwrap().packets().collect::<Vec<_>>());
    let whole: Vec<Vec<u8>> = whole.collect();
    let cut = whole.iter().flat_map(|frame| (0..frame.len()).step_by(7).map(|len| frame[..len].to_vec()));
    let cut: Vec<_> = cut.filter(|frame| frame.len() >= 14).collect();
    [whole, cut].concat()
}

#[test]
fn what_the_filter_matches_is_never_rejected() {
    let (mut matched, mut rejected) = (0, 0);
    for text in FILTERS {
        let filter = Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let Some(program) = filter.prefilter() else { continue };
        for frame in frames() {
            let passes = run(&program, &frame).is_some_and(|len| len > 0);
            let matches = filter.matches(&dissect(LinkType::Ethernet, &frame));
            assert!(passes || !matches, "`{text}` rejects {}", crate::hex::print(&frame));
            matched += usize::from(matches);
            rejected += usize::from(!passes);
        }
    }
    assert!(matched > 200 && rejected > 500, "{matched} {rejected}");
}

#[test]
fn of_whole_plain_frames_nothing_passes_in_vain() {
    for text in
        ["tcp.port == 80", "udp.dstport == 9 && ip.src == 10.0.0.1", "arp.opcode == 2", "ip.ttl == 1 && tcp"]
    {
        let filter = Filter::parse(text).unwrap();
        let program = filter.prefilter().unwrap();
        let plain = FRAMES[..5]
            .iter()
            .flat_map(|text| Expression::parse(text).unwrap().packets().collect::<Vec<_>>());
        for frame in plain.filter(|frame| frame.get(36..38) != Some(&4789u16.to_be_bytes())) {
            let passes = run(&program, &frame) != Some(0);
            assert_eq!(passes, filter.matches(&dissect(LinkType::Ethernet, &frame)), "{text}");
        }
    }
}
