//! Statistics of a capture: who talked with whom, which protocols, what was noticed, how much when.
//!
//! Dissected packets come in one by one from a [`Reading`](crate::reading::Reading) that needs everything; tables go
//! out, which text and JSON print alike. Memory is O(flows): of what is noticed only the first frames are kept, and the
//! graph widens its steps as the capture grows.

mod conversations;
mod expert;
mod graph;
mod hierarchy;

use serde::Serialize;
use tongro_wire::Packet;

pub use conversations::{Conversation, Conversations, Endpoint, Spread};
pub use expert::{Expert, Noticed, Severity};
pub use graph::{Graph, Step};
pub use hierarchy::{Hierarchy, Share};

/// The statistics so far.
#[derive(Debug, Default)]
pub struct Stats {
    /// Packets, bytes and times of the whole.
    pub total: Total,
    /// Streams and ends.
    pub conversations: Conversations,
    /// Protocols inside protocols.
    pub hierarchy: Hierarchy,
    /// What was noticed.
    pub expert: Expert,
    /// Packets and bytes over time.
    pub graph: Graph,
}

/// The capture as a whole.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Total {
    /// Packets.
    pub packets: u64,
    /// Bytes on the wire.
    pub bytes: u64,
    /// Nanoseconds from the first packet to the last.
    pub span: u64,
}

/// What every table needs of a packet.
#[derive(Debug, Clone, Copy)]
struct Seen<'p, 'a> {
    packet: &'p Packet<'a>,
    number: u32,
    /// Nanoseconds since the first packet.
    at: u64,
    len: u64,
}

impl Stats {
    /// Counts a packet.
    pub fn see(&mut self, packet: &Packet<'_>) {
        let find = |id: &str| packet.fields.iter().rev().find(|value| value.field.id == id);
        let number = |id: &str| find(id).and_then(|value| value.value.uint()).unwrap_or(0);
        let seen = Seen {
            packet,
            number: number("frame.number") as u32,
            at: number("frame.time_relative"),
            len: number("frame.len"),
        };
        self.total.packets += 1;
        self.total.bytes += seen.len;
        self.total.span = self.total.span.max(seen.at);
        self.conversations.see(seen);
        self.hierarchy.see(seen);
        self.expert.see(seen);
        self.graph.see(seen);
    }
}
