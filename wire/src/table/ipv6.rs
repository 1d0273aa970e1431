//! IPv6 and its extension headers; each names the next, the last one the payload.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |Version| Traffic Class |           Flow Label                  |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |         Payload Length        |  Next Header  |   Hop Limit   |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                 Source Address (128 bits)                     |
//! |                 Destination Address (128 bits)                |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//!
//! Hop-by-Hop and Destination Options        Fragment
//! +--------+--------+-----------------+     +--------+--------+-------------+--+-+
//! |  Next  | Length |    Options      |     |  Next  |Reserved|   Offset    |Rs|M|
//! +--------+--------+-----------------+     +--------+--------+-------------+--+-+
//! |  Length counts words of 8 bytes   |     |           Identification           |
//! |  after the first                  |     +------------------------------------+
//! +-----------------------------------+
//!                                           Routing: Next, Length, Type, Segments Left, Addresses
//! ```

use super::numbers::{DSCP_NAMES, ECN_NAMES, IPV6_PROTOCOLS, PROTOCOL_NAMES};
use crate::bits;
use crate::dissect::{Block, Walk};
use crate::field::{Auto, Bits, Field, Type, When, bool, rest, typed, uint};
use crate::protocol::{Case, Items, Protocol};

/// The Internet Protocol, version 6.
pub static IPV6: Protocol = Protocol::new("ipv6", "Internet Protocol Version 6", "RFC 8200 section 3")
    .scapy("IPv6")
    .fields(40, FIELDS)
    .hook(|walk, block| {
        walk.ip_at = Some(block.start);
        super::ipv4::version(walk, block);
    });

/// Options for every hop.
pub static HOPOPTS: Protocol =
    Protocol::new("ipv6.hopopts", "IPv6 Hop-by-Hop Options", "RFC 8200 section 4.3")
        .scapy("IPv6ExtHdrHopByHop")
        .fields(8, HOPOPTS_FIELDS);

/// Options for the destination.
pub static DSTOPTS: Protocol =
    Protocol::new("ipv6.dstopts", "IPv6 Destination Options", "RFC 8200 section 4.6")
        .scapy("IPv6ExtHdrDestOpt")
        .fields(8, DSTOPTS_FIELDS);

/// The way a packet takes.
pub static ROUTING: Protocol = Protocol::new("ipv6.routing", "IPv6 Routing Header", "RFC 8200 section 4.4")
    .scapy("IPv6ExtHdrRouting")
    .fields(8, ROUTING_FIELDS);

/// A piece of a packet.
pub static FRAGHDR: Protocol = Protocol::new("ipv6.fraghdr", "IPv6 Fragment Header", "RFC 8200 section 4.5")
    .scapy("IPv6ExtHdrFragment")
    .fields(8, FRAGHDR_FIELDS)
    .hook(fragment);

const EIGHTS: Auto = Auto::HeaderLen { unit: 8, bias: 1 };

static FIELDS: &[Field] = &[
    uint("ipv6.version", "Version", 0, 4).auto(Auto::Constant(6)),
    uint("ipv6.tclass", "Traffic Class", 4, 8).hex(8).group(),
    uint("ipv6.tclass.dscp", "Differentiated Services Codepoint", 4, 6).names(DSCP_NAMES),
    uint("ipv6.tclass.ecn", "Explicit Congestion Notification", 10, 2).names(ECN_NAMES),
    uint("ipv6.flow", "Flow Label", 12, 20).hex(6),
    uint("ipv6.plen", "Payload Length", 32, 16).auto(Auto::PayloadLen),
    uint("ipv6.nxt", "Next Header", 48, 8)
        .names(PROTOCOL_NAMES)
        .auto(Auto::Next(&IPV6_PROTOCOLS))
        .default(59),
    uint("ipv6.hlim", "Hop Limit", 56, 8).default(64),
    typed("ipv6.src", "Source Address", Type::Ipv6, Bits::At(64, 128)).default(1),
    typed("ipv6.dst", "Destination Address", Type::Ipv6, Bits::At(192, 128)).default(1),
];

static HOPOPTS_FIELDS: &[Field] = &[
    uint("ipv6.hopopts.nxt", "Next Header", 0, 8)
        .names(PROTOCOL_NAMES)
        .auto(Auto::Next(&IPV6_PROTOCOLS))
        .default(59),
    uint("ipv6.hopopts.len", "Length", 8, 8).auto(EIGHTS),
    typed("ipv6.hopopts.options", "Options", Type::Items(&OPTIONS), Bits::Rest),
];

static DSTOPTS_FIELDS: &[Field] = &[
    uint("ipv6.dstopts.nxt", "Next Header", 0, 8)
        .names(PROTOCOL_NAMES)
        .auto(Auto::Next(&IPV6_PROTOCOLS))
        .default(59),
    uint("ipv6.dstopts.len", "Length", 8, 8).auto(EIGHTS),
    typed("ipv6.dstopts.options", "Options", Type::Items(&OPTIONS), Bits::Rest),
];

static ROUTING_FIELDS: &[Field] = &[
    uint("ipv6.routing.nxt", "Next Header", 0, 8)
        .names(PROTOCOL_NAMES)
        .auto(Auto::Next(&IPV6_PROTOCOLS))
        .default(59),
    uint("ipv6.routing.len", "Length", 8, 8).auto(EIGHTS),
    uint("ipv6.routing.type", "Type", 16, 8).names(ROUTING_NAMES),
    uint("ipv6.routing.segleft", "Segments Left", 24, 8),
    typed("ipv6.routing.src.reserved", "Reserved", Type::Bytes, Bits::At(32, 32)).when(When::Is(16, 8, &[0])),
    typed("ipv6.routing.mipv6.reserved", "Reserved", Type::Bytes, Bits::At(32, 32)).when(When::Is(
        16,
        8,
        &[2],
    )),
    typed("ipv6.routing.mipv6.home_address", "Home Address", Type::Ipv6, Bits::At(64, 128)).when(When::Is(
        16,
        8,
        &[2],
    )),
    rest("ipv6.routing.unknown_data", "Type-Specific Data"),
];

const ROUTING_NAMES: &[(u64, &str)] = &[(0, "Source Route"), (2, "MIPv6 Route"), (4, "Segment Routing")];

static FRAGHDR_FIELDS: &[Field] = &[
    uint("ipv6.fraghdr.nxt", "Next header", 0, 8)
        .names(PROTOCOL_NAMES)
        .auto(Auto::Next(&IPV6_PROTOCOLS))
        .default(59),
    uint("ipv6.fraghdr.reserved_octet", "Reserved octet", 8, 8).hex(2),
    uint("ipv6.fraghdr.offset", "Offset", 16, 13),
    uint("ipv6.fraghdr.reserved_bits", "Reserved bits", 29, 2),
    bool("ipv6.fraghdr.more", "More Fragments", 31, 1),
    uint("ipv6.fraghdr.ident", "Identification", 32, 32).hex(8),
];

static OPTIONS: Items = Items {
    head: OPTION_HEAD,
    kind_bits: 8,
    len_bits: 8,
    unit: 1,
    counts_body: true,
    singles: &[0],
    end: None,
    cases: CASES,
    other: &OPTION_DATA,
};

static OPTION_DATA: Field = rest("ipv6.opt.unknown", "Unknown Option Payload");

static OPTION_HEAD: &[Field] = &[
    uint("ipv6.opt.type", "Type", 0, 8).hex(2).names(OPTION_NAMES).group(),
    uint("ipv6.opt.type.action", "Action", 0, 2).names(&[
        (0, "Skip and continue"),
        (1, "Discard"),
        (2, "Discard and send ICMP"),
        (3, "Discard and send ICMP if not multicast"),
    ]),
    bool("ipv6.opt.type.change", "May Change", 2, 1),
    uint("ipv6.opt.type.rest", "Low-Order Bits", 3, 5).hex(2),
    uint("ipv6.opt.length", "Length", 8, 8).auto(Auto::ItemLen),
];

const OPTION_NAMES: &[(u64, &str)] = &[
    (0, "Pad1"),
    (1, "PadN"),
    (4, "Tunnel Encapsulation Limit"),
    (5, "Router Alert"),
    (0x30, "Path MTU Record Option"),
    (0xc2, "Jumbo"),
    (0xc9, "Home Address"),
];

static CASES: &[Case] = &[
    Case::of(1, &[rest("ipv6.opt.padn", "PadN")]),
    Case::of(4, &[uint("ipv6.opt.tel", "Tunnel Encapsulation Limit", 16, 8)]),
    Case::of(
        5,
        &[uint("ipv6.opt.router_alert", "Router Alert", 16, 16).names(&[
            (0, "MLD"),
            (1, "RSVP"),
            (2, "Active Networks"),
        ])],
    ),
    Case::of(0xc2, &[uint("ipv6.opt.jumbo", "Payload Length", 16, 32)]),
    Case::of(
        0xc9,
        &[typed("ipv6.opt.mipv6.home_address", "MIPv6 Home Address", Type::Ipv6, Bits::At(16, 128))],
    ),
];

/// The payload of a fragment is not a whole message, that of a later one has no transport header.
fn fragment(walk: &mut Walk<'_>, block: &mut Block) {
    let start = block.start as u32 * 8;
    let offset = bits::read(walk.bytes, start + 16, 13);
    let has_more = bits::read(walk.bytes, start + 31, 1) == 1;
    walk.is_partial |= offset > 0 || has_more;
    if offset > 0 || (has_more && walk.scope.leaves_fragments && !walk.is_quoted) {
        block.next = None;
    }
}
