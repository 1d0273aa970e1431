//! IPv4: the payload goes to the protocol that byte 9 names, unless this is a later fragment.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |Version|  IHL  |   DSCP    |ECN|          Total Length         |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |         Identification        |R|D|M|      Fragment Offset    |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |  Time to Live |    Protocol   |         Header Checksum       |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                       Source Address                          |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                    Destination Address                        |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |  Options (type, length, value), padded to whole words         |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```

use super::numbers::{DSCP_NAMES, ECN_NAMES, IP_PROTOCOLS, PROTOCOL_NAMES};
use crate::Value;
use crate::bits;
use crate::dissect::{Block, Walk};
use crate::field::{Auto, Bits, Derive, Field, Sum, Type, bool, checksum_status, derived, rest, typed, uint};
use crate::protocol::{Case, Items, Protocol};

/// The Internet Protocol, version 4.
pub static IPV4: Protocol = Protocol::new("ip", "Internet Protocol Version 4", "RFC 791 section 3.1")
    .scapy("IP")
    .fields(20, FIELDS)
    .hook(fragment);

static FIELDS: &[Field] = &[
    uint("ip.version", "Version", 0, 4).auto(Auto::Constant(4)),
    uint("ip.hdr_len", "Header Length", 4, 4).scale(4).auto(Auto::HeaderLen { unit: 4, bias: 0 }),
    uint("ip.dsfield", "Differentiated Services Field", 8, 8).hex(2).group(),
    uint("ip.dsfield.dscp", "Differentiated Services Codepoint", 8, 6).names(DSCP_NAMES),
    uint("ip.dsfield.ecn", "Explicit Congestion Notification", 14, 2).names(ECN_NAMES),
    uint("ip.len", "Total Length", 16, 16).auto(Auto::TotalLen),
    uint("ip.id", "Identification", 32, 16).hex(4).default(1),
    uint("ip.flags", "Flags", 48, 3).hex(2).group(),
    bool("ip.flags.rb", "Reserved bit", 48, 1),
    bool("ip.flags.df", "Don't fragment", 49, 1),
    bool("ip.flags.mf", "More fragments", 50, 1),
    uint("ip.frag_offset", "Fragment Offset", 51, 13),
    uint("ip.ttl", "Time to Live", 64, 8).default(64),
    uint("ip.proto", "Protocol", 72, 8).names(PROTOCOL_NAMES).auto(Auto::Next(&IP_PROTOCOLS)),
    uint("ip.checksum", "Header Checksum", 80, 16).hex(4).auto(Auto::Checksum(Sum::Header)),
    checksum_status("ip.checksum.status"),
    typed("ip.src", "Source Address", Type::Ipv4, Bits::At(96, 32)).default(0x7f00_0001),
    typed("ip.dst", "Destination Address", Type::Ipv4, Bits::At(128, 32)).default(0x7f00_0001),
    typed("ip.options", "Options", Type::Items(&OPTIONS), Bits::Rest),
    derived("ip.reassembled_in", "Reassembled IPv4 in frame", Derive::Trace),
];

static OPTIONS: Items = Items {
    head: OPTION_HEAD,
    kind_bits: 8,
    len_bits: 8,
    unit: 1,
    counts_body: false,
    singles: &[0, 1],
    end: Some(0),
    cases: CASES,
    other: &OPTION_DATA,
};

static OPTION_DATA: Field = rest("ip.opt.data", "Data");

static OPTION_HEAD: &[Field] = &[
    uint("ip.opt.type", "Type", 0, 8).names(OPTION_NAMES).group(),
    bool("ip.opt.type.copy", "Copy on fragmentation", 0, 1),
    uint("ip.opt.type.class", "Class", 1, 2).names(&[(0, "Control"), (2, "Debugging and measurement")]),
    uint("ip.opt.type.number", "Number", 3, 5),
    uint("ip.opt.len", "Length", 8, 8).auto(Auto::ItemLen),
];

const OPTION_NAMES: &[(u64, &str)] = &[
    (0, "End of Options List (EOL)"),
    (1, "No Operation (NOP)"),
    (7, "Record Route"),
    (11, "MTU Probe"),
    (12, "MTU Reply"),
    (25, "Quick-Start"),
    (68, "Time Stamp"),
    (82, "Traceroute"),
    (130, "Security"),
    (131, "Loose Source Route"),
    (133, "Extended Security"),
    (134, "Commercial Security"),
    (136, "Stream ID"),
    (137, "Strict Source Route"),
    (148, "Router Alert"),
];

static CASES: &[Case] = &[
    Case::repeating(7, RECORD_ROUTE, 1..2),
    Case::of(11, MTU),
    Case::of(12, MTU),
    Case::repeating(68, TIME_STAMP, 3..4),
    Case::of(82, TRACEROUTE),
    Case::repeating(131, SOURCE_ROUTE, 1..2),
    Case::of(136, &[uint("ip.opt.sid", "Stream Identifier", 16, 16)]),
    Case::repeating(137, SOURCE_ROUTE, 1..2),
    Case::of(148, &[uint("ip.opt.ra", "Router Alert", 16, 16).names(&[(0, "Router shall examine packet")])]),
];

static RECORD_ROUTE: &[Field] = &[
    uint("ip.opt.ptr", "Pointer", 16, 8).default(4),
    typed("ip.rec_rt", "Recorded Route", Type::Ipv4, Bits::Next(32)),
];

static SOURCE_ROUTE: &[Field] = &[
    uint("ip.opt.ptr", "Pointer", 16, 8).default(4),
    typed("ip.src_rt", "Source Route", Type::Ipv4, Bits::Next(32)),
];

static MTU: &[Field] = &[uint("ip.opt.mtu", "MTU", 16, 16)];

static TIME_STAMP: &[Field] = &[
    uint("ip.opt.ptr", "Pointer", 16, 8).default(5),
    uint("ip.opt.overflow", "Overflow", 24, 4),
    uint("ip.opt.flag", "Flag", 28, 4).hex(2),
    crate::field::next("ip.opt.time_stamp", "Time stamp", 32),
];

static TRACEROUTE: &[Field] = &[
    uint("ip.opt.id_number", "ID Number", 16, 16),
    uint("ip.opt.ohc", "Outbound Hop Count", 32, 16),
    uint("ip.opt.rhc", "Return Hop Count", 48, 16),
    typed("ip.opt.originator", "Originator IP Address", Type::Ipv4, Bits::At(64, 32)),
];

/// IPv6 shows its version under this id, too, as Wireshark does.
pub(crate) fn version(walk: &mut Walk<'_>, block: &Block) {
    let version = bits::read(walk.bytes, block.start as u32 * 8, 4);
    walk.generated(&FIELDS[0], block.layer, block.start..block.start + 1, Value::Uint(version));
}

/// The payload of a fragment is not a whole message, that of a later one has no transport header.
fn fragment(walk: &mut Walk<'_>, block: &mut Block) {
    walk.ip_at = Some(block.start);
    let start = block.start as u32 * 8;
    let has_more = bits::read(walk.bytes, start + 50, 1) == 1;
    let offset = bits::read(walk.bytes, start + 51, 13);
    walk.is_partial |= has_more || offset > 0;
    if offset > 0 || (has_more && walk.scope.leaves_fragments && !walk.is_quoted) {
        block.next = None;
    }
}
