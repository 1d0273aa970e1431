//! The conversations of a capture as its reader meets them: their numbers, and what each end has said so far.
//!
//! Dissected packets come in; stream numbers, relative numbers, windows, times and the messages that end in a packet
//! go out. TCP and UDP streams are numbered apart, from 0 in order of first packet, both directions one stream; a SYN
//! with another first number on the same ports begins a new one. Memory is O(flows).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::ops::Range;

use tongro_wire::view::flag::{ACK, FIN, RST, SYN};
use tongro_wire::{Layer, Packet, Protocol, Tables, Value};

use crate::analysis::{Analysis, Connections, Labels, Seen};
use crate::flow::Protocol as Transport;
use crate::segment::Direction;
use crate::tls::{KeyLog, Session};

use super::Need;
use super::exchange::{Exchange, Request};
use super::messages::{Bytes, Desk, Message, Messages};
use super::rows::{ROWS, add};

/// The two ends of a stream, the one that spoke first before the other.
pub type Ends = [SocketAddr; 2];

/// All streams so far.
#[derive(Debug, Default)]
pub struct Streams {
    by_ends: HashMap<(Transport, SocketAddr, SocketAddr), usize>,
    analysis: Connections,
    /// Secrets with which TLS is opened.
    pub(super) keys: KeyLog,
    tcp: Vec<Connection>,
    udp: Vec<Ends>,
    now: Now,
}

/// The packet that is being read.
#[derive(Debug, Clone, Copy, Default)]
struct Now {
    no: u32,
    at: i64,
    has_messages: bool,
    has_timing: bool,
    /// The connection whose messages end in it.
    connection: Option<usize>,
}

#[derive(Debug)]
struct Connection {
    ends: Ends,
    halves: [Messages; 2],
    app: Option<&'static Protocol>,
    exchange: Exchange,
    /// What TLS hides, when there are keys.
    clear: Option<Box<Clear>>,
}

/// A TLS session and the stream inside it.
#[derive(Debug, Default)]
struct Clear {
    session: Session,
    app: Option<&'static Protocol>,
    halves: [Messages; 2],
}

/// Where a message of this packet stands; see [`tongro_wire::Part`].
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) protocol: &'static Protocol,
    /// The index of the bytes that were put together; none when they are those of the segment.
    pub(super) together: Option<usize>,
    /// The source of the segment's layer.
    pub(super) source: usize,
    pub(super) span: Range<usize>,
}

/// The parts of a TCP header that a stream is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Header {
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) flags: u8,
    pub(super) window: u16,
    /// More options than a time stamp takes.
    pub(super) has_options: bool,
}

impl Streams {
    /// The ends of the TCP streams, in order of number.
    pub fn tcp(&self) -> impl Iterator<Item = &Ends> {
        self.tcp.iter().map(|connection| &connection.ends)
    }

    /// The ends of the UDP streams, in order of number.
    pub fn udp(&self) -> impl Iterator<Item = &Ends> {
        self.udp.iter()
    }

    pub(super) fn begin(&mut self, no: u32, at: i64, need: &Need) {
        let (has_messages, has_timing) = (need.messages, need.timing);
        self.now = Now { no, at, has_messages, has_timing, connection: None };
    }

    /// Finds the transports of a packet and adds what their streams know.
    pub(super) fn see(
        &mut self,
        packet: &mut Packet<'_>,
        tables: &Tables,
        sources: &mut Vec<Vec<u8>>,
    ) -> Vec<Ended> {
        let mut ended = Vec::new();
        let mut is_quote = false;
        for index in 0..packet.layers.len() {
            let name = packet.layers[index].protocol.name;
            is_quote |= name.starts_with("icmp");
            match name {
                "tcp" if is_quote => self.quote(packet, index),
                "tcp" => self.segment(packet, index, tables, sources, &mut ended),
                "udp" => self.datagram(packet, index),
                _ => {}
            }
        }
        ended
    }

    /// A quote in an error message belongs to its stream but says nothing new.
    fn quote(&self, packet: &mut Packet<'_>, index: usize) {
        let Some([source, target]) = ends(packet, index) else { return };
        if let Some(number) = self.by_ends.get(&key(Transport::Tcp, source, target)) {
            add(packet, ROWS.tcp_stream, index, *number as u64);
        }
    }

    fn datagram(&mut self, packet: &mut Packet<'_>, index: usize) {
        let Some([source, target]) = ends(packet, index) else { return };
        let (udp, ends) = (&mut self.udp, [source, target]);
        let number = *self.by_ends.entry(key(Transport::Udp, source, target)).or_insert_with(|| {
            udp.push(ends);
            udp.len() - 1
        });
        add(packet, ROWS.udp_stream, index, number as u64);
    }

    fn segment(
        &mut self,
        packet: &mut Packet<'_>,
        index: usize,
        tables: &Tables,
        sources: &mut Vec<Vec<u8>>,
        ended: &mut Vec<Ended>,
    ) {
        let (Some([source, target]), Some(header)) = (ends(packet, index), header(packet, index)) else {
            return;
        };
        let layer = &packet.layers[index];
        let bytes = packet.bytes_of(layer);
        let (payload, source_no) = (layer.payload.clone(), layer.source);
        let options = bytes.get(layer.header.start + 20..layer.header.end).unwrap_or_default();
        let (src, dst) = ((source.ip(), source.port()), (target.ip(), target.port()));
        let Header { seq, ack, flags, window, .. } = header;
        let (no, at, len) = (self.now.no, self.now.at, payload.len() as u32);
        let found = self.analysis.observe(&Seen { no, at, src, dst, seq, ack, flags, window, len, options });
        let number = found.stream as usize;
        if number == self.tcp.len() {
            self.tcp.push(Connection::new([source, target]));
            self.by_ends.insert(key(Transport::Tcp, source, target), number);
        }
        self.now.connection = Some(number);
        describe(packet, index, &found, &header, len, self.now.has_timing);
        if self.now.has_messages {
            let mut messages = Vec::new();
            let segment = payload.start..payload.end.min(bytes.len()).max(payload.start);
            let connection = &mut self.tcp[number];
            connection.feed(&found, &header, segment.start, &bytes[segment], tables, sources, &mut messages);
            if !self.keys.is_empty() && messages.iter().any(|message| message.protocol.name == "tls") {
                let bytes = packet.bytes_of(&packet.layers[index]);
                connection.open(&self.keys, found.dir, bytes, tables, sources, &mut messages);
            }
            ended.extend(messages.into_iter().map(|message| Ended::of(message, source_no)));
        }
    }

    /// Adds what the messages of this packet mean to those of others.
    pub(super) fn exchange(&mut self, packet: &mut Packet<'_>) {
        let Some(connection) = self.now.connection.and_then(|number| self.tcp.get_mut(number)) else {
            return;
        };
        if !self.now.has_messages {
            return;
        }
        let (no, at) = (self.now.no, self.now.at);
        for index in 0..packet.layers.len() {
            if packet.layers[index].protocol.name != "http" {
                continue;
            }
            let find =
                |id: &str| packet.fields.iter().find(|value| value.layer == index && value.field.id == id);
            let status = find("http.response.code").and_then(|code| code.value.uint());
            let method = find("http.request.method").map(|method| method.value.clone());
            if let Some(Value::Text(method)) = method {
                connection.exchange.asked(Request { no, at, is_head: method == "HEAD" });
            } else if let Some(request) = status.and_then(|status| connection.exchange.answered(status)) {
                add(packet, ROWS.request_in, index, u64::from(request.no));
                add(packet, ROWS.http_time, index, at.saturating_sub(request.at).unsigned_abs());
            }
        }
    }
}

impl Ended {
    fn of(message: Message, source: usize) -> Self {
        let together = match message.place {
            Bytes::Segment => None,
            Bytes::Together(index) => Some(index),
        };
        Self { protocol: message.protocol, together, source, span: message.span }
    }
}

impl Connection {
    fn new(ends: Ends) -> Self {
        Self { ends, halves: Default::default(), app: None, exchange: Exchange::default(), clear: None }
    }

    #[allow(clippy::too_many_arguments)] // where a segment is, where its messages go
    fn feed(
        &mut self,
        found: &Analysis,
        header: &Header,
        at: usize,
        payload: &[u8],
        tables: &Tables,
        sources: &mut Vec<Vec<u8>>,
        messages: &mut Vec<Message>,
    ) {
        let dir = found.dir;
        let ports = [self.ends[dir].port(), self.ends[1 - dir].port()];
        if header.flags & ACK != 0 {
            self.halves[1 - dir].acknowledged(header.ack);
        }
        let (app, exchange) = (&mut self.app, &self.exchange);
        let mut desk = Desk { app, exchange, ports, tables, sources, messages };
        let half = &mut self.halves[dir];
        let seq = header.seq.wrapping_add(u32::from(header.flags & SYN != 0));
        if header.flags & SYN != 0 {
            half.begin(seq);
        }
        if !payload.is_empty() && header.flags & RST == 0 {
            half.segment(seq, at, payload, is_again(found.labels), &mut desk);
        }
        if header.flags & (FIN | RST) != 0 {
            half.close(&mut desk);
        }
    }
}

impl Connection {
    /// Adds what the TLS records among the messages were before encryption.
    fn open(
        &mut self,
        keys: &KeyLog,
        dir: Direction,
        segment: &[u8],
        tables: &Tables,
        sources: &mut Vec<Vec<u8>>,
        messages: &mut Vec<Message>,
    ) {
        let ports = [self.ends[dir].port(), self.ends[1 - dir].port()];
        let clear = self.clear.get_or_insert_default();
        let mut more = Vec::new();
        for message in messages.iter().filter(|message| message.protocol.name == "tls") {
            let bytes = match message.place {
                Bytes::Segment => segment,
                Bytes::Together(index) => sources.get(index).map_or(&[][..], Vec::as_slice),
            };
            let record = bytes.get(message.span.clone()).unwrap_or_default();
            let Some(plain) = clear.session.open(keys, dir, record) else { continue };
            let (app, exchange) = (&mut clear.app, &self.exchange);
            let mut desk = Desk { app, exchange, ports, tables, sources, messages: &mut more };
            clear.halves[dir].plain(plain, &mut desk);
        }
        messages.append(&mut more);
    }
}

/// Whether the bytes of a segment were seen before, or should have been: raw bytes are not shown twice. What was asked
/// for by duplicate acknowledgments was not seen.
fn is_again(labels: Labels) -> bool {
    labels.any(Labels::RETRANSMISSION.with(Labels::OUT_OF_ORDER)) && !labels.has(Labels::FAST_RETRANSMISSION)
}

impl Header {
    fn seq_len(&self, payload: u32) -> u32 {
        payload + u32::from(self.flags & SYN != 0) + u32::from(self.flags & FIN != 0)
    }
}

/// Relative numbers, the scaled window and, when asked for, the labels.
fn describe(
    packet: &mut Packet<'_>,
    index: usize,
    found: &Analysis,
    header: &Header,
    payload: u32,
    has_labels: bool,
) {
    let rows = &ROWS;
    add(packet, rows.seq, index, u64::from(found.seq));
    add(packet, rows.next_seq, index, u64::from(found.seq.wrapping_add(header.seq_len(payload))));
    add(packet, rows.ack, index, u64::from(found.ack));
    add(packet, rows.tcp_stream, index, u64::from(found.stream));
    add(packet, rows.window, index, u64::from(found.window));
    if header.flags & SYN == 0 && header.has_options {
        for value in packet.fields.iter_mut().filter(|value| value.layer == index) {
            if rows.sack.contains(&value.field)
                && let Value::Uint(edge) = &mut value.value
            {
                *edge = u64::from((*edge as u32).wrapping_sub(found.base));
            }
        }
    }
    if has_labels {
        found.fields(|(row, value)| add(packet, row, index, value));
    }
}

pub(super) fn header(packet: &Packet<'_>, index: usize) -> Option<Header> {
    let layer = packet.layers.get(index)?;
    let bytes = packet.bytes_of(layer).get(layer.header.clone())?;
    let word = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let window = u16::from_be_bytes(bytes.get(14..16)?.try_into().ok()?);
    let has_options = bytes.len() >= 20 + 10;
    Some(Header { seq: word(4)?, ack: word(8)?, flags: *bytes.get(13)?, window, has_options })
}

/// The ends of the transport that is this layer of a packet, sender first: the ports of its header, the addresses of
/// the IP layer around it.
#[must_use]
pub fn ends(packet: &Packet<'_>, index: usize) -> Option<Ends> {
    let layer = packet.layers.get(index)?;
    let ports = packet.bytes_of(layer).get(layer.header.clone())?.get(..4)?;
    let is_ip = |layer: &&Layer| matches!(layer.protocol.name, "ip" | "ipv6");
    let ip = packet.layers[..index].iter().rev().find(is_ip)?;
    let [source, target] = addresses(packet.bytes_of(ip).get(ip.header.clone())?)?;
    let port = |at: usize| u16::from_be_bytes([ports[at], ports[at + 1]]);
    Some([SocketAddr::new(source, port(0)), SocketAddr::new(target, port(2))])
}

fn addresses(header: &[u8]) -> Option<[IpAddr; 2]> {
    if header.first()? >> 4 == 4 {
        let quad = |at: usize| Some(IpAddr::from(<[u8; 4]>::try_from(header.get(at..at + 4)?).ok()?));
        return Some([quad(12)?, quad(16)?]);
    }
    let long =
        |at: usize| Some(IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(header.get(at..at + 16)?).ok()?)));
    Some([long(8)?, long(24)?])
}

fn key(transport: Transport, a: SocketAddr, b: SocketAddr) -> (Transport, SocketAddr, SocketAddr) {
    if a <= b { (transport, a, b) } else { (transport, b, a) }
}
