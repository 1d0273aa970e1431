//! The loopback headers of the BSDs: an address family, in the machine's order (NULL) or network order (LOOP).
//!
//! ```text
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                        Address Family                         |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use super::numbers::FAMILIES;
use crate::dissect::{Block, Walk};
use crate::field::{Field, Type, When, uint};
use crate::protocol::Protocol;

/// Loopback in the byte order of the machine that captured.
pub static NULL: Protocol = Protocol::new("null", "Null/Loopback", "LINKTYPE_NULL, tcpdump.org")
    .scapy("Loopback")
    .fields(4, NULL_FIELDS)
    .hook(family);

/// Loopback in network byte order.
pub static LOOP: Protocol = Protocol::new("null", "OpenBSD loopback", "LINKTYPE_LOOP, tcpdump.org")
    .fields(4, LOOP_FIELDS)
    .hook(family);

const NAMES: &[(u64, &str)] = &[(2, "IP"), (10, "IPv6"), (24, "IPv6"), (28, "IPv6"), (30, "IPv6")];

static NULL_FIELDS: &[Field] = &[
    uint("null.family", "Family", 0, 32).of(Type::UintLe).names(NAMES).default(2).when(When::Not(
        0,
        16,
        &[0],
    )),
    uint("null.family", "Family", 0, 32).names(NAMES).when(When::Is(0, 16, &[0])),
];

static LOOP_FIELDS: &[Field] = &[uint("null.family", "Family", 0, 32).names(NAMES).default(2)];

fn family(walk: &mut Walk<'_>, block: &mut Block) {
    let number = walk.packet.fields.last().and_then(|value| value.value.uint());
    block.next = number.and_then(|number| FAMILIES.protocol(number));
}
