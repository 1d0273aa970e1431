//! ICMPv6 and Neighbor Discovery; errors quote the start of the packet that caused them.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |     Type      |     Code      |          Checksum             |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |  Echo: Identifier, Sequence; Too Big: MTU; Parameter: Pointer |
//! |  Router Advertisement: Hop Limit, Flags, Lifetime             |
//! |  Neighbor Solicitation: Reserved; Advertisement: R, S, O      |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |  Target Address; options (type, length in words of 8, value)  |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use super::ipv6::IPV6;
use crate::dissect::{Block, Walk};
use crate::field::{Auto, Bits, Display, Field, Sum, Type, When, bool, checksum_status, rest, typed, uint};
use crate::protocol::{Case, Items, Protocol};

/// The Internet Control Message Protocol for IPv6.
pub static ICMPV6: Protocol =
    Protocol::new("icmpv6", "Internet Control Message Protocol v6", "RFC 4443, RFC 4861 section 4")
        .scapy("ICMPv6")
        .fields(4, FIELDS)
        .hook(quote);

const fn of(types: &'static [u64]) -> When {
    When::Is(0, 8, types)
}

const fn reserved(at: u16, len: u16) -> Field {
    typed("icmpv6.reserved", "Reserved", Type::Bytes, Bits::At(at, len))
}

static FIELDS: &[Field] = &[
    uint("icmpv6.type", "Type", 0, 8).names(TYPES).default(128),
    uint("icmpv6.code", "Code", 8, 8),
    uint("icmpv6.checksum", "Checksum", 16, 16).hex(4).auto(Auto::Checksum(Sum::Pseudo(58))),
    checksum_status("icmpv6.checksum.status"),
    uint("icmpv6.echo.identifier", "Identifier", 32, 16).hex(4).when(of(&[128, 129])),
    uint("icmpv6.echo.sequence_number", "Sequence", 48, 16).when(of(&[128, 129])),
    uint("icmpv6.mtu", "MTU", 32, 32).when(of(&[2])),
    uint("icmpv6.pointer", "Pointer", 32, 32).when(of(&[4])),
    reserved(32, 32).when(of(&[1, 3, 133, 135, 137])),
    uint("icmpv6.nd.ra.cur_hop_limit", "Cur hop limit", 32, 8).when(of(&[134])),
    uint("icmpv6.nd.ra.flag", "Flags", 40, 8).hex(2).group().when(of(&[134])),
    bool("icmpv6.nd.ra.flag.m", "Managed address configuration", 40, 1).when(of(&[134])),
    bool("icmpv6.nd.ra.flag.o", "Other configuration", 41, 1).when(of(&[134])),
    bool("icmpv6.nd.ra.flag.h", "Home Agent", 42, 1).when(of(&[134])),
    uint("icmpv6.nd.ra.flag.prf", "Prf (Default Router Preference)", 43, 2).when(of(&[134])),
    bool("icmpv6.nd.ra.flag.p", "Proxy", 45, 1).when(of(&[134])),
    uint("icmpv6.nd.ra.flag.rsv", "Reserved", 46, 2).when(of(&[134])),
    uint("icmpv6.nd.ra.router_lifetime", "Router lifetime (s)", 48, 16).when(of(&[134])),
    uint("icmpv6.nd.ra.reachable_time", "Reachable time (ms)", 64, 32).when(of(&[134])),
    uint("icmpv6.nd.ra.retrans_timer", "Retrans timer (ms)", 96, 32).when(of(&[134])),
    uint("icmpv6.nd.na.flag", "Flags", 32, 32).hex(8).group().when(of(&[136])),
    bool("icmpv6.nd.na.flag.r", "Router", 32, 1).when(of(&[136])),
    bool("icmpv6.nd.na.flag.s", "Solicited", 33, 1).when(of(&[136])),
    bool("icmpv6.nd.na.flag.o", "Override", 34, 1).when(of(&[136])),
    uint("icmpv6.nd.na.flag.rsv", "Reserved", 35, 29).when(of(&[136])),
    typed("icmpv6.nd.ns.target_address", "Target Address", Type::Ipv6, Bits::At(64, 128)).when(of(&[135])),
    typed("icmpv6.nd.na.target_address", "Target Address", Type::Ipv6, Bits::At(64, 128)).when(of(&[136])),
    typed("icmpv6.rd.ra.target_address", "Target Address", Type::Ipv6, Bits::At(64, 128)).when(of(&[137])),
    typed("icmpv6.rd.na.destination_address", "Destination Address", Type::Ipv6, Bits::At(192, 128))
        .when(of(&[137])),
    uint("icmpv6.mld.maximum_response_delay", "Maximum Response Delay [ms]", 32, 16)
        .when(of(&[130, 131, 132])),
    reserved(48, 16).when(of(&[130, 131, 132])),
    typed("icmpv6.mld.multicast_address", "Multicast Address", Type::Ipv6, Bits::At(64, 128))
        .when(of(&[130, 131, 132])),
    typed("icmpv6.options", "ICMPv6 Options", Type::Items(&OPTIONS), Bits::Rest)
        .when(of(&[133, 134, 135, 136, 137])),
    rest("icmpv6.unknown_data", "Unknown Data").when(When::Not(
        0,
        8,
        &[1, 2, 3, 4, 128, 129, 133, 134, 135, 136, 137],
    )),
];

const TYPES: &[(u64, &str)] = &[
    (1, "Destination Unreachable"),
    (2, "Packet Too Big"),
    (3, "Time Exceeded"),
    (4, "Parameter Problem"),
    (128, "Echo (ping) request"),
    (129, "Echo (ping) reply"),
    (130, "Multicast Listener Query"),
    (131, "Multicast Listener Report"),
    (132, "Multicast Listener Done"),
    (133, "Router Solicitation"),
    (134, "Router Advertisement"),
    (135, "Neighbor Solicitation"),
    (136, "Neighbor Advertisement"),
    (137, "Redirect"),
    (143, "Multicast Listener Report Message v2"),
];

static OPTIONS: Items = Items {
    head: OPTION_HEAD,
    kind_bits: 8,
    len_bits: 8,
    unit: 8,
    counts_body: false,
    singles: &[],
    end: None,
    cases: CASES,
    other: &OPTION_DATA,
};

static OPTION_DATA: Field = rest("icmpv6.opt.data", "Data");

static OPTION_HEAD: &[Field] = &[
    uint("icmpv6.opt.type", "Type", 0, 8).names(OPTION_NAMES),
    uint("icmpv6.opt.length", "Length", 8, 8).auto(Auto::ItemLen),
];

const OPTION_NAMES: &[(u64, &str)] = &[
    (1, "Source link-layer address"),
    (2, "Target link-layer address"),
    (3, "Prefix information"),
    (4, "Redirected header"),
    (5, "MTU"),
    (24, "Route Information"),
    (25, "Recursive DNS Server"),
    (31, "DNS Search List Option"),
];

static CASES: &[Case] = &[
    Case::of(1, LINK_ADDRESS),
    Case::of(2, LINK_ADDRESS),
    Case::of(3, PREFIX),
    Case::of(5, &[reserved(16, 16), uint("icmpv6.opt.mtu", "MTU", 32, 32)]),
    Case::repeating(25, RDNSS, 2..3),
];

static LINK_ADDRESS: &[Field] = &[rest("icmpv6.opt.linkaddr", "Link-layer address").display(Display::Colons)];

static PREFIX: &[Field] = &[
    uint("icmpv6.opt.prefix.length", "Prefix Length", 16, 8).default(64),
    uint("icmpv6.opt.prefix.flag", "Flag", 24, 8).hex(2).group(),
    bool("icmpv6.opt.prefix.flag.l", "On-link flag(L)", 24, 1),
    bool("icmpv6.opt.prefix.flag.a", "Autonomous address-configuration flag(A)", 25, 1),
    bool("icmpv6.opt.prefix.flag.r", "Router address flag(R)", 26, 1),
    uint("icmpv6.opt.prefix.flag.reserved", "Reserved", 27, 5),
    uint("icmpv6.opt.prefix.valid_lifetime", "Valid Lifetime", 32, 32),
    uint("icmpv6.opt.prefix.preferred_lifetime", "Preferred Lifetime", 64, 32),
    reserved(96, 32),
    typed("icmpv6.opt.prefix", "Prefix", Type::Ipv6, Bits::At(128, 128)),
];

static RDNSS: &[Field] = &[
    reserved(16, 16),
    uint("icmpv6.opt.rdnss.lifetime", "Lifetime", 32, 32),
    typed("icmpv6.opt.rdnss", "Recursive DNS Servers", Type::Ipv6, Bits::Next(128)),
];

/// Errors quote a packet; the quote is cut, and that is no problem of its own.
fn quote(walk: &mut Walk<'_>, block: &mut Block) {
    if matches!(walk.bytes.get(block.start), Some(1..=4)) && block.end - block.start > 8 {
        block.next = Some(&IPV6);
        walk.is_quoted = true;
    }
}
