//! VXLAN: Ethernet frames inside UDP datagrams.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |R|R|R|R|I|R|R|R|R|R|R|R|R|R|R|R|       Group Policy ID         |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |          VXLAN Network Identifier (VNI)       |   Reserved    |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use super::ethernet::ETHERNET;
use crate::field::{Field, uint};
use crate::protocol::Protocol;

/// Virtual eXtensible Local Area Network.
pub static VXLAN: Protocol =
    Protocol::new("vxlan", "Virtual eXtensible Local Area Network", "RFC 7348 section 5")
        .scapy("VXLAN")
        .fields(8, FIELDS)
        .hook(|_, block| block.next = Some(&ETHERNET));

static FIELDS: &[Field] = &[
    uint("vxlan.flags", "Flags", 0, 16).hex(4).default(0x0800),
    uint("vxlan.gbp", "Group Policy ID", 16, 16),
    uint("vxlan.vni", "VXLAN Network Identifier (VNI)", 32, 24),
    uint("vxlan.reserved8", "Reserved", 56, 8),
];
