//! Who talked with whom: streams with their packets, bytes and times, and the ends they have in common.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::Serialize;
use tongro_wire::FieldValue;

use crate::flow::Protocol as Transport;
use crate::reading::ends_of;

use super::Seen;

/// A stream.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Conversation {
    /// Its transport.
    pub transport: Transport,
    /// Its number, as in `tcp.stream`.
    pub stream: u32,
    /// Its ends, the one that spoke first before the other.
    pub ends: [SocketAddr; 2],
    /// Packets each way.
    pub packets: [u64; 2],
    /// Bytes on the wire each way.
    pub bytes: [u64; 2],
    /// Nanoseconds from the capture's first packet to its own first.
    pub first_at: u64,
    /// And to its last.
    pub last_at: u64,
    /// The round trip of the handshake, in nanoseconds.
    pub initial_rtt: Option<u64>,
    /// Round trips from segment to acknowledgment, in nanoseconds.
    pub rtt: Spread,
    /// Bytes in flight, each way.
    pub in_flight: [Spread; 2],
    /// Windows announced, each way.
    pub window: [Spread; 2],
    /// Segments with bytes that had been sent before.
    pub retransmissions: u64,
}

/// Smallest, mean and largest of some numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Spread {
    /// How many there were.
    pub count: u64,
    /// The smallest.
    pub min: u64,
    /// Their mean.
    pub mean: f64,
    /// The largest.
    pub max: u64,
}

/// An address and what it sent and got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    /// The address.
    pub address: IpAddr,
    /// Packets it sent.
    pub sent_packets: u64,
    /// Bytes of them.
    pub sent_bytes: u64,
    /// Packets sent to it.
    pub received_packets: u64,
    /// Bytes of them.
    pub received_bytes: u64,
}

/// All streams and ends so far.
#[derive(Debug, Default)]
pub struct Conversations {
    all: Vec<Conversation>,
    by_number: BTreeMap<(bool, u32), usize>,
    endpoints: BTreeMap<IpAddr, [u64; 4]>,
}

impl Spread {
    fn add(&mut self, number: u64) {
        self.min = if self.count == 0 { number } else { self.min.min(number) };
        self.max = self.max.max(number);
        self.count += 1;
        self.mean += (number as f64 - self.mean) / self.count as f64;
    }
}

impl Conversations {
    /// The streams in order of first packet.
    #[must_use]
    pub fn all(&self) -> &[Conversation] {
        &self.all
    }

    /// The addresses and what they sent and got, in order of address.
    pub fn endpoints(&self) -> impl Iterator<Item = Endpoint> {
        self.endpoints.iter().map(|(address, counts)| Endpoint {
            address: *address,
            sent_packets: counts[0],
            sent_bytes: counts[1],
            received_packets: counts[2],
            received_bytes: counts[3],
        })
    }

    pub(super) fn see(&mut self, seen: Seen<'_, '_>) {
        self.count_ends(seen);
        let packet = seen.packet;
        let is_stream = |value: &&FieldValue<'_>| matches!(value.field.id, "tcp.stream" | "udp.stream");
        for value in packet.fields.iter().filter(is_stream) {
            let is_quote =
                packet.layers[..value.layer].iter().any(|outer| outer.protocol.name.starts_with("icmp"));
            let (Some(ends), Some(number)) = (ends_of(packet, value.layer), value.value.uint()) else {
                continue;
            };
            if !is_quote {
                let conversation = self.of(value.field.id == "tcp.stream", number as u32, ends, seen.at);
                conversation.see(seen, value.layer, ends[0]);
            }
        }
    }

    fn of(&mut self, is_tcp: bool, stream: u32, ends: [SocketAddr; 2], at: u64) -> &mut Conversation {
        let all = &mut self.all;
        let index = *self.by_number.entry((is_tcp, stream)).or_insert_with(|| {
            all.push(Conversation {
                transport: if is_tcp { Transport::Tcp } else { Transport::Udp },
                stream,
                ends,
                packets: [0; 2],
                bytes: [0; 2],
                first_at: at,
                last_at: at,
                initial_rtt: None,
                rtt: Spread::default(),
                in_flight: Default::default(),
                window: Default::default(),
                retransmissions: 0,
            });
            all.len() - 1
        });
        &mut all[index]
    }

    /// Counts the outermost addresses of a packet.
    fn count_ends(&mut self, seen: Seen<'_, '_>) {
        let find = |ids: [&str; 2]| {
            let value = seen.packet.fields.iter().find(|value| ids.contains(&value.field.id))?;
            value.print().parse::<IpAddr>().ok()
        };
        for (ids, at) in [(["ip.src", "ipv6.src"], 0), (["ip.dst", "ipv6.dst"], 2)] {
            if let Some(address) = find(ids) {
                let counts = self.endpoints.entry(address).or_default();
                counts[at] += 1;
                counts[at + 1] += seen.len;
            }
        }
    }
}

impl Conversation {
    fn see(&mut self, seen: Seen<'_, '_>, layer: usize, source: SocketAddr) {
        let dir = usize::from(self.ends[0] != source);
        self.packets[dir] += 1;
        self.bytes[dir] += seen.len;
        self.last_at = seen.at;
        for value in seen.packet.fields.iter().filter(|value| value.layer == layer) {
            let Some(number) = value.value.uint() else { continue };
            match value.field.id {
                "tcp.window_size" => self.window[dir].add(number),
                "tcp.analysis.ack_rtt" => self.rtt.add(number),
                "tcp.analysis.initial_rtt" => self.initial_rtt = Some(number),
                "tcp.analysis.bytes_in_flight" => self.in_flight[dir].add(number),
                "tcp.analysis.retransmission" => self.retransmissions += 1,
                _ => {}
            }
        }
    }
}
