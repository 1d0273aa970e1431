//! Templates: a packet that is crafted once and changed in place many times, with its checksums kept right.
//!
//! Layers come from an expression or the dissector; each change patches the bytes and every checksum over them by the
//! difference (RFC 1624), so that no packet is built again.
//!
//! ```
//! use tongro_wire::{LinkType, dissect, expr::Expression, template::Template};
//! let layers = Expression::parse("IP()/TCP(dport=80, flags=\"S\")")?.layers(0)?;
//! let mut template = Template::new(LinkType::RawIp, &layers);
//! let (port, seq) = (template.slot("tcp.srcport").unwrap(), template.slot("tcp.seq_raw").unwrap());
//! for number in 0..1000 {
//!     template.set(port, 1024 + number);
//!     template.set(seq, number * 77_777);
//!     let packet = dissect(LinkType::RawIp, template.bytes());
//!     assert_eq!(packet.find("tcp.srcport").unwrap().value.uint(), Some(1024 + number));
//!     assert!(packet.problems.is_empty(), "the checksum follows");
//! }
//! # Ok::<(), tongro_wire::expr::ExprError>(())
//! ```

use std::ops::Range;

use crate::field::{Auto, Bits, Sum};
use crate::{LayerSpec, LinkType, Packet, bits, checksum, craft, dissect};

/// A packet to be changed in place.
#[derive(Debug, Clone)]
pub struct Template {
    bytes: Vec<u8>,
    sums: Vec<Covered>,
    slots: Vec<Place>,
}

/// A field of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot(usize);

/// A checksum: where it stands, and what it covers besides itself.
#[derive(Debug, Clone)]
struct Covered {
    at: usize,
    span: Range<usize>,
    /// The addresses of the pseudo header.
    ends: Range<usize>,
    /// Zero is written as all ones.
    is_never_zero: bool,
}

#[derive(Debug, Clone)]
struct Place {
    id: &'static str,
    at: u32,
    len: u32,
    scale: u64,
    /// The bytes that a change touches, from an even distance to each checksum's span.
    sums: Vec<(usize, Range<usize>)>,
}

impl Template {
    /// Crafts the layers and remembers where everything stands.
    #[must_use]
    pub fn new(link: LinkType, layers: &[LayerSpec]) -> Self {
        let bytes = craft(layers);
        let packet = dissect(link, &bytes);
        let sums = sums(&packet);
        let mut slots = Vec::new();
        for value in &packet.fields {
            let len = value.bits.end - value.bits.start;
            if value.generated || !(1..=64).contains(&len) || !matches!(value.field.bits, Bits::At(..)) {
                continue;
            }
            let touched = value.bytes();
            let sums =
                sums.iter().enumerate().filter_map(|(index, sum)| Some((index, sum.touched(&touched)?)));
            let (at, scale) = (value.bits.start, u64::from(value.field.scale));
            slots.push(Place { id: value.field.id, at, len, scale, sums: sums.collect() });
        }
        Self { bytes, sums, slots }
    }

    /// The outermost field of this id, if it is a number or address of at most 64 bits.
    #[must_use]
    pub fn slot(&self, id: &str) -> Option<Slot> {
        self.slots.iter().position(|place| place.id == id).map(Slot)
    }

    /// Writes a value, cut to the bits of the field, and puts every checksum over it right.
    pub fn set(&mut self, slot: Slot, value: u64) {
        let Some(place) = self.slots.get(slot.0) else { return };
        let value = value / place.scale;
        for (sum, bytes) in &place.sums {
            let before = checksum::sum(&self.bytes[bytes.clone()]);
            self.sums[*sum].take(&mut self.bytes, before);
        }
        bits::write(&mut self.bytes, place.at, place.len, value);
        for (sum, bytes) in &place.sums {
            let after = checksum::sum(&self.bytes[bytes.clone()]);
            self.sums[*sum].give(&mut self.bytes, after);
        }
    }

    /// The packet as it is now.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Covered {
    /// The bytes to be summed before and after a change of `touched`, whole words of the span; `None` when none of
    /// them counts.
    fn touched(&self, touched: &Range<usize>) -> Option<Range<usize>> {
        if touched.start <= self.at && self.at < touched.end {
            return None;
        }
        let base = [&self.span, &self.ends].into_iter().find(|span| span.contains(&touched.start))?;
        let start = touched.start - (touched.start - base.start) % 2;
        let end = (touched.end + (touched.end - base.start) % 2).min(base.end);
        Some(start..end)
    }

    /// Takes a partial sum out of the stored checksum (RFC 1624 equation 3).
    fn take(&self, bytes: &mut [u8], partial: u32) {
        let stored = u32::from(self.read(bytes));
        self.write(bytes, checksum::finish((!stored & 0xffff) + (!partial & 0xffff)));
    }

    fn give(&self, bytes: &mut [u8], partial: u32) {
        let stored = u32::from(self.read(bytes));
        let sum = checksum::finish((!stored & 0xffff) + partial);
        self.write(bytes, if sum == 0 && self.is_never_zero { 0xffff } else { sum });
    }

    fn read(&self, bytes: &[u8]) -> u16 {
        u16::from_be_bytes([bytes[self.at], bytes[self.at + 1]])
    }

    fn write(&self, bytes: &mut [u8], sum: u16) {
        bytes[self.at..self.at + 2].copy_from_slice(&sum.to_be_bytes());
    }
}

/// The checksums of a packet that hold; one that is wrong on purpose is left alone.
fn sums(packet: &Packet<'_>) -> Vec<Covered> {
    let mut sums = Vec::new();
    for value in packet.fields.iter().filter(|value| !value.generated) {
        let Some(Auto::Checksum(sum)) = value.field.auto else { continue };
        let layer = &packet.layers[value.layer];
        let is_bad = packet.problems.iter().any(|problem| problem.layer == value.layer);
        let is_absent = matches!(sum, Sum::PseudoOrNone(_)) && value.value.uint() == Some(0);
        if layer.is_partial || is_bad || is_absent {
            continue;
        }
        let end = if sum == Sum::Header { layer.header.end } else { layer.extent().end };
        let ip = packet.layers[..value.layer]
            .iter()
            .rev()
            .find(|layer| matches!(layer.protocol.name, "ip" | "ipv6"));
        let ends = match (sum, ip.map(|ip| (ip.protocol.name, ip.header.start))) {
            (Sum::Pseudo(_) | Sum::PseudoOrNone(_), Some(("ip", start))) => start + 12..start + 20,
            (Sum::Pseudo(_) | Sum::PseudoOrNone(_), Some((_, start))) => start + 8..start + 40,
            _ => 0..0,
        };
        let is_never_zero = matches!(sum, Sum::PseudoOrNone(_));
        sums.push(Covered { at: value.bytes().start, span: layer.header.start..end, ends, is_never_zero });
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expr::Expression;
    use proptest::prelude::*;

    const TEXTS: [&str; 4] = [
        r#"Ether()/IP()/TCP(options=[("Timestamp", (1, 2))])/"odd""#,
        r#"Ether()/IP()/UDP()/"hello""#,
        r#"Ether()/IPv6()/ICMPv6EchoRequest(id=1, seq=2)/"x""#,
        r#"Ether()/IP()/ICMP(id=1, seq=2)/"ping""#,
    ];

    proptest! {
        #[test]
        fn any_change_keeps_every_checksum(text in 0..TEXTS.len(), changes in prop::collection::vec((0usize..60, any::<u64>()), 1..20)) {
            let layers = Expression::parse(TEXTS[text]).unwrap().layers(0).unwrap();
            let mut template = Template::new(LinkType::Ethernet, &layers);
            for (slot, value) in changes {
                let place = &template.slots[slot % template.slots.len()];
                // Lengths, types and the checksums themselves say how to read the rest.
                let field = crate::field(place.id).unwrap();
                let shape = ["icmp.type", "icmpv6.type", "icmp.code", "icmpv6.code", "ip.frag_offset"];
                if field.auto.is_some() || field.is_group || place.id.contains("flags") || shape.contains(&place.id)
                    || place.id.contains("option") {
                    continue;
                }
                template.set(Slot(slot % template.slots.len()), value);
                let packet = dissect(LinkType::Ethernet, template.bytes());
                let bad = packet.problems.iter().any(|problem| matches!(problem.kind, crate::ProblemKind::BadChecksum { .. }));
                prop_assert!(!bad, "{:?}", packet.problems);
            }
        }
    }
}
