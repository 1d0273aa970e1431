//! Event logs as a lab would write them, made by hand: frames with real bytes and right checksums, fates, socket
//! states, calls and output. Times are given in milliseconds as the pictures show them.

#![allow(dead_code)] // kept whole for tests to come

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use tongro_trace::event::*;
use tongro_trace::recording::Recording;
use tongro_wire::checksum;
use tongro_wire::view::flag::{ACK, FIN, PSH, SYN};

/// The ends of the flow: client and server.
pub(crate) const IPS: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 77, 0, 2), Ipv4Addr::new(10, 77, 0, 3)];
/// Their ports.
pub(crate) const PORTS: [u16; 2] = [40312, 9000];
/// Their initial sequence numbers.
pub(crate) const ISN: [u32; 2] = [1_511_824_960, 3_279_618_776];

/// Milliseconds to the log's clock.
pub(crate) fn ms(at: f64) -> Nanos {
    (at * 1e6).round() as Nanos
}

pub(crate) fn end(host: HostId) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(IPS[usize::from(host)]), PORTS[usize::from(host)])
}

/// A TCP segment to be sent: relative numbers.
#[derive(Clone, Default)]
pub(crate) struct Seg {
    pub(crate) flags: u8,
    pub(crate) seq: u32,
    pub(crate) ack: u32,
    pub(crate) payload: Vec<u8>,
    pub(crate) window: Option<u16>,
    pub(crate) sack: Vec<(u32, u32)>,
    pub(crate) port: Option<u16>,
}

impl Seg {
    pub(crate) fn new(flags: u8, seq: u32, ack: u32, payload: usize) -> Self {
        let payload = (0..payload).map(|i| (i * 31) as u8).collect();
        Self { flags, seq, ack, payload, ..Self::default() }
    }

    pub(crate) fn sack(mut self, left: u32, right: u32) -> Self {
        self.sack.push((left, right));
        self
    }

    pub(crate) fn window(mut self, window: u16) -> Self {
        self.window = Some(window);
        self
    }

    /// Another client port: another flow.
    pub(crate) fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    pub(crate) fn text(mut self, text: &str) -> Self {
        self.payload = text.as_bytes().to_vec();
        self
    }

    fn options(&self, host: HostId) -> Vec<u8> {
        if self.flags & SYN != 0 {
            return b"\x02\x04\x05\xb4\x01\x01\x04\x02\x01\x03\x03\x07".to_vec();
        }
        let mut options = b"\x01\x01\x08\x0a\x00\x09\x40\x52\x00\x04\x11\x0d".to_vec();
        if !self.sack.is_empty() {
            options.extend([1, 1, 5, 2 + 8 * self.sack.len() as u8]);
            for edge in self.sack.iter().flat_map(|(left, right)| [left, right]) {
                options.extend(ISN[usize::from(1 - host)].wrapping_add(*edge).to_be_bytes());
            }
        }
        options
    }

    fn bytes(&self, host: HostId) -> Vec<u8> {
        let (me, you) = (usize::from(host), usize::from(1 - host));
        let mut ports = PORTS;
        ports[0] = self.port.unwrap_or(ports[0]);
        let options = self.options(host);
        let mut tcp = Vec::new();
        tcp.extend(ports[me].to_be_bytes());
        tcp.extend(ports[you].to_be_bytes());
        tcp.extend(ISN[me].wrapping_add(self.seq).to_be_bytes());
        let ack = if self.flags & ACK != 0 { ISN[you].wrapping_add(self.ack) } else { 0 };
        tcp.extend(ack.to_be_bytes());
        tcp.extend([((20 + options.len()) / 4 * 16) as u8, self.flags]);
        tcp.extend(self.window.unwrap_or(if self.flags & SYN != 0 { 64240 } else { 502 }).to_be_bytes());
        tcp.extend([0, 0, 0, 0]);
        tcp.extend(options);
        tcp.extend(&self.payload);
        let sum = checksum::transport(IPS[me].into(), IPS[you].into(), 6, &tcp);
        tcp[16..18].copy_from_slice(&sum.to_be_bytes());
        ethernet(host, 0x0800, &ipv4(host, 6, &tcp))
    }
}

pub(crate) fn udp(host: HostId, payload: &[u8]) -> Vec<u8> {
    let (me, you) = (usize::from(host), usize::from(1 - host));
    let mut udp = Vec::new();
    udp.extend(PORTS[me].to_be_bytes());
    udp.extend(PORTS[you].to_be_bytes());
    udp.extend((8 + payload.len() as u16).to_be_bytes());
    udp.extend([0, 0]);
    udp.extend(payload);
    let sum = checksum::transport(IPS[me].into(), IPS[you].into(), 17, &udp);
    udp[6..8].copy_from_slice(&sum.to_be_bytes());
    ethernet(host, 0x0800, &ipv4(host, 17, &udp))
}

pub(crate) fn ipv4(host: HostId, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut ip = vec![0x45, 0];
    ip.extend((20 + payload.len() as u16).to_be_bytes());
    ip.extend([0x3a, 0x0d, 0x40, 0, 64, protocol, 0, 0]);
    ip.extend(IPS[usize::from(host)].octets());
    ip.extend(IPS[usize::from(1 - host)].octets());
    let sum = checksum::internet(&ip);
    ip[10..12].copy_from_slice(&sum.to_be_bytes());
    ip.extend(payload);
    ip
}

pub(crate) fn ethernet(host: HostId, ethertype: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 3 - host, 2, 0, 0, 0, 0, 2 + host];
    frame.extend(ethertype.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A log in the making.
#[derive(Default)]
pub(crate) struct Log {
    pub(crate) events: Vec<Event>,
    pub(crate) frames: Vec<Vec<u8>>,
    calls: u64,
}

impl Log {
    /// Two hosts, programs on both, a link of 20 ms.
    pub(crate) fn new() -> Self {
        let mut log = Self::default();
        for (host, name) in [(0, "client"), (1, "server")] {
            log.push(
                0.0,
                What::Host(Host {
                    host,
                    name: name.into(),
                    addresses: vec![end(host).ip()],
                    iface: format!("veth{host}"),
                }),
            );
        }
        log.push(0.0, What::Link(LinkSettings { delay_us: 20_000, ..LinkSettings::default() }));
        for (program, host, script) in [(0, 1, "receiver.py"), (1, 0, "uploader.py")] {
            let argv = vec!["python3".to_owned(), script.to_owned()];
            log.push(0.0, What::Started(Started { program, host, pid: 40 + i32::from(host), argv }));
        }
        log
    }

    pub(crate) fn push(&mut self, at: f64, what: What) {
        self.events.push(Event { id: 0, at: ms(at), what });
    }

    pub(crate) fn frame(
        &mut self,
        at: f64,
        host: HostId,
        bytes: Vec<u8>,
        fates: Vec<Fate>,
        rule: Option<&str>,
    ) -> u32 {
        let (frame, len) = (self.frames.len() as u32 + 1, bytes.len() as u32);
        self.frames.push(bytes);
        let rule = rule.map(str::to_owned);
        self.push(at, What::Sent(Sent { frame, host, forged: false, len, fates, rule }));
        frame
    }

    pub(crate) fn arrive(&mut self, at: f64, host: HostId, frame: u32, copy: u32) {
        self.push(at, What::Arrived(Arrived { frame, host, copy }));
    }

    /// A segment that arrives.
    pub(crate) fn send(&mut self, at: f64, arrives: f64, host: HostId, seg: Seg) -> u32 {
        let fate = Fate::Delay(ms(arrives) - ms(at));
        let frame = self.frame(at, host, seg.bytes(host), vec![fate], None);
        self.arrive(arrives, 1 - host, frame, 0);
        frame
    }

    /// A segment that the link drops.
    pub(crate) fn lose(&mut self, at: f64, host: HostId, seg: Seg) -> u32 {
        let frame = self.frame(at, host, seg.bytes(host), vec![Fate::Drop], Some("drop c2s bytes 64..1512"));
        self.push(at, What::Dropped(Dropped { frame, reason: DropReason::Script }));
        frame
    }

    /// A segment with these fates that arrives.
    pub(crate) fn fated(&mut self, at: f64, arrives: f64, host: HostId, seg: Seg, fates: Vec<Fate>) -> u32 {
        let frame = self.frame(at, host, seg.bytes(host), fates, Some("rule 1"));
        self.arrive(arrives, 1 - host, frame, 0);
        frame
    }

    pub(crate) fn state(&mut self, at: f64, host: HostId, state: TcpState) {
        let listens = state == TcpState::Listen;
        self.push(
            at,
            What::Socket(Socket {
                host,
                local: end(host),
                remote: if listens { SocketAddr::from(([0, 0, 0, 0], 0)) } else { end(1 - host) },
                state,
                frame: None,
                rqueue: 0,
                wqueue: 0,
                inode: 1,
                info: None,
            }),
        );
    }

    pub(crate) fn call(
        &mut self,
        span: (f64, f64),
        host: HostId,
        name: &str,
        len: Option<u64>,
        result: i64,
        preview: &[u8],
    ) {
        self.calls += 1;
        let call = self.calls;
        let is_on_flow = !matches!(name, "accept4" | "connect");
        self.push(
            span.0,
            What::CallEnter(CallEnter {
                call,
                program: u16::from(host == 0),
                pid: 40 + i32::from(host),
                tid: 40 + i32::from(host),
                name: name.into(),
                fd: Some(if name == "accept4" { 3 } else { 4 }),
                len,
                addr: (name == "connect").then(|| end(1 - host)),
                peer: is_on_flow.then(|| end(1 - host)),
                fault: None,
            }),
        );
        self.push(span.1, What::CallExit(CallExit { call, result, preview: preview.into() }));
    }

    pub(crate) fn output(&mut self, at: f64, host: HostId, text: &str) {
        let program = u16::from(host == 0);
        self.push(at, What::Output(Output { program, stream: Stream::Stdout, text: text.into() }));
    }

    /// The log in order of time.
    pub(crate) fn finish(self) -> Recording {
        Recording { events: self.events, frames: self.frames }.finish()
    }
}

/// The picture's scenario: handshake, 5856 bytes with one segment lost, fast retransmit, answer, close.
pub(crate) fn upload() -> Recording {
    let mut log = Log::new();
    upload_frames(&mut log);
    upload_states(&mut log);
    upload_calls(&mut log);
    log.finish()
}

fn upload_frames(log: &mut Log) {
    let data = ACK | PSH;
    log.send(0.001, 20.3, 0, Seg::new(SYN, 0, 0, 0));
    log.send(20.4, 40.6, 1, Seg::new(SYN | ACK, 0, 1, 0));
    log.send(40.7, 60.9, 0, Seg::new(ACK, 1, 1, 0));
    log.send(41.2, 61.4, 0, Seg::new(data, 1, 1, 64));
    log.lose(41.6, 0, Seg::new(ACK, 65, 1, 1448));
    log.send(41.7, 61.9, 0, Seg::new(ACK, 1513, 1, 1448));
    log.send(41.8, 62.0, 0, Seg::new(ACK, 2961, 1, 1448));
    log.send(42.0, 62.2, 0, Seg::new(data, 4409, 1, 1448));
    log.send(61.5, 82.0, 1, Seg::new(ACK, 1, 65, 0));
    log.send(61.95, 82.3, 1, Seg::new(ACK, 1, 65, 0).sack(1513, 2961));
    log.send(62.05, 82.5, 1, Seg::new(ACK, 1, 65, 0).sack(1513, 4409));
    log.send(62.25, 82.7, 1, Seg::new(ACK, 1, 65, 0).sack(1513, 5857));
    log.send(82.9, 103.1, 0, Seg::new(data, 65, 1, 1448));
    log.send(103.2, 123.5, 1, Seg::new(data, 1, 5857, 0).text("OK\n"));
    log.send(123.6, 144.2, 0, Seg::new(FIN | ACK, 5857, 4, 0));
    log.send(144.3, 164.6, 1, Seg::new(ACK, 4, 5858, 0));
    log.send(150.0, 170.4, 1, Seg::new(FIN | ACK, 4, 5858, 0));
    log.send(170.4, 190.6, 0, Seg::new(ACK, 5858, 5, 0));
}

fn upload_states(log: &mut Log) {
    use TcpState::*;
    log.state(0.0, 1, Listen);
    let client =
        [(0.001, SynSent), (40.6, Established), (123.55, FinWait1), (164.6, FinWait2), (170.4, TimeWait)];
    let server =
        [(20.3, SynRecv), (60.9, Established), (144.2, CloseWait), (150.0, LastAck), (190.6, Closed)];
    client.iter().for_each(|(at, state)| log.state(*at, 0, *state));
    server.iter().for_each(|(at, state)| log.state(*at, 1, *state));
}

fn upload_calls(log: &mut Log) {
    log.call((0.0, 40.6), 0, "connect", None, 0, b"");
    log.call((41.2, 41.25), 0, "sendto", Some(64), 64, b"");
    log.call((41.6, 41.65), 0, "sendto", Some(5792), 5792, b"");
    log.call((42.0, 123.5), 0, "recvfrom", Some(4096), 3, b"OK\n");
    log.call((123.55, 123.6), 0, "close", None, 0, b"");
    log.call((0.0, 60.9), 1, "accept4", None, 4, b"");
    log.call((61.4, 61.45), 1, "recvfrom", Some(64), 64, &[7; 32]);
    log.call((61.85, 103.15), 1, "recvfrom", Some(5792), 5792, &[7; 32]);
    log.call((103.2, 103.25), 1, "sendto", Some(3), 3, b"OK\n");
    log.call((103.3, 144.2), 1, "recvfrom", Some(4096), 0, b"");
    log.call((150.0, 150.05), 1, "close", None, 0, b"");
    log.output(0.0, 1, "9000번 포트에서 기다리는 중…");
    log.output(40.7, 0, "연결됨 → 10.77.0.3:9000");
    log.output(123.5, 0, "서버 응답: OK");
}
