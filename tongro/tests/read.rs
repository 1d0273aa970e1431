//! `read`, `follow`, `stats`, `fields` and `ladder` as processes, on captures that are made here: what they print, how
//! they end, and that `-T fields` prints what tshark prints. tshark is installed by `cargo xtask test`.
#![allow(clippy::unwrap_used)] // a test that fails shall fail loudly

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tongro_trace::capture::pcap::{Format, Writer};
use tongro_wire::expr::Expression;
use tongro_wire::{LayerSpec, craft, table};

/// Exit code, stdout, stderr.
fn tongro(arguments: &[&str]) -> (i32, String, String) {
    fed(arguments, &[])
}

fn fed(arguments: &[&str], input: &[u8]) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tongro"))
        .args(arguments)
        .args(["--lang", "en"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// One end of a TCP connection in the making.
struct Half {
    ip: &'static str,
    port: u16,
    seq: u32,
}

/// A capture in the making: frames with times a millisecond apart.
struct Tape {
    frames: Vec<Vec<u8>>,
    ends: [Half; 2],
}

impl Tape {
    fn new(ports: [u16; 2]) -> Self {
        let ends = [
            Half { ip: "10.77.0.1", port: ports[0], seq: 1000 },
            Half { ip: "10.77.0.2", port: ports[1], seq: 5000 },
        ];
        Self { frames: Vec::new(), ends }
    }

    fn expression(&mut self, text: &str) {
        self.frames.extend(Expression::parse(text).unwrap().packets());
    }

    fn segment(&mut self, dir: usize, flags: u64, payload: &[u8]) {
        let (from, to) = (&self.ends[dir], &self.ends[1 - dir]);
        let tcp = LayerSpec::new(&table::tcp::TCP)
            .with("tcp.srcport", u64::from(from.port))
            .and_then(|tcp| tcp.with("tcp.dstport", u64::from(to.port)))
            .and_then(|tcp| tcp.with("tcp.seq_raw", u64::from(from.seq)))
            .and_then(|tcp| tcp.with("tcp.ack_raw", if flags & 0x10 == 0 { 0 } else { u64::from(to.seq) }))
            .and_then(|tcp| tcp.with("tcp.flags", flags))
            .unwrap();
        let ip = LayerSpec::new(&table::ipv4::IPV4)
            .with("ip.src", from.ip)
            .unwrap()
            .with("ip.dst", to.ip)
            .unwrap();
        let mut layers = vec![LayerSpec::new(&table::ethernet::ETHERNET), ip, tcp];
        if !payload.is_empty() {
            layers.push(LayerSpec::data(payload));
        }
        self.frames.push(craft(&layers));
        let len = payload.len() as u32 + u32::from(flags & 2 != 0) + u32::from(flags & 1 != 0);
        self.ends[dir].seq = from.seq.wrapping_add(len);
    }

    fn open(&mut self) {
        self.segment(0, 0x02, b"");
        self.segment(1, 0x12, b"");
        self.segment(0, 0x10, b"");
    }

    /// Bytes in segments of this many, each acknowledged.
    fn say(&mut self, dir: usize, bytes: &[u8], step: usize) {
        for part in bytes.chunks(step) {
            self.segment(dir, 0x18, part);
            self.segment(1 - dir, 0x10, b"");
        }
    }

    fn close(&mut self) {
        self.segment(0, 0x11, b"");
        self.segment(1, 0x11, b"");
        self.segment(0, 0x10, b"");
    }

    fn bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), Format::default(), 1).unwrap();
        for (index, frame) in self.frames.iter().enumerate() {
            let at = 1_700_000_000_000_000_000 + index as i64 * 1_000_000;
            writer.packet(at, frame, frame.len() as u32).unwrap();
        }
        writer.finish().unwrap()
    }

    fn save(&self, name: &str) -> PathBuf {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&path, self.bytes()).unwrap();
        path
    }
}

const PAGE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n\
    6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n";

/// Two HTTP exchanges over one connection in small segments, DNS, a ping, fragments, a refused connection.
fn mixed() -> Tape {
    let mut tape = Tape::new([40001, 8000]);
    tape.expression(r#"Ether()/ARP(psrc="10.77.0.1", pdst="10.77.0.2")"#);
    tape.open();
    tape.say(0, b"GET /a HTTP/1.1\r\nHost: example.test\r\nUser-Agent: me\r\n\r\n", 20);
    tape.say(1, PAGE, 30);
    tape.say(0, b"HEAD /b HTTP/1.1\r\nHost: example.test\r\n\r\n", 1000);
    tape.say(1, b"HTTP/1.1 404 Not Found\r\nContent-Length: 9000\r\n\r\n", 1000);
    tape.close();
    let query = r#"Ether()/IP(src="10.77.0.1",dst="10.77.0.2")/UDP(sport=5001,dport=53)/DNS(id=7,qd=DNSQR(qname="example.test"))"#;
    tape.expression(query);
    tape.expression(r#"Ether()/IP(src="10.77.0.1",dst="10.77.0.2",ttl=[1,64])/ICMP(id=1,seq=2)/"ping""#);
    let whole = Expression::parse(r#"IP(src="10.77.0.1",dst="10.77.0.2")/UDP(sport=7,dport=9)/("x"*3000)"#);
    let whole = whole.or_else(|_| {
        Expression::parse(r#"IP(src="10.77.0.1",dst="10.77.0.2")/UDP(sport=7,dport=9)/"x"*3000"#)
    });
    let datagram = whole.unwrap().packets().next().unwrap()[20..].to_vec();
    for (index, part) in datagram.chunks(1480).enumerate() {
        let ip = LayerSpec::new(&table::ipv4::IPV4)
            .with("ip.src", "10.77.0.1")
            .and_then(|ip| ip.with("ip.dst", "10.77.0.2"))
            .and_then(|ip| ip.with("ip.id", 77))
            .and_then(|ip| ip.with("ip.proto", 17))
            .and_then(|ip| ip.with("ip.frag_offset", index as u64 * 185))
            .and_then(|ip| ip.with("ip.flags.mf", u64::from((index + 1) * 1480 < datagram.len())))
            .unwrap();
        tape.frames.push(craft(&[LayerSpec::new(&table::ethernet::ETHERNET), ip, LayerSpec::data(part)]));
    }
    tape.ends[0].port = 40002;
    tape.ends[1].port = 1;
    tape.segment(0, 0x02, b"");
    tape.segment(1, 0x14, b"");
    tape
}

#[test]
fn lines_read_as_tshark_prints_them() {
    let path = mixed().save("lines.pcap");
    let (code, out, err) = tongro(&["read", path.to_str().unwrap()]);
    assert_eq!((code, err.as_str()), (0, ""));
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].ends_with("ARP 42 Who has 10.77.0.2? Tell 10.77.0.1"), "{}", lines[0]);
    assert!(
        lines[1].contains("10.77.0.1 → 10.77.0.2    TCP 54 40001 → 8000 [SYN] Seq=0 Win=8192 Len=0"),
        "{}",
        lines[1]
    );
    assert!(out.contains("HTTP 69 GET /a HTTP/1.1"), "the request stands where it ends: {out}");
    assert!(out.contains("HTTP/1.1 200 OK  (text/plain)"), "{out}");
    assert!(out.contains("DNS 72 Standard query 0x0007 A example.test"), "{out}");
    assert!(out.contains("Echo (ping) request  id=0x0001, seq=2/512, ttl=64"), "{out}");
}

#[test]
fn fields_are_tsharks() {
    const FIELDS: &[&str] = &[
        "frame.number",
        "frame.time_epoch",
        "frame.len",
        "frame.protocols",
        "ip.src",
        "ip.dst",
        "ip.flags.mf",
        "ip.frag_offset",
        "tcp.stream",
        "tcp.srcport",
        "tcp.flags",
        "tcp.seq",
        "tcp.ack",
        "tcp.window_size",
        "tcp.checksum.status",
        "tcp.payload",
        "tcp.analysis.acks_frame",
        "tcp.analysis.ack_rtt",
        "tcp.analysis.bytes_in_flight",
        "udp.stream",
        "udp.srcport",
        "udp.length",
        "udp.checksum.status",
        "dns.id",
        "dns.qry.name",
        "http.request.method",
        "http.request.uri",
        "http.host",
        "http.response.code",
        "http.content_type",
        "http.transfer_encoding",
        "http.file_data",
        "http.request_in",
        "http.time",
        "icmp.type",
        "icmp.seq",
    ];
    let path = mixed().save("agreement.pcap");
    let path = path.to_str().unwrap();
    let named: Vec<&str> = FIELDS.iter().flat_map(|field| ["-e", field]).collect();
    let (code, ours, err) = tongro(&[&["read", path, "-T", "fields"], &named[..]].concat());
    assert_eq!((code, err.as_str()), (0, ""));
    let options = ["-n", "-r", path, "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=,"];
    let checks =
        ["-o", "tcp.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE"];
    let theirs = Command::new("tshark").args(options).args(checks).args(&named).output().unwrap();
    let theirs = String::from_utf8(theirs.stdout).unwrap();
    assert_eq!(ours.lines().count(), theirs.lines().count());
    let mut different = Vec::new();
    for (number, (ours, theirs)) in ours.lines().zip(theirs.lines()).enumerate() {
        for ((field, ours), theirs) in FIELDS.iter().zip(ours.split('\t')).zip(theirs.split('\t')) {
            // tshark has a dissector for port 7; to us a datagram of the echo service is data.
            let theirs = theirs.replace(":udp:echo", ":udp:data");
            if ours != theirs {
                different.push(format!("#{} {field}: here `{ours}`, tshark `{theirs}`", number + 1));
            }
        }
    }
    assert_eq!(different, Vec::<String>::new());
}

#[test]
fn asking_for_less_gives_the_same() {
    let path = mixed().save("lazy.pcap");
    let path = path.to_str().unwrap();
    let fields =
        ["-e", "frame.number", "-e", "ip.src", "-e", "tcp.srcport", "-e", "udp.dstport", "-e", "tcp.flags"];
    let lazy = tongro(&[&["read", path], &fields[..]].concat());
    let eager = tongro(&[&["read", path, "--eager"], &fields[..]].concat());
    assert_eq!(lazy, eager);
}

#[test]
fn packed_captures_and_pipes_are_read() {
    let tape = mixed();
    let path = tape.save("packed.pcap");
    let plain = tongro(&["read", path.to_str().unwrap()]);
    let piped = fed(&["read", "-"], &tape.bytes());
    assert_eq!(plain, piped);
    for (program, ending) in [("gzip", "gz"), ("zstd", "zst")] {
        let packed = Command::new(program).args(["-c", path.to_str().unwrap()]).output().unwrap().stdout;
        let twice = path.with_extension(ending);
        std::fs::write(&twice, &packed).unwrap();
        assert_eq!(tongro(&["read", twice.to_str().unwrap()]), plain, "{program}");
    }
}

#[test]
fn a_cut_capture_is_read_as_far_as_it_goes() {
    let tape = mixed();
    let bytes = tape.bytes();
    let (code, out, err) = fed(&["read", "-"], &bytes[..bytes.len() - 7]);
    assert_eq!(code, 2);
    assert_eq!(out.lines().count(), tape.frames.len() - 1);
    assert!(err.contains("cut short") && err.contains("7 bytes are missing"), "{err}");
    let (code, out, err) = fed(&["read", "-"], b"hello, I am no capture");
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.starts_with("error: `-` is no capture\n\nhint: "), "{err}");
    assert_eq!(tongro(&["read", "/no/such/file"]).0, 2);
}

#[test]
fn filters_say_where_they_are_wrong() {
    let path = mixed().save("filters.pcap");
    let path = path.to_str().unwrap();
    let (code, out, _) = tongro(&["read", path, "-Y", "http.response.code == 404"]);
    assert_eq!((code, out.lines().count()), (0, 1), "{out}");
    let (code, out, err) = tongro(&["read", path, "-Y", "tcp.port == 4"]);
    assert_eq!((code, out.as_str(), err.as_str()), (1, "", "no packet matches\n"));
    let (code, _, err) = tongro(&["read", path, "-Y", "ip.ttl > 3 && tcp.falgs.syn"]);
    assert_eq!(code, 2);
    let mark = format!("  ip.ttl > 3 && tcp.falgs.syn\n{}^^^^^^^^^^^^^\n", " ".repeat(16));
    assert!(err.contains(&mark) && err.contains("did you mean `tcp.flags.syn`?"), "{err}");
    let (code, _, err) = tongro(&["read", path, "-e", "tcp.srcprt"]);
    assert!(code == 2 && err.contains("did you mean `tcp.srcport`?"), "{err}");
}

#[test]
fn json_says_which_bytes() {
    let path = mixed().save("json.pcap");
    let (code, out, _) = tongro(&["read", path.to_str().unwrap(), "-T", "json"]);
    assert_eq!(code, 0);
    for line in out.lines() {
        let packet: Value = serde_json::from_str(line).unwrap();
        assert!(packet["layers"].as_array().is_some_and(|layers| !layers.is_empty()));
    }
    let request = out.lines().find(|line| line.contains("http.request.uri")).unwrap();
    let packet: Value = serde_json::from_str(request).unwrap();
    let layer = packet["layers"].as_array().unwrap().iter().find(|layer| layer["id"] == "http").unwrap();
    let source = packet["sources"][layer["source"].as_u64().unwrap() as usize - 1].as_str().unwrap();
    let fields = layer["fields"].as_array().unwrap();
    let uri = fields.iter().find(|field| field["id"] == "http.request.uri").unwrap();
    let at = uri["start"].as_u64().unwrap() as usize * 2;
    assert_eq!(&source[at..at + 4], "2f61", "the bytes of `/a` in what was put together");
}

#[test]
fn a_stream_is_followed() {
    let path = mixed().save("follow.pcap");
    let path = path.to_str().unwrap();
    let (code, out, _) = tongro(&["follow", path, "0", "-T", "raw", "--side", "1"]);
    assert_eq!(code, 0);
    assert!(out.as_bytes().starts_with(PAGE), "{out}");
    let (_, out, _) = tongro(&["follow", path, "0", "-T", "http", "--side", "1"]);
    assert!(out.contains("hello world") && !out.contains("6\r\n"), "{out}");
    let (code, out, _) = tongro(&["follow", path, "udp:0", "--json"]);
    let piece: Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    assert_eq!((code, piece["dir"].as_u64(), piece["offset"].as_u64()), (0, Some(0), Some(0)));
    let (code, _, err) = tongro(&["follow", path, "99"]);
    assert!(code == 1 && err.contains("there is no TCP stream 99"), "{err}");
    assert_eq!(tongro(&["follow", path, "sctp:1"]).0, 2);
}

#[test]
fn statistics_cite_packets() {
    let path = mixed().save("stats.pcap");
    let path = path.to_str().unwrap();
    let (code, out, _) = tongro(&["stats", path, "--json"]);
    assert_eq!(code, 0);
    let rows: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |kind: &str| rows.iter().filter(|row| row["type"] == kind).collect::<Vec<_>>();
    let (conversations, total) = (of("conversation"), of("total"));
    assert_eq!(total[0]["packets"].as_u64(), Some(mixed().frames.len() as u64));
    assert_eq!(conversations[0]["ends"][1], "10.77.0.2:8000");
    assert_eq!(conversations[0]["initial_rtt"].as_u64(), Some(2_000_000));
    let reset = of("expert").into_iter().find(|row| row["id"] == "tcp.flags.reset").unwrap();
    assert_eq!(reset["frames"].as_array().unwrap().len(), 1);
    assert!(of("protocol").iter().any(|row| row["path"] == "eth:ip:tcp:http"));
    let (code, out, _) = tongro(&["stats", path]);
    assert!(code == 0 && out.contains("connections reset") && out.contains('█'), "{out}");
}

#[test]
fn the_reference_is_complete_and_searched() {
    let (code, out, _) = tongro(&["fields"]);
    assert!(code == 0 && out.lines().any(|line| line.starts_with("tcp ")), "{out}");
    let (_, out, _) = tongro(&["fields", "tcp.flags.syn"]);
    assert!(out.contains("bits 110") && out.contains("tcp.flags.syn == 1"), "{out}");
    let (_, out, _) = tongro(&["fields", "echo request", "--json"]);
    assert!(out.lines().any(|line| line.contains("icmp.type")), "{out}");
    let (code, _, err) = tongro(&["fields", "tcp.windw_size"]);
    assert!(code == 1 && err.contains("tcp.window_size"), "{err}");
}

#[test]
fn any_capture_is_a_ladder() {
    let path = mixed().save("ladder.pcap");
    let text = path.to_str().unwrap();
    let (code, out, _) = tongro(&["ladder", text, "--stream", "0"]);
    assert!(code == 0 && out.contains("#2 SYN seq 0"), "frames have the capture's numbers: {out}");
    assert!(out.contains("GET /a HTTP/1.1") && !out.contains("example.test"), "{out}");
    let (svg, html) = (path.with_extension("svg"), path.with_extension("html"));
    let files = ["--svg", svg.to_str().unwrap(), "--html", html.to_str().unwrap()];
    let (code, out, _) = tongro(&[&["ladder", text, "-Y", "tcp"], &files[..]].concat());
    assert_eq!((code, out.as_str()), (0, ""));
    let page = std::fs::read_to_string(html).unwrap();
    assert!(page.contains("<svg ") && page.matches("<title>").count() > 10);
    assert!(!page.contains("src=\"http") && !page.contains("href=\"http"), "it stands alone");
    assert!(std::fs::read_to_string(svg).unwrap().ends_with("</svg>\n"));
    let (code, _, err) = tongro(&["ladder", text, "--frame", "9999"]);
    assert!(code == 2 && err.contains("there is no packet 9999"), "{err}");
}

#[test]
fn a_protocol_of_ones_own_is_at_home_everywhere() {
    let chat = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wire/examples/protocols/chat.toml");
    let chat = chat.to_str().unwrap();
    let mut tape = Tape::new([40001, 9001]);
    tape.open();
    tape.say(0, b"\0\x05\x01\0\x02me\0\x09\x02\0\x02mehi!!", 6);
    let path = tape.save("own.pcap");
    let path = path.to_str().unwrap();
    let (code, out, err) = tongro(&["read", path, "--proto", chat, "-Y", "mychat.kind == \"SAY\""]);
    assert_eq!((code, err.as_str(), out.lines().count()), (0, "", 1), "{out}");
    assert!(out.contains("MYCHAT") && out.contains("text=\"hi!!\""), "{out}");
    let (_, out, _) = tongro(&["read", path, "--proto", chat, "-e", "mychat.nick", "-Y", "mychat"]);
    assert_eq!(out, "me\nme\n");
    let (_, out, _) = tongro(&["fields", "mychat", "--proto", chat]);
    assert!(out.contains("mychat.nick_len"), "{out}");
    let (_, out, _) = tongro(&["ladder", path, "--proto", chat, "--width", "140"]);
    assert!(out.contains("kind=HELLO"), "{out}");
    let broken = Path::new(env!("CARGO_TARGET_TMPDIR")).join("broken.toml");
    std::fs::write(&broken, "[protocol]\nname = \"x\"\n\n[[field]]\nname = \"a\"\ntype = \"int8\"\n")
        .unwrap();
    let (code, _, err) = tongro(&["read", path, "--proto", broken.to_str().unwrap()]);
    assert!(code == 2 && err.contains("line 6") && err.contains("6 | type = \"int8\""), "{err}");
}
