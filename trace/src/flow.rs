//! Conversations: which frames belong together, and the numbers they are counted from.
//!
//! Views of frames come in, in order of time; flow numbers and relative sequence numbers go out to labels, findings
//! and the conversations table. Numbers count from 0 in order of first packet, both directions one flow, over TCP and
//! UDP together. Memory is O(flows).

use std::collections::HashMap;
use std::net::SocketAddr;

use serde::Serialize;
use tongro_wire::view::{Ip, Tcp, Transport, View, flag};

use crate::event::Nanos;
use crate::segment::{Direction, Segment, options_of};

/// The transport of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// Transmission Control Protocol.
    Tcp,
    /// User Datagram Protocol.
    Udp,
}

/// One conversation, a row of the conversations table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flow {
    /// Number, from 0.
    pub no: u32,
    /// Its transport.
    pub protocol: Protocol,
    /// Its ends; the first is the one that spoke first.
    pub ends: [SocketAddr; 2],
    /// When its first frame was seen.
    pub first_at: Nanos,
    /// When its last frame was seen.
    pub last_at: Nanos,
    /// Frames in each direction.
    pub frames: [u64; 2],
    /// Frame bytes in each direction.
    pub bytes: [u64; 2],
    #[serde(skip)]
    base: [Option<u32>; 2],
    #[serde(skip)]
    has_syn: bool,
    #[serde(skip)]
    fins: [bool; 2],
    is_over: bool,
    was_reset: bool,
}

impl Flow {
    /// Whether a reset was sent.
    #[must_use]
    pub fn was_reset(&self) -> bool {
        self.was_reset
    }

    /// Whether it was reset or both ends sent FIN.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// The first sequence number of a direction, as on the wire; relative numbers count from it.
    #[must_use]
    pub fn base(&self, dir: Direction) -> Option<u32> {
        self.base[dir]
    }

    /// Which way a packet from `source` goes.
    #[must_use]
    pub fn direction(&self, source: SocketAddr) -> Direction {
        usize::from(self.ends[0] != source)
    }

    /// A raw sequence number of `dir`, relative.
    fn relative(&self, dir: Direction, raw: u32) -> u32 {
        self.base[dir].map_or(0, |base| raw.wrapping_sub(base))
    }

    /// Whether this segment is the one that ends the flow: a reset, or the second end's FIN.
    fn ends_with(&mut self, dir: Direction, tcp: &Tcp) -> bool {
        self.fins[dir] |= tcp.has(flag::FIN);
        self.was_reset |= tcp.has(flag::RST);
        !self.is_over && (tcp.has(flag::RST) || self.fins == [true; 2])
    }

    /// Learns the first numbers: from SYNs exactly, else so that the first byte seen counts as 1.
    fn learn(&mut self, dir: Direction, tcp: &Tcp) {
        if tcp.has(flag::SYN) {
            self.base[dir] = Some(tcp.seq);
            self.has_syn = true;
        } else if self.base[dir].is_none() && !tcp.has(flag::RST) {
            self.base[dir] = Some(tcp.seq.wrapping_sub(1));
        }
        if tcp.has(flag::ACK) && self.base[1 - dir].is_none() && !tcp.has(flag::RST) {
            self.base[1 - dir] = Some(tcp.ack.wrapping_sub(1));
        }
    }
}

type Key = (Protocol, SocketAddr, SocketAddr);

/// All flows so far.
#[derive(Debug, Clone, Default)]
pub struct Table {
    flows: Vec<Flow>,
    latest: HashMap<Key, u32>,
    by_end: HashMap<SocketAddr, End>,
}

#[derive(Debug, Clone, Copy, Default)]
struct End {
    latest: u32,
    open: u32,
    /// Sum of the numbers of the open flows: with one open, its number.
    open_sum: u64,
}

impl Table {
    /// The flows in order of number.
    #[must_use]
    pub fn flows(&self) -> &[Flow] {
        &self.flows
    }

    /// The latest flow between two ends, either way round.
    #[must_use]
    pub fn find(&self, protocol: Protocol, a: SocketAddr, b: SocketAddr) -> Option<&Flow> {
        self.latest.get(&key(protocol, a, b)).map(|no| &self.flows[*no as usize])
    }

    /// The flow that one end is in, where that is beyond doubt: it has been in one only, or one only is not over.
    #[must_use]
    pub fn of_end(&self, end: SocketAddr) -> Option<u32> {
        let known = self.by_end.get(&canonical(end))?;
        match known.open {
            0 => Some(known.latest),
            1 => u32::try_from(known.open_sum).ok(),
            _ => None,
        }
    }

    /// The flow between two ends, made now if there is none; `source` counts as the one that spoke first.
    pub fn find_or_add(
        &mut self,
        protocol: Protocol,
        source: SocketAddr,
        target: SocketAddr,
        at: Nanos,
    ) -> &mut Flow {
        let key = key(protocol, source, target);
        let no = match self.latest.get(&key) {
            Some(no) => *no,
            None => self.add(key, [canonical(source), canonical(target)], at),
        };
        &mut self.flows[no as usize]
    }

    /// Counts a frame in its flow. `None` when it belongs to none (ARP, ICMP, later fragments).
    pub fn observe(&mut self, at: Nanos, len: usize, view: &View) -> Option<(&Flow, Direction)> {
        let ip = view.ip.as_ref()?;
        let (protocol, source_port, target_port) = match &view.transport {
            Transport::Tcp(tcp) => (Protocol::Tcp, tcp.src_port, tcp.dst_port),
            Transport::Udp { src_port, dst_port, .. } => (Protocol::Udp, *src_port, *dst_port),
            _ => return None,
        };
        let source = SocketAddr::new(ip.src, source_port);
        let target = SocketAddr::new(ip.dst, target_port);
        if let Transport::Tcp(tcp) = &view.transport {
            self.forget_if_reused(key(protocol, source, target), source, tcp);
        }
        let flow = self.find_or_add(protocol, source, target, at);
        let dir = flow.direction(source);
        flow.last_at = at;
        flow.frames[dir] += 1;
        flow.bytes[dir] += len as u64;
        let no = flow.no as usize;
        if let Transport::Tcp(tcp) = &view.transport {
            flow.learn(dir, tcp);
            if flow.ends_with(dir, tcp) {
                self.close(no);
            }
        }
        Some((&self.flows[no], dir))
    }

    /// A flow is over: its ends are free for calls to be told apart again.
    fn close(&mut self, no: usize) {
        let flow = &mut self.flows[no];
        flow.is_over = true;
        for end in flow.ends {
            if let Some(known) = self.by_end.get_mut(&end) {
                known.open -= 1;
                known.open_sum -= no as u64;
            }
        }
    }

    /// A SYN with another first number on the same ports opens a new conversation.
    fn forget_if_reused(&mut self, key: Key, source: SocketAddr, tcp: &Tcp) {
        let is_open = tcp.flags & (flag::SYN | flag::ACK) == flag::SYN;
        let Some(flow) = self.latest.get(&key).map(|no| &self.flows[*no as usize]).filter(|_| is_open) else {
            return;
        };
        let (no, was_over) = (flow.no as usize, flow.is_over);
        if flow.has_syn && flow.base[flow.direction(source)].is_some_and(|base| base != tcp.seq) {
            self.latest.remove(&key);
            if !was_over {
                self.close(no);
            }
        }
    }

    fn add(&mut self, key: Key, ends: [SocketAddr; 2], at: Nanos) -> u32 {
        let no = self.flows.len() as u32;
        self.flows.push(Flow {
            no,
            protocol: key.0,
            ends,
            first_at: at,
            last_at: at,
            frames: [0; 2],
            bytes: [0; 2],
            base: [None; 2],
            has_syn: false,
            fins: [false; 2],
            is_over: false,
            was_reset: false,
        });
        for end in ends {
            let known = self.by_end.entry(end).or_default();
            known.latest = no;
            known.open += 1;
            known.open_sum += u64::from(no);
        }
        self.latest.insert(key, no);
        no
    }
}

/// The segment a frame carries, with numbers relative to its flow.
#[must_use]
pub fn segment(flow: &Flow, dir: Direction, no: u32, at: Nanos, frame: &[u8], tcp: &Tcp) -> Segment {
    let ack = if tcp.has(flag::ACK) { flow.relative(1 - dir, tcp.ack) } else { 0 };
    Segment {
        no,
        at,
        dir,
        seq: flow.relative(dir, tcp.seq),
        ack,
        flags: tcp.flags,
        window: tcp.window,
        payload: tcp.payload.len() as u32,
        options: options_of(frame, tcp).relative_to(flow.base(1 - dir).unwrap_or_default()),
    }
}

/// The two ends of the packet, with their ports where the transport has them.
#[must_use]
pub fn ends(ip: &Ip, transport: &Transport) -> (SocketAddr, SocketAddr) {
    let (source, target) = match transport {
        Transport::Tcp(tcp) => (tcp.src_port, tcp.dst_port),
        Transport::Udp { src_port, dst_port, .. } => (*src_port, *dst_port),
        _ => (0, 0),
    };
    (SocketAddr::new(ip.src, source), SocketAddr::new(ip.dst, target))
}

/// IPv4-mapped IPv6 addresses, as dual-stack sockets have them, count as the IPv4 address they carry on the wire.
#[must_use]
pub fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

fn key(protocol: Protocol, a: SocketAddr, b: SocketAddr) -> Key {
    let (a, b) = (canonical(a), canonical(b));
    if a <= b { (protocol, a, b) } else { (protocol, b, a) }
}
