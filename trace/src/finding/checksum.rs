//! Whether the checksums inside a frame hold.

use std::net::IpAddr;

use tongro_wire::checksum::{finish, pseudo, sum};
use tongro_wire::view::{Ip, View};

/// The layer whose checksum is wrong: `ip`, `tcp`, `udp`, `icmp` or `icmpv6`. `None` when all that can be verified
/// hold; a fragment's or a cut packet's transport cannot.
#[must_use]
pub fn bad_checksum(frame: &[u8], view: &View) -> Option<&'static str> {
    let ip = view.ip.as_ref()?;
    let header = frame.get(ip.start..ip.payload.start)?;
    let is_v4 = ip.src.is_ipv4();
    if is_v4 && sum(header) != 0xffff {
        return Some("ip");
    }
    if !is_whole(ip, header) {
        return None;
    }
    let segment = frame.get(ip.payload.clone())?;
    let (layer, stored_at) = match (ip.protocol, is_v4) {
        (6, _) => ("tcp", 16),
        (17, _) => ("udp", 6),
        (1, true) => ("icmp", 2),
        (58, false) => ("icmpv6", 2),
        _ => return None,
    };
    let stored = segment.get(stored_at..stored_at + 2)?;
    if layer == "udp" && is_v4 && stored == [0, 0] {
        return None;
    }
    let prefix = if layer == "icmp" { 0 } else { pseudo_header(ip.src, ip.dst, ip.protocol, segment.len()) };
    (finish(prefix + sum(segment)) != 0).then_some(layer)
}

fn pseudo_header(src: IpAddr, dst: IpAddr, protocol: u8, len: usize) -> u32 {
    pseudo(src, dst, protocol, u32::try_from(len).unwrap_or(u32::MAX))
}

/// No fragment, and as long as its header says.
fn is_whole(ip: &Ip, header: &[u8]) -> bool {
    let word = |at: usize| header.get(at..at + 2).map_or(0, |two| u16::from_be_bytes([two[0], two[1]]));
    if ip.src.is_ipv4() {
        let total = usize::from(word(2));
        return word(6) & 0x3fff == 0 && total == header.len() + ip.payload.len();
    }
    let has_fragment_header = header.get(6) == Some(&44);
    let total = 40 + usize::from(word(4));
    !has_fragment_header && !ip.is_later_fragment && total == header.len() + ip.payload.len()
}
