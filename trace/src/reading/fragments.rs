//! Fragments put together: the datagram of an IPv4 packet or an IPv6 fragment header (RFC 791 section 3.2, RFC 8200
//! section 4.5), whole when its last missing piece comes, in whatever order.

use std::collections::{BTreeMap, HashMap, VecDeque};

use tongro_wire::{Packet, Protocol, protocol};

/// The most bytes of unfinished datagrams; the oldest are given up first.
const WAITING: usize = 4 << 20;

/// Which datagram a fragment is of: addresses, protocol and identification, as they stand in the header.
type Key = Vec<u8>;

/// Datagrams that are not whole yet.
#[derive(Debug, Default)]
pub(super) struct Fragments {
    open: HashMap<Key, Pieces>,
    order: VecDeque<Key>,
    held: usize,
}

#[derive(Debug, Default)]
struct Pieces {
    by_offset: BTreeMap<usize, Vec<u8>>,
    /// The length of the whole, once the last fragment was seen.
    len: Option<usize>,
    held: usize,
}

/// A datagram that is whole now.
#[derive(Debug)]
pub(super) struct Whole {
    /// What it is.
    pub(super) protocol: &'static Protocol,
    /// Where it begins in the bytes that were put together, behind the IP header of the last fragment.
    pub(super) at: usize,
}

/// A fragment as its header says.
struct Fragment<'p> {
    key: Key,
    header: &'p [u8],
    next: u8,
    offset: usize,
    has_more: bool,
    payload: &'p [u8],
}

impl Fragments {
    /// Looks at a packet; when it brings the last missing piece, the IP header and the whole datagram are in `out`.
    pub(super) fn see(&mut self, packet: &Packet<'_>, out: &mut Vec<u8>) -> Option<Whole> {
        let fragment = of(packet)?;
        let end = fragment.offset + fragment.payload.len();
        if !self.open.contains_key(&fragment.key) {
            self.order.push_back(fragment.key.clone());
        }
        let pieces = self.open.entry(fragment.key.clone()).or_default();
        if !fragment.has_more {
            pieces.len = Some(end);
        }
        if let std::collections::btree_map::Entry::Vacant(e) = pieces.by_offset.entry(fragment.offset) {
            e.insert(fragment.payload.to_vec());
            pieces.held += fragment.payload.len();
            self.held += fragment.payload.len();
        }
        if !pieces.is_whole() {
            self.forget_oldest();
            return None;
        }
        let pieces = self.open.remove(&fragment.key)?;
        self.order.retain(|key| *key != fragment.key);
        self.held -= pieces.held;
        out.clear();
        out.extend_from_slice(fragment.header);
        let at = out.len();
        for (offset, bytes) in pieces.by_offset {
            let known = (out.len() - at).saturating_sub(offset).min(bytes.len());
            out.extend_from_slice(&bytes[known..]);
        }
        Some(Whole { protocol: next_protocol(fragment.next)?, at })
    }

    fn forget_oldest(&mut self) {
        while self.held > WAITING {
            let Some(pieces) = self.order.pop_front().and_then(|key| self.open.remove(&key)) else { return };
            self.held -= pieces.held;
        }
    }
}

impl Pieces {
    fn is_whole(&self) -> bool {
        let Some(len) = self.len else { return false };
        let mut reached = 0;
        for (offset, bytes) in &self.by_offset {
            if *offset > reached {
                return false;
            }
            reached = reached.max(offset + bytes.len());
        }
        reached >= len
    }
}

/// The innermost IP layer's fragment, unless it is a quote in an error message.
fn of<'p>(packet: &'p Packet<'_>) -> Option<Fragment<'p>> {
    let index =
        packet.layers.iter().rposition(|layer| matches!(layer.protocol.name, "ip" | "ipv6.fraghdr"))?;
    let is_quote = packet.layers[..index].iter().any(|layer| layer.protocol.name.starts_with("icmp"));
    if is_quote {
        return None;
    }
    let layer = &packet.layers[index];
    let header = packet.bytes.get(layer.header.clone())?;
    let payload = packet.bytes.get(layer.payload.clone())?;
    if layer.protocol.name == "ip" {
        let bits = usize::from(header.get(6).copied()?) << 8 | usize::from(*header.get(7)?);
        let (offset, has_more) = ((bits & 0x1fff) * 8, bits & 0x2000 != 0);
        if offset == 0 && !has_more {
            return None;
        }
        let (id, next, ends) = (header.get(4..6)?, *header.get(9)?, header.get(12..20)?);
        let key = [id, &[next], ends].concat();
        return Some(Fragment { key, header, next, offset, has_more, payload });
    }
    let outer = packet.layers[..index].iter().rev().find(|layer| layer.protocol.name == "ipv6")?;
    let ip = packet.bytes.get(outer.header.clone())?;
    let bits = usize::from(*header.get(2)?) << 8 | usize::from(*header.get(3)?);
    let (offset, has_more) = (bits & 0xfff8, bits & 1 != 0);
    if offset == 0 && !has_more {
        return None;
    }
    let key = [header.get(4..8)?, &header[..1], ip.get(8..40)?].concat();
    Some(Fragment { key, header: ip, next: header[0], offset, has_more, payload })
}

/// The protocol that an IP header's number names.
fn next_protocol(number: u8) -> Option<&'static Protocol> {
    let name = match number {
        1 => "icmp",
        2 => "igmp",
        4 => "ip",
        6 => "tcp",
        17 => "udp",
        41 => "ipv6",
        47 => "gre",
        58 => "icmpv6",
        60 => "ipv6.dstopts",
        _ => "data",
    };
    protocol(name)
}

/// Takes the raw payload of the last fragment away: the datagram stands for it.
pub(super) fn without_raw(packet: &mut Packet<'_>) {
    if packet.layers.len() > 1 && packet.layers.last().is_some_and(|layer| layer.protocol.name == "data") {
        packet.layers.pop();
        let last = packet.layers.len();
        packet.fields.retain(|value| value.layer < last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tongro_wire::{LinkType, dissect};

    #[test]
    fn a_fragment_that_is_cut_inside_its_header_is_left_alone() {
        // Found by `cargo xtask fuzz reading`: the flags say fragment, the rest of the header is missing.
        let fragment = b"\x02\0\0\0\0\x02\x02\0\0\0\0\x01\x08\0\x45\0\0\x2c\x1c\x46\x20\0\x40\x11\0\0\
            \x0a\x4d\0\x01\x0a\x4d\0\x02";
        for len in 0..fragment.len() {
            let packet = dissect(LinkType::Ethernet, &fragment[..len]);
            assert!(Fragments::default().see(&packet, &mut Vec::new()).is_none(), "{len} bytes");
        }
    }
}
