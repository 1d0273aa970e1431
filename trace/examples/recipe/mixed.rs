//! A capture of everything: each sample frame, applications over TCP cut into segments, datagrams, fragments, bulk.

use tongro_wire::expr::Expression;

use super::talk::{Link, Talk};
use super::{Dice, Frames, tcp};

/// The frames that `wire` is tested with, in hex.
const SAMPLES: &str = include_str!("../../../wire/tests/data/frames.hex");

/// Every kind once or a few times: what agreement is measured on.
pub(crate) fn variety(dice: &mut Dice, out: &mut Frames) {
    samples(out);
    for mss in [1448, 700, 97, 31] {
        web(dice, out, mss, Link::Clean);
        socket(dice, out, mss);
        names(dice, out, mss);
        chat(dice, out, mss);
        records(dice, out, mss);
    }
    web(dice, out, 200, Link::Rough);
    datagrams(dice, out, 60);
    fragments(dice, out);
    for _ in 0..6 {
        tcp::walk(dice, out, 40);
    }
}

/// Traffic as a host sees it, at least so many bytes: what speed is measured on.
pub(crate) fn bulk(dice: &mut Dice, out: &mut Frames, rounds: u64) {
    for _ in 0..rounds {
        for _ in 0..3 {
            let link = dice.pick(&[Link::Clean, Link::Clean, Link::Rough]);
            web(dice, out, 1448, link);
        }
        let mut talk = Talk::open(out, dice, 9000, 1448, Link::Rough);
        let body = vec![0x41; 400_000];
        talk.say(1, &body);
        talk.close();
        records(dice, out, 1448);
        chat(dice, out, 1448);
        names(dice, out, 1448);
        socket(dice, out, 1448);
        datagrams(dice, out, 40);
        fragments(dice, out);
    }
}

fn samples(out: &mut Frames) {
    let lines = SAMPLES.lines().filter(|line| !line.starts_with('#'));
    // What a route leads to has waivers where `wire` is tested; here it would shift the numbers of all streams behind.
    let is_routed = |name: &str| matches!(name, "ip-source-route" | "ipv6-routing");
    let samples = lines.filter_map(|line| line.split_once(' ')).filter(|(name, _)| !is_routed(name));
    for (_, hex) in samples {
        out.wait(1_000_000);
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        out.frames.push((out.at, (0..hex.len()).step_by(2).map(byte).collect()));
    }
}

/// HTTP: bodies of every length and form, several requests on one connection.
fn web(dice: &mut Dice, out: &mut Frames, mss: usize, link: Link) {
    let mut talk = Talk::open(out, dice, 80, mss, link);
    let get =
        "GET /a?x=1&y=%20 HTTP/1.1\r\nHost: www.example.test\r\nUser-Agent: tongro/1\r\nAccept: */*\r\n\r\n";
    talk.say(0, get.as_bytes());
    let text = "The quick brown fox\nsaid: \\ \"hello\"\r\n\ttwice\n".repeat(20);
    talk.say(1, &answer("200 OK", "text/plain", text.as_bytes()));
    talk.say(0, b"HEAD /big HTTP/1.1\r\nHost: www.example.test\r\n\r\n");
    talk.say(1, b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 5000\r\n\r\n");
    talk.say(0, b"POST /form HTTP/1.1\r\nHost: www.example.test\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 11\r\n\r\na=1&b=2&c=3");
    talk.say(1, b"HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n");
    talk.say(0, b"PUT /item HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n{\"key\": [1] }");
    talk.say(1, &answer("404 Not Found", "text/html; charset=utf-8", "<p>없음</p>\n".as_bytes()));
    talk.say(0, b"GET /chunks HTTP/1.1\r\nHost: h\r\n\r\n");
    talk.say(1, b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n7;x=y\r\n, world\r\n0\r\n\r\n");
    talk.say(0, b"GET /bytes HTTP/1.1\r\nHost: h\r\n\r\n");
    talk.say(1, &answer("200 OK", "application/octet-stream", &[7; 3000]));
    talk.close();
    let mut talk = Talk::open(out, dice, 8000, mss, link);
    talk.say(0, b"GET / HTTP/1.0\r\nHost: other:8000\r\n\r\n");
    talk.say(1, b"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end\n");
    talk.close();
}

fn answer(status: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A WebSocket: the upgrade, then frames of each kind.
fn socket(dice: &mut Dice, out: &mut Frames, mss: usize) {
    let mut talk = Talk::open(out, dice, 80, mss, Link::Clean);
    talk.say(0, b"GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n");
    talk.say(1, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n");
    talk.say(0, b"\x81\x85abcd\x09\x07\x0f\x08\x0e");
    talk.say(1, b"\x81\x05hello");
    talk.say(1, &[&b"\x81\x7e\x01\x2c"[..], &[b'w'; 300]].concat());
    talk.say(1, b"\x89\x02hi\x8a\x00");
    talk.say(0, b"\x88\x82abcd\x62\x8a");
    talk.close();
}

/// DNS over TCP.
fn names(dice: &mut Dice, out: &mut Frames, mss: usize) {
    let mut talk = Talk::open(out, dice, 53, mss, Link::Clean);
    let query =
        b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03www\x07example\x03com\x00\x00\x01\x00\x01";
    let answer = [
        &b"\x12\x34\x81\x80\x00\x01\x00\x02\x00\x00\x00\x00\x03www\x07example\x03com\x00\x00\x01\x00\x01"[..],
        b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\x5d\xb8\xd8\x22",
        b"\xc0\x0c\x00\x10\x00\x01\x00\x00\x0e\x10\x00\x06\x05hello",
    ]
    .concat();
    let framed = |message: &[u8]| [&(message.len() as u16).to_be_bytes()[..], message].concat();
    talk.say(0, &framed(query));
    talk.say(1, &framed(&answer));
    talk.close();
}

/// IRC, which has no field in the list but must not be taken for anything else.
fn chat(dice: &mut Dice, out: &mut Frames, mss: usize) {
    let mut talk = Talk::open(out, dice, 6667, mss, Link::Clean);
    talk.say(0, b"NICK kim\r\nUSER kim 0 * :Kim\r\n");
    talk.say(1, b":irc.test 001 kim :Welcome\r\nPING :x\r\n");
    talk.say(0, "PRIVMSG #room :안녕하세요\r\n".as_bytes());
    talk.close();
}

/// TLS records: hellos of the samples, encrypted data and an alert.
fn records(dice: &mut Dice, out: &mut Frames, mss: usize) {
    let payload = |name: &str| {
        let hex = SAMPLES.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let start = bytes.windows(3).position(|part| part[0] == 22 && part[1] == 3 && part[2] <= 3);
        start.map_or(Vec::new(), |start| bytes[start..].to_vec())
    };
    let mut talk = Talk::open(out, dice, 443, mss, Link::Clean);
    talk.say(0, &payload("tls-client-hello "));
    talk.say(1, &payload("tls-server-hello-12 "));
    talk.say(0, b"\x14\x03\x03\x00\x01\x01");
    let record = |kind: u8, len: u16| {
        let mut record = vec![kind, 3, 3];
        record.extend(len.to_be_bytes());
        record.extend((0..len).map(|at| ((at * 7) ^ 0x5a) as u8));
        record
    };
    talk.say(0, &record(23, 700));
    talk.say(1, &[record(23, 3000), record(23, 40)].concat());
    talk.say(1, b"\x15\x03\x03\x00\x02\x01\x00");
    talk.close();
}

/// UDP and below, in many numbers.
fn datagrams(dice: &mut Dice, out: &mut Frames, count: usize) {
    const KINDS: &[&str] = &[
        "Ether()/IP(dst='10.77.0.9',ttl=NN)/UDP(sport=4NN,dport=53)/DNS(id=NN)/Raw(b'')",
        "Ether()/IP(dst='10.77.0.9')/UDP(sport=5NN,dport=9001)/'tick NN'",
        "Ether()/IP(dst='10.77.0.9')/ICMP(type=8,id=NN,seq=7)/'abcdefgh'",
        "Ether()/IPv6(dst='fd00::NN')/UDP(sport=6NN,dport=9001)/'six NN'",
        "Ether()/ARP(op=1,pdst='10.77.0.NN')",
        "Ether()/Dot1Q(vlan=NN,prio=3)/IP()/UDP(sport=7NN,dport=9)/'vlan'",
        "Ether()/IP(proto=4)/IP(dst='192.168.0.NN')/UDP(sport=8NN,dport=9)/'tunnel'",
    ];
    for _ in 0..count {
        out.wait(1_000_000);
        let number = 10 + dice.below(80);
        let text = dice.pick(KINDS).replace("NN", &number.to_string());
        let expression = Expression::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        out.frames.extend(expression.packets().map(|packet| (out.at, packet)));
    }
}

/// A datagram in three pieces, in order and out of order, of both versions.
fn fragments(dice: &mut Dice, out: &mut Frames) {
    for (v6, order) in [(false, [0, 1, 2]), (false, [2, 0, 1]), (true, [0, 1, 2]), (true, [1, 2, 0])] {
        let id = dice.below(60_000);
        let whole: Vec<u8> = {
            let text =
                if v6 { "IPv6(src='fd00::1',dst='fd00::2')" } else { "IP(src='10.77.0.1',dst='10.77.0.2')" };
            let text = format!("{text}/UDP(sport=700,dport=9001)/'{}'", "x".repeat(2992));
            let packet = Expression::parse(&text).unwrap().packets().next().unwrap();
            packet[if v6 { 40 } else { 20 }..].to_vec()
        };
        for part in order {
            out.wait(100_000);
            let (from, to) = (part * 1000, ((part + 1) * 1000).min(whole.len()));
            let more = u64::from(part < 2);
            let mut layers = vec![super::layer("eth")];
            if v6 {
                let ip = super::layer("ipv6").with("ipv6.src", "fd00::1").unwrap();
                layers.push(ip.with("ipv6.dst", "fd00::2").unwrap());
                let header = super::layer("ipv6.fraghdr").with("ipv6.fraghdr.nxt", 17).unwrap();
                let header = header.with("ipv6.fraghdr.offset", from as u64 / 8).unwrap();
                let header = header.with("ipv6.fraghdr.more", more).unwrap();
                layers.push(header.with("ipv6.fraghdr.ident", id).unwrap());
            } else {
                let ip = super::layer("ip").with("ip.src", "10.77.0.1").unwrap();
                let ip = ip.with("ip.dst", "10.77.0.2").unwrap().with("ip.proto", 17).unwrap();
                let ip = ip.with("ip.flags.mf", more).unwrap().with("ip.id", id).unwrap();
                layers.push(ip.with("ip.frag_offset", from as u64).unwrap());
            }
            layers.push(tongro_wire::LayerSpec::data(&whole[from..to]));
            out.add(&layers);
        }
    }
}
