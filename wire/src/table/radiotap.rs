//! Radiotap and the IEEE 802.11 header behind it; data frames that are not encrypted carry LLC.
//!
//! ```text
//! Radiotap (little endian)                 802.11
//! +---------+-----+--------+---------+     +----+----+----------+---------+---------+---------+-----+
//! | Version | Pad | Length | Present |     | FC | FC | Duration |  Addr 1 |  Addr 2 |  Addr 3 | Seq |
//! +---------+-----+--------+---------+     +----+----+----------+---------+---------+---------+-----+
//!      8       8      16       32             8    8      16        48        48        48      16
//! ```

use super::llc::LLC;
use crate::ProblemKind;
use crate::dissect::{Block, Walk};
use crate::field::{Bits, Field, Type, When, bool, typed, uint};
use crate::protocol::Protocol;

/// What the receiver knows of a Wi-Fi frame.
pub static RADIOTAP: Protocol =
    Protocol::new("radiotap", "IEEE 802.11 Radiotap Capture header", "radiotap.org")
        .scapy("RadioTap")
        .fields(8, FIELDS)
        .hook(length);

/// The Wi-Fi frame.
pub static WLAN: Protocol = Protocol::new("wlan", "IEEE 802.11 wireless LAN", "IEEE 802.11 section 9.2")
    .scapy("Dot11")
    .fields(10, WLAN_FIELDS)
    .hook(body);

static FIELDS: &[Field] = &[
    uint("radiotap.version", "Header revision", 0, 8),
    uint("radiotap.pad", "Header pad", 8, 8),
    uint("radiotap.length", "Header length", 16, 16).of(Type::UintLe).default(8),
    uint("radiotap.present.word", "Present flags word", 32, 32).of(Type::UintLe).hex(8),
];

const HAS_MORE_ADDRESSES: When = When::Is(4, 2, &[0, 2]);

static WLAN_FIELDS: &[Field] = &[
    uint("wlan.fc.subtype", "Subtype", 0, 4),
    uint("wlan.fc.type", "Type", 4, 2).names(&[
        (0, "Management frame"),
        (1, "Control frame"),
        (2, "Data frame"),
    ]),
    uint("wlan.fc.version", "Version", 6, 2),
    bool("wlan.fc.order", "+HTC/Order flag", 8, 1),
    bool("wlan.fc.protected", "Protected flag", 9, 1),
    bool("wlan.fc.moredata", "More Data", 10, 1),
    bool("wlan.fc.pwrmgt", "PWR MGT", 11, 1),
    bool("wlan.fc.retry", "Retry", 12, 1),
    bool("wlan.fc.frag", "More Fragments", 13, 1),
    bool("wlan.fc.fromds", "From DS", 14, 1),
    bool("wlan.fc.tods", "To DS", 15, 1),
    uint("wlan.duration", "Duration", 16, 16).of(Type::UintLe),
    typed("wlan.ra", "Receiver address", Type::Mac, Bits::At(32, 48)),
    typed("wlan.ta", "Transmitter address", Type::Mac, Bits::At(80, 48)).when(HAS_MORE_ADDRESSES),
    typed("wlan.addr3", "Third address", Type::Mac, Bits::At(128, 48)).when(HAS_MORE_ADDRESSES),
    uint("wlan.seq_frag", "Sequence and fragment number", 176, 16).of(Type::UintLe).when(HAS_MORE_ADDRESSES),
    typed("wlan.addr4", "Fourth address", Type::Mac, Bits::At(192, 48)).when(When::Is(14, 2, &[3])),
];

fn length(walk: &mut Walk<'_>, block: &mut Block) {
    let low = walk.number(block.start + 2, 1, block.end).unwrap_or(0);
    let declared = low + 256 * walk.number(block.start + 3, 1, block.end).unwrap_or(0);
    let available = block.end - block.start;
    if declared < 8 || declared > available {
        walk.problem(block.layer, block.start..block.end, ProblemKind::BadLength { declared, available });
    }
    block.header_end = Some((block.start + declared.max(8)).min(block.end));
    block.next = Some(&WLAN);
}

/// Data frames with a body: a quality-of-service word may come first, and an encrypted body stays raw.
fn body(walk: &mut Walk<'_>, block: &mut Block) {
    let control = walk.number(block.start, 2, block.end).unwrap_or(0);
    let (kind, subtype, is_protected) = (control >> 10 & 3, control >> 12, control & 0x40 != 0);
    if kind == 2 && subtype & 4 == 0 {
        let qos = if subtype & 8 != 0 { 2 } else { 0 };
        block.header_end = Some((block.at() + qos).min(block.end));
        block.next = (!is_protected).then_some(&LLC);
    }
}
