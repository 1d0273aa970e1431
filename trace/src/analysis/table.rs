//! Which segment belongs to which stream, and the order in which its rules are asked.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::net::IpAddr;

use tongro_wire::view::flag::{ACK, FIN, PSH, RST, SYN};

use super::half::{Half, Scale, Unacked};
use super::{Analysis, Labels, Seen, rules};
use crate::segment::before;

/// Both ends in a fixed order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key([u8; 16], [u8; 16], u16, u16);

/// A quick hash for keys that an attacker gains nothing from colliding: a capture is read once.
#[derive(Debug, Default, Clone)]
pub(super) struct Quick(u64);

impl Hasher for Quick {
    fn finish(&self) -> u64 {
        self.0 ^ self.0 >> 32
    }

    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            self.write_u64(u64::from_le_bytes(word));
        }
    }

    fn write_u16(&mut self, number: u16) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(23) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// All connections so far.
#[derive(Debug, Default)]
pub struct Connections {
    latest: HashMap<Key, u32, BuildHasherDefault<Quick>>,
    connections: Vec<Connection>,
}

/// One connection.
#[derive(Debug, Default)]
pub(super) struct Connection {
    /// The end that spoke first.
    first: Option<(IpAddr, u16)>,
    halves: [Half; 2],
    /// When SYN came, and how long until the first acknowledgment without SYN.
    syn_at: Option<i64>,
    initial_rtt: Option<i64>,
}

impl Connections {
    /// How many streams there are.
    #[must_use]
    pub fn streams(&self) -> u32 {
        self.connections.len() as u32
    }

    /// Looks at the next segment of the capture.
    pub fn observe(&mut self, seen: &Seen<'_>) -> Analysis {
        let key = key(seen);
        let known = self.latest.get(&key).copied();
        let is_reused = known.is_some_and(|no| self.connections[no as usize].is_reopened(seen));
        let no = match known.filter(|_| !is_reused) {
            Some(no) => no,
            None => {
                let no = self.connections.len() as u32;
                self.connections.push(Connection::new(seen.src));
                self.latest.insert(key, no);
                no
            }
        };
        let mut analysis = self.connections[no as usize].observe(seen, is_reused);
        analysis.stream = no;
        analysis
    }
}

fn key(seen: &Seen<'_>) -> Key {
    let octets = |addr: IpAddr| match addr {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    };
    let (src, dst) = ((octets(seen.src.0), seen.src.1), (octets(seen.dst.0), seen.dst.1));
    let (a, b) = if src <= dst { (src, dst) } else { (dst, src) };
    Key(a.0, b.0, a.1, b.1)
}

impl Connection {
    /// A connection that has seen nothing; `first` is the end that speaks first.
    fn new(first: (IpAddr, u16)) -> Self {
        Self { first: Some(first), ..Self::default() }
    }

    /// A SYN with another first number on the same ports opens a new stream.
    fn is_reopened(&self, seen: &Seen<'_>) -> bool {
        let half = &self.halves[self.dir(seen)];
        seen.flags & (SYN | ACK) == SYN && half.base.is_some_and(|base| base != seen.seq)
    }

    fn dir(&self, seen: &Seen<'_>) -> usize {
        usize::from(self.first != Some(seen.src))
    }

    /// Looks at the next segment; `is_reused` says that the ports had another stream before.
    fn observe(&mut self, seen: &Seen<'_>, is_reused: bool) -> Analysis {
        let dir = self.dir(seen);
        let mut found = Analysis { dir, ..Analysis::default() };
        self.learn(seen, dir);
        self.time_handshake(seen);
        if is_reused {
            found.labels.add(Labels::REUSED_PORTS);
        }
        let initial_rtt = self.initial_rtt;
        let (me, you) = both(&mut self.halves, dir);
        found.seq = me.base.map_or(0, |base| seen.seq.wrapping_sub(base));
        found.ack = if seen.has(ACK) { you.base.map_or(0, |base| seen.ack.wrapping_sub(base)) } else { 0 };
        found.base = you.base.unwrap_or(0);
        found.window = window(me, seen);
        rules::label(me, you, seen, initial_rtt, &mut found);
        rules::remember(me, you, seen, &mut found);
        if found.tells() {
            found.initial_rtt = initial_rtt;
        }
        found
    }

    /// First numbers and window shifts.
    fn learn(&mut self, seen: &Seen<'_>, dir: usize) {
        let (me, you) = both(&mut self.halves, dir);
        if seen.has(SYN) {
            me.base = Some(seen.seq);
            me.scale = seen.options().scale.map_or(Scale::None, Scale::By);
            // Both ends must ask for it (RFC 7323 section 1.3).
            if me.scale == Scale::None || (seen.has(ACK) && you.scale == Scale::None) {
                (me.scale, you.scale) = (Scale::None, Scale::None);
            }
        }
        if me.base.is_none() {
            me.base = Some(seen.seq.wrapping_sub(1));
        }
        if you.base.is_none() && seen.has(ACK) && !seen.has(RST) {
            you.base = Some(seen.ack.wrapping_sub(1));
        }
    }

    fn time_handshake(&mut self, seen: &Seen<'_>) {
        match seen.flags & (SYN | ACK) {
            SYN => self.syn_at = Some(seen.at),
            ACK if self.initial_rtt.is_none() => self.initial_rtt = self.syn_at.map(|at| seen.at - at),
            _ => {}
        }
    }
}

/// The window field in bytes.
fn window(me: &Half, seen: &Seen<'_>) -> u32 {
    let window = u32::from(seen.window);
    match me.scale {
        Scale::By(shift) if !seen.has(SYN) => window << shift,
        _ => window,
    }
}

fn both(halves: &mut [Half; 2], dir: usize) -> (&mut Half, &mut Half) {
    let [a, b] = halves;
    if dir == 0 { (a, b) } else { (b, a) }
}

impl Analysis {
    /// Whether there is anything under "SEQ/ACK analysis".
    fn tells(&self) -> bool {
        !self.labels.is_empty() || self.acks.is_some() || self.has_more || self.duplicate_ack.is_some()
    }
}

impl Seen<'_> {
    /// The sequence number after this segment.
    pub(super) fn end(&self) -> u32 {
        self.seq.wrapping_add(self.len).wrapping_add(u32::from(self.any(SYN | FIN)))
    }

    pub(super) fn has_content(&self) -> bool {
        self.len > 0 || self.any(SYN | FIN)
    }

    pub(super) fn is_push(&self) -> bool {
        self.has(PSH)
    }

    pub(super) fn unacked(&self) -> Unacked {
        Unacked { no: self.no, at: self.at, seq: self.seq, end: self.end() }
    }
}

/// Whether `a` comes after `b`.
pub(super) fn after(a: u32, b: u32) -> bool {
    before(b, a)
}
