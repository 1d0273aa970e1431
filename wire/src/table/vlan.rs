//! VLAN tags: IEEE 802.1Q and the outer tag of a provider bridge, 802.1ad.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! | PCP |D|        VLAN ID        |             Type              |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use super::numbers::{ETHERTYPE_NAMES, ETHERTYPES};
use crate::field::{Auto, Field, When, bool, uint};
use crate::protocol::Protocol;

/// A customer's tag.
pub static VLAN: Protocol = Protocol::new("vlan", "802.1Q Virtual LAN", "IEEE 802.1Q section 9")
    .scapy("Dot1Q")
    .fields(4, VLAN_FIELDS);

/// A provider's tag.
pub static DOT1AD: Protocol = Protocol::new("ieee8021ad", "IEEE 802.1ad", "IEEE 802.1ad section 9")
    .scapy("Dot1AD")
    .fields(4, DOT1AD_FIELDS);

const PRIORITIES: &[(u64, &str)] = &[
    (0, "Best Effort (default)"),
    (1, "Background"),
    (2, "Excellent Effort"),
    (3, "Critical Applications"),
    (4, "Video, < 100ms latency and jitter"),
    (5, "Voice, < 10ms latency and jitter"),
    (6, "Internetwork Control"),
    (7, "Network Control"),
];

static VLAN_FIELDS: &[Field] = &[
    uint("vlan.priority", "Priority", 0, 3).names(PRIORITIES),
    bool("vlan.dei", "DEI", 3, 1),
    uint("vlan.id", "ID", 4, 12).default(1),
    uint("vlan.etype", "Type", 16, 16)
        .hex(4)
        .names(ETHERTYPE_NAMES)
        .auto(Auto::Next(&ETHERTYPES))
        .default(0x9000)
        .when(When::AtLeast(16, 16, 1501)),
    uint("vlan.len", "Length", 16, 16).auto(Auto::PayloadLen).when(When::Below(16, 16, 1501)),
];

static DOT1AD_FIELDS: &[Field] = &[
    uint("ieee8021ad.priority", "Priority", 0, 3).names(PRIORITIES),
    uint("ieee8021ad.dei", "DEI", 3, 1),
    uint("ieee8021ad.id", "ID", 4, 12).default(1),
    uint("ieee8021ad.etype", "Type", 16, 16)
        .hex(4)
        .names(ETHERTYPE_NAMES)
        .auto(Auto::Next(&ETHERTYPES))
        .default(0x9000),
];
