//! Ethernet II and IEEE 802.3: bytes come from a link, the payload goes to an EtherType or to LLC.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                      Destination Address                      |
//! +                               +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                               |                               |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+                               +
//! |                        Source Address                         |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |  Type (>= 1536) or Length     |  Payload ...
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use super::numbers::{ETHERTYPE_NAMES, ETHERTYPES};
use crate::Value;
use crate::dissect::{Block, Walk};
use crate::field::{Auto, Bits, Derive, Field, Type, When, derived, typed, uint};
use crate::protocol::Protocol;

/// Ethernet.
pub static ETHERNET: Protocol =
    Protocol::new("eth", "Ethernet", "IEEE 802.3 section 3").scapy("Ether").fields(14, FIELDS).hook(length);

static FIELDS: &[Field] = &[
    typed("eth.dst", "Destination", Type::Mac, Bits::At(0, 48)).default(0xffff_ffff_ffff),
    typed("eth.src", "Source", Type::Mac, Bits::At(48, 48)).default(0),
    uint("eth.type", "Type", 96, 16)
        .hex(4)
        .names(ETHERTYPE_NAMES)
        .default(0x9000)
        .auto(Auto::Next(&ETHERTYPES))
        .when(When::AtLeast(96, 16, 1501)),
    uint("eth.len", "Length", 96, 16).auto(Auto::PayloadLen).when(When::Below(96, 16, 1501)),
    derived("eth.padding", "Padding", Derive::Hook).bytes(),
    derived("eth.trailer", "Trailer", Derive::Hook).bytes(),
    derived("eth.fcs", "Frame check sequence", Derive::Hook).hex(8),
];

/// A length where others have a type: LLC follows.
fn length(walk: &mut Walk<'_>, block: &mut Block) {
    if walk.number(block.start + 12, 2, block.end).is_some_and(|number| number < 1501) {
        block.next = Some(&super::llc::LLC);
    }
}

const PADDING: usize = 4;
const TRAILER: usize = 5;
const CHECK: usize = 6;
/// The least frame without its check sequence (IEEE 802.3 section 4.4.2).
const MIN_FRAME: usize = 60;

/// Names the bytes after the payload of the layer inside: padding up to the least frame, trailer beyond; the last
/// four of a frame long enough are taken for its check sequence.
pub(crate) fn trailer(walk: &mut Walk<'_>) {
    let [outer, inner, ..] = walk.packet.layers.as_slice() else { return };
    let outside = if outer.payload.end < walk.bytes.len() { outer.payload.end } else { inner.extent().end };
    if *outer.protocol != ETHERNET || !inner.protocol.nests && inner.protocol.name == "data" {
        return;
    }
    let len = walk.bytes.len();
    let has_check = len >= MIN_FRAME + 4 && len >= outside + 4;
    let behind = if has_check { len - 4 } else { len };
    let middle = behind.min(outside.max(MIN_FRAME));
    for (row, range) in [(PADDING, outside..middle), (TRAILER, middle..behind)] {
        if !range.is_empty() {
            walk.generated(&FIELDS[row], 0, range.clone(), Value::from(&walk.bytes[range]));
        }
    }
    if has_check {
        let check = crate::bits::read(walk.bytes, behind as u32 * 8, 32);
        walk.generated(&FIELDS[CHECK], 0, behind..len, Value::Uint(check));
    }
}
