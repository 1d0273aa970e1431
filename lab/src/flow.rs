//! Conversations on the link, as the fates need them: who opened it, how far each side's stream has come, and how
//! often each byte has passed.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use tongro_trace::event::HostId;
use tongro_wire::view::{Ip, Tcp, Transport, View, flag};

use crate::script::{FrameKind, Way};

/// Numbered conversations, by their ends.
#[derive(Debug, Default)]
pub(crate) struct Flows {
    by_ends: HashMap<(u8, SocketAddr, SocketAddr), usize>,
    pub(crate) list: Vec<Flow>,
}

/// One conversation.
#[derive(Debug)]
pub(crate) struct Flow {
    /// TCP (6) or UDP (17).
    pub(crate) protocol: u8,
    /// Who sent the first frame: its host, its end, the other end.
    pub(crate) opener: HostId,
    pub(crate) client: SocketAddr,
    pub(crate) server: SocketAddr,
    /// Opener's stream, then the other's.
    pub(crate) streams: [Stream; 2],
    /// A FIN or RST has passed; a new SYN with the same ends opens a new conversation.
    is_over: bool,
}

/// One direction of a TCP conversation, in wire sequence numbers.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    /// The sequence number of the SYN.
    isn: Option<u32>,
    /// Behind the furthest byte that was sent.
    pub(crate) next: u32,
    /// Behind the last byte that was delivered without a gap.
    pub(crate) delivered: u32,
    /// The latest acknowledgment that this side sent.
    pub(crate) acked_by_it: Option<u32>,
    /// How often a data frame that starts at this stream offset has passed.
    starts: BTreeMap<u64, u32>,
}

/// Starts remembered for each stream; older ones were acknowledged long ago.
const STARTS_MAX: usize = 8192;

/// Where a frame stands in its conversation.
#[derive(Debug, Clone)]
pub(crate) struct Position {
    pub(crate) flow: usize,
    pub(crate) way: Way,
    pub(crate) kind: FrameKind,
    /// For data, the range of stream offsets; else 0..0.
    pub(crate) bytes: (u64, u64),
    /// How often (from 1) a frame of this kind and, for data, with this start has passed.
    pub(crate) nth: u32,
}

impl Flows {
    /// Places a frame; `None` for what belongs to no conversation.
    pub(crate) fn place(&mut self, host: HostId, view: &View) -> Option<Position> {
        let ip = view.ip.as_ref()?;
        match &view.transport {
            Transport::Tcp(tcp) => Some(self.place_tcp(host, ip, tcp)),
            Transport::Udp { src_port, dst_port, .. } => {
                let ends = (SocketAddr::new(ip.src, *src_port), SocketAddr::new(ip.dst, *dst_port));
                let (flow, way) = self.find(17, ends, host, false);
                let nth = self.list[flow].streams[way as usize].count(0);
                Some(Position { flow, way, kind: FrameKind::Udp, bytes: (0, 0), nth })
            }
            _ => None,
        }
    }

    fn place_tcp(&mut self, host: HostId, ip: &Ip, tcp: &Tcp) -> Position {
        let ends = (SocketAddr::new(ip.src, tcp.src_port), SocketAddr::new(ip.dst, tcp.dst_port));
        let opens = tcp.has(flag::SYN) && !tcp.has(flag::ACK);
        let (flow, way) = self.find(6, ends, host, opens);
        let entry = &mut self.list[flow];
        entry.is_over |= tcp.has(flag::RST) || tcp.has(flag::FIN);
        let stream = &mut entry.streams[way as usize];
        let kind = kind_of(tcp);
        let bytes = stream.advance(tcp);
        // Control frames count apart from data: keys above any stream offset.
        let key = if kind == FrameKind::Data { bytes.0 } else { u64::MAX - kind as u64 };
        let nth = stream.count(key);
        Position { flow, way, kind, bytes, nth }
    }

    fn find(
        &mut self,
        protocol: u8,
        ends: (SocketAddr, SocketAddr),
        host: HostId,
        opens: bool,
    ) -> (usize, Way) {
        let (src, dst) = ends;
        for (key, way) in
            [((protocol, src, dst), Way::ClientToServer), ((protocol, dst, src), Way::ServerToClient)]
        {
            if let Some(&at) = self.by_ends.get(&key)
                && !(opens && self.list[at].is_over)
            {
                return (at, way);
            }
        }
        let at = self.list.len();
        self.by_ends.remove(&(protocol, dst, src));
        self.by_ends.insert((protocol, src, dst), at);
        let streams = [Stream::default(), Stream::default()];
        self.list.push(Flow { protocol, opener: host, client: src, server: dst, streams, is_over: false });
        (at, Way::ClientToServer)
    }

    /// Notes that a TCP frame reached the other side.
    pub(crate) fn delivered(&mut self, host: HostId, ip: &Ip, tcp: &Tcp) {
        let ends = (SocketAddr::new(ip.src, tcp.src_port), SocketAddr::new(ip.dst, tcp.dst_port));
        let (flow, way) = self.find(6, ends, host, false);
        let stream = &mut self.list[flow].streams[way as usize];
        let end = tcp.seq.wrapping_add(tcp.seq_len());
        if !is_before(stream.delivered, tcp.seq) && is_before(stream.delivered, end) {
            stream.delivered = end;
        }
    }
}

impl Stream {
    /// Takes a segment into account; the stream offsets of its payload.
    fn advance(&mut self, tcp: &Tcp) -> (u64, u64) {
        if tcp.has(flag::SYN) {
            self.isn = Some(tcp.seq);
            self.next = tcp.seq.wrapping_add(1);
            self.delivered = tcp.seq;
        }
        if tcp.has(flag::ACK) {
            self.acked_by_it = Some(tcp.ack);
        }
        let isn = *self.isn.get_or_insert_with(|| tcp.seq.wrapping_sub(1));
        let end = tcp.seq.wrapping_add(tcp.seq_len());
        if is_before(self.next, end) {
            self.next = end;
        }
        // Streams past 4 GiB wrap; rules for lessons do not go there.
        let from = u64::from(tcp.seq.wrapping_sub(isn).wrapping_sub(1));
        if tcp.payload.is_empty() { (0, 0) } else { (from, from + tcp.payload.len() as u64) }
    }

    fn count(&mut self, key: u64) -> u32 {
        if self.starts.len() >= STARTS_MAX {
            let _ = self.starts.pop_first();
        }
        let count = self.starts.entry(key).or_default();
        *count += 1;
        *count
    }
}

/// Sequence number order (RFC 9293 section 3.4): `a` comes before `b` on the circle.
pub(crate) fn is_before(a: u32, b: u32) -> bool {
    (b.wrapping_sub(a) as i32) > 0
}

fn kind_of(tcp: &Tcp) -> FrameKind {
    if tcp.has(flag::RST) {
        FrameKind::Rst
    } else if tcp.has(flag::SYN | flag::ACK) {
        FrameKind::SynAck
    } else if tcp.has(flag::SYN) {
        FrameKind::Syn
    } else if !tcp.payload.is_empty() {
        FrameKind::Data
    } else if tcp.has(flag::FIN) {
        FrameKind::Fin
    } else {
        FrameKind::Ack
    }
}

/// The kind of a frame that belongs to no conversation.
pub(crate) fn kind_outside(view: Option<&View>) -> FrameKind {
    match view {
        Some(View { ethertype: 0x0806, .. }) => FrameKind::Arp,
        Some(View { transport: Transport::Icmp { .. }, .. }) => FrameKind::Icmp,
        _ => FrameKind::Other,
    }
}
