//! Streams: the bytes of a conversation in order, as the programs at its ends read them.
//!
//! Payloads come in as their segments arrive, out of order, doubled and overlapping; pieces of the stream go out once
//! and in order. Memory is bounded: what waits for a hole longer than the limit allows is let out behind a gap.

use std::collections::BTreeMap;

use tongro_wire::view::{self, Transport, flag};

use crate::event::{Fate, Nanos, What};
use crate::flow::{self, Table};
use crate::recording::Recording;
use crate::segment::Direction;

/// How many bytes of one direction may wait for a hole to be filled, unless told otherwise: 1 MiB.
pub const WAITING: usize = 1 << 20;

/// What keeping a payload costs beside its bytes.
const ENTRY: usize = 64;

/// A piece of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Bytes that one segment brought.
    Bytes {
        /// Where they stand in the stream, from 0.
        offset: u64,
        /// The frame that brought them.
        frame: u32,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// Bytes that never came.
    Gap {
        /// Where they would stand.
        offset: u64,
        /// How many there are.
        len: u64,
    },
}

/// One direction of a TCP connection, put together.
#[derive(Debug)]
pub struct Reassembly {
    /// The sequence number of the next byte, and its offset.
    next: Option<u32>,
    offset: u64,
    waiting: BTreeMap<u64, (u32, Vec<u8>)>,
    waiting_len: usize,
    limit: usize,
}

impl Reassembly {
    /// A stream of which `limit` bytes may wait behind a hole.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { next: None, offset: 0, waiting: BTreeMap::new(), waiting_len: 0, limit }
    }

    /// The stream begins with this sequence number (the one behind the SYN); without it, with the first payload.
    pub fn begin(&mut self, seq: u32) {
        self.next.get_or_insert(seq);
    }

    /// Takes a payload whose first byte has this sequence number, and gives what is in order now. Where payloads
    /// overlap, the bytes that came first count.
    pub fn push(&mut self, frame: u32, seq: u32, payload: &[u8]) -> Vec<Piece> {
        let mut pieces = Vec::new();
        if payload.is_empty() {
            return pieces;
        }
        let next = *self.next.get_or_insert(seq);
        let ahead = i64::from(seq.wrapping_sub(next) as i32);
        match u64::try_from(ahead) {
            Ok(0) => self.emit(frame, payload, &mut pieces),
            Ok(ahead) => self.wait(self.offset + ahead, frame, payload),
            Err(_) => {
                let old = usize::try_from(-ahead).unwrap_or(usize::MAX).min(payload.len());
                self.emit(frame, &payload[old..], &mut pieces);
            }
        }
        self.drain(&mut pieces);
        while self.waiting_len.saturating_add(self.waiting.len() * ENTRY) > self.limit {
            self.skip_hole(&mut pieces);
        }
        pieces
    }

    /// Gives what still waits, with the gaps before it.
    pub fn finish(&mut self) -> Vec<Piece> {
        let mut pieces = Vec::new();
        while !self.waiting.is_empty() {
            self.skip_hole(&mut pieces);
        }
        pieces
    }

    fn emit(&mut self, frame: u32, bytes: &[u8], pieces: &mut Vec<Piece>) {
        if bytes.is_empty() {
            return;
        }
        pieces.push(Piece::Bytes { offset: self.offset, frame, bytes: bytes.to_vec() });
        self.advance(bytes.len() as u64);
    }

    fn advance(&mut self, len: u64) {
        self.offset += len;
        self.next = self.next.map(|next| next.wrapping_add(len as u32));
    }

    fn wait(&mut self, offset: u64, frame: u32, payload: &[u8]) {
        let known = self.waiting.get(&offset).map_or(0, |(_, bytes)| bytes.len());
        if known < payload.len() {
            let mut bytes = self.waiting.remove(&offset).map(|(_, bytes)| bytes).unwrap_or_default();
            bytes.extend_from_slice(&payload[known..]);
            self.waiting_len += payload.len() - known;
            self.waiting.insert(offset, (frame, bytes));
        }
    }

    /// Lets out what the stream has reached.
    fn drain(&mut self, pieces: &mut Vec<Piece>) {
        while let Some(first) = self.waiting.first_entry().filter(|first| *first.key() <= self.offset) {
            let (offset, (frame, bytes)) = first.remove_entry();
            self.waiting_len -= bytes.len();
            let old = usize::try_from(self.offset - offset).unwrap_or(usize::MAX).min(bytes.len());
            self.emit(frame, &bytes[old..], pieces);
        }
    }

    fn skip_hole(&mut self, pieces: &mut Vec<Piece>) {
        if let Some(first) = self.waiting.keys().next().copied() {
            let len = first - self.offset;
            pieces.push(Piece::Gap { offset: self.offset, len });
            self.advance(len);
            self.drain(pieces);
        }
    }
}

/// What one end said to the other without being interrupted by a later arrival of the other way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Which way it went.
    pub dir: Direction,
    /// When its frame came.
    pub at: Nanos,
    /// What it is.
    pub piece: Piece,
}

/// Follows one conversation over frames in the order they came: number, time, bytes. A UDP datagram is one piece;
/// what TCP still waits for at the end comes last, behind its gap.
pub fn follow<'f>(flow: u32, frames: impl IntoIterator<Item = (u32, Nanos, &'f [u8])>) -> Vec<Said> {
    let mut table = Table::default();
    let mut halves = [Reassembly::new(WAITING), Reassembly::new(WAITING)];
    let mut offsets = [0u64; 2];
    let (mut said, mut last_at) = (Vec::new(), 0);
    for (no, at, bytes) in frames {
        let Some(view) = view::ethernet(bytes) else { continue };
        let Some((found, dir)) = table.observe(at, bytes.len(), &view) else { continue };
        if found.no != flow {
            continue;
        }
        last_at = at;
        let pieces = match &view.transport {
            Transport::Tcp(tcp) => {
                let seq = tcp.seq.wrapping_add(u32::from(tcp.has(flag::SYN)));
                if tcp.has(flag::SYN) {
                    halves[dir].begin(seq);
                }
                halves[dir].push(no, seq, bytes.get(tcp.payload.clone()).unwrap_or_default())
            }
            Transport::Udp { payload, .. } => {
                let bytes = bytes.get(payload.clone()).unwrap_or_default().to_vec();
                let offset = offsets[dir];
                offsets[dir] += bytes.len() as u64;
                vec![Piece::Bytes { offset, frame: no, bytes }]
            }
            _ => Vec::new(),
        };
        said.extend(pieces.into_iter().map(|piece| Said { dir, at, piece }));
    }
    for (dir, half) in halves.iter_mut().enumerate() {
        said.extend(half.finish().into_iter().map(|piece| Said { dir, at: last_at, piece }));
    }
    said
}

/// Follows a conversation of a recording as its receivers saw it: what was lost or altered on the link is not in it.
#[must_use]
pub fn follow_recorded(recording: &Recording, flow: u32) -> Vec<Said> {
    let mut is_altered = vec![false; recording.frames.len() + 1];
    let mut arrivals = Vec::new();
    for event in &recording.events {
        match &event.what {
            What::Sent(sent) => {
                if let Some(slot) = is_altered.get_mut(sent.frame as usize) {
                    *slot = sent.fates.iter().any(|fate| matches!(fate, Fate::Corrupt(_)));
                }
            }
            What::Arrived(arrived) if is_altered.get(arrived.frame as usize) == Some(&false) => {
                let bytes = recording.frame(arrived.frame);
                arrivals.extend(bytes.map(|bytes| (arrived.frame, event.at, bytes)));
            }
            _ => {}
        }
    }
    follow(flow, arrivals)
}

/// Every conversation of these frames, in order of number.
pub fn conversations<'f>(frames: impl IntoIterator<Item = (Nanos, &'f [u8])>) -> Vec<flow::Flow> {
    let mut table = Table::default();
    for (at, bytes) in frames {
        if let Some(view) = view::ethernet(bytes) {
            let _ = table.observe(at, bytes.len(), &view);
        }
    }
    table.flows().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(pieces: &[Piece]) -> Vec<u8> {
        let all = pieces.iter().flat_map(|piece| match piece {
            Piece::Bytes { bytes, .. } => bytes.clone(),
            Piece::Gap { len, .. } => vec![b'.'; *len as usize],
        });
        all.collect()
    }

    #[test]
    fn a_hole_is_waited_for_and_copies_count_once() {
        let mut stream = Reassembly::new(1000);
        stream.begin(u32::MAX - 1);
        assert_eq!(bytes(&stream.push(1, u32::MAX - 1, b"ab")), b"ab");
        assert_eq!(stream.push(2, 3, b"fg"), []);
        assert_eq!(stream.push(3, 0, b"cde").len(), 2);
        assert_eq!(stream.push(4, u32::MAX, b"XXXX"), []);
        assert_eq!(bytes(&stream.push(5, 4, b"Yh")), b"h");
    }

    #[test]
    fn what_waits_too_long_comes_behind_a_gap() {
        let mut stream = Reassembly::new(100);
        stream.begin(0);
        assert_eq!(stream.push(1, 2, b"cde"), []);
        let pieces = stream.push(2, 10, b"kl");
        assert_eq!(pieces[0], Piece::Gap { offset: 0, len: 2 });
        assert_eq!(bytes(&pieces), b"..cde");
        assert_eq!(bytes(&stream.finish()), b".....kl");
    }

    proptest! {
        /// However a stream is cut, doubled and shuffled, it comes out whole and in order.
        #[test]
        fn any_order_gives_the_stream(
            base in any::<u32>(),
            text in prop::collection::vec(any::<u8>(), 1..300),
            mut cuts in prop::collection::vec((any::<prop::sample::Index>(), 1usize..40), 0..60).prop_shuffle(),
        ) {
            let all: Vec<(prop::sample::Index, usize)> = std::mem::take(&mut cuts);
            let mut stream = Reassembly::new(usize::MAX);
            stream.begin(base);
            let mut out = Vec::new();
            for (at, len) in all {
                let at = at.index(text.len());
                let part = &text[at..(at + len).min(text.len())];
                out.extend(bytes(&stream.push(1, base.wrapping_add(at as u32), part)));
                prop_assert_eq!(&out[..], &text[..out.len()]);
            }
            out.extend(bytes(&stream.push(1, base, &text)));
            prop_assert_eq!(out, text);
            prop_assert_eq!(stream.finish(), []);
        }
    }
}
