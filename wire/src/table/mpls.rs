//! MPLS: a stack of labels; behind the bottom one stands IP, told by its version.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                Label                  | Exp |S|      TTL      |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use super::{ipv4::IPV4, ipv6::IPV6};
use crate::dissect::{Block, Walk};
use crate::field::{Field, uint};
use crate::protocol::Protocol;

/// MultiProtocol Label Switching.
pub static MPLS: Protocol =
    Protocol::new("mpls", "MultiProtocol Label Switching Header", "RFC 3032 section 2.1")
        .scapy("MPLS")
        .fields(4, FIELDS)
        .hook(inner);

static FIELDS: &[Field] = &[
    uint("mpls.label", "MPLS Label", 0, 20).default(3),
    uint("mpls.exp", "MPLS Experimental Bits", 20, 3),
    uint("mpls.bottom", "MPLS Bottom Of Label Stack", 23, 1).default(1),
    uint("mpls.ttl", "MPLS TTL", 24, 8),
];

fn inner(walk: &mut Walk<'_>, block: &mut Block) {
    let is_bottom = walk.number(block.start + 2, 1, block.end).is_some_and(|byte| byte & 1 == 1);
    let version = walk.number(block.at(), 1, block.end).map(|byte| byte >> 4);
    block.next = match version {
        _ if !is_bottom => Some(&MPLS),
        Some(4) => Some(&IPV4),
        Some(6) => Some(&IPV6),
        _ => None,
    };
}
