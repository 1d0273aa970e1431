//! ICMP: messages about IPv4; errors quote the start of the packet that caused them.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |     Type      |     Code      |          Checksum             |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |  Echo: Identifier, Sequence; Redirect: Gateway; Unreachable   |
//! |  (fragmentation needed): unused, MTU; Parameter: Pointer      |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |  Echo: data; errors: IP header and first bytes of the payload |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use super::ipv4::IPV4;
use crate::dissect::{Block, Walk};
use crate::field::{Auto, Bits, Field, Sum, Type, When, checksum_status, typed, uint};
use crate::protocol::Protocol;

/// The Internet Control Message Protocol.
pub static ICMP: Protocol = Protocol::new("icmp", "Internet Control Message Protocol", "RFC 792")
    .scapy("ICMP")
    .fields(8, FIELDS)
    .hook(quote);

const NEEDS_FRAGMENTING: When = When::Is(0, 16, &[0x0304]);
const HAS_IDENT: When = When::Is(0, 8, &[0, 8, 13, 14, 15, 16, 17, 18]);
const IS_TIMESTAMP: When = When::Is(0, 8, &[13, 14]);
/// Errors whose second word is unused: unreachable (but for the MTU), quench, time exceeded.
const IS_UNUSED: When = When::Is(
    0,
    16,
    &[
        0x0300, 0x0301, 0x0302, 0x0303, 0x0305, 0x0306, 0x0307, 0x0308, 0x0309, 0x030a, 0x030b, 0x030c,
        0x030d, 0x030e, 0x030f, 0x0400, 0x0b00, 0x0b01,
    ],
);

static FIELDS: &[Field] = &[
    uint("icmp.type", "Type", 0, 8).names(TYPES).default(8),
    uint("icmp.code", "Code", 8, 8),
    uint("icmp.checksum", "Checksum", 16, 16).hex(4).auto(Auto::Checksum(Sum::Message)),
    checksum_status("icmp.checksum.status"),
    uint("icmp.ident", "Identifier (BE)", 32, 16).when(HAS_IDENT),
    uint("icmp.seq", "Sequence Number (BE)", 48, 16).when(HAS_IDENT),
    typed("icmp.unused", "Unused", Type::Bytes, Bits::At(32, 32)).when(IS_UNUSED),
    typed("icmp.unused", "Unused", Type::Bytes, Bits::At(32, 16)).when(NEEDS_FRAGMENTING),
    uint("icmp.mtu", "MTU of next hop", 48, 16).when(NEEDS_FRAGMENTING),
    typed("icmp.redir_gw", "Gateway Address", Type::Ipv4, Bits::At(32, 32)).when(When::Is(0, 8, &[5])),
    uint("icmp.num_addrs", "Number of addresses", 32, 8).when(When::Is(0, 8, &[9])),
    uint("icmp.addr_entry_size", "Address entry size", 40, 8).when(When::Is(0, 8, &[9])),
    uint("icmp.lifetime", "Lifetime", 48, 16).when(When::Is(0, 8, &[9])),
    typed("icmp.reserved", "Reserved", Type::Bytes, Bits::At(32, 32)).when(When::Is(0, 8, &[10])),
    uint("icmp.pointer", "Pointer", 32, 8).when(When::Is(0, 8, &[12])),
    typed("icmp.unused", "Unused", Type::Bytes, Bits::At(40, 24)).when(When::Is(0, 8, &[12])),
    uint("icmp.originate_timestamp", "Originate Timestamp", 64, 32).when(IS_TIMESTAMP),
    uint("icmp.receive_timestamp", "Receive Timestamp", 96, 32).when(IS_TIMESTAMP),
    uint("icmp.transmit_timestamp", "Transmit Timestamp", 128, 32).when(IS_TIMESTAMP),
    typed("icmp.address_mask", "Address Mask", Type::Ipv4, Bits::At(64, 32)).when(When::Is(0, 8, &[17, 18])),
];

const TYPES: &[(u64, &str)] = &[
    (0, "Echo reply"),
    (3, "Destination unreachable"),
    (4, "Source quench"),
    (5, "Redirect"),
    (8, "Echo request"),
    (9, "Router advertisement"),
    (10, "Router solicitation"),
    (11, "Time-to-live exceeded"),
    (12, "Parameter problem"),
    (13, "Timestamp request"),
    (14, "Timestamp reply"),
    (17, "Address mask request"),
    (18, "Address mask reply"),
];

/// Names of the codes of "destination unreachable" (RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1).
pub const UNREACHABLE_CODES: &[(u64, &str)] = &[
    (0, "Network unreachable"),
    (1, "Host unreachable"),
    (2, "Protocol unreachable"),
    (3, "Port unreachable"),
    (4, "Fragmentation needed"),
    (5, "Source route failed"),
    (9, "Network administratively prohibited"),
    (10, "Host administratively prohibited"),
    (13, "Communication administratively filtered"),
];

/// Errors quote a packet; the quote is cut, and that is no problem of its own.
fn quote(walk: &mut Walk<'_>, block: &mut Block) {
    if matches!(walk.bytes.get(block.start), Some(3 | 4 | 5 | 11 | 12)) && block.end - block.start > 8 {
        block.next = Some(&IPV4);
        walk.is_quoted = true;
    }
}
