//! The headers that Linux puts before frames captured on "any" interface.
//!
//! ```text
//! version 1                               version 2
//! +------+---------+------+---------+-------+   +-------+--------+---------+---------+----+----+---------+
//! | Type | HW type | Len  | Address | Proto |   | Proto | Unused | Ifindex | HW type |Type|Len | Address |
//! +------+---------+------+---------+-------+   +-------+--------+---------+---------+----+----+---------+
//!    16      16       16      64        16          16       16       32        16      8    8      64
//! ```

use super::numbers::{ETHERTYPE_NAMES, ETHERTYPES};
use crate::field::{Auto, Bits, Field, Type, When, typed, uint};
use crate::protocol::Protocol;

/// Linux cooked capture, version 1.
pub static SLL: Protocol =
    Protocol::new("sll", "Linux cooked-mode capture", "LINKTYPE_LINUX_SLL, tcpdump.org")
        .scapy("CookedLinux")
        .fields(16, SLL_FIELDS);

/// Linux cooked capture, version 2.
pub static SLL2: Protocol =
    Protocol::new("sll", "Linux cooked-mode capture v2", "LINKTYPE_LINUX_SLL2, tcpdump.org")
        .scapy("CookedLinuxV2")
        .fields(20, SLL2_FIELDS);

const TYPES: &[(u64, &str)] = &[
    (0, "Unicast to us"),
    (1, "Broadcast"),
    (2, "Multicast"),
    (3, "Unicast to another host"),
    (4, "Sent by us"),
];

static SLL_FIELDS: &[Field] = &[
    uint("sll.pkttype", "Packet type", 0, 16).names(TYPES),
    uint("sll.hatype", "Link-layer address type", 16, 16).default(1),
    uint("sll.halen", "Link-layer address length", 32, 16).default(6),
    typed("sll.src.eth", "Source", Type::Mac, Bits::At(48, 48)).when(When::Is(32, 16, &[6])),
    typed("sll.unused", "Unused", Type::Bytes, Bits::At(96, 16)).when(When::Is(32, 16, &[6])),
    typed("sll.src.other", "Source", Type::Bytes, Bits::At(48, 64)).when(When::Not(32, 16, &[0, 6])),
    typed("sll.unused", "Unused", Type::Bytes, Bits::At(48, 64)).when(When::Is(32, 16, &[0])),
    uint("sll.etype", "Protocol", 112, 16).hex(4).names(ETHERTYPE_NAMES).auto(Auto::Next(&ETHERTYPES)),
];

static SLL2_FIELDS: &[Field] = &[
    uint("sll.etype", "Protocol", 0, 16).hex(4).names(ETHERTYPE_NAMES).auto(Auto::Next(&ETHERTYPES)),
    typed("sll.reserved", "Reserved", Type::Bytes, Bits::At(16, 16)),
    uint("sll.ifindex", "Interface index", 32, 32),
    uint("sll.hatype", "Link-layer address type", 64, 16).default(1),
    uint("sll.pkttype", "Packet type", 80, 8).names(TYPES),
    uint("sll.halen", "Link-layer address length", 88, 8).default(6),
    typed("sll.src.eth", "Source", Type::Mac, Bits::At(96, 48)).when(When::Is(88, 8, &[6])),
    typed("sll.unused", "Unused", Type::Bytes, Bits::At(144, 16)).when(When::Is(88, 8, &[6])),
    typed("sll.src.other", "Source", Type::Bytes, Bits::At(96, 64)).when(When::Not(88, 8, &[0, 6])),
    typed("sll.unused", "Unused", Type::Bytes, Bits::At(96, 64)).when(When::Is(88, 8, &[0])),
];
