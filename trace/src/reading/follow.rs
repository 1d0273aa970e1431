//! One conversation followed: the bytes of a stream in order, as the programs at its ends read them.
//!
//! Dissected packets come in from a [`Reading`](super::Reading) that needs streams; pieces of the chosen stream go out,
//! each with the frame that brought it. A UDP datagram is one piece. Whatever link or tunnel carries the stream, it is
//! found by its number.

use std::net::SocketAddr;

use tongro_wire::Packet;
use tongro_wire::view::flag::SYN;

use crate::flow::Protocol as Transport;
use crate::segment::Direction;
use crate::stream::{Piece, Reassembly, WAITING};

use super::streams::{Ends, ends, header};

/// Follows one stream.
#[derive(Debug)]
pub struct Follow {
    transport: Transport,
    number: u64,
    ends: Option<Ends>,
    halves: [Reassembly; 2],
    offsets: [u64; 2],
}

/// Pieces that one packet brought: which way they went, and what they are.
pub type Heard = (Direction, Vec<Piece>);

impl Follow {
    /// Follows this stream of a transport; numbers are those of `tcp.stream` and `udp.stream`.
    #[must_use]
    pub fn new(transport: Transport, number: u32) -> Self {
        let halves = [Reassembly::new(WAITING), Reassembly::new(WAITING)];
        Self { transport, number: u64::from(number), ends: None, halves, offsets: [0; 2] }
    }

    /// The ends of the stream, once it was met; the one that spoke first comes first.
    #[must_use]
    pub fn ends(&self) -> Option<[SocketAddr; 2]> {
        self.ends
    }

    /// The index of the layer through which a packet belongs to the stream.
    #[must_use]
    pub fn layer(&self, packet: &Packet<'_>) -> Option<usize> {
        let id = match self.transport {
            Transport::Tcp => "tcp.stream",
            Transport::Udp => "udp.stream",
        };
        let is_quoted =
            |layer: usize| packet.layers[..layer].iter().any(|outer| outer.protocol.name.starts_with("icmp"));
        let mut values = packet.fields.iter().filter(|value| value.field.id == id);
        let found = values.find(|value| value.value.uint() == Some(self.number))?;
        (!is_quoted(found.layer)).then_some(found.layer)
    }

    /// What a packet brings to the stream; `None` when it is not of it.
    pub fn see(&mut self, packet: &Packet<'_>, frame: u32) -> Option<Heard> {
        let index = self.layer(packet)?;
        let [source, target] = ends(packet, index)?;
        let dir = usize::from(self.ends.get_or_insert([source, target])[0] != source);
        let layer = &packet.layers[index];
        let payload = packet.bytes_of(layer).get(layer.payload.clone()).unwrap_or_default();
        if self.transport == Transport::Udp {
            let offset = self.offsets[dir];
            self.offsets[dir] += payload.len() as u64;
            return Some((dir, vec![Piece::Bytes { offset, frame, bytes: payload.to_vec() }]));
        }
        let header = header(packet, index)?;
        let is_syn = header.flags & SYN != 0;
        let seq = header.seq.wrapping_add(u32::from(is_syn));
        if is_syn {
            self.halves[dir].begin(seq);
        }
        Some((dir, self.halves[dir].push(frame, seq, payload)))
    }

    /// What still waits behind a hole when the capture is over.
    pub fn finish(&mut self) -> Vec<Heard> {
        self.halves.iter_mut().enumerate().map(|(dir, half)| (dir, half.finish())).collect()
    }
}
