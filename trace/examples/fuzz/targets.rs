//! What is fed with mutated bytes: every parser of `wire` and `trace`, one function each. A target fails by panicking.

use std::hint::black_box;

use tongro_trace::analysis::{Connections, Seen};
use tongro_trace::capture::{self, Reader};
use tongro_trace::reading::{Need, Reading};
use tongro_trace::show;
use tongro_trace::stream::{self, Reassembly};
use tongro_trace::tls::{KeyLog, Session};
use tongro_wire::expr::Expression;
use tongro_wire::filter::Filter;
use tongro_wire::structs::Format;
use tongro_wire::{LinkType, craft, dissect, forget_automatic, view};

/// A target: its name, what it takes, and what it does with one input.
pub(crate) struct Target {
    pub(crate) name: &'static str,
    pub(crate) seeds: Seeds,
    pub(crate) run: fn(&[u8]),
}

/// What inputs are made from.
#[derive(Clone, Copy)]
pub(crate) enum Seeds {
    /// Frames.
    Frames,
    /// Capture files.
    Captures,
    /// Texts of this kind.
    Texts(&'static [&'static str]),
}

pub(crate) const TARGETS: &[Target] = &[
    Target { name: "dissect", seeds: Seeds::Frames, run: fields },
    Target { name: "craft", seeds: Seeds::Frames, run: round_trip },
    Target { name: "analyse", seeds: Seeds::Frames, run: analyse },
    Target { name: "stream", seeds: Seeds::Frames, run: follow },
    Target { name: "reading", seeds: Seeds::Frames, run: reading },
    Target { name: "capture", seeds: Seeds::Captures, run: read },
    Target { name: "tls", seeds: Seeds::Frames, run: tls },
    Target { name: "keys", seeds: Seeds::Texts(KEYS), run: keys },
    Target { name: "filter", seeds: Seeds::Texts(FILTERS), run: filter },
    Target { name: "expression", seeds: Seeds::Texts(EXPRESSIONS), run: expression },
    Target { name: "pack", seeds: Seeds::Texts(FORMATS), run: pack },
];

const KEYS: &[&str] = &[
    "CLIENT_RANDOM 0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a 0b0b0b0b\n",
    "# comment\nSERVER_TRAFFIC_SECRET_0 00 11\r\nEXPORTER_SECRET x y",
];
const FILTERS: &[&str] = &[
    "ip.ttl < 65 && icmp.type in {0, 8}",
    "tcp.port == 80 or (udp.length >= 0x20 and not dns)",
    "eth.src[0:3] == 02:00:00 && http.host matches \"a+b\"",
    "any ip.addr == 10.0.0.0/8 xor len(tcp.payload) > 3",
    "lower(http.host) contains \"x\" && tcp.flags & 2",
];
const EXPRESSIONS: &[&str] = &[
    "Ether()/IP(dst=\"10.0.0.2\")/TCP(dport=[80,443],flags=\"S\")/\"hello\"",
    "IP(ttl=(1,5))/UDP(sport=53)/DNS(qd=DNSQR(qname=\"a.b\"))",
    "Ether(src='02:00:00:00:00:01')/Dot1Q(vlan=7)/ARP(op=2)/Raw(b'\\x00\\xff')",
];
const FORMATS: &[&str] = &["!HHIB3xs", "@2h 10s p d", "<qQ?nNPefc", ">4s0l 3i", "=b2xB"];

fn link_of(bytes: &[u8]) -> LinkType {
    // Mostly Ethernet; any other link type now and then, told by the bytes themselves so that a case repeats.
    const OTHERS: [u16; 8] = [0, 9, 101, 108, 113, 127, 276, 105];
    let digest = bytes.iter().fold(0u8, |sum, byte| sum.rotate_left(1) ^ byte);
    LinkType::from_number(if digest < 32 { OTHERS[usize::from(digest % 8)] } else { 1 })
}

fn fields(bytes: &[u8]) {
    let packet = dissect(link_of(bytes), bytes);
    let mut text = packet.protocols();
    for value in &packet.fields {
        assert!(value.bits.end as usize <= bytes.len() * 8 || value.generated, "{}", value.field.id);
        text.clear();
        let _ = value.print_to(&mut text);
    }
    black_box(&text);
    black_box(view::ethernet(bytes));
}

fn round_trip(bytes: &[u8]) {
    let packet = dissect(link_of(bytes), bytes);
    let mut layers = packet.to_layers();
    assert!(craft(&layers) == bytes, "dissect and craft differ");
    forget_automatic(&mut layers);
    black_box(craft(&layers));
}

fn analyse(bytes: &[u8]) {
    let mut connections = Connections::default();
    for (no, part) in bytes.chunks(96).enumerate() {
        let Some(look) = view::ethernet(part) else { continue };
        let Some((ip, tcp)) = look.tcp() else { continue };
        let seen = Seen {
            no: no as u32 + 1,
            at: i64::from(tcp.seq),
            src: (ip.src, tcp.src_port),
            dst: (ip.dst, tcp.dst_port),
            seq: tcp.seq,
            ack: tcp.ack,
            flags: tcp.flags,
            window: tcp.window,
            len: tcp.payload.len() as u32,
            options: part.get(tcp.options.clone()).unwrap_or_default(),
        };
        for _ in 0..3 {
            connections.observe(&seen).fields(|shown| {
                black_box(shown);
            });
        }
    }
}

fn follow(bytes: &[u8]) {
    let mut half = Reassembly::new(512);
    for part in bytes.chunks(7) {
        let seq = u32::from(part[0]) << 2 | u32::from(*part.last().unwrap_or(&0));
        black_box(half.push(1, seq, part));
    }
    black_box(half.finish());
    black_box(stream::follow(0, [(1, 0, bytes), (2, 1, bytes)]));
}

fn read(bytes: &[u8]) {
    let Ok(mut reader) = Reader::new(bytes) else { return };
    let mut packets = 0;
    while let Ok(Some(capture::Packet { bytes, options, .. })) = reader.next_packet() {
        packets += 1;
        black_box((bytes.len(), options.comments().count()));
        assert!(packets < 100_000, "more packets than bytes");
    }
}

/// One packet of a capture, read by a reading that lives for a thousand of them.
fn reading(bytes: &[u8]) {
    thread_local! {
        static READING: std::cell::RefCell<Reading> = std::cell::RefCell::new(Reading::new(Need::all()));
    }
    READING.with_borrow_mut(|reading| {
        if reading.number() > 1000 {
            *reading = Reading::new(Need::all()).with_keys(KeyLog::parse(KEYS[0].as_bytes()));
        }
        let mut text = String::new();
        let at = i64::from(reading.number()) * 1_000_000;
        let wire_len = bytes.len() as u32;
        let captured =
            capture::Packet { interface: 0, link_type: 1, at, wire_len, bytes, options: Default::default() };
        let packet = reading.packet(&captured);
        show::json(&packet, &mut text);
        show::line(&packet, &mut text);
        black_box(&text);
    });
}

fn tls(bytes: &[u8]) {
    let line = format!("CLIENT_RANDOM {} {}\n", "00".repeat(32), "11".repeat(48));
    let log = KeyLog::parse(line.as_bytes());
    let mut session = Session::default();
    for (at, record) in bytes.chunks(61).enumerate() {
        black_box(session.open(&log, at, record));
    }
    black_box(session.open(&log, 0, bytes));
}

fn keys(bytes: &[u8]) {
    black_box(KeyLog::parse(bytes).len());
}

fn filter(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(filter) = Filter::parse(&text) {
        const SYN: &[u8] = b"\x45\0\0\x28\0\x01\0\0\x40\x06\0\0\x0a\x4d\0\x01\x0a\x4d\0\x02\x9d\x78\x23\x28\0\0\0\x07\0\0\0\0\x50\x02\xfa\xf0\0\0\0\0";
        black_box(filter.matches(&dissect(LinkType::RawIp, SYN)));
    }
}

fn expression(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(expression) = Expression::parse(&text) {
        for packet in expression.packets().take(4) {
            black_box(packet);
        }
    }
}

fn pack(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(format) = Format::parse(&text) {
        black_box(format.size());
        if format.size() < 1 << 16 {
            let _ = black_box(format.unpack(&vec![0x5a; format.size()]));
        }
    }
}
