//! ARP: asks a link who has a protocol address.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |         Hardware Type         |         Protocol Type         |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! | Hardware Size | Protocol Size |            Opcode             |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |  Sender Hardware Address, then Sender Protocol Address,       |
//! |  Target Hardware Address, Target Protocol Address             |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use crate::field::{Bits, Field, Type, When, typed, uint};
use crate::protocol::Protocol;

/// The Address Resolution Protocol.
pub static ARP: Protocol = Protocol::new("arp", "Address Resolution Protocol", "RFC 826")
    .scapy("ARP")
    .fields(8, FIELDS)
    .hook(|_, block| {
        // What follows is padding of the link.
        block.payload_end = block.at();
    });

const HARDWARE: Bits = Bits::Counted(32, 8);
const ADDRESS: Bits = Bits::Counted(40, 8);
const IS_MAC: When = When::Is(32, 8, &[6]);
const NO_MAC: When = When::Not(32, 8, &[6]);
/// Protocol type IPv4 and four bytes: read with the opcode's neighbours, the sizes.
const IS_IPV4: When = When::Is(40, 8, &[4]);
const NO_IPV4: When = When::Not(40, 8, &[4]);

static FIELDS: &[Field] = &[
    uint("arp.hw.type", "Hardware type", 0, 16).names(&[(1, "Ethernet")]).default(1),
    uint("arp.proto.type", "Protocol type", 16, 16)
        .hex(4)
        .names(super::numbers::ETHERTYPE_NAMES)
        .default(0x0800),
    uint("arp.hw.size", "Hardware size", 32, 8).default(6),
    uint("arp.proto.size", "Protocol size", 40, 8).default(4),
    uint("arp.opcode", "Opcode", 48, 16)
        .names(&[(1, "request"), (2, "reply"), (3, "reverse request"), (4, "reverse reply")])
        .default(1),
    typed("arp.src.hw_mac", "Sender MAC address", Type::Mac, HARDWARE).when(IS_MAC),
    typed("arp.src.hw", "Sender hardware address", Type::Bytes, HARDWARE).when(NO_MAC),
    typed("arp.src.proto_ipv4", "Sender IP address", Type::Ipv4, ADDRESS).when(IS_IPV4),
    typed("arp.src.proto", "Sender protocol address", Type::Bytes, ADDRESS).when(NO_IPV4),
    typed("arp.dst.hw_mac", "Target MAC address", Type::Mac, HARDWARE).when(IS_MAC),
    typed("arp.dst.hw", "Target hardware address", Type::Bytes, HARDWARE).when(NO_MAC),
    typed("arp.dst.proto_ipv4", "Target IP address", Type::Ipv4, ADDRESS).when(IS_IPV4),
    typed("arp.dst.proto", "Target protocol address", Type::Bytes, ADDRESS).when(NO_IPV4),
];
